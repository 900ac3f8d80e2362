//! One socket's frames: bounded in size, time and number, every failure turned into a close code. It reads no meaning.

#[cfg(test)]
mod echo;

use std::{error::Error, io, pin::Pin, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error as WsError, Message, Utf8Bytes,
        error::ProtocolError,
        protocol::{
            CloseFrame, Role, WebSocketConfig,
            frame::{
                Frame as WsFrame,
                coding::{Data, OpCode},
            },
        },
    },
};

use crate::{
    dialect::tutor::framed,
    hub::Frame,
    limits::{Bucket, TooFast},
    telemetry::metrics::WireMetrics,
    transport::server::Stalled,
};

use super::punctual::{Late, Punctual};

/// What one socket reads at once, in bytes, and holds while it is idle; the library's own default is 128 KiB.
const READ_BUFFER: usize = 2048;
/// Frames are written together up to so many bytes.
const WRITE_BUFFER: usize = 4096;
/// How long a close frame may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
const PING_EVERY: Duration = Duration::from_secs(25);
const PONG_PATIENCE: Duration = Duration::from_secs(8);
/// By how many frames those refused for their number may exceed those taken: whoever goes on is sent away.
const FLOOD: u32 = 128;

/// A socket with its heartbeat.
pub(in crate::transport) struct Wire {
    socket: WebSocketStream<Punctual<TokioIo<Upgraded>>>,
    /// When the next ping is due, or the answer to the last one. It outlives a wait: to set it up for each event would
    /// cost as much as to send the event.
    beat: Pin<Box<Sleep>>,
    awaits_pong: bool,
    /// Commands and pings that the client may send.
    bucket: Bucket,
    counts_texts: bool,
    excess: u32,
    metrics: WireMetrics,
}

/// What a client may send.
#[derive(Clone, Copy, Debug)]
pub(in crate::transport) struct Allowance {
    /// Largest message, in bytes.
    pub(in crate::transport) message_bytes: usize,
    /// Each text is a command; else whoever reads it says so by [`Wire::count`].
    pub(in crate::transport) counts_texts: bool,
}

impl Allowance {
    /// Short commands, each counted.
    pub(in crate::transport) const COMMANDS: Self =
        Self { message_bytes: 64 * 1024, counts_texts: true };
}

/// What came in.
pub(in crate::transport) enum Incoming {
    Text(Utf8Bytes),
    /// Sound comes in many small frames: whoever takes it bounds it by its length.
    Binary(Bytes),
    /// More text than the allowance.
    TooFast(Utf8Bytes, TooFast),
}

/// Why a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transport) enum Closing {
    /// The client has gone; there is nobody to tell.
    Gone,
    With(u16, &'static str),
}

impl Closing {
    pub(in crate::transport) const ABUSE: Self = Self::With(1008, "too many bad frames");
    pub(in crate::transport) const FULL: Self = Self::With(1013, "at capacity");
    pub(in crate::transport) const RESTART: Self = Self::With(3001, "the server restarts");
    pub(in crate::transport) const TOO_SLOW: Self = Self::With(3008, "too slow");
    pub(in crate::transport) const UNAUTHORIZED: Self = Self::With(4001, "Authentication required");
    pub(in crate::transport) const INVALID_TOKEN: Self = Self::With(4001, "Invalid token");
    const FLOOD: Self = Self::With(1008, "too many frames");
    const LATE: Self = Self::With(1008, "a message took too long");
    const SILENT: Self = Self::With(3008, "no answer to a ping");
}

