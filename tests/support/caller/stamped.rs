//! Datagrams with the moment at which the kernel took them in, however late they are read. It looks into none.

use std::{
    io::{self, IoSliceMut},
    net::SocketAddr,
    os::fd::AsRawFd,
    time::{Duration, Instant},
};

use nix::{
    cmsg_space,
    sys::{
        socket::{
            ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt,
            sockopt::ReceiveTimestamp,
        },
        time::{TimeVal, TimeValLike},
    },
    time::{ClockId, clock_gettime},
};
use tokio::{io::Interest, net::UdpSocket};

/// A datagram that came in.
pub(super) struct Arrival {
    pub(super) length: usize,
    pub(super) from: SocketAddr,
    pub(super) at: Instant,
}

/// A socket whose datagrams [`receive`] reads, at any port of that address.
pub(super) async fn bind(ip: &str) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((ip, 0)).await?;
    setsockopt(&socket, ReceiveTimestamp, &true)?;
    Ok(socket)
}

/// The next datagram.
pub(super) async fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Arrival> {
    socket.async_io(Interest::READABLE, || receive_stamped(socket, buffer)).await
}

fn receive_stamped(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Arrival> {
    let mut control = cmsg_space!(TimeVal);
    let mut parts = [IoSliceMut::new(buffer)];
    let (flags, socket) = (MsgFlags::MSG_DONTWAIT, socket.as_raw_fd());
    let received = recvmsg::<SockaddrStorage>(socket, &mut parts, Some(&mut control), flags)?;
    let stamp = received.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::ScmTimestamp(stamp) => Some(stamp),
        _ => None,
    });
    let (stamp, from) = stamp.zip(received.address).ok_or(io::ErrorKind::InvalidData)?;
    let waited =
        clock_gettime(ClockId::CLOCK_REALTIME)?.num_microseconds() - stamp.num_microseconds();
    let waited = Duration::from_micros(u64::try_from(waited).unwrap_or(0));
    let from = address(&from).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Arrival { length: received.bytes, from, at: Instant::now() - waited })
}

fn address(from: &SockaddrStorage) -> Option<SocketAddr> {
    let older = from.as_sockaddr_in().map(|from| (*from).into());
    older.or_else(|| from.as_sockaddr_in6().map(|from| (*from).into()))
}
