//! Buckets that fill again by time, for a connection, a user, an address and the server. They remember no command.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::{NonZeroU32, NonZeroUsize},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::StateInformationMiddleware,
    state::{InMemoryState, NotKeyed},
};
use lru::LruCache;

use crate::domain::UserId;

/// What a connection may send at once, and how many a second after that.
const BURST: u32 = 128;
const PER_SECOND: u32 = 10;
/// A user's share in those of one connection: two devices in use at once.
const USER: u32 = 2;
/// An address's: a school's or a proxy's has many users behind it.
const ADDRESS: u32 = 10;
/// The server's.
const SERVER: u32 = 100;
/// Users and addresses that are remembered; of more, those not heard from for longest begin with a full bucket.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(16_384).expect("invariant: not zero");

/// A number of commands at once, and of more as time goes by.
pub struct Bucket {
    limiter: RateLimiter<NotKeyed, InMemoryState, RuntimeClock, StateInformationMiddleware>,
    times: u32,
}

/// What a bucket holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// When it is full.
    pub limit: u32,
    pub remaining: u32,
    /// What comes back.
    pub per_second: u32,
}

/// The buckets that connections share; clones share them.
#[derive(Clone)]
pub struct Rates(Arc<Shared>);

struct Shared {
    users: Option<Buckets<UserId>>,
    addresses: Option<Buckets<IpAddr>>,
    server: Bucket,
}

/// Refused: more commands than the time allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many at once: wait a moment")]
pub struct TooFast {
    /// When the next one is taken.
    pub wait: Duration,
}

impl Bucket {
    /// A full one, as a connection begins with.
    #[must_use]
    pub fn of_connection() -> Self {
        Self::of(1)
    }

    /// `times` a connection's.
    fn of(times: u32) -> Self {
        let count = |of_one: u32| {
            NonZeroU32::new(of_one * times).expect("invariant: no bucket is for nothing")
        };
        let quota = Quota::per_second(count(PER_SECOND)).allow_burst(count(BURST));
        let limiter = RateLimiter::direct_with_clock(quota, RuntimeClock);
        Self { limiter: limiter.with_middleware(), times }
    }

    /// What is left after one more.
    ///
    /// # Errors
    /// When the bucket is empty.
    pub fn take(&self) -> Result<Allowance, TooFast> {
        let refused = |until: governor::NotUntil<_>| TooFast {
            wait: until.wait_time_from(RuntimeClock.now()),
        };
        let left = self.limiter.check().map_err(refused)?;
        Ok(Allowance { remaining: left.remaining_burst_capacity(), ..Allowance::full(self.times) })
    }
}

impl Allowance {
    /// Of a bucket as large as that many connections'.
    fn full(times: u32) -> Self {
        Self { limit: BURST * times, remaining: BURST * times, per_second: PER_SECOND * times }
    }

    /// What it will be when nothing is taken for so long, in milliseconds.
    #[must_use]
    pub fn after(self, ms: u64) -> Self {
        let back = u64::from(self.per_second).saturating_mul(ms) / 1000;
        let remaining = u64::from(self.remaining).saturating_add(back).min(u64::from(self.limit));
        Self { remaining: u32::try_from(remaining).unwrap_or(self.limit), ..self }
    }

    /// Until it is full, in seconds.
    #[must_use]
    pub fn full_in(self) -> f64 {
        f64::from(self.limit - self.remaining) / f64::from(self.per_second)
    }
}

impl Rates {
    pub(super) fn new(tells_people_apart: bool) -> Self {
        Self(Arc::new(Shared {
            users: tells_people_apart.then(|| Buckets::new(USER)),
            addresses: tells_people_apart.then(|| Buckets::new(ADDRESS)),
            server: Bucket::of(SERVER),
        }))
    }

