//! A WebSocket below its protocol, for what no library would send. It answers no ping.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::{PATIENCE, Server};

pub const FINAL_TEXT: u8 = 0x81;
pub const FIRST_TEXT: u8 = 0x01;
pub const CONTINUATION: u8 = 0x00;
pub const FINAL_CONTINUATION: u8 = 0x80;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8a;

/// An open socket; the handshake's answer is among what it reads.
pub struct RawSocket {
    pub connection: TcpStream,
}

impl RawSocket {
    pub async fn open(server: &Server, path: &str) -> Self {
        Self::ask(server.raw().await, path).await
    }

    /// One whose system keeps little of what it has not read.
    pub async fn open_small(server: &Server, path: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        Self::ask(socket.connect(server.authority().parse().unwrap()).await.unwrap(), path).await
    }

    async fn ask(mut connection: TcpStream, path: &str) -> Self {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        Self { connection }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.connection.write_all(bytes).await.unwrap();
    }

    /// All that the server says before it ends the connection.
    pub async fn told(&mut self) -> Vec<u8> {
        let mut told = Vec::new();
        let reading = self.connection.read_to_end(&mut told);
        // After a close frame the end may be a reset: what was said before it counts.
        drop(timeout(2 * PATIENCE, reading).await.expect("the server ends the connection"));
        told
    }

    /// The code with which the server closes.
    pub async fn close_code(&mut self) -> u16 {
        close_code(&self.told().await)
    }
}

/// The code in the close frame at the end.
pub fn close_code(told: &[u8]) -> u16 {
    // The last frame: two bytes of head, of which the first says "close", then the code.
    let at = told.windows(2).rposition(|head| head[0] == 0x88 && head[1] < 126);
    let at = at.unwrap_or_else(|| panic!("no close frame in {} bytes", told.len()));
    u16::from_be_bytes([told[at + 2], told[at + 3]])
}

/// A frame's head as clients write it, with a mask of zeros.
pub fn head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    if length < 126 {
        head.push(0x80 | length as u8);
    } else {
        head.push(0x80 | 127);
        head.extend(length.to_be_bytes());
    }
    head.extend([0; 4]);
    head
}

/// A whole frame.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [head(first, payload.len() as u64), payload.to_vec()].concat()
}
