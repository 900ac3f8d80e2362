//! Who is asking, and from where: tokens become users, addresses become verdicts. It knows no conversation.
//!
//! A server on loopback addresses alone is open: whoever reaches it is its one user. Anywhere else a key made at
//! first start stands at the door.

mod ephemeral;
mod origin;
mod secret;
mod tickets;

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use crate::domain::{AudioFileId, ConversationId, UserId};

use ephemeral::Ephemeral;
pub use origin::{Doors, Refused};
pub use secret::Secret;
use tickets::Tickets;

/// How long a link to a piece of audio is good, in hours.
const AUDIO_LINK_HOURS: i64 = 24;
const MILLIS_PER_HOUR: i64 = 3_600_000;

/// Somebody who may use the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
}

/// The door-keeper; clones share it.
#[derive(Clone)]
pub struct Auth {
    secret: Arc<Secret>,
    tickets: Tickets,
    ephemeral: Ephemeral,
    is_open: bool,
    /// What the key is a signature for: one door's key does not open another.
    purpose: &'static str,
}

impl Auth {
    /// `is_open` lets everybody in as the local user.
    #[must_use]
    pub fn new(secret: Secret, is_open: bool) -> Self {
        let (secret, tickets) = (Arc::new(secret), Tickets::default());
        let ephemeral = Ephemeral::default();
        Self { secret, tickets, ephemeral, is_open, purpose: "access" }
    }

    /// The door-keeper of the management listener: its key is another one than the learners'.
    #[must_use]
    pub fn for_operators(&self, is_open: bool) -> Self {
        let (secret, tickets) = (Arc::clone(&self.secret), Tickets::default());
        let ephemeral = Ephemeral::default();
        Self { secret, tickets, ephemeral, is_open, purpose: "management" }
    }

    /// Whether a token is asked for at all.
    #[must_use]
    pub fn is_required(&self) -> bool {
        !self.is_open
    }

    /// What a browser is given to come in with; `None` on an open server.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        self.is_required().then(|| self.secret.sign(self.purpose, ""))
    }

    /// The user behind a token; on an open server any token, or none, is the local user.
    #[must_use]
    pub fn user(&self, token: Option<&str>) -> Option<User> {
        let token = token.unwrap_or_default();
        self.key_holder(token)
            .or_else(|| self.tickets.redeem(token).then(|| User { id: local_user() }))
    }

    /// As [`Auth::user`], for what a ticket does not open.
    #[must_use]
    pub fn key_holder(&self, token: &str) -> Option<User> {
        let is_known = self.is_open || self.secret.verify(self.purpose, "", token);
        is_known.then(|| User { id: local_user() })
    }

    /// A token good for one request within a minute, for carriers that can send no header.
    #[must_use]
    pub fn ticket(&self) -> String {
        self.tickets.issue()
    }

    /// A secret with which that user's browser may do what `grant` says, again and again until its time is over.
    #[must_use]
    pub fn ephemeral(&self, user: User, grant: Value, lifetime: Duration) -> String {
        self.ephemeral.issue(user, grant, lifetime)
    }

    /// Whose secret it is, and what for; `None` when it is none, or its time is over.
    #[must_use]
    pub fn ephemeral_grant(&self, secret: &str) -> Option<(User, Value)> {
        self.ephemeral.find(secret)
    }

    /// What parla calls the conversation that the user calls `name`: nobody can guess it, and the same name of
    /// another user is another conversation.
    #[must_use]
    pub fn conversation(&self, owner: &UserId, name: &str) -> ConversationId {
        ConversationId::parse(&self.secret.sign("conversation", &format!("{owner}|{name}")))
            .expect("invariant: a signature is written in the characters of an id")
    }

    /// The query that opens a piece of audio without a header, good for a day or two. The same for everybody, so
    /// that a frame with it is encoded once.
    #[must_use]
    pub fn audio_query(&self, file: &AudioFileId, now_ms: i64) -> String {
        // The end is rounded up to a whole day, so that a link changes, and is encoded anew, once a day.
        let day = now_ms / (MILLIS_PER_HOUR * AUDIO_LINK_HOURS) + 2;
        let until = day * AUDIO_LINK_HOURS;
        format!("until={until}&signature={}", self.sign_audio(file, until))
    }

    /// Whether such a query is genuine and still good.
    #[must_use]
    pub fn opens_audio(
        &self,
        file: &AudioFileId,
        until: i64,
        signature: &str,
        now_ms: i64,
    ) -> bool {
        until * MILLIS_PER_HOUR > now_ms
            && self.secret.verify("audio", &format!("{file}|{until}"), signature)
    }

    fn sign_audio(&self, file: &AudioFileId, until: i64) -> String {
        self.secret.sign("audio", &format!("{file}|{until}"))
    }
}

/// The one user of a server without accounts.
fn local_user() -> UserId {
    UserId::parse("local").expect("invariant: a word is an id")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(is_open: bool) -> Auth {
        Auth::new(Secret::random(), is_open)
    }

    #[test]
    fn an_open_server_knows_everybody_and_a_closed_one_only_who_has_the_key() {
        assert!(auth(true).user(None).is_some());
        let closed = auth(false);
        let key = closed.key().unwrap();
        assert!(closed.user(Some(&key)).is_some());
        for wrong in [None, Some(""), Some("x"), Some(&*auth(false).key().unwrap())] {
            assert!(closed.user(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn a_ticket_lets_in_once() {
        let closed = auth(false);
        let ticket = closed.ticket();
        assert!(closed.key_holder(&ticket).is_none());
        assert!(closed.user(Some(&ticket)).is_some());
        assert!(closed.user(Some(&ticket)).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_ephemeral_secret_is_good_for_its_purpose_until_its_time_is_over() {
        let closed = auth(false);
        let user = User { id: local_user() };
        let secret = closed.ephemeral(user.clone(), Value::from(7), Duration::from_secs(10));
        assert!(closed.user(Some(&secret)).is_none());
        assert_eq!(closed.ephemeral_grant(&secret), Some((user, Value::from(7))));
        assert_eq!(closed.ephemeral_grant("ek_other"), None);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(closed.ephemeral_grant(&secret), None);
    }

    #[test]
    fn the_same_name_of_another_user_is_another_conversation() {
        let auth = auth(true);
        let (ana, bea) = (UserId::parse("ana").unwrap(), UserId::parse("bea").unwrap());
        assert_eq!(auth.conversation(&ana, "mine"), auth.conversation(&ana, "mine"));
        assert_ne!(auth.conversation(&ana, "mine"), auth.conversation(&bea, "mine"));
        assert_ne!(auth.conversation(&ana, "mine"), auth.conversation(&ana, "other"));
    }

    #[test]
    fn an_audio_link_opens_one_file_for_a_while() {
        let auth = auth(false);
        let (file, other) = (AudioFileId::random(), AudioFileId::random());
        let query = auth.audio_query(&file, 0);
        let (until, signature) =
            query.strip_prefix("until=").unwrap().split_once("&signature=").unwrap();
        let until: i64 = until.parse().unwrap();
        assert!(auth.opens_audio(&file, until, signature, 0));
        assert!(!auth.opens_audio(&other, until, signature, 0));
        assert!(!auth.opens_audio(&file, until + 1, signature, 0));
        assert!(!auth.opens_audio(&file, until, signature, until * MILLIS_PER_HOUR));
    }
}
