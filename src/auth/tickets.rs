//! One-time tickets: good for one request within a minute. They are never stored.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::domain::random_token;

const LIFETIME: Duration = Duration::from_secs(60);
/// Tickets that may be out; beyond that the oldest ones go.
const LIMIT: usize = 10_000;

#[derive(Clone, Default)]
pub(super) struct Tickets {
    issued: Arc<Mutex<HashMap<String, Instant>>>,
}

impl Tickets {
    pub(super) fn issue(&self) -> String {
        let (ticket, now) = (random_token(), Instant::now());
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.retain(|_, issued_at| now.duration_since(*issued_at) < LIFETIME);
        if issued.len() >= LIMIT
            && let Some(oldest) =
                issued.iter().min_by_key(|(_, at)| **at).map(|(ticket, _)| ticket.clone())
        {
            issued.remove(&oldest);
        }
        issued.insert(ticket.clone(), now);
        ticket
    }

    pub(super) fn redeem(&self, ticket: &str) -> bool {
        let issued_at = self.issued.lock().unwrap_or_else(PoisonError::into_inner).remove(ticket);
        issued_at.is_some_and(|at| at.elapsed() < LIFETIME)
    }
}