    /// Whether this user may start one more piece of work from there, and how much is left where least is.
    ///
    /// # Errors
    /// When the user, the address or the server has had too much of it lately.
    pub fn start(&self, user: &UserId, address: IpAddr) -> Result<Allowance, TooFast> {
        let of_user = self.0.users.as_ref().map(|users| users.take(user)).transpose()?;
        let addresses = self.0.addresses.as_ref();
        let of_address = addresses.map(|known| known.take(&network(address))).transpose()?;
        // Last: what is refused to one takes nothing from all.
        let of_server = self.0.server.take()?;
        let tighter = |least: Allowance, one: Allowance| {
            if one.remaining < least.remaining { one } else { least }
        };
        Ok([of_user, of_address].into_iter().flatten().fold(of_server, tighter))
    }

    /// What a user has who has started nothing.
    #[must_use]
    pub fn full(&self) -> Allowance {
        Allowance::full(if self.0.users.is_some() { USER } else { SERVER })
    }
}

/// What one household or machine is given: an IPv4 address, or 64 bits of an IPv6 one.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// A bucket for each key. A std mutex: it guards look-ups, never an await.
struct Buckets<K: Eq + Hash> {
    known: Mutex<LruCache<K, Bucket>>,
    times: u32,
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    fn new(times: u32) -> Self {
        Self { known: Mutex::new(LruCache::new(REMEMBERED)), times }
    }

    fn take(&self, key: &K) -> Result<Allowance, TooFast> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_ref(key, || Bucket::of(self.times)).take()
    }
}

/// The runtime's clock, which a test can hold.
#[derive(Clone, Debug)]
struct RuntimeClock;

impl Clock for RuntimeClock {
    type Instant = std::time::Instant;

    fn now(&self) -> Self::Instant {
        tokio::time::Instant::now().into_std()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    /// How many are taken before one is refused.
    fn taken(mut take: impl FnMut() -> Result<Allowance, TooFast>) -> u32 {
        (0..).take_while(|_| take().is_ok()).count().try_into().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_is_emptied_at_once_and_fills_again_with_time() {
        let bucket = Bucket::of_connection();
        assert_eq!(taken(|| bucket.take()), 128);
        let TooFast { wait } = bucket.take().unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        tokio::time::advance(wait).await;
        assert_eq!(taken(|| bucket.take()), 1);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(taken(|| bucket.take()), 128);
    }

    #[tokio::test(start_paused = true)]
    async fn one_user_empties_only_their_own_bucket() {
        let rates = Rates::new(true);
        assert_eq!(taken(|| rates.start(&user("ana"), HERE)), 256);
        assert_eq!(taken(|| rates.start(&user("bea"), HERE)), 256);
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_is_limited_however_many_users_it_has() {
        let rates = Rates::new(true);
        let mut users = (0..).map(|number| user(&format!("user-{number}")));
        assert_eq!(taken(|| rates.start(&users.next().unwrap(), HERE)), 1280);
        let elsewhere = "192.0.2.1".parse().unwrap();
        assert!(rates.start(&user("ana"), elsewhere).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn where_everybody_is_one_user_only_the_server_limits() {
        let rates = Rates::new(false);
        assert_eq!(taken(|| rates.start(&user("local"), HERE)), 12_800);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_is_where_least_is_and_comes_back_with_time() {
        let rates = Rates::new(true);
        assert_eq!(rates.full().remaining, 256);
        let left = rates.start(&user("ana"), HERE).unwrap();
        assert_eq!(left, Allowance { limit: 256, remaining: 255, per_second: 20 });
        assert!((left.full_in() - 0.05).abs() < 1e-9);
        assert_eq!(left.after(49).remaining, 255);
        assert_eq!(left.after(50), rates.full());
        tokio::time::advance(Duration::from_millis(50)).await;
        assert_eq!(rates.start(&user("ana"), HERE).unwrap().remaining, 255);
        // Her neighbours have used up what the house has.
        for number in 0..1270 {
            assert!(rates.start(&user(&format!("user-{number}")), HERE).is_ok());
        }
        let left = rates.start(&user("ana"), HERE).unwrap();
        assert_eq!((left.limit, left.remaining), (1280, 8));
    }

    #[test]
    fn an_address_of_the_sixth_version_stands_for_its_network() {
        let network_of = |address: &str| network(address.parse().unwrap()).to_string();
        assert_eq!(network_of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network_of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(network_of("192.0.2.1"), "192.0.2.1");
    }
}
