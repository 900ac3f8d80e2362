//! How much one may ask for: commands by time, places at once. It knows no wire and refuses nobody by itself.

mod places;
mod rates;

use std::{net::IpAddr, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::UserId;

pub use places::{Place, Places};
pub use rates::{Allowance, Bucket, Rates, TooFast};

/// Connections of one user.
const OF_A_USER: usize = 32;
/// Connections from one address that have not signed in.
const OF_STRANGERS: usize = 64;
/// Recordings that are heard at once: each may take 45 MB while it is.
const RECORDINGS: usize = 8;
/// Turns of one user that may be made at once.
const TURNS_OF_A_USER: usize = 4;

/// All limits that requests share; clones share them.
#[derive(Clone)]
pub struct Limits {
    pub rates: Rates,
    pub connections: Connections,
    /// Connections below HTTP: as many plain ones as there may be long-lived ones. Whoever comes then waits.
    pub doors: Arc<Semaphore>,
    /// Whole recordings on their way to words.
    pub recordings: Arc<Semaphore>,
    /// `None` where everybody is one user.
    pub turns: Option<Places<UserId>>,
}

/// Who may hold a connection for long: a socket or an event stream.
#[derive(Clone)]
pub struct Connections {
    all: Arc<Semaphore>,
    each: Option<Each>,
}

#[derive(Clone)]
struct Each {
    users: Places<UserId>,
    strangers: Places<IpAddr>,
}

/// A long-lived connection's place; dropping it gives it back.
pub struct Seat {
    _of_all: OwnedSemaphorePermit,
    own: Own,
}

enum Own {
    Unlimited,
    User { _place: Place<UserId> },
    Stranger { _place: Place<IpAddr> },
}

impl Limits {
    /// `tells_people_apart` is false on a server where everybody is the one local user: what is limited for each
    /// user and address is then not limited at all.
    #[must_use]
    pub fn new(max_connections: u32, tells_people_apart: bool) -> Self {
        let max_connections = max_connections as usize;
        let places = Each { users: Places::new(OF_A_USER), strangers: Places::new(OF_STRANGERS) };
        Self {
            rates: Rates::new(tells_people_apart),
            connections: Connections {
                all: Arc::new(Semaphore::new(max_connections)),
                each: tells_people_apart.then_some(places),
            },
            doors: Arc::new(Semaphore::new(max_connections.saturating_mul(2))),
            recordings: Arc::new(Semaphore::new(RECORDINGS)),
            turns: tells_people_apart.then(|| Places::new(TURNS_OF_A_USER)),
        }
    }
}

impl Connections {
    /// A place for a user, or for whoever has still to sign in; `None` when all are taken.
    #[must_use]
    pub fn seat(&self, user: Option<&UserId>, address: IpAddr) -> Option<Seat> {
        let of_all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let own = match (&self.each, user) {
            (None, _) => Own::Unlimited,
            (Some(each), Some(user)) => Own::User { _place: each.users.take(user.clone())? },
            (Some(each), None) => {
                Own::Stranger { _place: each.strangers.take(rates::network(address))? }
            }
        };
        Some(Seat { _of_all: of_all, own })
    }

    /// The stranger turns out to be a user: their place counts as the user's from here on, or is lost.
    #[must_use]
    pub fn sign_in(&self, seat: Seat, user: &UserId) -> Option<Seat> {
        match (&self.each, &seat.own) {
            (Some(each), Own::Stranger { .. }) => {
                let own = Own::User { _place: each.users.take(user.clone())? };
                Some(Seat { own, ..seat })
            }
            (_, Own::Unlimited | Own::User { .. } | Own::Stranger { .. }) => Some(seat),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn connections(tells_people_apart: bool, max: u32) -> Connections {
        Limits::new(max, tells_people_apart).connections
    }

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    #[test]
    fn strangers_of_one_address_leave_room_for_others_and_for_users() {
        let connections = connections(true, 1000);
        let seats: Vec<Seat> = (0..64).filter_map(|_| connections.seat(None, HERE)).collect();
        assert_eq!(seats.len(), 64);
        assert!(connections.seat(None, HERE).is_none());
        assert!(connections.seat(None, "192.0.2.1".parse().unwrap()).is_some());
        assert!(connections.seat(Some(&user("ana")), HERE).is_some());
        drop(seats);
        assert!(connections.seat(None, HERE).is_some());
    }

    #[test]
    fn whoever_signs_in_counts_as_a_user() {
        let connections = connections(true, 1000);
        let (ana, bea) = (user("ana"), user("bea"));
        let seats: Vec<Seat> = (0..40)
            .filter_map(|_| connections.sign_in(connections.seat(None, HERE)?, &ana))
            .collect();
        assert_eq!(seats.len(), 32);
        assert!(connections.seat(Some(&ana), HERE).is_none());
        assert!(connections.seat(Some(&bea), HERE).is_some());
        let strangers = (0..64).filter_map(|_| connections.seat(None, HERE)).collect::<Vec<_>>();
        assert_eq!(strangers.len(), 64, "those who have signed in are no strangers");
    }

    #[test]
    fn the_one_user_of_an_open_server_has_all_places_and_no_more() {
        let connections = connections(false, 100);
        let seats: Vec<Seat> =
            (0..200).filter_map(|_| connections.seat(Some(&user("local")), HERE)).collect();
        assert_eq!(seats.len(), 100);
    }
}
