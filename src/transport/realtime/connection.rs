//! `GET /v1/realtime`: one task carries one socket between a client and its call. Errors leave it open.

use std::time::Duration;

use futures_util::{FutureExt, future::BoxFuture};
use serde_json::{Map, Value};
use tokio::time::sleep;

use super::call::{Call, Outgoing};
use crate::{
    app::App,
    dialect::{
        json::{self, BadInput},
        tutor::framed,
    },
    domain::random_byte,
    hub::Frame,
    limits::{Seat, TooFast},
    realtime::Input,
    transport::socket::wire::{Closing, Incoming, Wire},
};

/// Sockets are sent away over this time, so that they do not come back all at once.
const FAREWELL: Duration = Duration::from_secs(3);
/// Sound has a pace of its own; it is not counted as commands are.
const SOUND: &str = "input_audio_buffer.append";

/// A socket of the Realtime protocol.
pub(super) struct Connection {
    call: Box<Call>,
    _seat: Seat,
    leave: BoxFuture<'static, ()>,
}

enum Wake {
    Incoming(Incoming),
    Inputs(Vec<Input>),
}

impl Connection {
    pub(super) fn new(app: &App, call: Call, seat: Seat) -> Self {
        let shutdown = app.shutdown.clone();
        let share = f64::from(random_byte()) / 256.0;
        let leave = async move {
            shutdown.draining().await;
            sleep(FAREWELL.mul_f64(share)).await;
        };
        Self { call: Box::new(call), _seat: seat, leave: leave.boxed() }
    }

    /// Lives until the client goes or has to go.
    pub(super) async fn carry(mut self, wire: &mut Wire, first: Vec<Outgoing>) -> Closing {
        if let Err(closing) = send(wire, first).await {
            return closing;
        }
        loop {
            if let Err(closing) = self.step(wire).await {
                return closing;
            }
        }
    }

    async fn step(&mut self, wire: &mut Wire) -> Result<(), Closing> {
        let wake = tokio::select! {
            incoming = wire.receive(), if !self.call.is_full() => Wake::Incoming(incoming?),
            inputs = self.call.next() => Wake::Inputs(inputs.map_err(|_| Closing::TOO_SLOW)?),
            () = &mut self.leave => return Err(Closing::RESTART),
        };
        let inputs = match wake {
            Wake::Inputs(inputs) => inputs,
            Wake::Incoming(Incoming::Text(text)) => vec![read(wire, &text)?],
            Wake::Incoming(Incoming::Binary(_) | Incoming::TooFast(..)) => {
                wire.count()?;
                vec![Input::Garbled("events are JSON in text frames".to_owned())]
            }
        };
        for input in inputs {
            let outgoing = self.call.take(input).await;
            send(wire, outgoing).await?;
        }
        Ok(())
    }
}

/// A client's frame. All but sound is counted as a command.
fn read(wire: &mut Wire, text: &str) -> Result<Input, Closing> {
    let event = json::object(text.as_bytes());
    if let Ok(event) = &event
        && event.get("type").and_then(Value::as_str) == Some(SOUND)
    {
        return Ok(Input::Client(event.clone()));
    }
    let too_fast = wire.count()?;
    Ok(input(event, too_fast))
}

/// What a client's frame is to its session; `too_fast` when it is one too many.
pub(in crate::transport) fn input(
    event: Result<Map<String, Value>, BadInput>,
    too_fast: Option<TooFast>,
) -> Input {
    match (event, too_fast) {
        (Ok(event), Some(too_fast)) => {
            let event_id = event.get("event_id").and_then(Value::as_str).map(str::to_owned);
            Input::TooFast { event_id, message: too_fast.to_string() }
        }
        (Ok(event), None) => Input::Client(event),
        (Err(bad), _) => Input::Garbled(bad.to_string()),
    }
}

async fn send(wire: &mut Wire, outgoing: Vec<Outgoing>) -> Result<(), Closing> {
    let frames: Vec<Frame> = outgoing
        .into_iter()
        .filter_map(|one| match one {
            Outgoing::Event(event) => Some(framed(event.to_string())),
            // A socket's sound is in its events.
            Outgoing::Sound { .. } | Outgoing::Hush => None,
        })
        .collect();
    if frames.is_empty() { Ok(()) } else { wire.send_all(frames).await }
}
