//! Takes connections until the process drains, never more than there is room for. It knows no route.

mod connection;
mod heads;
mod stream;

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

use crate::{app::App, shutdown::Shutdown};

use super::{
    calls::{CallPort, Calls},
    http, management,
};
use stream::PatientStream;

pub(super) use connection::TwoLengths;
pub(super) use stream::Stalled;

/// How long running turns have when the server goes down.
const GRACE: Duration = Duration::from_secs(10);
/// Connections of operators; a house full of learners keeps none of them out.
const OPERATORS: usize = 64;
/// A machine that gives no more connections is asked again after this time, and said so of no more often.
const OUT_OF_CONNECTIONS: Duration = Duration::from_secs(1);

/// Where to serve.
pub struct Listeners {
    /// Learners.
    pub public: Vec<TcpListener>,
    /// Operators.
    pub management: Vec<TcpListener>,
    /// Calls of learners; `None` takes none.
    pub calls: Option<CallPort>,
}

/// Serves until the drain begins, then gives running requests, sockets and turns some time to end.
pub async fn serve(app: App, listeners: Listeners) {
    let (shutdown, doors) = (app.shutdown.clone(), Arc::clone(&app.limits.doors));
    let Listeners { public, management, calls } = listeners;
    let calls = Calls::open(calls, app.metrics.calls.clone(), &shutdown);
    let operators = Arc::new(Semaphore::new(OPERATORS));
    let router = management::router(app.for_operators());
    let operators = serve_router(router, management, operators, shutdown.clone());
    let learners = serve_router(http::router(app, calls), public, doors, shutdown);
    tokio::join!(learners, operators);
}

/// As [`serve`]; `doors` has a place for each connection that there may be.
pub(super) async fn serve_router(
    router: Router,
    listeners: Vec<TcpListener>,
    doors: Arc<Semaphore>,
    shutdown: Shutdown,
) {
    for listener in listeners {
        let entrance = Entrance {
            listener,
            doors: Arc::clone(&doors),
            router: router.clone(),
            shutdown: shutdown.clone(),
        };
        shutdown.spawn("listener", entrance.serve());
    }
    // Tasks such as the store's writer end with the last handle to what they serve.
    drop(router);
    shutdown.draining().await;
    shutdown.finish(GRACE).await;
}

/// What the system may hold of one connection before it is on its way, in bytes. By itself it takes megabytes, of
/// which a slow reader drains too little in ten seconds to look alive.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;

/// One address on which the server listens.
struct Entrance {
    listener: TcpListener,
    doors: Arc<Semaphore>,
    router: Router,
    shutdown: Shutdown,
}

impl Entrance {
    async fn serve(self) {
        let draining = self.shutdown.clone();
        tokio::select! {
            () = self.take_all() => {}
            () = draining.draining() => {}
        }
    }

    async fn take_all(&self) {
        // Whoever comes when all places are taken waits in the system's queue.
        while let Ok(place) = Arc::clone(&self.doors).acquire_owned().await {
            let (tcp, peer) = self.accept().await;
            self.carry(tcp, peer, place);
        }
    }

    async fn accept(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if is_of_one_client(error.kind()) => {}
                Err(error) => {
                    tracing::error!(code = "accept_failed", %error, "no connection can be taken");
                    sleep(OUT_OF_CONNECTIONS).await;
                }
            }
        }
    }

    fn carry(&self, tcp: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        // A frame is sent when it is written: waiting for more would cost more than it saves.
        if let Err(error) = tcp.set_nodelay(true).and_then(|()| keep_little_unsent(&tcp)) {
            tracing::debug!(%error, "a connection was gone before it began");
        }
        let stream = PatientStream::new(tcp, place);
        let carried = connection::carry(stream, peer, self.router.clone(), self.shutdown.clone());
        self.shutdown.spawn("connection", carried);
    }
}

#[cfg(target_os = "linux")]
fn keep_little_unsent(tcp: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(tcp).set_tcp_notsent_lowat(UNSENT)
}

#[cfg(not(target_os = "linux"))]
fn keep_little_unsent(_: &TcpStream) -> io::Result<()> {
    Ok(())
}

/// The client left before it was taken: nothing is wrong with the listener.
fn is_of_one_client(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}
