//! One caller as a machine without I/O: an offer in, an answer out; datagrams and time in, datagrams and events out.
//! The only file that drives the WebRTC library. It owns no socket, clock or task.
//!
//! Whoever changes a peer polls it until it says [`Output::WakeAt`] before changing it again.

use std::{
    net::SocketAddr,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use str0m::{
    Candidate, Event as RtcEvent, IceConnectionState, Input, Output as RtcOutput, Rtc, RtcConfig,
    change::SdpOffer,
    channel::{ChannelData, ChannelId},
    crypto::{CryptoProvider, dtls::DtlsCert},
    media::{Frequency, MediaData, MediaTime, Mid, Pt},
    net::{Protocol, Receive},
};

use super::{
    crypto,
    offer::{Offer, OfferError},
};

/// The channel that carries events; what comes in others is not read.
const EVENTS: &str = "oai-events";
/// Packets that wait for an earlier one: 60 ms of speech. The library's own 15 would hold back 300 ms.
const REORDERED_PACKETS: usize = 3;
const REORDERING: Duration = Duration::from_millis(80);
/// Bytes of events that may wait unacknowledged before [`Peer::send_event`] refuses.
const UNACKNOWLEDGED: usize = 1 << 20;

/// What a peer wants from the world.
#[derive(Debug)]
pub(super) enum Output {
    Send {
        to: SocketAddr,
        datagram: Vec<u8>,
    },
    Event(PeerEvent),
    /// Nothing to do until then, unless something comes.
    WakeAt(Instant),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum PeerEvent {
    /// Keys are agreed: sound can flow.
    Connected,
    /// The channel of events is open both ways.
    EventsOpen,
    /// The caller has closed it. Sound goes on.
    EventsClosed,
    /// One packet of the caller's voice, in order.
    Audio(AudioPacket),
    /// One frame from the channel of events; `None` when it is no text.
    Received(Option<String>),
    /// No sign of the caller for some seconds; it may come back.
    Silent,
    /// The caller is reached again, or for the first time.
    Returned,
    /// Over, by either side; nothing follows.
    Closed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AudioPacket {
    pub(super) opus: Vec<u8>,
    /// Where its first sample is on the caller's clock, in samples at 48 kHz.
    pub(super) at: u64,
    /// How many packets before this one never came.
    pub(super) lost: u64,
}

/// A caller.
pub(super) struct Peer {
    rtc: Rtc,
    /// Where the caller believes us to be: every datagram counts as having come in there.
    here: SocketAddr,
    audio: Option<(Mid, Pt)>,
    events: Option<ChannelId>,
    last_packet: Option<u64>,
    is_closed: bool,
}

impl Peer {
    /// Answers a first offer. A caller finds us under the addresses, of which there is at least one. Takes some
    /// milliseconds of work.
    ///
    /// # Errors
    /// When the offer contradicts itself, or what we have in common with it is no sound.
    pub(super) fn answer(
        offer: &Offer,
        addresses: &[SocketAddr],
        now: Instant,
    ) -> Result<(Self, String), OfferError> {
        let here = *addresses.first().expect("invariant: the server has an address");
        let mut rtc = config().build(now);
        for candidate in addresses.iter().filter_map(|at| Candidate::host(*at, "udp").ok()) {
            rtc.add_local_candidate(candidate);
        }
        let (audio, events, last_packet) = (None, None, None);
        let mut peer = Self { rtc, here, audio, events, last_packet, is_closed: false };
        let answer = peer.renegotiate(offer)?;
        peer.audio = Some(spoken_line(&answer).ok_or(OfferError::NoAudio)?);
        Ok((peer, answer))
    }

    /// Answers a later offer of the same caller: an ICE restart after a change of network.
    ///
    /// # Errors
    /// When the offer contradicts itself or the first one.
    pub(super) fn renegotiate(&mut self, offer: &Offer) -> Result<String, OfferError> {
        let offer = SdpOffer::from_sdp_string(offer.as_str());
        let offer = offer.map_err(|_| OfferError::Unanswerable)?;
        let answer = self.rtc.sdp_api().accept_offer(offer);
        Ok(answer.map_err(|_| OfferError::Unanswerable)?.to_sdp_string())
    }

    /// The name under which the caller's requests (STUN) ask for us. A restart changes it.
    pub(super) fn name(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    pub(super) fn receive(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        if let Ok(receive) = Receive::new(Protocol::Udp, from, self.here, datagram) {
            self.step(Input::Receive(now, receive));
        }
    }

    pub(super) fn wake(&mut self, now: Instant) {
        self.step(Input::Timeout(now));
    }

    /// What is wanted next.
    pub(super) fn poll(&mut self, now: Instant) -> Output {
        loop {
            if self.is_closed {
                return Output::WakeAt(now + Duration::from_secs(3600));
            }
            if !self.rtc.is_alive() {
                return self.close();
            }
            match self.rtc.poll_output() {
                Ok(RtcOutput::Timeout(at)) => return Output::WakeAt(at),
                Ok(RtcOutput::Transmit(sent)) => {
                    return Output::Send { to: sent.destination, datagram: sent.contents.into() };
                }
                Ok(RtcOutput::Event(event)) => {
                    if let Some(event) = self.translate(event) {
                        return Output::Event(event);
                    }
                }
                Err(_) => return self.close(),
            }
        }
    }

    /// Sends a packet whose first sample is `at`, in samples at 48 kHz; `begins` when silence was before it. A caller
    /// that is not there (yet) misses it.
    pub(super) fn send_audio(&mut self, opus: &[u8], (at, begins): (u64, bool), now: Instant) {
        let Some((mid, pt)) = self.audio else { return };
        let Some(writer) = self.rtc.writer(mid) else { return };
        let at = MediaTime::new(at, Frequency::FORTY_EIGHT_KHZ);
        drop(writer.start_of_talkspurt(begins).write(pt, now, at, opus));
    }

    /// Whether the event was taken: a caller that does not take its events leaves no room.
    #[must_use]
    pub(super) fn send_event(&mut self, text: &str) -> bool {
        let channel = self.events.and_then(|id| self.rtc.channel(id));
        channel.is_some_and(|mut channel| channel.write(false, text.as_bytes()).unwrap_or(false))
    }

    /// Says goodbye; [`PeerEvent::Closed`] follows once it is answered, which may be never.
    pub(super) fn hang_up(&mut self) {
        if self.rtc.close().is_err() {
            self.rtc.disconnect();
        }
    }

    fn step(&mut self, input: Input<'_>) {
        if self.rtc.handle_input(input).is_err() {
            self.rtc.disconnect();
        }
    }

    fn close(&mut self) -> Output {
        self.is_closed = true;
        Output::Event(PeerEvent::Closed)
    }

    fn translate(&mut self, event: RtcEvent) -> Option<PeerEvent> {
        match event {
            RtcEvent::Connected => Some(PeerEvent::Connected),
            RtcEvent::IceConnectionStateChange(state) => match state {
                IceConnectionState::Disconnected => Some(PeerEvent::Silent),
                IceConnectionState::Completed | IceConnectionState::Connected => {
                    Some(PeerEvent::Returned)
                }
                IceConnectionState::New | IceConnectionState::Checking => None,
            },
            RtcEvent::MediaData(media) => Some(PeerEvent::Audio(self.in_order(&media))),
            RtcEvent::ChannelOpen(id, label) if label == EVENTS && self.events.is_none() => {
                self.events = Some(id);
                Some(PeerEvent::EventsOpen)
            }
            RtcEvent::ChannelData(data) if Some(data.id) == self.events => {
                Some(PeerEvent::Received(text(data)))
            }
            RtcEvent::ChannelClose(id) if Some(id) == self.events => {
                self.events = None;
                Some(PeerEvent::EventsClosed)
            }
            RtcEvent::Closed => {
                self.rtc.disconnect();
                None
            }
            _ => None,
        }
    }

    fn in_order(&mut self, media: &MediaData) -> AudioPacket {
        let (first, last) = (**media.seq_range.start(), **media.seq_range.end());
        let lost = self.last_packet.map_or(0, |before| first.saturating_sub(before + 1));
        self.last_packet = Some(last);
        AudioPacket { opus: media.data.to_vec(), at: media.time.numer(), lost }
    }
}

fn text(data: ChannelData) -> Option<String> {
    if data.binary { None } else { String::from_utf8(data.data).ok() }
}

/// The first line of the answer that speaks Opus both ways. The library tells of lines only once the call is connected.
fn spoken_line(answer: &str) -> Option<(Mid, Pt)> {
    answer.split("\r\nm=").skip(1).find_map(|line| {
        let formats = line.strip_prefix("audio ")?.lines().next()?;
        let payload = formats.split(' ').nth(2)?.parse::<u8>().ok()?;
        let mid = line.lines().find_map(|line| line.strip_prefix("a=mid:"))?;
        let is_both_ways = line.lines().any(|line| line == "a=sendrecv");
        is_both_ways.then(|| (Mid::from(mid), Pt::from(payload)))
    })
}

/// Opus only, and asking nothing of the network: the caller finds us, not we the caller.
fn config() -> RtcConfig {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(crypto::provider()));
    static CERTIFICATE: LazyLock<DtlsCert> = LazyLock::new(|| {
        crypto::certificate().expect("invariant: the system gives random numbers")
    });
    RtcConfig::new()
        .set_crypto_provider(Arc::clone(&PROVIDER))
        .set_dtls_cert(CERTIFICATE.clone())
        .set_ice_lite(true)
        .clear_codecs()
        .enable_opus(true, false)
        .set_reordering_size_audio(REORDERED_PACKETS)
        .set_reordering_timeout_audio(Some(REORDERING))
        .set_sctp_max_buffered_amount(UNACKNOWLEDGED)
}

#[cfg(test)]
mod tests;