impl Wire {
    pub(in crate::transport) async fn new(
        upgraded: Upgraded,
        allowance: Allowance,
        metrics: WireMetrics,
    ) -> Box<Self> {
        let settings = WebSocketConfig::default()
            .max_message_size(Some(allowance.message_bytes))
            .max_frame_size(Some(allowance.message_bytes))
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER);
        let stream = Punctual::new(TokioIo::new(upgraded));
        // Sockets that came back together are not pinged together.
        let share = f64::from(crate::domain::random_byte()) / 256.0;
        Box::new(Self {
            socket: WebSocketStream::from_raw_socket(stream, Role::Server, Some(settings)).await,
            beat: Box::pin(sleep(PING_EVERY.mul_f64(share))),
            awaits_pong: false,
            bucket: Bucket::of_connection(),
            counts_texts: allowance.counts_texts,
            excess: 0,
            metrics,
        })
    }

    /// The next text or binary message; keeps the heartbeat meanwhile. Cancel-safe but for a ping on its way.
    pub(in crate::transport) async fn receive(&mut self) -> Result<Incoming, Closing> {
        loop {
            let message = tokio::select! {
                biased;
                message = self.socket.next() => message,
                () = &mut self.beat => {
                    // Boxed, as what else is rare: a socket is woken for each event, and what it waits with is moved.
                    Box::pin(self.ping()).await?;
                    continue;
                }
            };
            let message = message.ok_or(Closing::Gone)?.map_err(|error| closing(&error))?;
            match message {
                Message::Text(text) if !self.counts_texts => return Ok(Incoming::Text(text)),
                Message::Text(text) => {
                    return Ok(match self.count()? {
                        None => Incoming::Text(text),
                        Some(too_fast) => Incoming::TooFast(text, too_fast),
                    });
                }
                Message::Binary(bytes) => return Ok(Incoming::Binary(bytes)),
                Message::Pong(_) => {
                    self.count()?;
                    self.awaits_pong = false;
                    self.beat.as_mut().reset(Instant::now() + PING_EVERY);
                }
                // The library answers pings.
                Message::Ping(_) | Message::Frame(_) => {
                    self.count()?;
                }
                Message::Close(_) => return Err(Box::pin(self.part()).await),
            }
        }
    }

    pub(in crate::transport) async fn send(&mut self, frame: String) -> Result<(), Closing> {
        self.send_all([framed(frame)]).await
    }

    /// All frames with one flush.
    pub(in crate::transport) async fn send_all(
        &mut self,
        frames: impl IntoIterator<Item = Frame>,
    ) -> Result<(), Closing> {
        let sending = async {
            for frame in frames {
                self.metrics.sent(frame.kind());
                self.socket.feed(message(frame)).await?;
            }
            self.socket.flush().await
        };
        sending.await.map_err(|error| closing(&error))
    }

    /// Says why, if anybody is there to hear it.
    pub(in crate::transport) async fn close(mut self: Box<Self>, closing: Closing) {
        let Closing::With(code, reason) = closing else { return self.metrics.closed(None) };
        self.metrics.closed(Some(code));
        let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::from_static(reason) };
        let closing = async {
            // A pong that still waits would follow the close frame, after which nothing may come.
            drop(self.socket.flush().await);
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                // The client's answer, so that the connection ends in order.
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        // A client that does not answer is dropped.
        drop(timeout(CLOSE_PATIENCE, closing).await);
    }

    /// Counts a frame, and says whether it is one too many; a command and a ping cost the same.
    ///
    /// # Errors
    /// When it is one of a flood.
    pub(in crate::transport) fn count(&mut self) -> Result<Option<TooFast>, Closing> {
        let refused = self.bucket.take().err();
        self.excess = match refused {
            None => self.excess.saturating_sub(1),
            Some(_) => self.excess + 1,
        };
        if self.excess > FLOOD { Err(Closing::FLOOD) } else { Ok(refused) }
    }

    async fn ping(&mut self) -> Result<(), Closing> {
        if self.awaits_pong {
            return Err(Closing::SILENT);
        }
        self.awaits_pong = true;
        self.beat.as_mut().reset(Instant::now() + PONG_PATIENCE);
        let ping = self.socket.send(Message::Ping(Bytes::new())).await;
        ping.map_err(|error| closing(&error))
    }

    /// The client says goodbye and gets its answer.
    async fn part(&mut self) -> Closing {
        drop(timeout(CLOSE_PATIENCE, self.socket.flush()).await);
        Closing::Gone
    }
}

/// The shared text as it is: as a text of its own it would be read once more for each socket.
fn message(frame: Frame) -> Message {
    let text = OpCode::Data(Data::Text);
    Message::Frame(WsFrame::message(frame.into_bytes(), text, true))
}

/// The close code of RFC 6455 (section 7.4.1) for what the socket library found wrong.
fn closing(error: &WsError) -> Closing {
    match error {
        WsError::Capacity(_) => Closing::With(1009, "the message is too large"),
        WsError::Utf8(_) => Closing::With(1007, "the text is not UTF-8"),
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Closing::Gone,
        WsError::Protocol(_) => Closing::With(1002, "the frame is broken"),
        WsError::Io(error) if is::<Late>(error) => Closing::LATE,
        WsError::Io(error) if is::<Stalled>(error) => Closing::TOO_SLOW,
        _ => Closing::Gone,
    }
}

fn is<E: Error + 'static>(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<E>())
}
