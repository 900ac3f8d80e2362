//! The least that a server of broadcasts needs: axum, a channel, and nothing of parla.

use std::net::SocketAddr;

use anyhow::Context;
use axum::{
    Router,
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, Utf8Bytes, WebSocket},
    },
    response::Response,
    routing::get,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::broadcast,
};

use super::server::{self, Process};

/// Events that a slow socket may be behind.
const BEHIND: usize = 16;
/// As parla's sockets have them, in bytes.
pub(crate) const BUFFER: usize = 4096;

/// Starts this program again, on the core on which parla is measured, with the argument that makes it serve.
pub(crate) async fn start(arguments: &[&str]) -> anyhow::Result<(SocketAddr, Process)> {
    let program = std::env::current_exe()?;
    let mut child = server::on_its_core(&program).arg("--bench").args(arguments).spawn()?;
    let told = child.stdout.take().context("invariant: its output is a pipe")?;
    let mut line = String::new();
    BufReader::new(told).read_line(&mut line).await?;
    Ok((line.trim().parse()?, Process::of(child)?))
}

/// Serves until the process is ended: what any socket says, all hear.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let (tell, _) = broadcast::channel(BEHIND);
    announce(Router::new().route("/", get(upgrade)).with_state(tell)).await
}

/// Says where it serves, and serves.
pub(crate) async fn announce(router: Router) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::io::stdout().write_all(format!("{address}\n").as_bytes()).await?;
    Ok(axum::serve(listener, router).await?)
}

async fn upgrade(
    State(tell): State<broadcast::Sender<Utf8Bytes>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade = upgrade.read_buffer_size(BUFFER).write_buffer_size(BUFFER);
    upgrade.on_upgrade(|socket| converse(socket, tell))
}

async fn converse(mut socket: WebSocket, tell: broadcast::Sender<Utf8Bytes>) {
    let mut told = tell.subscribe();
    if socket.send(Message::Text("{}".into())).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            said = socket.recv() => match said {
                Some(Ok(Message::Text(text))) => drop(tell.send(text)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            Ok(text) = told.recv() => {
                if socket.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
        }
    }
}
