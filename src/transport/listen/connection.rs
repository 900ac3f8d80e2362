//! One client's sound on its way to the ears, and what is told of it on its way back. It judges neither.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use ring::digest;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    frames::{self, Author, Request},
    relay::Relay,
    wanted::Wanted,
};
use crate::{
    app::App,
    dialect::tutor::framed,
    domain::{random_byte, random_token},
    limits::Seat,
    providers::ListenRequest,
    recognition::{Ear, HearError, ListenError, Microphone, Perception},
    transport::socket::wire::{Closing, Incoming, Wire},
    wall_clock,
};

/// How long a client may send neither sound nor `KeepAlive`.
const IDLE: Duration = Duration::from_secs(10);
/// Sockets are sent away over this time, so that they do not come back all at once.
const FAREWELL: Duration = Duration::from_secs(3);
/// Bad frames in a row after which a client is taken for broken.
const BAD_FRAMES: u32 = 10;

/// A client of `/v1/listen`.
pub(super) struct Connection {
    relay: Relay,
    /// `None` once no more sound is to come.
    microphone: Option<Microphone>,
    ear: Ear,
    /// What has come and is still to be heard; no more is read before it is.
    pieces: VecDeque<Bytes>,
    digest: digest::Context,
    created: String,
    idle_at: Instant,
    bad_frames: u32,
    has_failed: bool,
    leave: BoxFuture<'static, ()>,
    _seat: Seat,
}

enum Wake {
    Perceived(Option<Perception>),
    Room,
    Incoming(Incoming),
    Idle,
}

impl Connection {
    /// # Errors
    /// When nobody can hear.
    pub(super) fn open(app: &App, wanted: Wanted, seat: Seat) -> Result<Self, ListenError> {
        let engine = app.ears.transcriber().map_or("", |transcriber| transcriber.name());
        let author = Author {
            request_id: random_token(),
            engine: engine.to_owned(),
            channels: wanted.format.channels,
        };
        let request = ListenRequest { language: wanted.language.clone(), is_recorded: true };
        let (microphone, ear) = app.ears.listen(wanted.format, request)?;
        let shutdown = app.shutdown.clone();
        let share = f64::from(random_byte()) / 256.0;
        let leave = async move {
            shutdown.draining().await;
            sleep(FAREWELL.mul_f64(share)).await;
        };
        Ok(Self {
            relay: Relay::new(wanted, author),
            microphone: Some(microphone),
            ear,
            pieces: VecDeque::new(),
            digest: digest::Context::new(&digest::SHA256),
            created: wall_clock::rfc3339(wall_clock::now()),
            idle_at: Instant::now() + IDLE,
            bad_frames: 0,
            has_failed: false,
            leave: leave.boxed(),
            _seat: seat,
        })
    }

    /// Lives until all has been told, or the client goes or has to go.
    pub(super) async fn carry(mut self, wire: &mut Wire) -> Closing {
        loop {
            if let Err(closing) = self.step(wire).await {
                return closing;
            }
        }
    }

    async fn step(&mut self, wire: &mut Wire) -> Result<(), Closing> {
        match self.next_wake(wire).await? {
            Wake::Perceived(Some(perception)) => {
                self.has_failed |= matches!(perception, Perception::Failed(_));
                send(wire, self.relay.perceive(perception)).await
            }
            Wake::Perceived(None) if self.has_failed => Err(Closing::With(1011, "NET-0000")),
            Wake::Perceived(None) => {
                let sha256 = hex(self.digest.clone().finish().as_ref());
                send(wire, self.relay.end(&self.created, &sha256)).await?;
                Err(Closing::With(1000, ""))
            }
            Wake::Room => self.hear(wire).await,
            Wake::Incoming(Incoming::Binary(sound)) => {
                self.take(&sound);
                Ok(())
            }
            Wake::Incoming(Incoming::Text(text)) => self.obey(wire, &text).await,
            Wake::Incoming(Incoming::TooFast(_, too_fast)) => {
                send(wire, vec![frames::error("rate_limited", &too_fast.to_string())]).await
            }
            Wake::Idle => Err(Closing::With(1011, "NET-0001")),
        }
    }

    async fn next_wake(&mut self, wire: &mut Wire) -> Result<Wake, Closing> {
        let is_waiting = self.pieces.is_empty();
        let microphone = &self.microphone;
        let room = async {
            match microphone {
                Some(microphone) => microphone.room().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            perception = self.ear.next() => Ok(Wake::Perceived(perception)),
            () = room, if !is_waiting => Ok(Wake::Room),
            incoming = wire.receive(), if is_waiting => incoming.map(Wake::Incoming),
            () = sleep_until(self.idle_at), if is_waiting && microphone.is_some() => Ok(Wake::Idle),
            () = &mut self.leave => Err(Closing::RESTART),
        }
    }

    /// An empty frame ends the sound, as `CloseStream` does.
    fn take(&mut self, sound: &Bytes) {
        self.idle_at = Instant::now() + IDLE;
        let Some(microphone) = &self.microphone else { return };
        if sound.is_empty() {
            return self.close();
        }
        self.digest.update(sound);
        self.pieces.extend(microphone.pieces(sound));
    }

    async fn hear(&mut self, wire: &mut Wire) -> Result<(), Closing> {
        self.idle_at = Instant::now() + IDLE;
        let Some((microphone, piece)) = self.microphone.as_mut().zip(self.pieces.pop_front())
        else {
            return Ok(());
        };
        match microphone.hear(piece) {
            Ok(()) => {
                let heard_ms = microphone.heard_ms();
                send(wire, self.relay.advance(heard_ms)).await
            }
            Err(HearError::Bad(_)) => Err(Closing::With(1008, "DATA-0000")),
            // The ear says why.
            Err(HearError::Gone | HearError::TooFast { .. }) => {
                self.microphone = None;
                self.pieces.clear();
                Ok(())
            }
        }
    }

    async fn obey(&mut self, wire: &mut Wire, text: &str) -> Result<(), Closing> {
        let Some(request) = Request::read(text) else {
            self.bad_frames += 1;
            let description = "expected KeepAlive, Finalize or CloseStream";
            send(wire, vec![frames::error("unknown_type", description)]).await?;
            return if self.bad_frames >= BAD_FRAMES { Err(Closing::ABUSE) } else { Ok(()) };
        };
        self.bad_frames = 0;
        self.idle_at = Instant::now() + IDLE;
        match request {
            Request::Finalize if self.microphone.is_some() => {
                self.relay.finalize();
                self.ear.flush();
            }
            Request::KeepAlive | Request::Finalize => {}
            Request::CloseStream => self.close(),
        }
        Ok(())
    }

    /// No more sound: what is left of it is told, then the socket ends.
    fn close(&mut self) {
        self.microphone = None;
        self.relay.close();
    }
}

async fn send(wire: &mut Wire, told: Vec<Value>) -> Result<(), Closing> {
    if told.is_empty() {
        return Ok(());
    }
    wire.send_all(told.into_iter().map(|frame| framed(frame.to_string()))).await
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
