//! A caller over WebRTC without a browser. It speaks, and notes what it hears and is told with the moment at which the
//! kernel took that in, so that its own lateness is nobody else's. It plays nothing.

#![allow(dead_code, unreachable_pub, reason = "tests and measurements use different parts of it")]

use std::{
    collections::VecDeque,
    io::{self, IoSliceMut},
    net::SocketAddr,
    os::fd::AsRawFd,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use nix::{
    cmsg_space,
    sys::{
        socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt::ReceiveTimestamp},
        time::{TimeVal, TimeValLike},
    },
    time::{ClockId, clock_gettime},
};
use parla::{
    audio::opus::{OpusEncoder, PACKET_MS},
    transport::ciphers,
};
use reqwest::{Client, header::CONTENT_TYPE};
use serde_json::Value;
use str0m::{
    Candidate, Event, Input, Output, Rtc, RtcConfig,
    change::{SdpAnswer, SdpPendingOffer},
    channel::ChannelId,
    media::{Direction, Frequency, MediaKind, MediaTime, Mid},
    net::{Protocol, Receive},
};
use tokio::{
    io::Interest,
    net::UdpSocket,
    time::{sleep_until, timeout},
};

/// The sound of callers is made of samples at this rate, in hertz.
pub const RATE: u32 = 24_000;
const EVENTS: &str = "oai-events";
const FRAME: Duration = Duration::from_millis(PACKET_MS as u64);
/// Ticks of the packets' clock in one of them.
const TICKS: u64 = 48 * PACKET_MS as u64;
/// What is waited for happens by then, or never.
const PATIENCE: Duration = Duration::from_secs(60);

/// One end of a call. Dropped, it vanishes without a word.
pub struct Caller {
    rtc: Box<Rtc>,
    socket: UdpSocket,
    here: SocketAddr,
    server: SocketAddr,
    line: Mid,
    events: Option<ChannelId>,
    microphone: Microphone,
    /// When the datagram that is being read came.
    arrived: Instant,
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

/// It is open all the time, as a browser's is.
struct Microphone {
    words: VecDeque<Bytes>,
    silence: Bytes,
    /// When the next packet is due; `None` before the call is connected.
    due: Option<Instant>,
    /// Where the clock of the packets is.
    at: u64,
}

impl Caller {
    /// Calls the server, whose port for calls is that of its HTTP, and is connected.
    pub async fn call(http: &Client, server: SocketAddr) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        setsockopt(&socket, ReceiveTimestamp, &true)?;
        let here = socket.local_addr()?;
        let (mut rtc, line, (offer, pending)) = offering(here)?;
        let began = Instant::now();
        let request = http.post(format!("http://{server}/v1/realtime/calls"));
        let request = request.header(CONTENT_TYPE, "application/sdp").body(offer);
        let answer = request.send().await?.error_for_status()?.text().await?;
        rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer)?)?;
        let mut caller = Self {
            rtc,
            socket,
            here,
            server,
            line,
            events: None,
            microphone: Microphone::new()?,
            arrived: began,
            connected_after: Duration::ZERO,
            heard: Vec::new(),
            told: Vec::new(),
        };
        caller.until(|caller| caller.events.is_some()).await?;
        caller.connected_after = caller.arrived - began;
        Ok(caller)
    }

    /// Says these packets from now on, before it is silent again.
    pub fn speak(&mut self, packets: &[Bytes]) {
        self.microphone.words.extend(packets.iter().cloned());
    }

    /// Sends an event.
    pub fn send(&mut self, event: &Value) -> anyhow::Result<()> {
        let channel = self.events.and_then(|id| self.rtc.channel(id));
        let sent = channel.context("no channel")?.write(false, event.to_string().as_bytes())?;
        anyhow::ensure!(sent, "the channel is full");
        Ok(())
    }

    /// Stays on the line until that is so.
    pub async fn until(&mut self, is_so: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let waited = timeout(PATIENCE, async {
            while !is_so(self) {
                self.step().await?;
            }
            Ok(())
        });
        waited.await.context("a caller has waited in vain")?
    }

    /// Stays on the line for so long.
    pub async fn stay(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        self.until(|_| Instant::now() >= end).await
    }

    async fn step(&mut self) -> anyhow::Result<()> {
        let wake = self.settle()?;
        let wake = self.microphone.due.map_or(wake, |due| due.min(wake));
        let mut buffer = [0; 2048];
        tokio::select! {
            biased;
            received = receive(&self.socket, &mut buffer) => {
                let (length, at) = received?;
                self.take(&buffer[..length], at)
            }
            () = sleep_until(wake.into()) => self.on_time(Instant::now()),
        }
    }

    /// Sends and notes all that there is; when there will be more.
    fn settle(&mut self) -> anyhow::Result<Instant> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => return Ok(at),
                Output::Transmit(sent) => {
                    drop(self.socket.try_send_to(&sent.contents, sent.destination));
                }
                Output::Event(Event::Connected) => self.microphone.due = Some(Instant::now()),
                Output::Event(Event::ChannelOpen(id, _)) => self.events = Some(id),
                Output::Event(Event::ChannelData(data)) => {
                    self.told.push((self.arrived, serde_json::from_slice(&data.data)?));
                }
                Output::Event(Event::MediaData(media)) => {
                    self.heard.push(Packet { at: self.arrived, opus: media.data });
                }
                Output::Event(_) => {}
            }
        }
    }

    fn take(&mut self, datagram: &[u8], at: Instant) -> anyhow::Result<()> {
        self.arrived = at;
        let received = Receive::new(Protocol::Udp, self.server, self.here, datagram)?;
        Ok(self.rtc.handle_input(Input::Receive(Instant::now(), received))?)
    }

    fn on_time(&mut self, now: Instant) -> anyhow::Result<()> {
        if let Some((packet, at)) = self.microphone.beat(now) {
            let writer = self.rtc.writer(self.line).context("no line")?;
            let format = writer.payload_params().next().context("no format")?.pt();
            let at = MediaTime::new(at, Frequency::FORTY_EIGHT_KHZ);
            return Ok(writer.write(format, now, at, packet.to_vec())?);
        }
        Ok(self.rtc.handle_input(Input::Timeout(now))?)
    }
}

