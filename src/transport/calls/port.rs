//! One UDP port for all calls: brings each datagram to its caller's line. It looks into nothing but the name in a
//! connectivity check, and by itself it sends nothing to anybody.
//!
//! It and the lines have threads of their own. What they do is microseconds of work, and due: behind the turns of a busy
//! server datagrams would wait until the system drops them, first words with old sound, and voices would stutter.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::{
    net::UdpSocket,
    runtime::{Builder, Handle},
    sync::mpsc,
    time::sleep,
};

use super::{niceness::go_first, stun::asked_name};
use crate::{
    shutdown::Shutdown,
    telemetry::metrics::{CallMetrics, Dropped},
};

/// Datagrams that wait for a line; of more, the newest are dropped, as the network would.
const WAITING: usize = 64;
/// Longer than any that a network passes whole.
const LONGEST: usize = 1500;
/// Datagrams that a line takes in [`WINDOW`]: ten times as many as a voice in packets of 10 ms with its reports.
const MOST_IN_WINDOW: u32 = 250;
const WINDOW: Duration = Duration::from_millis(200);
/// How often a server that goes down looks whether its last call has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Addresses that one caller is known under: a change of network brings a new one, a translator of addresses some more.
const ADDRESSES: usize = 8;

/// A bound port, and the addresses under which callers find it.
#[derive(Debug)]
pub struct CallPort {
    pub socket: UdpSocket,
    /// At least one, the main one first.
    pub addresses: Vec<SocketAddr>,
}

/// The port with who is called through it; clones share it.
#[derive(Clone)]
pub(super) struct Switchboard(Arc<Shared>);

struct Shared {
    port: CallPort,
    /// Where lines live.
    threads: Handle,
    metrics: CallMetrics,
    /// A std mutex: plain data, never held over an await.
    directory: Mutex<Directory>,
}

#[derive(Default)]
struct Directory {
    next: u64,
    names: HashMap<String, u64>,
    addresses: HashMap<SocketAddr, u64>,
    lines: HashMap<u64, Line>,
}

struct Line {
    datagrams: mpsc::Sender<Datagram>,
    /// Since when, and how many have been taken.
    window: (Instant, u32),
    /// The newest last.
    addresses: VecDeque<SocketAddr>,
}

/// What came in for a line.
pub(super) struct Datagram {
    pub(super) from: SocketAddr,
    pub(super) bytes: Vec<u8>,
    pub(super) at: Instant,
}

/// A line's end at the switchboard; dropping it takes the line out.
pub(super) struct Extension {
    board: Switchboard,
    line: u64,
    caller: Option<SocketAddr>,
}

impl Switchboard {
    /// Brings datagrams to their lines until the server goes down and the last call has ended.
    ///
    /// # Errors
    /// When the system has no threads for it.
    pub(super) fn open(
        CallPort { socket, addresses }: CallPort,
        metrics: CallMetrics,
        shutdown: &Shutdown,
    ) -> io::Result<Self> {
        let mut threads = Builder::new_multi_thread();
        threads.thread_name("calls").on_thread_start(go_first).enable_all();
        let runtime = threads.build()?;
        let socket = {
            let _in_there = runtime.enter();
            UdpSocket::from_std(socket.into_std()?)?
        };
        let (port, threads) = (CallPort { socket, addresses }, runtime.handle().clone());
        let board = Self(Arc::new(Shared { port, threads, metrics, directory: Mutex::default() }));
        let (receiving, shutdown) = (board.clone().run(shutdown.clone()), shutdown.clone());
        thread::Builder::new().name("calls".to_owned()).spawn(move || {
            // It ends by itself or with the process; a panic has been told of.
            drop(runtime.block_on(async { shutdown.spawn("port of calls", receiving).await }));
        })?;
        Ok(board)
    }

    /// Where lines live, beside all else that the server does.
    pub(super) fn threads(&self) -> &Handle {
        &self.0.threads
    }

