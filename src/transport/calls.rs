//! Calls: the Realtime protocol over WebRTC. A call is answered here and then carried by two tasks of its own, one for the
//! network and one for the conversation. What is said is decided elsewhere.

mod carrier;
mod crypto;
mod ear;
pub(super) mod http;
mod line;
mod mouth;
mod niceness;
mod offer;
mod peer;
mod port;
mod reception;
mod stun;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use str0m::crypto::CryptoProvider;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc, oneshot},
    task::spawn_blocking,
    time::timeout,
};

use crate::{
    domain::{UserId, random_token},
    shutdown::Shutdown,
    telemetry::metrics::CallMetrics,
};
use line::{Handset, Line, Order, RestartError};
use offer::{Offer, OfferError};
use peer::{Output, Peer};
pub use port::CallPort;
use port::Switchboard;

/// Offers that are answered at once: each takes some milliseconds of a processor, of which sound needs its share.
const ANSWERED_AT_ONCE: usize = 2;
/// How long an offer may wait for its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// All calls of a server; clones share them.
#[derive(Clone)]
pub(super) struct Calls(Arc<Shared>);

struct Shared {
    /// `None` where no port is open for them.
    board: Option<Switchboard>,
    answering: Semaphore,
    /// Where lines are until they are connected.
    reception: Handle,
    metrics: CallMetrics,
    shutdown: Shutdown,
    /// By id. A std mutex: plain data, never held over an await.
    open: Mutex<HashMap<String, Listed>>,
}

struct Listed {
    owner: UserId,
    /// Whoever carries the call holds it.
    orders: mpsc::WeakSender<Order>,
}

/// A call's place in the list; dropping it takes the call out.
struct Listing {
    calls: Calls,
    id: String,
}

/// Why a call does not come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum CallError {
    #[error("this server takes no calls: PARLA_RTC_LISTEN is off, or its port was taken")]
    Off,
    #[error(transparent)]
    Offer(#[from] OfferError),
    #[error("too many calls begin at this moment")]
    Busy,
}

/// How an offer is answered by a server that nobody can reach: the whole of what a stranger's offer makes parla do.
///
/// # Errors
/// Why it is refused, as its sender is told.
pub fn answer_to(offer: &str) -> Result<String, String> {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let answered = Offer::read(offer).and_then(|offer| {
        let (mut peer, answer) = Peer::answer(&offer, &[nowhere], Instant::now())?;
        while !matches!(peer.poll(Instant::now()), Output::WakeAt(_)) {}
        Ok(answer)
    });
    answered.map_err(|error| error.to_string())
}

/// The ciphers of calls, for callers that tests and measurements make.
#[must_use]
pub fn ciphers() -> CryptoProvider {
    crypto::provider()
}

impl Calls {
    /// Takes calls at that port from here on; none without one.
    pub(super) fn open(port: Option<CallPort>, metrics: CallMetrics, shutdown: &Shutdown) -> Self {
        let board = port.and_then(|port| {
            let board = Switchboard::open(port, metrics.clone(), shutdown);
            let told = |error: &_| tracing::warn!(code = "calls_unavailable", %error, "no calls");
            board.inspect_err(told).ok()
        });
        Self(Arc::new(Shared {
            board,
            answering: Semaphore::new(ANSWERED_AT_ONCE),
            reception: reception::open(shutdown),
            metrics,
            shutdown: shutdown.clone(),
            open: Mutex::default(),
        }))
    }

    /// A line for the caller, which runs already, and the answer to its offer.
    async fn answer(&self, offer: Offer) -> Result<(Handset, String), CallError> {
        let board = self.0.board.clone().ok_or(CallError::Off)?;
        let place = timeout(PATIENCE, self.0.answering.acquire()).await;
        let place = place.map_err(|_| CallError::Busy)?;
        let addresses = board.addresses().to_vec();
        let answered = spawn_blocking(move || Peer::answer(&offer, &addresses, Instant::now()));
        // A panic of the library is this offer's alone.
        let (mut peer, answer) = answered.await.map_err(|_| OfferError::Unanswerable)??;
        drop(place);
        let extension = board.connect(peer.name());
        let (line, handset) = Line::new(peer, extension, self.0.metrics.clone());
        self.connect(line, board.threads().clone());
        Ok((handset, answer))
    }

    /// A line goes on among the others once it is connected.
    fn connect(&self, line: Box<Line>, others: Handle) {
        let shutdown = self.0.shutdown.clone();
        let connecting = async move {
            if let Some(line) = line.connect().await {
                shutdown.spawn_on(&others, "line", line.run());
            }
        };
        self.0.shutdown.spawn_on(&self.0.reception, "new line", connecting);
    }

    /// Gives a call its id.
    fn list(&self, owner: UserId, orders: &mpsc::Sender<Order>) -> Listing {
        let id = format!("rtc_{}", random_token());
        let listed = Listed { owner, orders: orders.downgrade() };
        self.listed().insert(id.clone(), listed);
        Listing { calls: self.clone(), id }
    }

    /// Where to give orders to a call of that user's.
    fn find(&self, id: &str, user: &UserId) -> Option<mpsc::Sender<Order>> {
        let listed = self.listed();
        listed.get(id).filter(|call| call.owner == *user)?.orders.upgrade()
    }

    /// Answers a later offer of a caller's.
    async fn restart(orders: &mpsc::Sender<Order>, offer: Offer) -> Result<String, RestartError> {
        let (answer, answered) = oneshot::channel();
        let order = Order::Answer { offer, answer };
        orders.send(order).await.map_err(|_| RestartError::Over)?;
        answered.await.map_err(|_| RestartError::Over)?
    }

    fn listed(&self) -> MutexGuard<'_, HashMap<String, Listed>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.calls.listed().remove(&self.id);
    }
}
