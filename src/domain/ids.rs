//! Opaque identifiers: parsed once at the edge, cheap to clone, unguessable when the server makes them.

use std::{fmt, sync::Arc};

use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

/// Longest identifier that a client may send, in characters.
const MAX_LENGTH: usize = 64;
/// 22 characters of 6 bits each: 132 bits of randomness.
const RANDOM_LENGTH: usize = 22;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Accepts `[A-Za-z0-9_-]{1,64}` and nothing else.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                is_id(text).then(|| Self(text.into()))
            }

            /// A new unguessable identifier.
            #[must_use]
            pub fn random() -> Self {
                Self(random_token().into())
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text).ok_or("expected 1 to 64 characters of A-Z a-z 0-9 _ -")
            }
        }
    )*};
}

ids! {
    /// One conversation inside parla: days long, many clients. Clients know it by a name of theirs.
    ConversationId
    /// One side speaking until it yields.
    TurnId
    /// One stored message.
    MessageId
    /// One chunk of a turn.
    ChunkId
    /// A chunk's audio, by a random name of its own: rights hang on it, not on the text's hash.
    AudioFileId
    /// One person.
    UserId
    /// One socket.
    ConnectionId
}

fn is_id(text: &str) -> bool {
    (1..=MAX_LENGTH).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// 132 random bits in the characters that identifiers are made of.
#[must_use]
pub fn random_token() -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bytes = random_bytes::<RANDOM_LENGTH>();
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)])).collect()
}

/// One random byte, to spread over time what would otherwise happen all at once.
#[must_use]
pub fn random_byte() -> u8 {
    let [byte] = random_bytes();
    byte
}

/// Bytes that nobody can guess.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0u8; N];
    SystemRandom::new().fill(&mut bytes).expect("invariant: the system has a random source");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_short_word_of_safe_characters() {
        for good in ["a", "my-conversation-id", "conv_456", &"x".repeat(64)] {
            assert!(TurnId::parse(good).is_some(), "{good}");
        }
        for bad in ["", "../etc", "a b", "ä", "a.b", &"x".repeat(65), "a\0", "%2e"] {
            assert!(TurnId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn random_ids_are_ids_and_differ() {
        let (one, other) = (TurnId::random(), TurnId::random());
        assert_ne!(one, other);
        assert!(TurnId::parse(one.as_str()).is_some());
    }
}
