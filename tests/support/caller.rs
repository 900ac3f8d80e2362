//! A caller over WebRTC that is a machine without a browser, so that a test has dozens of them and lets them do what no
//! browser does. It speaks as in real time and judges nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
#![allow(unreachable_pub, reason = "the tests beside it use it")]

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use parla::{
    audio::opus::{OpusDecoder, OpusEncoder, PACKET_MS},
    transport::ciphers,
};
use reqwest::Method;
use serde_json::Value;
use str0m::{
    Candidate, Event, Input, Output, Rtc, RtcConfig,
    change::{SdpAnswer, SdpPendingOffer},
    channel::ChannelId,
    media::{Direction, Frequency, MediaKind, MediaTime, Mid},
    net::{Protocol, Receive},
};
use tokio::{
    net::UdpSocket,
    sync::{mpsc, oneshot},
    time::{sleep, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    server::{PATIENCE, Server},
    speech::Speech,
};

/// Hertz of what is sent, three times those of speech.
const RATE: u32 = 48_000;
const BEAT: Duration = Duration::from_millis(PACKET_MS as u64);
/// Of 32,767: far above what a codec makes of silence.
const AUDIBLE: u16 = 1000;
/// Of its own datagrams a caller remembers the newest.
const REMEMBERED: usize = 50;

/// What has come of a call so far.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub is_connected: bool,
    /// Packets of the tutor's voice, and how many of them are loud.
    pub packets: usize,
    pub loud: usize,
    pub events: Vec<Value>,
    /// Bytes to the server, and from it.
    pub sent: usize,
    pub received: usize,
    pub is_over: bool,
}

impl Told {
    pub fn count(&self, kind: &str) -> usize {
        self.events.iter().filter(|event| event["type"] == kind).count()
    }
}

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

/// A call; dropping it leaves without a word.
pub struct Caller {
    pub place: String,
    told: Arc<Mutex<Told>>,
    orders: mpsc::Sender<Order>,
    _task: AbortOnDropHandle<()>,
}

enum Order {
    Say(Vec<u8>),
    Send(String),
    /// What is said meanwhile gets lost.
    Lose(Duration),
    /// The network gives the caller another port.
    Move(UdpSocket),
    /// Whatever the caller has sent last, and the socket that it comes from.
    Show(oneshot::Sender<(Arc<UdpSocket>, Vec<Vec<u8>>)>),
    Offer(oneshot::Sender<String>),
    Accept(String),
}

impl Caller {
    /// Offers a call and begins to connect.
    pub async fn dial(server: &Server, habit: Habit) -> Self {
        Self::dial_from("127.0.0.1", server, habit).await
    }

    pub async fn dial_from(ip: &str, server: &Server, habit: Habit) -> Self {
        let socket = UdpSocket::bind((ip, 0)).await.unwrap();
        let (mut line, offer) = Line::new(socket, habit);
        let request = server.request(Method::POST, "/v1/realtime/calls");
        let request = request.header("content-type", "application/sdp").body(offer);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let place = answer.headers()["location"].to_str().unwrap().to_owned();
        line.accept(&answer.text().await.unwrap());
        let told = Arc::clone(&line.told);
        let (orders, given) = mpsc::channel(64);
        #[expect(clippy::disallowed_methods, reason = "a test's task ends with its handle")]
        let task = tokio::spawn(line.run(given));
        Self { place, told, orders, _task: AbortOnDropHandle::new(task) }
    }

    pub fn told(&self) -> Told {
        self.told.lock().unwrap().clone()
    }