impl Microphone {
    fn new() -> anyhow::Result<Self> {
        let silence = packets_of(&[0; (RATE * PACKET_MS / 1000) as usize])?.remove(0);
        Ok(Self { words: VecDeque::new(), silence, due: None, at: 0 })
    }

    /// The packet that is due, and where it begins.
    fn beat(&mut self, now: Instant) -> Option<(Bytes, u64)> {
        let due = self.due.filter(|due| *due <= now)?;
        self.due = Some(due + FRAME);
        self.at += TICKS;
        Some((self.words.pop_front().unwrap_or_else(|| self.silence.clone()), self.at))
    }
}

/// A caller as browsers are, its line for sound, and its offer with what its answer is to be read with.
fn offering(here: SocketAddr) -> anyhow::Result<(Box<Rtc>, Mid, (String, SdpPendingOffer))> {
    let mut rtc = Box::new(
        RtcConfig::new()
            .set_crypto_provider(Arc::new(ciphers()))
            .clear_codecs()
            .enable_opus(true, false)
            .build(Instant::now()),
    );
    rtc.add_local_candidate(Candidate::host(here, "udp")?);
    let mut api = rtc.sdp_api();
    let stream = Some("microphone".to_owned());
    let line = api.add_media(MediaKind::Audio, Direction::SendRecv, stream, None, None);
    api.add_channel(EVENTS.to_owned());
    let (offer, pending) = api.apply().context("nothing to offer")?;
    Ok((rtc, line, (offer.to_sdp_string(), pending)))
}

/// Samples at [`RATE`] as packets; what is too short for one is left out.
pub fn packets_of(samples: &[i16]) -> anyhow::Result<Vec<Bytes>> {
    let mut encoder = OpusEncoder::new(RATE)?;
    let frames = samples.chunks_exact(encoder.packet_samples());
    frames.map(|frame| Ok(encoder.encode(frame)?)).collect()
}

/// The next datagram's length, and when it came.
async fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, Instant)> {
    socket.async_io(Interest::READABLE, || receive_stamped(socket, buffer)).await
}

fn receive_stamped(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, Instant)> {
    let mut control = cmsg_space!(TimeVal);
    let mut parts = [IoSliceMut::new(buffer)];
    let (flags, socket) = (MsgFlags::MSG_DONTWAIT, socket.as_raw_fd());
    let received = recvmsg::<()>(socket, &mut parts, Some(&mut control), flags)?;
    let stamp = received.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::ScmTimestamp(stamp) => Some(stamp),
        _ => None,
    });
    let stamp = stamp.ok_or(io::ErrorKind::InvalidData)?;
    let waited =
        clock_gettime(ClockId::CLOCK_REALTIME)?.num_microseconds() - stamp.num_microseconds();
    let waited = Duration::from_micros(u64::try_from(waited).unwrap_or(0));
    Ok((received.bytes, Instant::now() - waited))
}
