//! Live sound from a client, frame by frame, as 16 kHz mono. It never guesses at a format: the client names it.

use bytes::Bytes;

use crate::domain::AudioFrame;

/// What is listened at, in hertz.
const LISTENING_RATE: u32 = 16_000;

/// What a client's binary frames are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioFormat {
    pub encoding: Encoding,
    /// In hertz.
    pub sample_rate: u32,
    pub channels: u16,
}

/// How samples are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Signed integers of 16 bits.
    Linear16,
}

/// Why a client cannot be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    #[error("the encoding is not supported")]
    UnsupportedEncoding,
    #[error("a sample rate of {0} Hz is not supported")]
    UnsupportedRate(u32),
    #[error("{0} channels are not supported")]
    UnsupportedChannels(u16),
}

impl Encoding {
    /// Reads the names that clients have for encodings.
    ///
    /// # Errors
    /// For any other name.
    pub fn parse(name: &str) -> Result<Self, IntakeError> {
        match name {
            "pcm16" | "linear16" => Ok(Self::Linear16),
            _ => Err(IntakeError::UnsupportedEncoding),
        }
    }
}

/// The ear for one client: takes its frames in the order they come.
pub struct Intake {
    /// Half a sample.
    rest: Vec<u8>,
}

impl Intake {
    /// # Errors
    /// For all but one channel at 16 kHz.
    pub fn new(format: AudioFormat) -> Result<Self, IntakeError> {
        if format.sample_rate != LISTENING_RATE {
            return Err(IntakeError::UnsupportedRate(format.sample_rate));
        }
        if format.channels != 1 {
            return Err(IntakeError::UnsupportedChannels(format.channels));
        }
        Ok(Self { rest: Vec::new() })
    }

    /// What is heard in the client's next frame; half a sample waits for the frame behind.
    ///
    /// # Errors
    /// Never for whole numbers.
    pub fn take(&mut self, frame: &[u8]) -> Result<AudioFrame, IntakeError> {
        self.rest.extend_from_slice(frame);
        let later = self.rest.split_off(self.rest.len() / 2 * 2);
        let pcm = Bytes::from(std::mem::replace(&mut self.rest, later));
        Ok(AudioFrame { sample_rate: LISTENING_RATE, pcm })
    }

    /// What waits for more to follow. Half a sample is left out.
    #[must_use]
    pub fn finish(self) -> AudioFrame {
        AudioFrame { sample_rate: LISTENING_RATE, pcm: Bytes::new() }
    }
}
