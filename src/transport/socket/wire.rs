//! One socket's frames: bounded in size and time, every failure turned into a close code. It reads no meaning.

use std::{error::Error, sync::Arc, time::Duration};

use axum::{
    Error as AxumError,
    extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket},
};
use futures_util::SinkExt;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Error as WsError;

/// A socket that takes nothing for this long is given up: nobody waits for it.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a close frame may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
const PING_EVERY: Duration = Duration::from_secs(25);
const PONG_PATIENCE: Duration = Duration::from_secs(8);

/// A socket with its heartbeat.
pub(super) struct Wire {
    socket: WebSocket,
    next_beat: Instant,
    awaits_pong: bool,
}

/// What came in.
pub(super) enum Incoming {
    Text(Utf8Bytes),
    Binary,
}

/// Why a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// The client has gone; there is nobody to tell.
    Gone,
    With(u16, &'static str),
}

impl Closing {
    pub(super) const ABUSE: Self = Self::With(1008, "too many bad frames");
    pub(super) const RESTART: Self = Self::With(3001, "the server restarts");
    pub(super) const TOO_SLOW: Self = Self::With(3008, "too slow");
    pub(super) const UNAUTHORIZED: Self = Self::With(4001, "Authentication required");
    pub(super) const INVALID_TOKEN: Self = Self::With(4001, "Invalid token");
    const SILENT: Self = Self::With(3008, "no answer to a ping");
}

impl Wire {
    pub(super) fn new(socket: WebSocket) -> Self {
        // Sockets that came back together are not pinged together.
        let share = f64::from(crate::domain::random_byte()) / 256.0;
        Self { socket, next_beat: Instant::now() + PING_EVERY.mul_f64(share), awaits_pong: false }
    }

    /// The next text or binary message; keeps the heartbeat meanwhile. Cancel-safe but for a ping on its way.
    pub(super) async fn receive(&mut self) -> Result<Incoming, Closing> {
        loop {
            let message = tokio::select! {
                message = self.socket.recv() => message,
                () = tokio::time::sleep_until(self.next_beat) => {
                    self.beat().await?;
                    continue;
                }
            };
            match message {
                Some(Ok(Message::Text(text))) => return Ok(Incoming::Text(text)),
                Some(Ok(Message::Binary(_))) => return Ok(Incoming::Binary),
                Some(Ok(Message::Pong(_))) => {
                    self.awaits_pong = false;
                    self.next_beat = Instant::now() + PING_EVERY;
                }
                // The library answers pings.
                Some(Ok(Message::Ping(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Err(Closing::Gone),
                Some(Err(error)) => return Err(closing(error)),
            }
        }
    }

    pub(super) async fn send(&mut self, frame: String) -> Result<(), Closing> {
        self.send_all(vec![frame.into()]).await
    }

    /// All frames with one flush.
    pub(super) async fn send_all(&mut self, frames: Vec<Arc<str>>) -> Result<(), Closing> {
        let sending = async {
            for frame in frames {
                self.socket.feed(Message::text(&*frame)).await?;
            }
            self.socket.flush().await
        };
        match timeout(WRITE_PATIENCE, sending).await {
            Ok(sent) => sent.map_err(|_| Closing::Gone),
            Err(_) => Err(Closing::TOO_SLOW),
        }
    }

    /// Says why, if anybody is there to hear it.
    pub(super) async fn close(mut self, closing: Closing) {
        let Closing::With(code, reason) = closing else { return };
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        let closing = async {
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                // The client's answer, so that the connection ends in order.
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        // A client that does not answer is dropped.
        drop(timeout(CLOSE_PATIENCE, closing).await);
    }

    async fn beat(&mut self) -> Result<(), Closing> {
        if self.awaits_pong {
            return Err(Closing::SILENT);
        }
        self.awaits_pong = true;
        self.next_beat = Instant::now() + PONG_PATIENCE;
        let ping = self.socket.send(Message::Ping(bytes::Bytes::new()));
        match timeout(WRITE_PATIENCE, ping).await {
            Ok(sent) => sent.map_err(|_| Closing::Gone),
            Err(_) => Err(Closing::TOO_SLOW),
        }
    }
}

/// The close code of RFC 6455 (section 7.4.1) for what the socket library found wrong.
fn closing(error: AxumError) -> Closing {
    let inner = error.into_inner();
    match inner.downcast_ref::<WsError>() {
        Some(WsError::Capacity(_)) => Closing::With(1009, "the message is too large"),
        Some(WsError::Utf8(_)) => Closing::With(1007, "the text is not UTF-8"),
        Some(WsError::Protocol(problem)) if is_loss(problem) => Closing::Gone,
        Some(WsError::Protocol(_)) => Closing::With(1002, "the frame is broken"),
        _ => Closing::Gone,
    }
}

fn is_loss(problem: &dyn Error) -> bool {
    problem.to_string().contains("Connection reset without closing handshake")
}
