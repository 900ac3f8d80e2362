//! Secrets for one purpose and a while, made for people's browsers by whoever has more. They are never stored.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use super::User;
use crate::domain::random_token;

/// Secrets that may be out; beyond that those that end first go.
const LIMIT: usize = 1_000;

#[derive(Clone, Default)]
pub(super) struct Ephemeral {
    issued: Arc<Mutex<HashMap<String, Issued>>>,
}

struct Issued {
    user: User,
    grant: Value,
    until: Instant,
}

impl Ephemeral {
    pub(super) fn issue(&self, user: User, grant: Value, lifetime: Duration) -> String {
        let (secret, now) = (format!("ek_{}", random_token()), Instant::now());
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.retain(|_, issued| issued.until > now);
        if issued.len() >= LIMIT
            && let Some(first) =
                issued.iter().min_by_key(|(_, one)| one.until).map(|(secret, _)| secret.clone())
        {
            issued.remove(&first);
        }
        issued.insert(secret.clone(), Issued { user, grant, until: now + lifetime });
        secret
    }

    pub(super) fn find(&self, secret: &str) -> Option<(User, Value)> {
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let found = issued.get(secret).filter(|issued| issued.until > Instant::now())?;
        Some((found.user.clone(), found.grant.clone()))
    }
}
