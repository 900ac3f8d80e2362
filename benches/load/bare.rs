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
    process::Child,
    sync::broadcast,
};

use super::server;

/// Events that a slow socket may be behind.
const BEHIND: usize = 16;
/// As parla's sockets have them, in bytes.
const BUFFER: usize = 4096;

/// The bare server in a process of its own, on the core on which parla is measured.
pub(crate) struct Bare {
    pub(crate) address: SocketAddr,
    _process: Child,
}

impl Bare {
    /// Starts this program again with the argument that makes it serve.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let program = std::env::current_exe()?;
        let mut process = server::on_its_core(&program).args(["--bench", "--bare"]).spawn()?;
        let told = process.stdout.take().context("invariant: its output is a pipe")?;
        let mut line = String::new();
        BufReader::new(told).read_line(&mut line).await?;
        Ok(Self { address: line.trim().parse()?, _process: process })
    }
}

/// Serves until the process is ended: what any socket says, all hear.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let (tell, _) = broadcast::channel(BEHIND);
    let router = Router::new().route("/", get(upgrade)).with_state(tell);
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
