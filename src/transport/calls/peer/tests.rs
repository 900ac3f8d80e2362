//! A peer before callers that are peers, too, without a network between them.

use std::collections::VecDeque;

use str0m::{
    change::SdpAnswer,
    media::{Direction, MediaKind},
};

use super::*;
use crate::transport::calls::{offer::tests::CHROMIUM, stun::asked_name};

const SERVER: &str = "127.0.0.1:9";
const CALLER: &str = "127.0.0.1:7";

fn answer(offer: &str) -> Result<(Peer, String), OfferError> {
    Peer::answer(&Offer::read(offer)?, &[SERVER.parse().unwrap()], Instant::now())
}

/// Both ends, with a clock that only the test moves and a network that loses what it says.
struct Exchange {
    peer: Peer,
    caller: Rtc,
    line: Mid,
    now: Instant,
    events: Vec<PeerEvent>,
    caller_events: Vec<RtcEvent>,
    /// What the peer has sent and the caller has not got.
    waiting: VecDeque<Vec<u8>>,
    is_cut: bool,
}

impl Exchange {
    /// A caller as browsers are, connected.
    fn begin() -> Self {
        let now = Instant::now();
        let mut caller = RtcConfig::new()
            .set_crypto_provider(Arc::new(crypto::provider()))
            .clear_codecs()
            .enable_opus(true, false)
            .build(now);
        caller.add_local_candidate(Candidate::host(CALLER.parse().unwrap(), "udp").unwrap());
        let mut api = caller.sdp_api();
        let line =
            api.add_media(MediaKind::Audio, Direction::SendRecv, Some("s".to_owned()), None, None);
        api.add_channel(EVENTS.to_owned());
        let (offer, pending) = api.apply().unwrap();
        let (peer, answer) = answer(&offer.to_sdp_string()).unwrap();
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        caller.sdp_api().accept_answer(pending, answer).unwrap();
        let (events, caller_events, waiting) = (Vec::new(), Vec::new(), VecDeque::new());
        let is_cut = false;
        let mut exchange = Self { peer, caller, line, now, events, caller_events, waiting, is_cut };
        exchange.until(|all| all.events.contains(&PeerEvent::EventsOpen));
        assert!(exchange.events.contains(&PeerEvent::Connected));
        exchange
    }

    /// The caller says packets of one byte, one every 20 ms.
    fn speak(&mut self, packets: std::ops::Range<u64>) {
        for n in packets {
            let writer = self.caller.writer(self.line).unwrap();
            let pt = writer.payload_params().next().unwrap().pt();
            let at = MediaTime::new(n * 960, Frequency::FORTY_EIGHT_KHZ);
            writer.write(pt, self.now, at, vec![n as u8, 0]).unwrap();
            let end = self.now + Duration::from_millis(20);
            self.until(|all| all.now >= end);
        }
    }

    fn heard(&self) -> Vec<(u8, u64)> {
        let packet = |event: &PeerEvent| match event {
            PeerEvent::Audio(packet) => Some((packet.opus[0], packet.lost)),
            _ => None,
        };
        self.events.iter().filter_map(packet).collect()
    }

    /// For a minute of the test's time at most.
    fn until(&mut self, is_done: impl Fn(&Self) -> bool) {
        let end = self.now + Duration::from_secs(60);
        while !is_done(self) {
            assert!(self.now < end, "{:?} {:?}", self.events, self.caller_events);
            let wake = self.settle();
            self.now = wake.clamp(self.now + Duration::from_millis(1), end);
            self.peer.wake(self.now);
            self.settle();
            self.caller.handle_input(Input::Timeout(self.now)).unwrap();
        }
    }

    fn settle(&mut self) -> Instant {
        let (server, client) = (SERVER.parse().unwrap(), CALLER.parse().unwrap());
        let mut peers = self.settle_peer();
        loop {
            match self.caller.poll_output().unwrap() {
                RtcOutput::Timeout(at) => match self.waiting.pop_front() {
                    None => return at.min(peers),
                    Some(_) if self.is_cut => {}
                    Some(datagram) => {
                        let datagram = Receive::new(Protocol::Udp, server, client, &datagram);
                        let input = Input::Receive(self.now, datagram.unwrap());
                        self.caller.handle_input(input).unwrap();
                    }
                },
                RtcOutput::Event(event) => self.caller_events.push(event),
                RtcOutput::Transmit(_) if self.is_cut => {}
                RtcOutput::Transmit(sent) => {
                    self.peer.receive(client, &sent.contents, self.now);
                    peers = self.settle_peer();
                }
            }
        }
    }

