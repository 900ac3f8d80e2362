//! What parla and its eSpeak workers say to each other: length-prefixed frames. A frame outside the limits is an error.
//!
//! The worker greets with a [`Greeting`]; then each [`Job`] is answered by one [`Answer`], whose frame carries
//! the samples of all spans after each other as its body.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{prosody::Prosody, words::Mark};

/// Room for the longest list of voices and word marks, in bytes; text on the pipe reads as a far larger length.
const MAX_HEAD_BYTES: usize = 1 << 20;
/// Twenty minutes of sound, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 64 << 20;

/// The worker's first frame.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Greeting {
    Ready(Catalogue),
    /// There is no library that it could open.
    Missing {
        reason: String,
    },
}

/// What the installed library can speak.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Catalogue {
    pub(super) voices: Vec<InstalledVoice>,
    /// Names of speakers that can be put on any voice: `f3`.
    pub(super) variants: Vec<String>,
    /// Of the library: `1.51`.
    pub(super) version: String,
}

/// One voice of the library.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct InstalledVoice {
    /// eSpeak's tag for what it speaks: `en-us`.
    pub(super) tag: String,
    pub(super) name: String,
    /// What to load it by: `gmw/en-US`.
    pub(super) file: String,
}

/// One request: spans that are spoken after each other.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) spans: Vec<JobSpan>,
    pub(super) prosody: Prosody,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct JobSpan {
    /// A voice's file, with a variant where one is wanted: `gmw/en-US+f3`.
    pub(super) voice: String,
    pub(super) text: String,
}

/// What became of a job.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Spoken { sample_rate: u32, spans: Vec<SpanSound> },
    Refused { reason: String },
}

/// The sound of one span.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SpanSound {
    /// How much of the body is its own, in bytes.
    pub(super) bytes: usize,
    pub(super) marks: Vec<Mark>,
}

/// A message and what follows it.
#[derive(Debug)]
pub(super) struct Frame<T> {
    pub(super) head: T,
    pub(super) body: Vec<u8>,
}

/// A frame as bytes, without its body.
pub(super) fn encode(head: &impl Serialize, body_bytes: usize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 8];
    serde_json::to_writer(&mut frame, head)?;
    let head_bytes = u32::try_from(frame.len() - 8).map_err(io::Error::other)?.to_le_bytes();
    let body_bytes = u32::try_from(body_bytes).map_err(io::Error::other)?.to_le_bytes();
    for (byte, length) in frame.iter_mut().zip(head_bytes.into_iter().chain(body_bytes)) {
        *byte = length;
    }
    Ok(frame)
}

/// Writes one frame, for the worker.
pub(super) fn write(out: &mut impl Write, head: &impl Serialize, body: &[u8]) -> io::Result<()> {
    out.write_all(&encode(head, body.len())?)?;
    out.write_all(body)?;
    out.flush()
}

/// Reads one frame, for the worker; `None` when there is no further one.
pub(super) fn read<T: DeserializeOwned>(input: &mut impl Read) -> io::Result<Option<Frame<T>>> {
    let mut prefix = [0; 8];
    match input.read_exact(&mut prefix) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let (mut head, mut body) = buffers(prefix)?;
    input.read_exact(&mut head)?;
    input.read_exact(&mut body)?;
    Ok(Some(Frame { head: serde_json::from_slice(&head)?, body }))
}

/// Reads one frame, for parla.
pub(super) async fn receive<T: DeserializeOwned>(
    input: &mut (impl AsyncRead + Unpin),
) -> io::Result<Frame<T>> {
    let mut prefix = [0; 8];
    input.read_exact(&mut prefix).await?;
    let (mut head, mut body) = buffers(prefix)?;
    input.read_exact(&mut head).await?;
    input.read_exact(&mut body).await?;
    Ok(Frame { head: serde_json::from_slice(&head)?, body })
}

/// Room for the head and the body that a prefix announces.
fn buffers(prefix: [u8; 8]) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let [a, b, c, d, e, f, g, h] = prefix;
    let head = u32::from_le_bytes([a, b, c, d]) as usize;
    let body = u32::from_le_bytes([e, f, g, h]) as usize;
    if head > MAX_HEAD_BYTES || body > MAX_BODY_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no frame"));
    }
    Ok((vec![0; head], vec![0; body]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_side_writes_the_other_reads() {
        let mut pipe = Vec::new();
        let span = JobSpan { voice: "roa/es".into(), text: "¡Hola!".into() };
        let prosody = Prosody::of(crate::domain::Emotion::Calm, true);
        write(&mut pipe, &Job { spans: vec![span], prosody }, b"pcm").unwrap();
        let mut input = pipe.as_slice();
        let frame: Frame<Job> = read(&mut input).unwrap().unwrap();
        assert_eq!(
            (frame.head.spans[0].text.as_str(), frame.body.as_slice()),
            ("¡Hola!", &b"pcm"[..])
        );
        assert_eq!(frame.head.prosody, prosody);
        assert!(read::<Job>(&mut input).unwrap().is_none());
    }

    #[tokio::test]
    async fn junk_a_cut_frame_and_the_wrong_message_are_errors() {
        let mut cut = encode(&Answer::Refused { reason: "no".into() }, 10).unwrap();
        let inputs: [&[u8]; 4] = [
            b"Full dictionary is not installed\n",
            &[0xFF; 100],
            &cut.clone(),
            b"\x02\0\0\0\0\0\0\0{}",
        ];
        for mut input in inputs {
            assert!(receive::<Answer>(&mut input).await.is_err(), "{input:?}");
        }
        cut.extend_from_slice(&[0; 10]);
        assert!(receive::<Answer>(&mut cut.as_slice()).await.is_ok());
    }
}
