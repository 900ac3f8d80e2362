//! A learner's connection to a server: frames out, frames in, sounds. It understands none of them.

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use parla::providers::http;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::header},
};

use super::visit::Doorway;

/// One conversation on one socket.
pub(super) struct Tutor {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    doorway: Doorway,
}

impl Tutor {
    /// Joins the conversation of that name, or a new one.
    pub(super) async fn join(doorway: Doorway, name: Option<&str>) -> anyhow::Result<Self> {
        let query = name.map_or_else(String::new, |name| format!("?conversationId={name}"));
        let mut request = format!("ws://{}/ws{query}", doorway.address).into_client_request()?;
        if let Some(key) = &doorway.key {
            request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {key}").parse()?);
        }
        // What a handshake needs is large, and would lie in every future around it.
        let connected = Box::pin(connect_async(request)).await;
        let (socket, _) = connected.context("the server lets nobody in")?;
        Ok(Self { socket, doorway })
    }

    pub(super) async fn send(&mut self, kind: &str, data: Value) -> anyhow::Result<()> {
        let frame = json!({"type": kind, "data": data}).to_string();
        self.socket.send(Message::text(frame)).await.context("the server has gone")
    }

    /// The next frame. Dropping the wait loses none.
    pub(super) async fn next(&mut self) -> anyhow::Result<Value> {
        loop {
            match self.socket.next().await.context("the server has gone")? {
                Ok(Message::Text(text)) => return Ok(serde_json::from_str(&text)?),
                Ok(Message::Close(frame)) => {
                    let reason =
                        frame.map(|frame| format!("{} {}", u16::from(frame.code), frame.reason));
                    bail!("the server ends the conversation: {}", reason.unwrap_or_default())
                }
                Ok(_) => {}
                Err(error) => return Err(error).context("the server has gone"),
            }
        }
    }

    /// A sound by the address that a frame has given, as a WAV file.
    pub(super) fn sound(
        &self,
        url: &str,
    ) -> impl Future<Output = anyhow::Result<Bytes>> + Send + use<> {
        let url = format!("http://{}{url}", self.doorway.address);
        async move {
            // The address carries its own right; the key is for whoever has none.
            let answer = http::client()?.get(url).send().await?.error_for_status();
            Ok(answer.map_err(|error| error.without_url())?.bytes().await?)
        }
    }
}