    /// Where callers find us.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.0.port.addresses
    }

    async fn run(self, shutdown: Shutdown) {
        tokio::select! {
            () = self.receive() => {}
            () = self.last_call(&shutdown) => {}
        }
    }

    /// Resolves when no call begins any more and the last one has ended.
    async fn last_call(&self, shutdown: &Shutdown) {
        shutdown.draining().await;
        while !self.directory().lines.is_empty() {
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn receive(&self) {
        let mut buffer = vec![0; LONGEST + 1];
        loop {
            // An error here tells of an earlier datagram that found nobody; the socket lives on.
            let Ok((length, from)) = self.0.port.socket.recv_from(&mut buffer).await else {
                continue;
            };
            if let Err(reason) = self.deliver(from, &buffer[..length], Instant::now()) {
                self.0.metrics.dropped(reason);
            }
        }
    }

    /// A line under that name.
    pub(super) fn connect(&self, name: String) -> (Extension, mpsc::Receiver<Datagram>) {
        let (datagrams, waiting) = mpsc::channel(WAITING);
        let mut directory = self.directory();
        let line = directory.next;
        directory.next += 1;
        let window = (Instant::now(), 0);
        directory.lines.insert(line, Line { datagrams, window, addresses: VecDeque::new() });
        directory.names.insert(name, line);
        drop(directory);
        (Extension { board: self.clone(), line, caller: None }, waiting)
    }

    fn deliver(&self, from: SocketAddr, bytes: &[u8], at: Instant) -> Result<(), Dropped> {
        if bytes.len() > LONGEST {
            return Err(Dropped::TooLong);
        }
        let mut directory = self.directory();
        let line = match asked_name(bytes) {
            Some(name) => directory.names.get(name),
            None => directory.addresses.get(&from),
        };
        let line = line.copied().and_then(|line| directory.lines.get_mut(&line));
        line.ok_or(Dropped::Unknown)?.take(from, bytes, at)
    }

    fn directory(&self) -> MutexGuard<'_, Directory> {
        self.0.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn take(&mut self, from: SocketAddr, bytes: &[u8], at: Instant) -> Result<(), Dropped> {
        let (since, taken) = &mut self.window;
        if at.saturating_duration_since(*since) > WINDOW {
            (*since, *taken) = (at, 0);
        }
        *taken += 1;
        if *taken > MOST_IN_WINDOW {
            return Err(Dropped::Flood);
        }
        let place = self.datagrams.try_reserve().map_err(|_| Dropped::Full)?;
        place.send(Datagram { from, bytes: bytes.to_vec(), at });
        Ok(())
    }
}

impl Extension {
    /// A further name, after an ICE restart; packets to the old one may still be on their way.
    pub(super) fn rename(&self, name: String) {
        self.board.directory().names.insert(name, self.line);
    }

    /// Sends a datagram. Only who knows the password of the call is ever sent one, so the address belongs to the caller:
    /// what comes from there from now on is for this line.
    pub(super) fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        if self.caller != Some(to) {
            self.caller = Some(to);
            self.board.directory().learn(self.line, to);
        }
        // A full socket loses it, as the network may.
        drop(self.board.0.port.socket.try_send_to(datagram, to));
    }
}

impl Drop for Extension {
    fn drop(&mut self) {
        self.board.directory().forget(self.line);
    }
}

impl Directory {
    fn learn(&mut self, line: u64, caller: SocketAddr) {
        let Some(Line { addresses, .. }) = self.lines.get_mut(&line) else { return };
        addresses.retain(|known| *known != caller);
        addresses.push_back(caller);
        let oldest = if addresses.len() > ADDRESSES { addresses.pop_front() } else { None };
        if let Some(oldest) = oldest {
            self.addresses.remove(&oldest);
        }
        self.addresses.insert(caller, line);
    }