    fn settle_peer(&mut self) -> Instant {
        loop {
            match self.peer.poll(self.now) {
                Output::WakeAt(at) => return at,
                Output::Event(event) => self.events.push(event),
                Output::Send { datagram, .. } => self.waiting.push_back(datagram),
            }
        }
    }
}

#[test]
fn a_browsers_offer_is_answered_with_our_address_and_opus_both_ways() {
    let (_, sdp) = answer(CHROMIUM).unwrap();
    let has = |line: &str| sdp.lines().any(|other| other.contains(line));
    for line in ["a=ice-lite", "127.0.0.1 9 typ host", "opus/48000/2", "a=sendrecv", "a=msid:"] {
        assert!(has(line), "{line} is missing:\n{sdp}");
    }
    assert!(!has("red/48000") && !has("telephone-event"), "{sdp}");
}

#[test]
fn what_the_library_cannot_read_is_refused_in_our_words() {
    let offer = CHROMIUM.replace("a=fingerprint:sha-256 ", "a=fingerprint:sha-256 ZZ:");
    assert_eq!(answer(&offer).err(), Some(OfferError::Unanswerable));
}

#[test]
fn lines_that_are_left_out_cut_or_doubled_never_panic() {
    let lines: Vec<&str> = CHROMIUM.split_inclusive('\n').collect();
    for n in 0..lines.len() {
        let (before, after) = (lines[..n].concat(), lines[n + 1..].concat());
        let cut: String = lines[n].chars().take(lines[n].chars().count() / 2).collect();
        for middle in ["".to_owned(), format!("{cut}\r\n"), lines[n].repeat(2)] {
            if let Ok((mut peer, _)) = answer(&format!("{before}{middle}{after}")) {
                while !matches!(peer.poll(Instant::now()), Output::WakeAt(_)) {}
            }
        }
    }
}

#[test]
fn nobody_is_sent_anything_before_the_password_was_right() {
    let (mut peer, sdp) = answer(CHROMIUM).unwrap();
    let ufrag = sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap();
    assert_eq!(ufrag, peer.name());
    let name = format!("{ufrag}:ZCYd");
    let padded = name.len().next_multiple_of(4);
    let mut check = vec![0, 1, 0, (4 + padded + 24) as u8, 0x21, 0x12, 0xa4, 0x42];
    check.resize(20, 7);
    check.extend([0, 6, 0, name.len() as u8]);
    check.extend(name.as_bytes());
    check.resize(24 + padded, 0);
    // Integrity, made without the password.
    check.extend([0, 8, 0, 20]);
    check.resize(check.len() + 20, 9);
    assert_eq!(asked_name(&check), Some(ufrag));
    let now = Instant::now();
    let client_hello: &[u8] = &[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4];
    for datagram in [&check[..], client_hello, b"garbage", &[0x80; 400], &[]] {
        peer.receive("10.0.0.1:5".parse().unwrap(), datagram, now);
        assert!(matches!(peer.poll(now), Output::WakeAt(_)), "something is sent or told");
    }
}

#[test]
fn sound_and_events_go_both_ways() {
    let mut call = Exchange::begin();
    call.speak(0..10);
    assert_eq!(call.heard()[..8], std::array::from_fn::<_, 8, _>(|n| (n as u8, 0)));
    call.peer.send_audio(&[1, 2, 3], (0, true), call.now);
    call.until(|all| all.caller_events.iter().any(|event| matches!(event, RtcEvent::MediaData(_))));
    assert!(call.peer.send_event("{}"));
    let is_event =
        |event: &RtcEvent| matches!(event, RtcEvent::ChannelData(data) if data.data == b"{}");
    call.until(|all| all.caller_events.iter().any(is_event));
}

#[test]
fn lost_packets_are_counted_and_nobody_waits_long_for_them() {
    let mut call = Exchange::begin();
    call.speak(0..10);
    call.is_cut = true;
    call.speak(10..13);
    call.is_cut = false;
    call.speak(13..30);
    let heard = call.heard();
    assert!(heard.contains(&(13, 3)), "{heard:?}");
    assert_eq!(heard.iter().map(|(_, lost)| lost).sum::<u64>(), 3);
    assert!(heard.len() >= 24, "{heard:?}");
}

#[test]
fn who_is_not_heard_of_is_told_as_silent_and_may_return() {
    let mut call = Exchange::begin();
    call.events.clear();
    call.is_cut = true;
    call.until(|all| all.events.contains(&PeerEvent::Silent));
    call.is_cut = false;
    call.until(|all| all.events.contains(&PeerEvent::Returned));
}

#[test]
fn a_goodbye_is_answered() {
    let mut call = Exchange::begin();
    call.peer.hang_up();
    call.until(|all| all.events.contains(&PeerEvent::Closed));
}
