//! A stream on which a message that has begun to come must be whole in time. It changes no byte.
//!
//! The socket library shows whole messages only: one that comes byte by byte, or in fragments without an end, would
//! be waited for as long as it pleases its sender.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::framing::Framing;

/// How long a message may take from its first byte to its last.
const MESSAGE_PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Punctual<S> {
    inner: S,
    framing: Framing,
    /// When the message that has begun is given up.
    deadline: Option<Pin<Box<Sleep>>>,
    /// It was given up: what comes after it is only read to be thrown away.
    is_late: bool,
}

/// A message was not whole in time.
#[derive(Debug, thiserror::Error)]
#[error("a message took longer than {} seconds", MESSAGE_PATIENCE.as_secs())]
pub(super) struct Late;

impl<S> Punctual<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, framing: Framing::default(), deadline: None, is_late: false }
    }

    fn follow(&mut self, bytes: &[u8]) {
        let ended = self.framing.ended();
        self.framing.follow(bytes);
        if self.framing.ended() > ended {
            self.deadline = None;
        }
        if self.framing.is_midway() && self.deadline.is_none() && !self.is_late {
            self.deadline = Some(Box::pin(sleep(MESSAGE_PATIENCE)));
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Punctual<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let known = into.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, into);
        self.follow(into.filled().get(known..).unwrap_or_default());
        let deadline = self.deadline.as_mut();
        if deadline.is_some_and(|deadline| deadline.as_mut().poll(context).is_ready()) {
            (self.deadline, self.is_late) = (None, true);
            return Poll::Ready(Err(io::Error::other(Late)));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Punctual<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        time::Instant,
    };

    use super::*;

    const EMPTY_CONTINUATION: [u8; 6] = [0x00, 0x80, 0, 0, 0, 0];
    const EMPTY_PING: [u8; 6] = [0x89, 0x80, 0, 0, 0, 0];

    fn pair() -> (DuplexStream, Punctual<DuplexStream>) {
        let (client, server) = duplex(4096);
        (client, Punctual::new(server))
    }

    /// Reads until it breaks; how long that took.
    async fn broken(mut stream: Punctual<DuplexStream>) -> Duration {
        let began = Instant::now();
        let mut bytes = [0; 64];
        loop {
            match stream.read(&mut bytes).await {
                Ok(0) => panic!("the client has gone"),
                Ok(_) => {}
                Err(error) => {
                    assert!(error.get_ref().is_some_and(|error| error.is::<Late>()), "{error}");
                    return began.elapsed();
                }
            }
        }
    }

    async fn repeat(mut client: DuplexStream, first: &[u8], others: &[u8], every: Duration) {
        client.write_all(first).await.unwrap();
        while client.write_all(others).await.is_ok() {
            sleep(every).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_never_ends_is_given_up_whatever_it_consists_of() {
        let begun = [0x01, 0x80, 0, 0, 0, 0];
        let half_a_frame = [0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0];
        let cases = [
            (&begun[..], &EMPTY_CONTINUATION[..], Duration::from_millis(1)),
            (&begun, &EMPTY_PING, Duration::from_secs(1)),
            (&half_a_frame, &[0], Duration::from_secs(3)),
        ];
        for (first, others, every) in cases {
            let (client, server) = pair();
            let took = tokio::select! {
                took = broken(server) => took,
                () = repeat(client, first, others, every) => panic!("given up by the client"),
            };
            assert_eq!(took.as_secs(), 10);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whole_messages_may_come_at_any_pace() {
        let (client, mut server) = pair();
        // Each read ends within the head of the next frame.
        let shifted = [0x80, 0, 0, 0, 0, 0x89];
        let sending = repeat(client, &[0x89], &shifted, Duration::from_secs(9));
        let reading = async {
            let mut bytes = [0; 64];
            for _ in 0..20 {
                assert!(server.read(&mut bytes).await.unwrap() > 0);
            }
        };
        tokio::select! { () = sending => {}, () = reading => {} }
    }
}
