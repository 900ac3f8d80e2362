//! A bad network between callers and the server: it loses and delays datagrams by a seeded die. It reads none.

#![allow(unreachable_pub, reason = "the tests beside it use it")]

use std::{
    collections::{HashMap, hash_map::Entry},
    io,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use tokio::{net::UdpSocket, task::JoinSet, time::sleep};
use tokio_util::task::AbortOnDropHandle;

use super::dice::Dice;

/// How bad it is.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Of a hundred datagrams, each way.
    pub loss: u64,
    /// What each takes at least.
    pub delay: Duration,
    /// The longest time on top of that; as each has its own, they overtake each other.
    pub jitter: Duration,
}

/// A relay; dropping it ends it.
pub struct Relay {
    _task: AbortOnDropHandle<()>,
}

impl Relay {
    /// From that address, where callers look for the server, to the server.
    pub async fn start(at: SocketAddr, server: SocketAddr, weather: Weather) -> io::Result<Self> {
        let front = Arc::new(UdpSocket::bind(at).await?);
        let network = Network { front, server, weather };
        #[expect(clippy::disallowed_methods, reason = "a test's task ends with its handle")]
        let task = tokio::spawn(network.run());
        Ok(Self { _task: AbortOnDropHandle::new(task) })
    }
}

#[derive(Clone)]
struct Network {
    front: Arc<UdpSocket>,
    server: SocketAddr,
    weather: Weather,
}

impl Network {
    async fn run(self) {
        let mut callers: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
        let (mut tasks, mut dice) = (JoinSet::new(), Dice::new(7));
        let mut buffer = vec![0; 2048];
        while let Ok((length, from)) = self.front.recv_from(&mut buffer).await {
            if let Entry::Vacant(place) = callers.entry(from) {
                let Ok(back) = UdpSocket::bind("127.0.0.1:0").await else { return };
                let back = Arc::clone(place.insert(Arc::new(back)));
                tasks.spawn(self.clone().bring_back(back, from));
            }
            let (back, server) = (Arc::clone(&callers[&from]), self.server);
            self.pass(&mut tasks, &mut dice, (back, server, buffer[..length].to_vec()));
            while tasks.try_join_next().is_some() {}
        }
    }

    async fn bring_back(self, back: Arc<UdpSocket>, caller: SocketAddr) {
        let (mut tasks, mut dice) = (JoinSet::new(), Dice::new(u64::from(caller.port())));
        let mut buffer = vec![0; 2048];
        while let Ok((length, _)) = back.recv_from(&mut buffer).await {
            let front = Arc::clone(&self.front);
            self.pass(&mut tasks, &mut dice, (front, caller, buffer[..length].to_vec()));
            while tasks.try_join_next().is_some() {}
        }
    }

    fn pass(
        &self,
        tasks: &mut JoinSet<()>,
        dice: &mut Dice,
        (by, to, datagram): (Arc<UdpSocket>, SocketAddr, Vec<u8>),
    ) {
        if dice.below(100) < self.weather.loss {
            return;
        }
        let delay = self.weather.delay + dice.moment(self.weather.jitter);
        tasks.spawn(async move {
            sleep(delay).await;
            drop(by.send_to(&datagram, to).await);
        });
    }
}
