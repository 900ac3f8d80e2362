//! A whole recording to its words. It waits for whoever hears it and keeps nothing but finals.

use super::{Ears, ListenError, Perception};
use crate::{
    audio::intake::{AudioFormat, Encoding},
    domain::{AudioFrame, Transcript},
    providers::{ListenRequest, ProviderError},
};

/// Why there are no words of a recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranscribeError {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Provider(#[from] ProviderError),
}

impl Ears {
    /// The final words of a recording, as fast as the transcriber takes it. Dropping the future ends the listening.
    ///
    /// # Errors
    /// Without a transcriber, and when none can hear it to its end.
    pub async fn transcribe(
        &self,
        recording: &AudioFrame,
        request: ListenRequest,
    ) -> Result<Vec<Transcript>, TranscribeError> {
        let sample_rate = recording.sample_rate;
        let format = AudioFormat { encoding: Encoding::Linear16, sample_rate, channels: 1 };
        let request = ListenRequest { is_recorded: true, ..request };
        let (mut microphone, mut ear) = self.listen(format, request)?;
        let play = async move {
            for piece in microphone.pieces(&recording.pcm) {
                microphone.room().await;
                if microphone.hear(piece).is_err() {
                    // Nobody listens any more; the ear says why.
                    return;
                }
            }
        };
        let hear = async {
            let mut finals = Vec::new();
            while let Some(perception) = ear.next().await {
                match perception {
                    Perception::Transcript(transcript) if transcript.is_final => {
                        finals.push(transcript);
                    }
                    Perception::Failed(error) => return Err(error),
                    _ => {}
                }
            }
            Ok(finals)
        };
        let ((), finals) = tokio::join!(play, hear);
        let mut finals = finals?;
        finals.retain(|transcript| !transcript.text.trim().is_empty());
        Ok(finals)
    }
}
