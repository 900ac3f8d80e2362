//! A caller's way to the server: what goes out may get lost, and what comes in bears the kernel's time. It reads nothing.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use str0m::net::{DatagramSend, Transmit};
use tokio::net::UdpSocket;

use super::stamped::{self, Arrival};

/// Of what was sent the newest is remembered.
const REMEMBERED: usize = 50;

pub(super) struct Wire {
    socket: Arc<UdpSocket>,
    /// What is said before gets lost.
    lost_until: Option<Instant>,
    newest: VecDeque<DatagramSend>,
    /// Bytes to the server, and from it.
    pub(super) sent: usize,
    pub(super) received: usize,
}

impl Wire {
    /// From any port of that address.
    pub(super) async fn open(ip: &str) -> io::Result<Self> {
        let (socket, newest) = (Arc::new(stamped::bind(ip).await?), VecDeque::new());
        Ok(Self { socket, lost_until: None, newest, sent: 0, received: 0 })
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(super) async fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Arrival> {
        let arrival = stamped::receive(&self.socket, buffer).await?;
        self.received += arrival.length;
        Ok(arrival)
    }

    pub(super) fn send(&mut self, Transmit { contents, destination, .. }: Transmit) {
        let is_voice = (128..192).contains(&contents[0]);
        if is_voice && self.lost_until.is_some_and(|end| Instant::now() < end) {
            return;
        }
        // A full socket loses it, as the network may.
        self.sent += self.socket.try_send_to(&contents, destination).unwrap_or(0);
        if self.newest.len() == REMEMBERED {
            self.newest.pop_front();
        }
        self.newest.push_back(contents);
    }

    /// What is said meanwhile gets lost.
    pub(super) fn lose(&mut self, time: Duration) {
        self.lost_until = Some(Instant::now() + time);
    }

    /// Goes on over that socket.
    pub(super) fn move_to(&mut self, socket: UdpSocket) {
        self.socket = Arc::new(socket);
    }

    /// The socket, and what was sent last.
    pub(super) fn tap(&self) -> (Arc<UdpSocket>, Vec<Vec<u8>>) {
        (Arc::clone(&self.socket), self.newest.iter().map(|sent| sent.to_vec()).collect())
    }
}
