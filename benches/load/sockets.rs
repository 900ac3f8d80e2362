//! Thousands of sockets: what an idle one costs, how soon all have heard an event, how soon all are back.

use std::{
    io::Write,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures_util::{
    SinkExt, StreamExt, TryStreamExt,
    stream::{self, FuturesUnordered},
};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

use super::{
    bare, ms,
    report::{Bar, Report, Samples},
    script::VOICE,
    server::{Place, Server},
    stand_ins::StandIns,
};

/// Sockets that do nothing.
const IDLE: usize = 10_000;
/// Sockets of one conversation.
const HALL: usize = 5_000;
/// Events that are told to all of them.
const EVENTS: usize = 40;
/// Clients that connect at the same time.
const AT_ONCE: usize = 200;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Adds the rows of thousands of sockets to the report.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let stand_ins = StandIns::start(VOICE)?;
    idle(report, &stand_ins).await?;
    let server = Server::start(&stand_ins, Place::default()).await?;
    let hall = Hall::fill(server.address, "/ws?conversationId=hall").await?;
    let hall = told(report, hall).await?;
    back(report, server.address, hall).await
}

/// One event after the other, by parla and by as little as can tell one: a machine that is slower for a while is so for
/// both.
async fn told(report: &mut Report, mut hall: Hall) -> anyhow::Result<Hall> {
    let (address, _process) = bare::start(&["--bare"]).await?;
    let mut bare_hall = Hall::fill(address, "/").await?;
    let (mut parla, mut bare) = (Vec::new(), Vec::new());
    for turn in 0..EVENTS {
        let (took, frame) = hall.hear(typing(turn % 2 == 0)).await?;
        parla.push(ms(took));
        bare.push(ms(bare_hall.hear(frame).await?.0));
    }
    let ratios = parla.iter().zip(&bare).map(|(parla, bare)| parla / bare).collect();
    report.title("one event to 5000 sockets");
    report.spread("bare axum, ms", &Samples::new(bare), None);
    report.spread("parla, ms", &Samples::new(parla), None);
    let ratio = Samples::new(ratios).median();
    report.figure("parla ÷ bare", ratio, "", Some(Bar::AtMost(1.25)));
    Ok(hall)
}

async fn idle(report: &mut Report, stand_ins: &StandIns) -> anyhow::Result<()> {
    writeln!(std::io::stderr(), "{IDLE} idle sockets")?;
    let server = Server::start(stand_ins, Place::default()).await?;
    let before = server.memory()?;
    let sockets =
        connect_all(server.address, IDLE, |number| format!("/ws?conversationId=idle-{number}"))
            .await?;
    let each = (server.memory()? - before) * 1000.0 / sockets.len() as f64;
    report.title("10000 idle sockets");
    report.figure("memory of each", each, "kB", Some(Bar::AtMost(10.0)));
    Ok(())
}

/// All connections break at once; their clients come back to where they were.
async fn back(report: &mut Report, server: SocketAddr, hall: Hall) -> anyhow::Result<()> {
    writeln!(std::io::stderr(), "{HALL} sockets leave and come back")?;
    let (seq, epoch) = (&hall.greeting["seq"], hall.greeting["epoch"].as_str().unwrap_or_default());
    let path = format!("/ws?conversationId=hall&after={seq}&epoch={epoch}");
    drop(hall);
    let began = Instant::now();
    let sockets = connect_all(server, HALL, |_| path.clone()).await?;
    let took = began.elapsed().as_secs_f64();
    let recovered =
        sockets.iter().filter(|(_, greeting)| greeting["recovered"] == json!(true)).count();
    report.title("5000 sockets dropped at once");
    report.figure("resumed", recovered as f64, "", Some(Bar::AtLeast(HALL as f64)));
    report.figure("all back after", took, "s", Some(Bar::AtMost(15.0)));
    Ok(())
}

/// Many sockets that hear the same, and one more that speaks.
struct Hall {
    listeners: Vec<Socket>,
    speaker: Socket,
    greeting: Value,
}

impl Hall {
    async fn fill(server: SocketAddr, path: &str) -> anyhow::Result<Self> {
        writeln!(std::io::stderr(), "{HALL} sockets of one conversation")?;
        let (speaker, greeting) = connect(server, path).await?;
        let listeners = connect_all(server, HALL, |_| path.to_owned()).await?;
        let listeners = listeners.into_iter().map(|(socket, _)| socket).collect();
        Ok(Self { listeners, speaker, greeting })
    }

    /// How long it takes until everybody has that, and what they have.
    async fn hear(&mut self, event: String) -> anyhow::Result<(Duration, String)> {
        let began = Instant::now();
        self.speaker.send(Message::text(event)).await?;
        let heard: FuturesUnordered<_> = self.listeners.iter_mut().map(next_text).collect();
        let mut frames: Vec<String> =
            timeout(PATIENCE, heard.try_collect()).await.context("not all have heard it")??;
        Ok((began.elapsed(), frames.pop().unwrap_or_default()))
    }
}

fn typing(is_typing: bool) -> String {
    json!({"type": "typing", "data": {"isTyping": is_typing}}).to_string()
}

async fn connect_all(
    server: SocketAddr,
    count: usize,
    path: impl Fn(usize) -> String,
) -> anyhow::Result<Vec<(Socket, Value)>> {
    let connecting =
        stream::iter((0..count).map(path)).map(async |path| connect(server, &path).await);
    connecting.buffer_unordered(AT_ONCE).try_collect().await
}

/// The socket, and the data of the server's greeting; a server that does not greet has none.
pub(crate) async fn connect(server: SocketAddr, path: &str) -> anyhow::Result<(Socket, Value)> {
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    let url = format!("ws://{server}{path}");
    let (mut socket, _) =
        timeout(PATIENCE, connect_async_with_config(url, Some(config), true)).await??;
    let greeting: Value = serde_json::from_str(&next_text(&mut socket).await?)?;
    Ok((socket, greeting["data"].clone()))
}

async fn next_text(socket: &mut Socket) -> anyhow::Result<String> {
    loop {
        match socket.next().await.context("the server has gone")?? {
            Message::Text(text) => return Ok(text.to_string()),
            Message::Close(reason) => anyhow::bail!("the server closes: {reason:?}"),
            _ => {}
        }
    }
}
