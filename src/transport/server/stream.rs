//! A TCP stream that waits neither for ever for its reader nor cuts off the last answer, and has its requests followed. It
//! changes no byte.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{Sleep, sleep},
};

use super::heads::Heads;

/// A reader that takes nothing for this long is given up.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// How long what a client still sends is thrown away after the last answer: closing at once would make the system
/// reset the connection, and take the answer from whoever has not read it yet.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection with its place among all.
pub(super) struct PatientStream {
    tcp: TcpStream,
    heads: Heads,
    /// When the present write is given up; `None` while the reader keeps up.
    stalled: Option<Pin<Box<Sleep>>>,
    /// When the connection is let go of, once nothing more is said.
    farewell: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

/// The reader takes nothing.
#[derive(Debug, thiserror::Error)]
#[error("the reader has taken nothing for {} seconds", WRITE_PATIENCE.as_secs())]
pub(in crate::transport) struct Stalled;

impl PatientStream {
    pub(super) fn new(tcp: TcpStream, place: OwnedSemaphorePermit) -> Self {
        Self { tcp, heads: Heads::default(), stalled: None, farewell: None, _place: place }
    }

    pub(super) fn heads(&self) -> &Heads {
        &self.heads
    }

    fn judge<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(WRITE_PATIENCE)));
        stalled.as_mut().poll(context).map(|()| Err(io::Error::other(Stalled)))
    }
}

impl AsyncRead for PatientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let known = into.filled().len();
        let read = Pin::new(&mut self.tcp).poll_read(context, into);
        self.heads.follow(into.filled().get(known..).unwrap_or_default());
        read
    }
}

impl AsyncWrite for PatientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write_vectored(context, slices);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.farewell.is_none() {
            ready!(Pin::new(&mut this.tcp).poll_shutdown(context))?;
        }
        let farewell = this.farewell.get_or_insert_with(|| Box::pin(sleep(FAREWELL)));
        let mut unread = [0; 4096];
        while farewell.as_mut().poll(context).is_pending() {
            let mut unread = ReadBuf::new(&mut unread);
            ready!(Pin::new(&mut this.tcp).poll_read(context, &mut unread))?;
            if unread.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{io::AsyncWriteExt, net::TcpListener, sync::Semaphore, time::Instant};

    use super::*;

    async fn pair() -> (PatientStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (tcp, _) = listener.accept().await.unwrap();
        let place = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        (PatientStream::new(tcp, place), client)
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_given_up_and_one_that_is_slow_is_not() {
        let (mut stream, mut client) = pair().await;
        let bytes = vec![0; 1 << 20];
        let began = Instant::now();
        let error = loop {
            if let Err(error) = stream.write_all(&bytes).await {
                break error;
            }
        };
        assert!(error.get_ref().is_some_and(|error| error.is::<Stalled>()), "{error}");
        assert_eq!(began.elapsed().as_secs(), 10);
        // What is taken makes room.
        let mut taken = tokio::io::sink();
        let taking = tokio::io::copy(&mut client, &mut taken);
        let writing = async {
            stream.tcp.writable().await.unwrap();
            stream.write(&bytes).await
        };
        tokio::select! {
            taken = taking => panic!("the end came after {taken:?}"),
            written = writing => assert!(written.is_ok()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_a_moment_for_a_client_that_still_sends() {
        let (mut stream, mut client) = pair().await;
        let began = Instant::now();
        client.write_all(b"more").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(began.elapsed().as_secs(), 1);
        let (mut stream, client) = pair().await;
        drop(client);
        let began = Instant::now();
        stream.shutdown().await.unwrap();
        assert!(began.elapsed() < FAREWELL);
    }
}