    /// Waits until that holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Told) -> bool) {
        let holds = self.comes(holds).await;
        let mut told = self.told();
        told.events.retain(|event| !event["type"].as_str().unwrap().ends_with("delta"));
        assert!(holds, "{what} does not come: {told:?}");
    }

    /// Whether that comes to hold.
    pub async fn comes(&self, holds: impl Fn(&Told) -> bool) -> bool {
        let began = Instant::now();
        while !holds(&self.told()) {
            if began.elapsed() > PATIENCE * 2 {
                return false;
            }
            sleep(Duration::from_millis(10)).await;
        }
        true
    }

    /// Says that behind what is being said.
    pub async fn say(&self, speech: &Speech) {
        self.order(Order::Say(speech.pcm().to_vec())).await;
    }

    pub async fn send(&self, event: Value) {
        self.order(Order::Send(event.to_string())).await;
    }

    pub async fn lose(&self, time: Duration) {
        self.order(Order::Lose(time)).await;
    }

    /// Goes on from another port, as behind an address translator that has forgotten the first one.
    pub async fn move_to_another_port(&self) {
        self.order(Order::Move(UdpSocket::bind("127.0.0.1:0").await.unwrap())).await;
    }

    /// Finds all paths anew.
    pub async fn restart(&self, server: &Server) {
        let (give, offer) = oneshot::channel();
        self.order(Order::Offer(give)).await;
        let request = server.request(Method::POST, &self.place);
        let request = request.header("content-type", "application/sdp");
        let answer = request.body(offer.await.unwrap()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        self.order(Order::Accept(answer.text().await.unwrap())).await;
    }

    /// The caller's own socket, and the datagrams that were sent through it last.
    pub async fn wiretap(&self) -> (Arc<UdpSocket>, Vec<Vec<u8>>) {
        let (show, shown) = oneshot::channel();
        self.order(Order::Show(show)).await;
        shown.await.unwrap()
    }

    async fn order(&self, order: Order) {
        assert!(self.orders.send(order).await.is_ok(), "the caller has gone: {:?}", self.told());
    }
}

struct Line {
    rtc: Rtc,
    habit: Habit,
    socket: Arc<UdpSocket>,
    /// Where the caller believes to be, whatever the network makes of it.
    here: SocketAddr,
    voice: Mid,
    channel: Option<ChannelId>,
    pending: Option<SdpPendingOffer>,
    told: Arc<Mutex<Told>>,
    newest: VecDeque<Vec<u8>>,
    encoder: OpusEncoder,
    decoder: OpusDecoder,
    speech: VecDeque<i16>,
    said: u64,
    lost_until: Instant,
}

impl Line {
    fn new(socket: UdpSocket, habit: Habit) -> (Self, String) {
        let here = socket.local_addr().unwrap();
        let config = RtcConfig::new().set_crypto_provider(Arc::new(ciphers()));
        let config = config.set_sctp_max_buffered_amount(1 << 20);
        let mut rtc = config.clear_codecs().enable_opus(true, false).build(Instant::now());
        rtc.add_local_candidate(Candidate::host(here, "udp").unwrap());
        let mut api = rtc.sdp_api();
        let stream = Some("voice".to_owned());
        let voice = api.add_media(MediaKind::Audio, Direction::SendRecv, stream, None, None);
        api.add_channel("oai-events".to_owned());
        let (offer, pending) = api.apply().unwrap();
        let line = Self {
            rtc,
            habit,
            socket: Arc::new(socket),
            here,
            voice,
            channel: None,
            pending: Some(pending),
            told: Arc::default(),
            newest: VecDeque::new(),
            encoder: OpusEncoder::new(RATE).unwrap(),
            decoder: OpusDecoder::new(RATE).unwrap(),
            speech: VecDeque::new(),
            said: 0,
            lost_until: Instant::now(),
        };
        let offer = offer.to_sdp_string();
        (line, if habit == Habit::Pretends { pretend(&offer) } else { offer })
    }

