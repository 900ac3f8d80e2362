//! A peer before callers that are peers, too, without a network between them.

use std::collections::VecDeque;

use str0m::{
    change::SdpAnswer,
    media::{Direction, MediaKind},
    rtp::RtpWrite,
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
    /// What the caller has sent, whether it came or not.
    sent: Vec<Vec<u8>>,
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
            .set_sctp_max_buffered_amount(1 << 20)
            .build(now);
        caller.add_local_candidate(Candidate::host(CALLER.parse().unwrap(), "udp").unwrap());
        let mut api = caller.sdp_api();
        let line =
            api.add_media(MediaKind::Audio, Direction::SendRecv, Some("s".to_owned()), None, None);
        api.add_channel(EVENTS.to_owned());
        let (offer, pending) = api.apply().unwrap();
        let (peer, answer) = answer(&offer.to_sdp_string()).unwrap();
        // A caller that does not listen to how long a message may be.
        let answer = answer.replace("a=max-message-size:262144", "a=max-message-size:1000000");
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        caller.sdp_api().accept_answer(pending, answer).unwrap();
        let (events, caller_events, waiting) = (Vec::new(), Vec::new(), VecDeque::new());
        let (sent, is_cut) = (Vec::new(), false);
        let mut exchange =
            Self { peer, caller, line, now, events, caller_events, waiting, sent, is_cut };
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

    /// One packet with that number, at that place of the caller's clock.
    fn send(&mut self, number: u64, at: u32, byte: u8) {
        let pt = self.caller.writer(self.line).unwrap().payload_params().next().unwrap().pt();
        let mut api = self.caller.direct_api();
        let stream = api.stream_tx_by_mid(self.line, None).unwrap();
        stream.write_rtp(RtpWrite::new(pt, number.into(), at, self.now, vec![byte, 0]));
        let end = self.now + Duration::from_millis(20);
        self.until(|all| all.now >= end);
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
                RtcOutput::Transmit(sent) => {
                    self.sent.push(sent.contents.to_vec());
                    if !self.is_cut {
                        self.peer.receive(client, &sent.contents, self.now);
                        peers = self.settle_peer();
                    }
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
    let offer = CHROMIUM.replace("a=mid:1\r\n", "a=mid:\r\n");
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
fn packets_that_come_again_or_from_somebody_else_are_not_heard() {
    let mut call = Exchange::begin();
    call.speak(0..10);
    let (heard, from) = (call.heard(), CALLER.parse().unwrap());
    let spoken: Vec<Vec<u8>> =
        call.sent.iter().filter(|sent| (128..192).contains(&sent[0])).cloned().collect();
    assert!(spoken.len() >= 10);
    // Byte 9 is of the stream's name (SSRC), the last one of what proves the sender.
    for datagram in spoken {
        let with_changed = |place: usize| {
            let mut changed = datagram.clone();
            changed[place] ^= 1;
            changed
        };
        let last = datagram.len() - 1;
        for strange in
            [datagram.clone(), with_changed(9), with_changed(last), datagram[..last].to_vec()]
        {
            call.peer.receive(from, &strange, call.now);
            call.settle();
        }
    }
    assert_eq!(call.heard(), heard);
    call.speak(10..20);
    assert!(call.heard().len() > heard.len() + 5, "{:?}", call.heard());
}

#[test]
fn keys_are_not_agreed_on_again_and_garbage_changes_nothing() {
    let mut call = Exchange::begin();
    let from = CALLER.parse().unwrap();
    let is_of_keys = |sent: &&Vec<u8>| (20..64).contains(&sent[0]);
    let agreement: Vec<Vec<u8>> = call.sent.iter().filter(is_of_keys).cloned().collect();
    assert!(!agreement.is_empty());
    for _ in 0..100 {
        for datagram in agreement.iter().chain([&vec![22; 300], &vec![63; 13], &vec![20]]) {
            call.peer.receive(from, datagram, call.now);
            call.settle();
        }
    }
    call.speak(0..10);
    assert!(call.heard().len() >= 8 && !call.events.contains(&PeerEvent::Closed));
}

#[test]
fn numbers_that_begin_again_and_clocks_that_jump_lose_nothing() {
    let mut call = Exchange::begin();
    let day = 48_000 * 3600 * 24;
    for n in 0..20u8 {
        let jumped = if n < 10 { 0 } else { day };
        let at = (u32::MAX - 4000).wrapping_add(u32::from(n) * 960).wrapping_add(jumped);
        call.send(65_530 + u64::from(n), at, n);
    }
    call.until(|all| all.heard().len() == 20);
    assert_eq!(call.heard(), (0..20).map(|n| (n, 0)).collect::<Vec<_>>());
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
fn a_message_may_be_as_long_as_the_answer_says_and_a_longer_one_ends_the_call() {
    let mut call = Exchange::begin();
    let open = call.caller_events.iter().find_map(|event| match event {
        RtcEvent::ChannelOpen(id, _) => Some(*id),
        _ => None,
    });
    let send = |call: &mut Exchange, bytes| {
        let text = "x".repeat(bytes);
        let mut channel = call.caller.channel(open.unwrap()).unwrap();
        assert!(channel.write(false, text.as_bytes()).unwrap());
        text
    };
    let text = send(&mut call, 262_144);
    call.until(|all| all.events.contains(&PeerEvent::Received(Some(text.clone()))));
    send(&mut call, 262_145);
    call.until(|all| all.events.contains(&PeerEvent::Closed));
}

#[test]
fn a_goodbye_is_answered() {
    let mut call = Exchange::begin();
    call.peer.hang_up();
    call.until(|all| all.events.contains(&PeerEvent::Closed));
}
