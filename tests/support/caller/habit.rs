//! What a caller does that no honest one does. It knows no call.

/// What a caller does not do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Habit {
    #[default]
    Usual,
    /// Begins to agree on keys, again and again, and never hears what comes back.
    NeverAgrees,
    /// Shows another certificate than the one that was announced.
    Pretends,
}

impl Habit {
    /// The offer as the server gets it.
    pub(super) fn shown(self, offer: String) -> String {
        if self == Self::Pretends { pretend(&offer) } else { offer }
    }

    /// Whether what has come is not heard.
    pub(super) fn is_deaf_to(self, datagram: &[u8]) -> bool {
        let is_of_keys = datagram.first().is_some_and(|first| (20..64).contains(first));
        is_of_keys && self == Self::NeverAgrees
    }
}

/// The offer with a fingerprint that no certificate of the caller's has.
fn pretend(offer: &str) -> String {
    let lines = offer.split_inclusive("\r\n").map(|line| {
        let Some((name, hash)) = line.split_once("sha-256 ") else { return line.to_owned() };
        let other: String =
            hash.chars().map(|digit| if digit == 'A' { 'B' } else { digit }).collect();
        let other = other.replacen(|digit: char| digit.is_ascii_digit(), "F", 1);
        format!("{name}sha-256 {other}")
    });
    lines.collect()
}
