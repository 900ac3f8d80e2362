//! One learner's sound on its way to the transcriber, and what is told of it. It never waits for sound to be taken.

use std::sync::Arc;

use futures_util::{StreamExt, stream::BoxStream};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

use super::Perception;
use crate::{
    domain::AudioFrame,
    providers::{Heard, ListenRequest, ProviderError, Sound, Transcriber},
};

/// What the ear's owner has asked for so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) flushes: u64,
    pub(super) phrases: Option<Arc<[String]>>,
}

pub(super) struct Listening {
    heard: BoxStream<'static, Result<Heard, ProviderError>>,
    sound: Option<mpsc::Sender<Sound>>,
    asking: watch::Receiver<Asked>,
    told: mpsc::Sender<Perception>,
}

impl Listening {
    pub(super) fn new(
        transcriber: &dyn Transcriber,
        request: ListenRequest,
        asking: watch::Receiver<Asked>,
        told: mpsc::Sender<Perception>,
    ) -> Self {
        let (sound, taken) = mpsc::channel(64);
        let heard = transcriber.listen(request, ReceiverStream::new(taken).boxed());
        Self { heard, sound: Some(sound), asking, told }
    }

    pub(super) async fn run(mut self, mut frames: mpsc::Receiver<AudioFrame>) {
        loop {
            tokio::select! {
                heard = self.heard.next() => {
                    let Some(heard) = heard else { return };
                    let perception = match heard {
                        Ok(Heard::Transcript(transcript)) => Perception::Transcript(transcript),
                        Ok(Heard::EndHint) => Perception::EndHint,
                        Ok(Heard::Flushed) => Perception::Flushed,
                        Ok(Heard::Reconnecting) => Perception::Reconnecting,
                        Err(error) => Perception::Failed(error),
                    };
                    if self.told.send(perception).await.is_err() {
                        return;
                    }
                }
                frame = frames.recv(), if self.sound.is_some() => match (frame, &self.sound) {
                    (Some(frame), Some(sound)) => drop(sound.try_send(Sound::Frame(frame))),
                    _ => self.sound = None,
                },
                Ok(()) = self.asking.changed() => {
                    let asked = self.asking.borrow_and_update().clone();
                    if let (Some(sound), true) = (&self.sound, asked.flushes > 0) {
                        drop(sound.try_send(Sound::Flush));
                    }
                }
                () = self.told.closed() => return,
            }
        }
    }
}
