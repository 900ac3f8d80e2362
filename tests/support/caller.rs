//! A caller over WebRTC that is a machine without a browser, so that there are dozens of them and they do what no browser
//! does. It speaks, and notes what it hears and is told; it plays and judges nothing.
//!
//! Times are those at which the kernel took things in, so that its own lateness is nobody else's.

#![allow(dead_code, unreachable_pub, reason = "tests and measurements use different parts of it")]

mod habit;
mod microphone;
mod offer;
mod stamped;
mod wire;

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use reqwest::{Client, RequestBuilder, header::LOCATION};
use serde_json::Value;
use str0m::{
    Event, Input, Output, Rtc,
    change::{SdpAnswer, SdpPendingOffer},
    channel::ChannelId,
    media::{Frequency, MediaTime, Mid},
    net::{Protocol, Receive},
};
use tokio::{
    net::UdpSocket,
    time::{sleep_until, timeout},
};

pub use habit::Habit;
use microphone::Microphone;
pub use microphone::{RATE, packets_of};
pub use offer::answer_to;
use offer::offering;
use stamped::Arrival;
use wire::Wire;

const HOME: &str = "127.0.0.1";
/// What is waited for happens by then, or never.
const PATIENCE: Duration = Duration::from_secs(60);

/// One end of a call. Dropped, it vanishes without a word.
pub struct Caller {
    rtc: Box<Rtc>,
    habit: Habit,
    wire: Wire,
    /// Where the caller believes to be, whatever the network makes of it.
    here: SocketAddr,
    line: Mid,
    pending: Option<SdpPendingOffer>,
    events: Option<ChannelId>,
    microphone: Microphone,
    /// When the library wants to be woken.
    wake: Instant,
    /// When the call was offered.
    began: Instant,
    /// When the datagram that is being read came.
    arrived: Instant,
    /// The call's path at the server.
    pub place: String,
    /// From the offer until events and sound could flow.
    pub connected_after: Duration,
    /// Packets of the tutor's voice, in the order in which they came.
    pub heard: Vec<Packet>,
    /// Events, likewise.
    pub told: Vec<(Instant, Value)>,
}

/// A packet of sound, and when it came.
#[derive(Clone, Debug)]
pub struct Packet {
    pub at: Instant,
    pub opus: Arc<[u8]>,
}

impl Caller {
    /// Calls the server, whose port for calls is that of its HTTP, and is connected.
    pub async fn call(http: &Client, server: SocketAddr) -> anyhow::Result<Self> {
        let calls = http.post(format!("http://{server}/v1/realtime/calls"));
        let mut caller = Self::dial(calls, HOME, Habit::Usual).await?;
        caller.until(|caller| caller.events.is_some()).await?;
        Ok(caller)
    }

    /// Offers a call from that address by that request, and is about to connect.
    pub async fn dial(calls: RequestBuilder, ip: &str, habit: Habit) -> anyhow::Result<Self> {
        let wire = Wire::open(ip).await?;
        let here = wire.address()?;
        let (rtc, line, (offer, pending)) = offering(here)?;
        let began = Instant::now();
        let answer = answer_to(calls, habit.shown(offer)).await?;
        let place = answer.headers().get(LOCATION).context("a call without a place")?;
        let mut caller = Self {
            rtc,
            habit,
            wire,
            here,
            line,
            pending: Some(pending),
            events: None,
            microphone: Microphone::new()?,
            wake: began,
            began,
            arrived: began,
            place: place.to_str()?.to_owned(),
            connected_after: Duration::ZERO,
            heard: Vec::new(),
            told: Vec::new(),
        };
        caller.accept(&answer.text().await?)?;
        Ok(caller)
    }

    /// Whether keys are agreed, so that sound can flow.
    pub fn is_connected(&self) -> bool {
        self.microphone.due().is_some()
    }

    /// How many bytes went to the server, and how many came from it.
    pub fn bytes(&self) -> (usize, usize) {
        (self.wire.sent, self.wire.received)
    }

    /// Says these packets behind what is being said, before it is silent again.
    pub fn speak(&mut self, packets: &[Bytes]) {
        self.microphone.say(packets);
    }

    /// Sends an event.
    pub fn send(&mut self, event: &Value) -> anyhow::Result<()> {
        let channel = self.events.and_then(|id| self.rtc.channel(id));
        let sent = channel.context("no channel")?.write(false, event.to_string().as_bytes())?;
        anyhow::ensure!(sent, "the channel is full");
        self.settle()
    }

