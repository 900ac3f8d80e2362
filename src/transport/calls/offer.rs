//! A caller's offer (SDP), looked over before the WebRTC library reads it. It answers nothing.

use std::collections::HashSet;

/// Longest offer, in bytes; a browser's with data and sound has about three thousand.
pub(super) const LONGEST: usize = 64 * 1024;
/// Sound and data are two lines; a browser that offers a picture as well has three.
const MOST_LINES: usize = 8;
const SHA_256_BYTES: usize = 32;
/// A machine with many networks has some dozens.
const MOST_CANDIDATES: usize = 100;

/// An offer that is worth answering: it has sound in Opus both ways, and keys to be known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer(String);

/// Why an offer is not answered. The library's own words are for nobody: they name places in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum OfferError {
    #[error("the offer is longer than 64 KiB")]
    TooLong,
    #[error("the body is no SDP offer: it does not begin with v=0")]
    NoSdp,
    #[error("the offer has more than {MOST_LINES} m-lines")]
    TooManyLines,
    #[error("the offer has more than {MOST_CANDIDATES} candidates")]
    TooManyCandidates,
    #[error("the offer has no audio in Opus that is both sent and received (sendrecv)")]
    NoAudio,
    #[error("the offer has no SHA-256 fingerprint of its certificate")]
    NoFingerprint,
    #[error("the offer has no ice-ufrag and ice-pwd")]
    NoIce,
    #[error("the offer is of an ICE-lite agent, as this server is: neither would begin")]
    IceLite,
    #[error("the offer cannot be answered: a line of it is malformed or contradicts another")]
    Unanswerable,
}

impl Offer {
    /// # Errors
    /// The first thing that is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, OfferError> {
        let count = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        let checks = [
            (text.len() > LONGEST, OfferError::TooLong),
            (!text.starts_with("v=0"), OfferError::NoSdp),
            (count("m=") > MOST_LINES, OfferError::TooManyLines),
            (count("a=candidate:") > MOST_CANDIDATES, OfferError::TooManyCandidates),
            (count("a=ice-lite") > 0, OfferError::IceLite),
            (!speaks(text), OfferError::NoAudio),
            (!text.lines().any(is_fingerprint), OfferError::NoFingerprint),
            (!names_are_unique(text), OfferError::Unanswerable),
            (count("a=ice-ufrag:") == 0 || count("a=ice-pwd:") == 0, OfferError::NoIce),
        ];
        match checks.into_iter().find(|(is_wrong, _)| *is_wrong) {
            Some((_, error)) => Err(error),
            None => Ok(Self(text.to_owned())),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether each of the lines has a name (mid) of its own.
fn names_are_unique(text: &str) -> bool {
    let mut seen = HashSet::new();
    text.lines().filter(|line| line.starts_with("a=mid:")).all(|line| seen.insert(line.trim_end()))
}

/// Whether a certificate can be known by that line.
fn is_fingerprint(line: &str) -> bool {
    let Some((function, hash)) =
        line.strip_prefix("a=fingerprint:").and_then(|fingerprint| fingerprint.split_once(' '))
    else {
        return false;
    };
    let is_byte = |digits: &str| digits.len() == 2 && u8::from_str_radix(digits, 16).is_ok();
    let bytes = hash.trim_end().split(':');
    function.eq_ignore_ascii_case("sha-256")
        && bytes.clone().all(is_byte)
        && bytes.count() == SHA_256_BYTES
}

/// Whether one of the lines carries Opus both ways. A direction that is not said is both ways.
fn speaks(text: &str) -> bool {
    let one_way = ["a=sendonly", "a=recvonly", "a=inactive"];
    text.split("\nm=").skip(1).filter(|line| line.starts_with("audio ")).any(|line| {
        let is_opus = |line: &str| {
            line.strip_prefix("a=rtpmap:").is_some_and(|map| {
                map.split_once(' ').is_some_and(|(_, codec)| {
                    codec.trim_end().to_ascii_lowercase().starts_with("opus/48000")
                })
            })
        };
        line.lines().any(is_opus) && !line.lines().any(|line| one_way.contains(&line.trim_end()))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) const CHROMIUM: &str = include_str!("../../../fuzz/seeds/offer/chromium");

    #[test]
    fn a_browsers_offer_is_worth_answering_with_either_end_of_line() {
        assert!(Offer::read(CHROMIUM).is_ok());
        assert!(Offer::read(&CHROMIUM.replace("\r\n", "\n")).is_ok());
    }

    #[test]
    fn what_cannot_become_a_call_is_refused_by_its_reason() {
        let without = |start: &str| -> String {
            CHROMIUM.split_inclusive('\n').filter(|line| !line.starts_with(start)).collect()
        };
        let times = |line: &str, times: usize| CHROMIUM.to_owned() + &line.repeat(times);
        let candidate = "a=candidate:1 1 udp 2122260223 10.0.0.1 5000 typ host\r\n";
        for (offer, error) in [
            (String::new(), OfferError::NoSdp),
            ("hello".to_owned(), OfferError::NoSdp),
            (times("a=x:y\r\n", 10_000), OfferError::TooLong),
            (times("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", 1000), OfferError::TooManyLines),
            (times(candidate, 101), OfferError::TooManyCandidates),
            (CHROMIUM.replace("m=audio", "m=video"), OfferError::NoAudio),
            (CHROMIUM.replace("a=sendrecv", "a=sendonly"), OfferError::NoAudio),
            (CHROMIUM.replace("a=sendrecv", "a=recvonly"), OfferError::NoAudio),
            (CHROMIUM.replace("opus/48000", "speex/48000"), OfferError::NoAudio),
            (without("a=fingerprint:"), OfferError::NoFingerprint),
            (CHROMIUM.replace("sha-256 5B:", "sha-256 "), OfferError::NoFingerprint),
            (CHROMIUM.replace("sha-256 5B:", "sha-256 ZZ:"), OfferError::NoFingerprint),
            (without("a=ice-pwd:"), OfferError::NoIce),
            (CHROMIUM.replace("a=mid:1", "a=mid:0"), OfferError::Unanswerable),
            (times("a=ice-lite\r\n", 1), OfferError::IceLite),
        ] {
            assert_eq!(Offer::read(&offer).err(), Some(error), "{error}");
        }
    }
}
