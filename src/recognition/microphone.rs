//! Where a client's sound goes in: read, and live sound not faster than anybody speaks. It never waits by itself.

use std::time::Duration;

use bytes::Bytes;
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::Instant,
};

use crate::{
    audio::intake::{AudioFormat, Encoding, Intake, IntakeError},
    domain::AudioFrame,
    providers::HEARING_RATE,
};

/// Frames that wait for the ear, which waits for nobody but its owner. One more is dropped, and its sender told.
const WAITING: usize = 64;
/// The same of a recording, whose sender waits: its place in the sound is known to a quarter of a second.
const RECORDED_WAITING: usize = 2;
/// How much faster than it is spoken sound may come.
const SPEED: u32 = 2;
/// What a frame counts as at least: many that hold next to nothing are work, too. Browsers give 128 samples at a time,
/// at 48 kHz 2.7 ms.
const SHORTEST: Duration = Duration::from_millis(4);
/// Sound that may come at once: what a network has held back.
const BURST: Duration = Duration::from_secs(2);

/// Where a client's sound goes in; dropping it ends the ear after its last words.
pub struct Microphone {
    intake: Intake,
    sound: mpsc::Sender<AudioFrame>,
    format: AudioFormat,
    is_recorded: bool,
    /// Samples that were given to the ear.
    heard: u64,
    /// When all that has come would have been spoken, at [`SPEED`].
    spoken: Instant,
}

/// Why a frame was not heard. It is dropped; the next one may be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HearError {
    #[error("sound comes faster than anybody speaks")]
    TooFast { retry_after: Duration },
    #[error("{0}")]
    Bad(IntakeError),
    /// The listening has ended; its last perception says why.
    #[error("nobody listens any more")]
    Gone,
}

impl Microphone {
    pub(super) fn new(
        format: AudioFormat,
        is_recorded: bool,
    ) -> Result<(Self, mpsc::Receiver<AudioFrame>), IntakeError> {
        let (sound, frames) = mpsc::channel(if is_recorded { RECORDED_WAITING } else { WAITING });
        let intake = Intake::new(format)?;
        Ok((Self { intake, sound, format, is_recorded, heard: 0, spoken: Instant::now() }, frames))
    }

    /// Waits until a recording's next piece can be taken, or nobody listens any more. Giving up the wait loses nothing.
    pub async fn room(&self) {
        drop(self.sound.reserve().await);
    }

    /// A recording's bytes in pieces that can be taken, a tenth of a second each; an Opus packet is not cut.
    pub fn pieces(&self, bytes: &Bytes) -> impl Iterator<Item = Bytes> + use<> {
        let AudioFormat { encoding, sample_rate, channels } = self.format;
        let sample_bytes = match encoding {
            Encoding::Opus => bytes.len(),
            Encoding::Linear16 => 2,
            Encoding::Float32 => 4,
            Encoding::MuLaw | Encoding::ALaw => 1,
        };
        let piece = (sample_bytes * usize::from(channels) * sample_rate as usize / 10).max(1);
        let bytes = bytes.clone();
        let starts = (0..bytes.len()).step_by(piece);
        starts.map(move |from| bytes.slice(from..bytes.len().min(from + piece)))
    }

    /// Takes the client's next frame.
    ///
    /// # Errors
    /// When sound comes too fast, cannot be read, or nobody listens any more.
    pub fn hear(&mut self, frame: Bytes) -> Result<(), HearError> {
        if self.is_recorded {
            let sound = self.intake.take(&frame).map_err(HearError::Bad)?;
            return self.give(sound, Duration::ZERO);
        }
        let retry_after = self.spoken.saturating_duration_since(Instant::now() + BURST / SPEED);
        if !retry_after.is_zero() {
            return Err(HearError::TooFast { retry_after });
        }
        let sound = self.intake.take(&frame);
        let ms = sound.as_ref().map_or(0, AudioFrame::duration_ms);
        let length = Duration::from_millis(ms).max(SHORTEST);
        self.spoken = self.spoken.max(Instant::now()) + length / SPEED;
        let sound = sound.map_err(HearError::Bad)?;
        if sound.pcm.is_empty() {
            return Ok(());
        }
        self.give(sound, length / SPEED)
    }

    /// How much sound the ear was given, in milliseconds.
    #[must_use]
    pub fn heard_ms(&self) -> u64 {
        self.heard * 1000 / u64::from(HEARING_RATE)
    }

    fn give(&mut self, sound: AudioFrame, retry_after: Duration) -> Result<(), HearError> {
        let samples = sound.pcm.len() as u64 / 2;
        self.sound.try_send(sound).map_err(|refused| match refused {
            TrySendError::Full(_) => HearError::TooFast { retry_after },
            TrySendError::Closed(_) => HearError::Gone,
        })?;
        self.heard += samples;
        Ok(())
    }
}
