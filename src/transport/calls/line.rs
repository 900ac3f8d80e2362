//! One call's task: between the network, the codecs and whoever carries the call. It waits for nobody but the network
//! and the clock, so that sound is even whatever a conversation does.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::yield_now,
    time::sleep_until,
};

use super::{
    ear::Ear,
    mouth::{Mouth, Spoken},
    offer::{Offer, OfferError},
    peer::{AudioPacket, Output, Peer, PeerEvent},
    port::{Datagram, Extension},
};
use crate::{
    audio::opus::PACKET_MS,
    domain::TurnId,
    telemetry::metrics::{CallMetrics, Ending, OpenCall},
};

/// Orders that wait; whoever gives more waits, too.
const ORDERS: usize = 64;
/// Events of the caller that wait for the carrier. None is ever dropped: a caller that has sent more is sent away.
const EVENTS: usize = 128;
/// Sound that waits for the carrier, in packets: two seconds. What is more is dropped.
const SOUNDS: usize = 100;
/// Offers after the first one: a learner on a train needs a dozen.
const MOST_RESTARTS: u32 = 64;
/// A call that is not connected by then never will be.
const TIME_TO_CONNECT: Duration = Duration::from_secs(30);
/// A caller that is reached and has not agreed on keys by then never will.
const TIME_TO_AGREE: Duration = Duration::from_secs(10);
/// How long a silent caller may take to come back from another network. The library notices after 15 s.
const TIME_TO_RETURN: Duration = Duration::from_secs(15);
/// How long a goodbye waits for its answer: a caller that is gone never gives one.
const TIME_TO_PART: Duration = Duration::from_secs(2);
const BEAT: Duration = Duration::from_millis(PACKET_MS as u64);
/// A caller that sends no sound for so long is heard as silent. Longer than a network holds a packet back.
const QUIET: Duration = Duration::from_millis(200);
/// How much silence is heard then: longer than any that ends a learner's turn.
const MOST_SILENCE: Duration = Duration::from_secs(6);
/// Time between two reports of what has been spoken.
const REPORT_EVERY: Duration = Duration::from_millis(240);

/// What a carrier asks of a line.
pub(super) enum Order {
    /// Say that, 16-bit samples at 24 kHz, behind what waits.
    Say {
        turn: TurnId,
        chunk: usize,
        sound: Bytes,
    },
    /// Fall silent.
    Hush,
    /// Hold the sound, or go on.
    Hold(bool),
    /// Send an event.
    Tell(String),
    Answer {
        offer: Offer,
        answer: oneshot::Sender<Result<String, RestartError>>,
    },
    HangUp,
}

/// What a caller does, for the carrier. The end of the call is the end of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The channel of events is open.
    Open,
    /// A frame from it; `None` when it is no text.
    Frame(Option<String>),
}

/// Why a later offer is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RestartError {
    #[error(transparent)]
    Offer(#[from] OfferError),
    #[error("the call has changed its network {MOST_RESTARTS} times")]
    TooMany,
    #[error("the call is over")]
    Over,
}

/// How far the mouth is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) spoken: Option<Spoken>,
    /// Nothing waits to be spoken.
    pub(super) is_silent: bool,
    /// How many orders to say something have been taken.
    pub(super) said: u64,
}

/// The carrier's end of a line. Dropping it hangs up.
pub(super) struct Handset {
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) news: mpsc::Receiver<News>,
    /// The caller's voice, 16-bit samples at 24 kHz.
    pub(super) sounds: mpsc::Receiver<Bytes>,
    pub(super) progress: watch::Receiver<Progress>,
}

/// The task's state.
pub(super) struct Line {
    peer: Peer,
    extension: Extension,
    datagrams: mpsc::Receiver<Datagram>,
    orders: mpsc::Receiver<Order>,
    news: mpsc::Sender<News>,
    sounds: mpsc::Sender<Bytes>,
    progress: watch::Sender<Progress>,
    metrics: CallMetrics,
    _open: OpenCall,
    ear: Ear,
    mouth: Mouth,
    /// When the next packet is due; `None` before the call is connected.
    beat: Option<Instant>,
    reported: Instant,
    /// When sound came last, and how much silence stood in for it since.
    heard: Option<(Instant, Duration)>,
    restarts: u32,
    /// When the call ends unless something happens, and as what.
    deadline: Option<(Instant, Ending)>,
    is_parting: bool,
    /// More events came than the carrier could take.
    is_flooded: bool,
}