    fn accept(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc.sdp_api().accept_answer(self.pending.take().unwrap(), answer).unwrap();
    }

    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut beat = Instant::now();
        let mut buffer = vec![0; 2048];
        while self.rtc.is_alive() {
            let wake = self.settle().min(beat);
            let socket = Arc::clone(&self.socket);
            tokio::select! {
                () = sleep_until(wake.into()) => {
                    if beat <= Instant::now() {
                        beat += BEAT;
                        self.speak();
                    }
                    self.step(Input::Timeout(Instant::now()));
                }
                Ok((length, from)) = socket.recv_from(&mut buffer) => {
                    self.told.lock().unwrap().received += length;
                    self.receive(from, &buffer[..length]);
                }
                order = orders.recv() => match order {
                    Some(order) => self.obey(order),
                    None => return,
                },
            }
        }
        self.told.lock().unwrap().is_over = true;
    }

    fn receive(&mut self, from: SocketAddr, datagram: &[u8]) {
        let is_of_keys = (20..64).contains(&datagram[0]);
        if is_of_keys && self.habit == Habit::NeverAgrees {
            return;
        }
        if let Ok(datagram) = Receive::new(Protocol::Udp, from, self.here, datagram) {
            self.step(Input::Receive(Instant::now(), datagram));
        }
    }

    fn step(&mut self, input: Input<'_>) {
        if self.rtc.handle_input(input).is_err() {
            self.rtc.disconnect();
        }
    }

    /// Carries out what the library wants; when it wants something next.
    fn settle(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => return at,
                Ok(Output::Event(event)) => self.take(event),
                Ok(Output::Transmit(sent)) => self.transmit(&sent.contents, sent.destination),
                Err(_) => {
                    self.rtc.disconnect();
                    return Instant::now();
                }
            }
        }
    }

    fn transmit(&mut self, datagram: &[u8], to: SocketAddr) {
        let is_voice = (128..192).contains(&datagram[0]);
        if is_voice && Instant::now() < self.lost_until {
            return;
        }
        // A connection would be refused for a moment where nobody listens: the network tells nobody.
        let sent = self.socket.try_send_to(datagram, to).unwrap_or(0);
        self.told.lock().unwrap().sent += sent;
        self.newest.push_back(datagram.to_vec());
        if self.newest.len() > REMEMBERED {
            self.newest.pop_front();
        }
    }

    fn take(&mut self, event: Event) {
        let mut told = self.told.lock().unwrap();
        match event {
            Event::Connected => told.is_connected = true,
            Event::ChannelOpen(id, _) => self.channel = Some(id),
            Event::ChannelData(data) => {
                told.events.push(serde_json::from_slice(&data.data).unwrap());
            }
            Event::MediaData(media) => {
                let heard = self.decoder.decode(&media.data).unwrap_or_default();
                told.packets += 1;
                told.loud += usize::from(heard.iter().any(|one| one.unsigned_abs() > AUDIBLE));
            }
            _ => {}
        }
    }

    fn speak(&mut self) {
        let frame = self.encoder.packet_samples();
        let length = frame.min(self.speech.len());
        let mut samples: Vec<i16> = self.speech.drain(..length).collect();
        samples.resize(frame, 0);
        let packet = self.encoder.encode(&samples).unwrap();
        let at = MediaTime::new(self.said, Frequency::FORTY_EIGHT_KHZ);
        self.said += u64::from(48 * PACKET_MS);
        if let Some(writer) = self.rtc.writer(self.voice) {
            let format = writer.payload_params().next().unwrap().pt();
            writer.write(format, Instant::now(), at, packet.to_vec()).unwrap();
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Say(pcm) => {
                let samples = pcm.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]]));
                self.speech.extend(samples.flat_map(|sample| [sample; 3]));
            }
            Order::Send(text) => {
                let channel = self.channel.and_then(|id| self.rtc.channel(id));
                assert!(channel.unwrap().write(false, text.as_bytes()).unwrap());
            }
            Order::Lose(time) => self.lost_until = Instant::now() + time,
            Order::Move(socket) => self.socket = Arc::new(socket),
            Order::Show(show) => {
                let newest = self.newest.iter().cloned().collect();
                drop(show.send((Arc::clone(&self.socket), newest)));
            }
            Order::Offer(give) => {
                let mut api = self.rtc.sdp_api();
                api.ice_restart(true);
                let (offer, pending) = api.apply().unwrap();
                self.pending = Some(pending);
                drop(give.send(offer.to_sdp_string()));
            }
            Order::Accept(answer) => self.accept(&answer),
        }
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
