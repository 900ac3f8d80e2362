//! One learner's sound on its way to the transcriber, and what is told of it. Live sound is never kept waiting.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream::BoxStream};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{
    Perception,
    absence::{Absence, Missed},
    delay::Delay,
    detector::Detector,
    flushes::Flushes,
};
use crate::{
    domain::{AudioFrame, Confidence},
    providers::{
        HEARING_RATE, Heard, ListenRequest, ProviderError, Sound, Transcriber,
        outlet::{Outlet, outlet},
    },
    telemetry::metrics::{HearingMetrics, OpenMicrophone},
};

/// What a transcriber is given at once, in bytes: 32 ms.
const FRAME_BYTES: usize = 1_024;

/// What the ear's owner has asked for so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) flushes: u64,
    pub(super) phrases: Option<Arc<[String]>>,
    pub(super) threshold: Option<Confidence>,
}

/// The ear's task.
pub(super) struct Listening {
    name: String,
    heard: BoxStream<'static, Result<Heard, ProviderError>>,
    outlet: Outlet,
    is_recorded: bool,
    detector: Detector,
    /// Sound that makes no whole frame.
    rest: BytesMut,
    asking: watch::Receiver<Asked>,
    /// What has been done of it.
    asked: Asked,
    flushes: Flushes,
    /// When the transcriber has to have said its last words, once the microphone is gone.
    over: Option<Instant>,
    patience: Duration,
    absence: Absence,
    delay: Delay,
    metrics: HearingMetrics,
    _open: OpenMicrophone,
    told: mpsc::Sender<Perception>,
}

/// Nobody listens any more, or there is nothing left to hear.
struct Ended;

impl Listening {
    pub(super) fn new(
        transcriber: &dyn Transcriber,
        request: ListenRequest,
        asking: watch::Receiver<Asked>,
        told: mpsc::Sender<Perception>,
        metrics: HearingMetrics,
    ) -> Self {
        let (outlet, taken) = outlet();
        let patience = transcriber.patience();
        let is_recorded = request.is_recorded;
        Self {
            name: transcriber.name().to_owned(),
            heard: transcriber.listen(request, taken.boxed()),
            outlet,
            is_recorded,
            detector: Detector::new(),
            rest: BytesMut::new(),
            asking,
            asked: Asked::default(),
            flushes: Flushes::new(patience),
            over: None,
            patience,
            absence: Absence::new(Instant::now()),
            delay: Delay::default(),
            _open: metrics.opened(),
            metrics,
            told,
        }
    }

    /// Until the microphone and the transcriber have ended, the transcriber has failed, or the ear is dropped.
    pub(super) async fn run(mut self, mut sound: mpsc::Receiver<AudioFrame>) {
        let told = self.told.clone();
        tokio::select! {
            () = told.closed() => {}
            _ = async { while self.step(&mut sound).await.is_ok() {} } => {}
        }
    }

    async fn step(&mut self, sound: &mut mpsc::Receiver<AudioFrame>) -> Result<(), Ended> {
        let late = self.over.or(self.flushes.due());
        let waits_for = self.is_recorded.then_some(&self.outlet);
        tokio::select! {
            biased;
            heard = self.heard.next() => self.tell_heard(heard).await,
            frame = next_frame(sound, waits_for), if self.over.is_none() => match frame {
                Some(frame) => self.take(&frame.pcm).await,
                None => self.end().await,
            },
            Ok(()) = self.asking.changed() => self.ask(sound).await,
            () = sleep_until(self.absence.due()), if self.over.is_none() => {
                self.miss_sound().await
            }
            () = sleep_until(late.unwrap_or_else(Instant::now)), if late.is_some() => {
                self.lose_patience().await
            }
        }
    }

    async fn tell_heard(
        &mut self,
        heard: Option<Result<Heard, ProviderError>>,
    ) -> Result<(), Ended> {
        if self.over.is_some() {
            // Of a recording much may still be to be said: it is silence that is not borne for long.
            self.over = Some(Instant::now() + self.patience);
        }
        let perception = match heard {
            Some(Ok(Heard::Flushed)) if !self.flushes.answered() => return Ok(()),
            Some(Ok(Heard::Flushed)) => Perception::Flushed,
            Some(Ok(Heard::Transcript(transcript))) => {
                self.metrics.told(transcript.is_final);
                if let Some(delay) = self.delay.told(&transcript, Instant::now()) {
                    self.metrics.finished(delay);
                }
                Perception::Transcript(self.outlet.placed(transcript))
            }
            Some(Ok(Heard::EndHint)) => Perception::EndHint,
            Some(Ok(Heard::Reconnecting)) => Perception::Reconnecting,
            Some(Err(error)) => return self.fail(error).await,
            None if self.over.is_some() => return self.finish().await,
            None => {
                let reason = "it ended before the sound did".to_owned();
                let error = ProviderError::Cut { provider: self.name.clone(), reason };
                return self.fail(error).await;
            }
        };
        self.tell(perception).await
    }