impl Line {
    /// A line that waits for its caller, and its other end.
    pub(super) fn new(
        peer: Peer,
        (extension, datagrams): (Extension, mpsc::Receiver<Datagram>),
        metrics: CallMetrics,
    ) -> (Box<Self>, Handset) {
        let (give, orders) = mpsc::channel(ORDERS);
        let (tell, news) = mpsc::channel(EVENTS);
        let (hear, sounds) = mpsc::channel(SOUNDS);
        let (progress, progressing) = watch::channel(Progress::default());
        let now = Instant::now();
        let line = Self {
            peer,
            extension,
            datagrams,
            orders,
            news: tell,
            sounds: hear,
            progress,
            _open: metrics.open(),
            metrics,
            ear: Ear::new(),
            mouth: Mouth::new(),
            beat: None,
            reported: now,
            heard: None,
            restarts: 0,
            deadline: Some((now + TIME_TO_CONNECT, Ending::NeverConnected)),
            is_parting: false,
            is_flooded: false,
        };
        (Box::new(line), Handset { orders: give, news, sounds, progress: progressing })
    }

    /// Waits until the caller is connected; `None` when the call has ended before.
    pub(super) async fn connect(mut self: Box<Self>) -> Option<Box<Self>> {
        while self.beat.is_none() {
            self.live().await?;
        }
        Some(self)
    }

    /// Lives as long as the call.
    pub(super) async fn run(mut self: Box<Self>) {
        while self.live().await.is_some() {}
    }

    /// The next thing that happens; `None` when that is its end.
    async fn live(&mut self) -> Option<()> {
        self.step().await.map_err(|ending| self.metrics.ended(ending)).ok()
    }

    async fn step(&mut self) -> Result<(), Ending> {
        let wake = self.settle()?;
        if self.is_flooded && !self.is_parting {
            self.part(Ending::Flood);
            return Ok(());
        }
        let now = Instant::now();
        if let Some((at, ending)) = self.deadline.filter(|(at, _)| *at <= now) {
            tracing::debug!(?ending, late = ?(now - at), "a call ends");
            return Err(ending);
        }
        let due = [self.beat, self.silence_due(), self.deadline.map(|(at, _)| at)];
        let wake = due.into_iter().flatten().fold(wake, Instant::min);
        tokio::select! {
            biased;
            () = sleep_until(wake.into()) => self.on_time(Instant::now()),
            Some(datagram) = self.datagrams.recv() => {
                self.peer.receive(datagram.from, &datagram.bytes, datagram.at);
            }
            order = self.orders.recv(), if !self.is_parting => {
                self.obey(order.unwrap_or(Order::HangUp));
                // Events come in crowds, and each takes as long as a packet of sound: the sound of others goes between.
                yield_now().await;
            }
        }
        Ok(())
    }

    /// Carries out all that the peer wants; the time of its next want.
    fn settle(&mut self) -> Result<Instant, Ending> {
        loop {
            match self.peer.poll(Instant::now()) {
                Output::WakeAt(at) => return Ok(at),
                Output::Send { to, datagram } => self.extension.send(to, &datagram),
                Output::Event(event) => self.take(event)?,
            }
        }
    }

    fn take(&mut self, event: PeerEvent) -> Result<(), Ending> {
        match event {
            PeerEvent::Connected => {
                self.keep();
                self.beat = Some(Instant::now());
                self.metrics.connected();
            }
            PeerEvent::Silent => {
                let end = Instant::now() + TIME_TO_RETURN;
                self.deadline.get_or_insert((end, Ending::Vanished));
            }
            PeerEvent::Returned if self.beat.is_some() => self.keep(),
            PeerEvent::Returned => self.hurry(),
            PeerEvent::Audio(packet) => self.hear(&packet),
            PeerEvent::EventsOpen => self.tell(News::Open),
            PeerEvent::Received(text) => self.tell(News::Frame(text)),
            // Sound goes on without them.
            PeerEvent::EventsClosed => {}
            PeerEvent::Closed if self.is_parting => {
                return Err(self.deadline.map_or(Ending::HungUp, |(_, ending)| ending));
            }
            PeerEvent::Closed if self.beat.is_none() => return Err(Ending::NeverConnected),
            PeerEvent::Closed => return Err(Ending::Left),
        }
        Ok(())
    }

