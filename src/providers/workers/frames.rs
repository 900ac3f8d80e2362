//! What parla and its workers say to each other: length-prefixed frames. A frame outside the limits is an error.
//!
//! A worker greets with a [`Greeting`]; then each job is answered by one answer. Either may carry sound as its body.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Room for the longest list of voices and word marks, in bytes; text on the pipe reads as a far larger length.
const MAX_HEAD_BYTES: usize = 1 << 20;
/// Twenty minutes of sound, in bytes.
pub(in crate::providers) const MAX_BODY_BYTES: usize = 64 << 20;

/// The worker's first frame.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::providers) enum Greeting<C> {
    Ready(C),
    /// There is no library that it could open.
    Missing {
        reason: String,
    },
}

/// A message and what follows it.
#[derive(Debug)]
pub(in crate::providers) struct Frame<T> {
    pub(in crate::providers) head: T,
    pub(in crate::providers) body: Vec<u8>,
}

/// A frame as bytes, without its body.
pub(in crate::providers) fn encode(
    head: &impl Serialize,
    body_bytes: usize,
) -> io::Result<Vec<u8>> {
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
pub(in crate::providers) fn write(
    out: &mut impl Write,
    head: &impl Serialize,
    body: &[u8],
) -> io::Result<()> {
    out.write_all(&encode(head, body.len())?)?;
    out.write_all(body)?;
    out.flush()
}

/// Reads one frame, for the worker; `None` when there is no further one.
pub(in crate::providers) fn read<T: DeserializeOwned>(
    input: &mut impl Read,
) -> io::Result<Option<Frame<T>>> {
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
pub(in crate::providers) async fn receive<T: DeserializeOwned>(
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

    fn missing() -> Greeting<()> {
        Greeting::Missing { reason: "no".into() }
    }

    #[test]
    fn what_one_side_writes_the_other_reads() {
        let mut pipe = Vec::new();
        let greeting = Greeting::Ready("¡Hola!".to_owned());
        write(&mut pipe, &greeting, b"pcm").unwrap();
        let mut input = pipe.as_slice();
        let frame: Frame<Greeting<String>> = read(&mut input).unwrap().unwrap();
        let Greeting::Ready(word) = frame.head else { panic!("{frame:?}") };
        assert_eq!((word.as_str(), frame.body.as_slice()), ("¡Hola!", &b"pcm"[..]));
        assert!(read::<Greeting<String>>(&mut input).unwrap().is_none());
    }

    #[tokio::test]
    async fn junk_a_cut_frame_and_the_wrong_message_are_errors() {
        let mut cut = encode(&missing(), 10).unwrap();
        let inputs: [&[u8]; 4] = [
            b"Full dictionary is not installed\n",
            &[0xFF; 100],
            &cut.clone(),
            b"\x02\0\0\0\0\0\0\0{}",
        ];
        for mut input in inputs {
            assert!(receive::<Greeting<()>>(&mut input).await.is_err(), "{input:?}");
        }
        cut.extend_from_slice(&[0; 10]);
        assert!(receive::<Greeting<()>>(&mut cut.as_slice()).await.is_ok());
    }
}