    fn forget(&mut self, line: u64) {
        self.lines.remove(&line);
        self.names.retain(|_, other| *other != line);
        self.addresses.retain(|_, other| *other != line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::Metrics;

    async fn board() -> Switchboard {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let addresses = vec![socket.local_addr().unwrap()];
        let port = CallPort { socket, addresses };
        Switchboard::open(port, Metrics::default().calls, &Shutdown::new()).unwrap()
    }

    fn check(name: &str) -> Vec<u8> {
        let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        request.resize(20, 0);
        request.extend([0, 6, 0, name.len() as u8]);
        request.extend(name.as_bytes());
        request
    }

    fn caller(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[tokio::test]
    async fn a_check_finds_its_line_by_name_and_the_rest_by_the_address_that_was_answered() {
        let board = board().await;
        let (mut ana, mut for_ana) = board.connect("ana".to_owned());
        let (_bea, mut for_bea) = board.connect("bea".to_owned());
        let now = Instant::now();
        assert_eq!(board.deliver(caller(1), b"sound", now), Err(Dropped::Unknown));
        assert_eq!(board.deliver(caller(1), &check("eve:x"), now), Err(Dropped::Unknown));
        board.deliver(caller(1), &check("bea:x"), now).unwrap();
        board.deliver(caller(2), &check("ana:x"), now).unwrap();
        assert_eq!(for_bea.recv().await.unwrap().from, caller(1));
        assert_eq!(for_ana.recv().await.unwrap().from, caller(2));
        assert_eq!(board.deliver(caller(2), b"sound", now), Err(Dropped::Unknown), "not answered");
        ana.send(caller(2), b"answer");
        board.deliver(caller(2), b"sound", now).unwrap();
        assert_eq!(for_ana.recv().await.unwrap().bytes, b"sound");
    }

    /// The test keeps the only thread of its runtime to itself.
    #[tokio::test]
    async fn datagrams_find_their_line_while_nothing_else_gets_on() {
        let board = board().await;
        let (_ana, mut for_ana) = board.connect("ana".to_owned());
        let caller = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let began = Instant::now();
        for _ in 0..WAITING {
            caller.send_to(&check("ana:x"), board.addresses()[0]).unwrap();
            while for_ana.try_recv().is_err() {
                assert!(began.elapsed() < Duration::from_secs(20), "nothing comes");
                thread::yield_now();
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn lines_go_before_others_where_the_system_allows_it() {
        use rustix::process::{getpriority_process, nice};
        let own = getpriority_process(None).unwrap();
        let allowed = thread::spawn(move || nice(-10).unwrap_or(own)).join().unwrap();
        let board = board().await;
        let of_lines = board.threads().spawn(async { getpriority_process(None) }).await;
        assert_eq!(of_lines.unwrap().unwrap(), allowed.min(own));
        assert_eq!(getpriority_process(None).unwrap(), own, "the others are as they were");
    }

    #[tokio::test]
    async fn a_line_that_ends_leaves_nothing_behind() {
        let board = board().await;
        let (mut ana, _for_ana) = board.connect("ana".to_owned());
        ana.rename("ana2".to_owned());
        for port in 1..100 {
            ana.send(caller(port), b"answer");
        }
        assert_eq!(board.directory().addresses.len(), ADDRESSES);
        drop(ana);
        let directory = board.directory();
        assert!(directory.names.is_empty() && directory.addresses.is_empty());
        assert!(directory.lines.is_empty());
    }

    #[tokio::test]
    async fn floods_and_giants_are_dropped() {
        let board = board().await;
        let (_ana, mut for_ana) = board.connect("ana".to_owned());
        let now = Instant::now();
        let giant = vec![0; LONGEST + 1];
        assert_eq!(board.deliver(caller(1), &giant, now), Err(Dropped::TooLong));
        let mut outcomes = Vec::new();
        for _ in 0..MOST_IN_WINDOW + 1 {
            outcomes.push(board.deliver(caller(1), &check("ana:x"), now));
            if outcomes.len() > WAITING {
                let _taken = for_ana.try_recv();
            }
        }
        assert_eq!(outcomes[WAITING], Err(Dropped::Full));
        assert_eq!(outcomes.last(), Some(&Err(Dropped::Flood)));
        assert_eq!(board.deliver(caller(1), &check("ana:x"), now + WINDOW * 2), Ok(()));
    }
}