    fn tell(&mut self, news: News) {
        self.is_flooded |= self.news.try_send(news).is_err();
    }

    /// Says goodbye; the call is over when that is answered, or soon.
    fn part(&mut self, ending: Ending) {
        self.is_parting = true;
        self.deadline = Some((Instant::now() + TIME_TO_PART, ending));
        self.peer.hang_up();
    }

    /// The caller is reached, for the first time.
    fn hurry(&mut self) {
        let end = Instant::now() + TIME_TO_AGREE;
        self.deadline = self.deadline.map(|(at, ending)| (at.min(end), ending));
    }

    /// The caller is there: the call goes on, unless it is being ended.
    fn keep(&mut self) {
        if !self.is_parting {
            self.deadline = None;
        }
    }

    fn hear(&mut self, packet: &AudioPacket) {
        self.keep();
        self.heard = Some((Instant::now(), Duration::ZERO));
        self.metrics.packets_lost(packet.lost);
        let sound = self.ear.hear(packet);
        // A carrier that is busy for seconds misses some of it.
        drop(self.sounds.try_send(sound));
    }

    /// When silence is to stand in for sound that does not come.
    fn silence_due(&self) -> Option<Instant> {
        let (last, filled) = self.heard?;
        (filled < MOST_SILENCE).then(|| last + QUIET + filled)
    }

    fn on_time(&mut self, now: Instant) {
        if self.silence_due().is_some_and(|due| due <= now)
            && let Some((_, filled)) = &mut self.heard
        {
            *filled += QUIET;
            drop(self.sounds.try_send(self.ear.silence(QUIET.as_millis() as u32)));
        }
        match self.beat {
            Some(due) if due <= now => self.beat(due, now),
            _ => self.peer.wake(now),
        }
    }

    /// Sends a packet. One that is late delays those behind it: two at once would only fill the caller's buffer.
    fn beat(&mut self, due: Instant, now: Instant) {
        let (beat, spoken) = self.mouth.beat();
        self.peer.send_audio(&beat.opus, (beat.at, beat.begins), now);
        let from = if now.saturating_duration_since(due) > BEAT { now } else { due };
        self.beat = Some(from + BEAT * beat.beats);
        if let Some(spoken) = spoken {
            self.metrics.frame_late(now.saturating_duration_since(due));
            self.report(spoken, now);
        }
    }

    fn report(&mut self, spoken: Spoken, now: Instant) {
        let is_silent = self.mouth.is_silent();
        let is_new = |before: &Spoken| (&before.turn, before.chunk) != (&spoken.turn, spoken.chunk);
        let is_due = now.saturating_duration_since(self.reported) >= REPORT_EVERY;
        if is_silent || is_due || self.progress.borrow().spoken.as_ref().is_none_or(is_new) {
            self.reported = now;
            self.progress.send_modify(|progress| {
                progress.spoken = Some(spoken);
                progress.is_silent = is_silent;
            });
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Say { turn, chunk, sound } => {
                self.mouth.say(turn, chunk, sound);
                self.progress.send_modify(|progress| {
                    progress.said += 1;
                    progress.is_silent = self.mouth.is_silent();
                });
                self.begin_speaking();
            }
            Order::Hush => {
                self.mouth.hush();
                self.progress.send_modify(|progress| progress.is_silent = true);
            }
            Order::Hold(is_held) => {
                self.mouth.hold(is_held);
                self.begin_speaking();
            }
            Order::Tell(text) if self.peer.send_event(&text) => {}
            // What a caller does not take it misses; one that takes nothing is noticed by its silence.
            Order::Tell(_) => self.metrics.event_lost(),
            Order::Answer { offer, answer } => drop(answer.send(self.renegotiate(&offer))),
            Order::HangUp => self.part(Ending::HungUp),
        }
    }

    /// Sound does not wait for the end of a pause between packets of silence.
    fn begin_speaking(&mut self) {
        let Some(due) = self.beat.filter(|_| self.mouth.speaks()) else { return };
        let ahead = due.saturating_duration_since(Instant::now());
        self.beat = Some(due - self.mouth.wake(ahead));
    }

    fn renegotiate(&mut self, offer: &Offer) -> Result<String, RestartError> {
        if self.restarts >= MOST_RESTARTS {
            return Err(RestartError::TooMany);
        }
        self.restarts += 1;
        let answer = self.peer.renegotiate(offer)?;
        self.extension.rename(self.peer.name());
        Ok(answer)
    }
}
