//! One socket's microphone: opened and closed by command, fed by binary frames. It hears nothing itself.

use bytes::Bytes;

use crate::{
    dialect::tutor::ErrorReply,
    domain::{AudioStart, Failure},
    recognition::{HearError, Microphone},
    session::Session,
};

/// The microphone of a socket, when it is open.
#[derive(Default)]
pub(super) struct Ears {
    /// Boxed: most sockets have none.
    microphone: Option<Box<Microphone>>,
    /// A client that sends too fast is told once until it is heard again.
    is_told: bool,
}

impl Ears {
    /// Opens the microphone anew; what was said into the one before is the learner's turn.
    pub(super) async fn open(
        &mut self,
        session: &Session,
        start: AudioStart,
    ) -> Result<(), ErrorReply> {
        self.close();
        self.microphone = Some(Box::new(session.hear(start).await?));
        self.is_told = false;
        Ok(())
    }

    /// Frames that come after it are late, and nobody is told of them.
    pub(super) fn close(&mut self) {
        self.is_told = self.microphone.take().is_some();
    }

    /// Takes one frame of sound.
    pub(super) fn hear(&mut self, frame: Bytes) -> Result<(), ErrorReply> {
        let heard = match &mut self.microphone {
            Some(microphone) => microphone.hear(frame),
            None => Err(HearError::Gone),
        };
        match heard {
            Ok(()) => self.is_told = false,
            Err(HearError::Gone) => self.microphone = None,
            Err(_) => {}
        }
        // Sound comes in many frames, and some are on their way when a microphone ends: once is enough.
        match heard {
            Err(error) if !std::mem::replace(&mut self.is_told, true) => Err(refusal(&error)),
            _ => Ok(()),
        }
    }
}

fn refusal(error: &HearError) -> ErrorReply {
    let failure = |code| Failure { code, message: error.to_string(), retryable: true };
    match error {
        HearError::TooFast { retry_after } => ErrorReply {
            hint: Some("send sound as it is spoken"),
            retry_after_ms: u64::try_from(retry_after.as_millis()).ok(),
            ..failure("audio_too_fast").into()
        },
        HearError::Bad(_) => ErrorReply {
            hint: Some("send what audio-start has announced"),
            ..failure("bad_audio").into()
        },
        HearError::Gone => {
            ErrorReply { hint: Some("send audio-start first"), ..failure("not_listening").into() }
        }
    }
}
