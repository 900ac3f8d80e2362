//! A learner's socket: frames in their order, waited for with patience. It skips nothing that it is not told to.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, handshake::client::Request, protocol::frame::coding::CloseCode},
};

use super::PATIENCE;

/// An open WebSocket of the tutor dialect.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The subprotocol that the server has selected.
    pub protocol: Option<String>,
}

impl Socket {
    pub(super) async fn open(request: Request) -> Result<Self, u16> {
        match timeout(PATIENCE, connect_async(request)).await.unwrap() {
            Ok((stream, answer)) => {
                let protocol = answer.headers().get("sec-websocket-protocol");
                let protocol = protocol.map(|name| name.to_str().unwrap().to_owned());
                Ok(Self { stream, protocol })
            }
            Err(Error::Http(refusal)) => Err(refusal.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn send(&mut self, kind: &str, data: Value) {
        self.send_text(&json!({"type": kind, "data": data}).to_string()).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    pub async fn send_message(&mut self, message: Message) {
        self.stream.send(message).await.unwrap();
    }

    /// Whether the frame went out, for where the server may be gone.
    pub async fn try_send(&mut self, kind: &str, data: Value) -> bool {
        let frame = json!({"type": kind, "data": data}).to_string();
        self.stream.send(Message::text(frame)).await.is_ok()
    }

    /// The next frame.
    pub async fn next(&mut self) -> Value {
        match self.receive().await {
            Ok(frame) => frame,
            Err(closed) => panic!("the socket was closed: {closed:?}"),
        }
    }

    /// The next frame of that type; others are skipped.
    pub async fn until(&mut self, kind: &str) -> Value {
        self.take_until(|frame| frame["type"] == kind).await.pop().unwrap()
    }

    /// All frames up to the end of the turn being made, that end included.
    pub async fn turn(&mut self) -> Vec<Value> {
        let ends = ["conversation-complete", "conversation-stopped", "conversation-failed"];
        self.take_until(|frame| ends.contains(&frame["type"].as_str().unwrap())).await
    }

    /// All frames up to the first that is meant, that one included.
    pub async fn take_until(&mut self, is_meant: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            frames.push(self.next().await);
            if frames.last().is_some_and(&is_meant) {
                return frames;
            }
        }
    }

    /// All frames that are still to come, up to the end of the socket, whatever ends it.
    pub async fn rest(&mut self) -> Vec<Value> {
        let mut frames = Vec::new();
        while let Ok(frame) = self.receive().await {
            frames.push(frame);
        }
        frames
    }

    /// Reads on until the server closes: with which code and reason, 1006 when it just ends.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Err(closed) = self.receive().await {
                return closed;
            }
        }
    }

    async fn receive(&mut self) -> Result<Value, (u16, String)> {
        loop {
            let message = timeout(PATIENCE, self.stream.next()).await;
            match message.expect("a frame comes in time") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err((frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("{other:?}"),
                Some(Err(error)) => return Err((CloseCode::Abnormal.into(), error.to_string())),
                None => return Err((CloseCode::Abnormal.into(), String::new())),
            }
        }
    }
}

/// What the frames tell of one chunk, in their order.
pub fn trace(frames: &[Value], chunk: usize) -> Vec<String> {
    let of_chunk = frames.iter().filter(|frame| frame["data"]["chunkIndex"] == chunk);
    let shown = of_chunk.map(|frame| {
        let status = &frame["data"]["chunk"]["ttsStatus"];
        format!("{} {}", frame["type"].as_str().unwrap(), status.as_str().unwrap())
    });
    shown.collect()
}
