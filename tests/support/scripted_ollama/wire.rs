//! As much of HTTP/1.1 as the stand-in needs, by hand, so that every byte is its own. It knows no path and no model.

use std::{io, time::Instant};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpStream, tcp::ReadHalf},
};

/// A request as it came; a body that is no JSON is `null`.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub body: Value,
    /// When all of it had come.
    pub at: Instant,
}

/// The next request; `None` when the client has ended the connection.
pub(super) async fn read_request(socket: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if socket.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut body = vec![0; content_length(socket).await?];
    socket.read_exact(&mut body).await?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Some(Request { method, path, body, at: Instant::now() }))
}

async fn content_length(socket: &mut BufReader<TcpStream>) -> io::Result<usize> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        socket.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { return Ok(length) };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(|_| io::ErrorKind::InvalidData)?;
        }
    }
}

pub(super) async fn write_json<W>(socket: &mut W, status: u16, body: &Value) -> io::Result<()>
where
    W: AsyncWriteExt + Unpin,
{
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(format!("{head}{body}").as_bytes()).await
}

/// Waits until the client has ended the connection.
pub(super) async fn closed(reader: &mut ReadHalf<'_>) {
    // What a client sends in the middle of an answer is the next request and stays where it is.
    if let Ok(1..) = reader.peek(&mut [0]).await {
        std::future::pending::<()>().await;
    }
}

/// A chunked body whose head goes out with its first bytes, as Ollama sends it.
pub(super) struct Body<'a, W> {
    socket: &'a mut W,
    head: Option<String>,
    write_size: usize,
}

impl<'a, W: AsyncWriteExt + Unpin> Body<'a, W> {
    pub(super) fn new(socket: &'a mut W, status: u16, headers: &str, write_size: usize) -> Self {
        let head = format!("HTTP/1.1 {status} -\r\n{headers}transfer-encoding: chunked\r\n\r\n");
        Self { socket, head: Some(head), write_size }
    }

    /// Sends bytes at once, each piece as a chunk and a write of its own.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(self.write_size) {
            let mut chunk = self.head.take().unwrap_or_default().into_bytes();
            chunk.extend(format!("{:x}\r\n", piece.len()).into_bytes());
            chunk.extend_from_slice(piece);
            chunk.extend_from_slice(b"\r\n");
            self.socket.write_all(&chunk).await?;
        }
        Ok(())
    }

    pub(super) async fn end(mut self) -> io::Result<()> {
        let head = self.head.take().unwrap_or_default();
        self.socket.write_all(format!("{head}0\r\n\r\n").as_bytes()).await
    }
}