    /// What is said meanwhile gets lost.
    pub fn lose(&mut self, time: Duration) {
        self.wire.lose(time);
    }

    /// A socket for [`Self::go_on_from`].
    pub async fn another_port() -> io::Result<UdpSocket> {
        stamped::bind(HOME).await
    }

    /// Goes on from another port, as behind an address translator that has forgotten the first one.
    pub fn go_on_from(&mut self, socket: UdpSocket) {
        self.wire.move_to(socket);
    }

    /// An offer to find all paths anew.
    pub fn offer_again(&mut self) -> anyhow::Result<String> {
        let mut api = self.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().context("nothing to offer")?;
        self.pending = Some(pending);
        self.settle()?;
        Ok(offer.to_sdp_string())
    }

    /// Takes the answer to the newest offer.
    pub fn accept(&mut self, answer: &str) -> anyhow::Result<()> {
        let (answer, pending) = (SdpAnswer::from_sdp_string(answer)?, self.pending.take());
        self.rtc.sdp_api().accept_answer(pending.context("nothing is offered")?, answer)?;
        self.settle()
    }

    /// The caller's own socket, and the datagrams that were sent through it last.
    pub fn wiretap(&self) -> (Arc<UdpSocket>, Vec<Vec<u8>>) {
        self.wire.tap()
    }

    /// Stays on the line until that is so.
    pub async fn until(&mut self, is_so: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let waited = timeout(PATIENCE, async {
            while !is_so(self) {
                self.step().await?;
            }
            Ok(())
        });
        waited.await.with_context(|| {
            let (is_connected, (sent, received)) = (self.is_connected(), self.bytes());
            format!("in vain: connected {is_connected}, bytes sent {sent}, received {received}")
        })?
    }

    /// Stays on the line for so long.
    pub async fn stay(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        self.until(|_| Instant::now() >= end).await
    }

    /// The next thing that happens; nothing is lost if it is not waited for. An error when the call is over.
    pub async fn step(&mut self) -> anyhow::Result<()> {
        anyhow::ensure!(self.rtc.is_alive(), "the call is over");
        let wake = self.microphone.due().map_or(self.wake, |due| due.min(self.wake));
        let mut buffer = [0; 2048];
        tokio::select! {
            biased;
            arrival = self.wire.receive(&mut buffer) => {
                let Arrival { length, from, at } = arrival?;
                self.take(from, &buffer[..length], at)?;
            }
            () = sleep_until(wake.into()) => self.on_time(Instant::now())?,
        }
        self.settle()
    }

    fn take(&mut self, from: SocketAddr, datagram: &[u8], at: Instant) -> anyhow::Result<()> {
        if self.habit.is_deaf_to(datagram) {
            return Ok(());
        }
        self.arrived = at;
        let received = Receive::new(Protocol::Udp, from, self.here, datagram)?;
        Ok(self.rtc.handle_input(Input::Receive(Instant::now(), received))?)
    }

    fn on_time(&mut self, now: Instant) -> anyhow::Result<()> {
        let Some((packet, at)) = self.microphone.beat(now) else {
            return Ok(self.rtc.handle_input(Input::Timeout(now))?);
        };
        let writer = self.rtc.writer(self.line).context("no line")?;
        let format = writer.payload_params().next().context("no format")?.pt();
        let at = MediaTime::new(at, Frequency::FORTY_EIGHT_KHZ);
        Ok(writer.write(format, now, at, packet.to_vec())?)
    }

    /// Sends and notes all that there is: whoever changes the library settles what comes of it.
    fn settle(&mut self) -> anyhow::Result<()> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => {
                    self.wake = at;
                    return Ok(());
                }
                Output::Transmit(sent) => self.wire.send(sent),
                Output::Event(event) => self.note(event)?,
            }
        }
    }

    fn note(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::Connected => self.microphone.open(),
            Event::ChannelOpen(id, _) => {
                self.events = Some(id);
                self.connected_after = self.arrived - self.began;
            }
            Event::ChannelData(data) => {
                self.told.push((self.arrived, serde_json::from_slice(&data.data)?));
            }
            Event::MediaData(media) => {
                self.heard.push(Packet { at: self.arrived, opus: media.data });
            }
            _ => {}
        }
        Ok(())
    }
}
