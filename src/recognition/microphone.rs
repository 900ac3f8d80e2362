//! Where a client's sound goes in: read, and not faster than anybody speaks. It never waits.

use std::time::Duration;

use bytes::Bytes;
use tokio::{sync::mpsc, time::Instant};

use crate::{
    audio::intake::{AudioFormat, Intake, IntakeError},
    domain::AudioFrame,
};

/// Frames that wait for the ear, which waits for nobody but its owner. One more is dropped, and its sender told.
const WAITING: usize = 64;
/// How much faster than it is spoken sound may come.
const SPEED: u32 = 2;
/// Sound that may come at once: what a network has held back.
const BURST: Duration = Duration::from_secs(2);

/// Where a client's sound goes in; dropping it ends the ear after its last words.
pub struct Microphone {
    intake: Intake,
    sound: mpsc::Sender<AudioFrame>,
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
    ) -> Result<(Self, mpsc::Receiver<AudioFrame>), IntakeError> {
        let (sound, frames) = mpsc::channel(WAITING);
        let intake = Intake::new(format)?;
        Ok((Self { intake, sound, spoken: Instant::now() }, frames))
    }

    /// Takes the client's next frame.
    ///
    /// # Errors
    /// When sound comes too fast, cannot be read, or nobody listens any more.
    pub fn hear(&mut self, frame: Bytes) -> Result<(), HearError> {
        let retry_after = self.spoken.saturating_duration_since(Instant::now() + BURST / SPEED);
        if !retry_after.is_zero() {
            return Err(HearError::TooFast { retry_after });
        }
        let sound = self.intake.take(&frame).map_err(HearError::Bad)?;
        let takes = Duration::from_millis(sound.duration_ms()) / SPEED;
        self.spoken = self.spoken.max(Instant::now()) + takes;
        self.sound.try_send(sound).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => HearError::TooFast { retry_after: takes },
            mpsc::error::TrySendError::Closed(_) => HearError::Gone,
        })
    }
}