    async fn take(&mut self, pcm: &[u8]) -> Result<(), Ended> {
        self.absence.sound(Instant::now());
        self.rest.extend_from_slice(pcm);
        while self.rest.len() >= FRAME_BYTES {
            let frame = Bytes::copy_from_slice(&self.rest[..FRAME_BYTES]);
            drop(self.rest.split_to(FRAME_BYTES));
            self.pass(frame).await?;
        }
        Ok(())
    }

    /// Sound first, then what it makes known.
    async fn pass(&mut self, pcm: Bytes) -> Result<(), Ended> {
        let told = self.detector.hear(&pcm);
        let frame = AudioFrame { sample_rate: HEARING_RATE, pcm };
        self.metrics.heard(frame.duration_ms());
        self.delay.heard(frame.duration_ms());
        let dropped = self.outlet.put(Sound::Frame(frame));
        if dropped > 0 {
            self.metrics.dropped(dropped);
            tracing::warn!(
                transcriber = self.name,
                dropped,
                "sound was dropped: nobody has taken it for ten seconds"
            );
        }
        for perception in told {
            self.tell_voice(perception).await?;
        }
        Ok(())
    }

    async fn tell_voice(&mut self, perception: Perception) -> Result<(), Ended> {
        self.delay.voice(&perception, Instant::now());
        match perception {
            Perception::VoiceOn { .. } => drop(self.outlet.put(Sound::VoiceOn)),
            Perception::VoiceOff { .. } => drop(self.outlet.put(Sound::VoiceOff)),
            _ => {}
        }
        self.tell(perception).await
    }

    /// What has been said into the microphone before is part of the question.
    async fn ask(&mut self, sound: &mut mpsc::Receiver<AudioFrame>) -> Result<(), Ended> {
        let asked = self.asking.borrow_and_update().clone();
        if let Some(phrases) = asked.phrases.clone()
            && self.asked.phrases.as_ref().is_none_or(|before| !Arc::ptr_eq(before, &phrases))
        {
            self.outlet.put(Sound::Expect(phrases));
        }
        if let Some(threshold) = asked.threshold.filter(|_| asked.threshold != self.asked.threshold)
        {
            self.detector.set_threshold(threshold);
        }
        if asked.flushes > self.asked.flushes {
            while let Ok(frame) = sound.try_recv() {
                self.take(&frame.pcm).await?;
            }
            self.pass_rest().await?;
        }
        for _ in self.asked.flushes..asked.flushes {
            self.outlet.put(Sound::Flush);
            self.flushes.ask(Instant::now());
        }
        self.asked = asked;
        Ok(())
    }

    /// The microphone is gone: the transcriber has its patience for what is left to say.
    async fn end(&mut self) -> Result<(), Ended> {
        self.pass_rest().await?;
        self.over = Some(Instant::now() + self.patience);
        if let Some(off) = self.detector.end() {
            self.tell_voice(off).await?;
        }
        self.outlet.close();
        Ok(())
    }

    async fn miss_sound(&mut self) -> Result<(), Ended> {
        if self.is_recorded && !self.outlet.has_room() {
            // It is there, and waits to be taken.
            self.absence.sound(Instant::now());
            return Ok(());
        }
        match self.absence.miss() {
            Missed::Quiet(quiet) => {
                let ms = u64::try_from(quiet.as_millis()).unwrap_or(u64::MAX);
                self.tell(Perception::Quiet { ms }).await
            }
            Missed::Voice => match self.detector.end() {
                Some(off) => self.tell_voice(off).await,
                None => Ok(()),
            },
        }
    }

    async fn pass_rest(&mut self) -> Result<(), Ended> {
        let rest = self.rest.split().freeze();
        if rest.is_empty() { Ok(()) } else { self.pass(rest).await }
    }

    async fn lose_patience(&mut self) -> Result<(), Ended> {
        if self.over.is_some() {
            return self.finish().await;
        }
        self.flushes.give_up();
        self.tell(Perception::Flushed).await
    }

    /// Nothing more will be heard: nobody is left waiting for an answer.
    async fn finish(&mut self) -> Result<(), Ended> {
        while self.flushes.due().is_some() {
            self.flushes.give_up();
            self.tell(Perception::Flushed).await?;
        }
        Err(Ended)
    }

    async fn fail(&mut self, error: ProviderError) -> Result<(), Ended> {
        self.tell(Perception::Failed(error)).await?;
        Err(Ended)
    }

    async fn tell(&mut self, perception: Perception) -> Result<(), Ended> {
        self.told.send(perception).await.map_err(|_| Ended)
    }
}

/// What a recording holds next is taken when there is room for it.
async fn next_frame(
    sound: &mut mpsc::Receiver<AudioFrame>,
    waits_for: Option<&Outlet>,
) -> Option<AudioFrame> {
    if let Some(outlet) = waits_for {
        outlet.room().await;
    }
    sound.recv().await
}
