//! Carries a session of the Realtime protocol over a call: sound one way and the other, events beside it. It decides nothing.

use std::time::Duration;

use futures_util::{FutureExt, future::BoxFuture};
use tokio::time::sleep;

use super::{
    Listing,
    line::{Handset, News, Order},
};
use crate::{
    app::App,
    dialect::json,
    domain::{Event, random_byte},
    limits::{Bucket, Seat},
    realtime::Input,
    telemetry::metrics::{Carrier as Kind, Connected, Dialect},
    transport::realtime::{
        call::{Call, Outgoing},
        connection::input,
    },
};

/// Callers are sent away over this time, so that they do not call again all at once.
const FAREWELL: Duration = Duration::from_secs(3);
/// Events that wait for their channel to open; a caller that never opens it misses what is more.
const UNOPENED: usize = 256;
/// By how many events those refused for their number may exceed those taken: whoever goes on is sent away.
const FLOOD: u32 = 128;

/// One call and its session.
pub(super) struct Carrier {
    call: Box<Call>,
    handset: Handset,
    /// Events from before their channel was open.
    unopened: Option<Vec<String>>,
    /// How many orders to say something were given.
    said: u64,
    bucket: Bucket,
    excess: u32,
    leave: BoxFuture<'static, ()>,
    _seat: Seat,
    _listing: Listing,
    _open: Connected,
}

/// The call is over, or is to be.
struct Over;

impl Carrier {
    pub(super) fn new(app: &App, call: Call, handset: Handset, places: (Seat, Listing)) -> Self {
        let shutdown = app.shutdown.clone();
        let share = f64::from(random_byte()) / 256.0;
        let leave = async move {
            shutdown.draining().await;
            sleep(FAREWELL.mul_f64(share)).await;
        };
        Self {
            call: Box::new(call),
            handset,
            unopened: Some(Vec::new()),
            said: 0,
            bucket: Bucket::of_connection(),
            excess: 0,
            leave: leave.boxed(),
            _seat: places.0,
            _listing: places.1,
            _open: app.metrics.wire.open(Dialect::Realtime, Kind::Call),
        }
    }

    /// Lives until the caller goes or has to go; then the line hangs up.
    pub(super) async fn carry(mut self, first: Vec<Outgoing>) {
        let mut going_on = self.pass_on(first).await;
        while going_on.is_ok() {
            going_on = self.step().await;
        }
    }

    async fn step(&mut self) -> Result<(), Over> {
        let inputs = tokio::select! {
            news = self.handset.news.recv() => match news.ok_or(Over)? {
                News::Open => return self.open().await,
                News::Frame(text) => vec![self.read(text.as_deref())?],
            },
            Some(sound) = self.handset.sounds.recv(), if !self.call.is_full() => {
                vec![Input::Heard(sound)]
            }
            Ok(()) = self.handset.progress.changed() => {
                self.report().await;
                Vec::new()
            }
            inputs = self.call.next() => inputs.map_err(|_| Over)?,
            () = &mut self.leave => return Err(Over),
        };
        for input in inputs {
            let holds = holds(&input);
            let outgoing = self.call.take(input).await;
            self.pass_on(outgoing).await?;
            if let Some(is_held) = holds {
                self.order(Order::Hold(is_held)).await?;
            }
        }
        self.tell_silence().await
    }

    /// A frame of the caller's. Each is counted as a command.
    fn read(&mut self, text: Option<&str>) -> Result<Input, Over> {
        let too_fast = self.bucket.take().err();
        self.excess = match too_fast {
            None => self.excess.saturating_sub(1),
            Some(_) => self.excess + 1,
        };
        if self.excess > FLOOD {
            return Err(Over);
        }
        Ok(match text {
            Some(text) => input(json::object(text.as_bytes()), too_fast),
            None => Input::Garbled("events are JSON in text frames".to_owned()),
        })
    }

    async fn pass_on(&mut self, outgoing: Vec<Outgoing>) -> Result<(), Over> {
        for one in outgoing {
            match one {
                Outgoing::Event(event) => self.send(event.to_string()).await?,
                Outgoing::Sound { turn, chunk, sound } => {
                    self.said += 1;
                    self.order(Order::Say { turn, chunk, sound }).await?;
                }
                Outgoing::Hush => self.order(Order::Hush).await?,
            }
        }
        Ok(())
    }

    async fn send(&mut self, event: String) -> Result<(), Over> {
        let Some(unopened) = &mut self.unopened else {
            return self.order(Order::Tell(event)).await;
        };
        if unopened.len() < UNOPENED {
            unopened.push(event);
        }
        Ok(())
    }

    async fn open(&mut self) -> Result<(), Over> {
        for event in self.unopened.take().unwrap_or_default() {
            self.order(Order::Tell(event)).await?;
        }
        Ok(())
    }

    /// Tells the conversation how far its turn has really been spoken.
    async fn report(&mut self) {
        let spoken = self.handset.progress.borrow_and_update().spoken.clone();
        if let Some(spoken) = spoken {
            self.call.played(spoken.turn, spoken.chunk, spoken.ms).await;
        }
    }

    /// All that was to be said has been: whoever waits for that is told.
    async fn tell_silence(&mut self) -> Result<(), Over> {
        let is_silent = {
            let progress = self.handset.progress.borrow();
            progress.is_silent && progress.said == self.said
        };
        if is_silent && self.said > 0 {
            let outgoing = self.call.take(Input::Played).await;
            self.pass_on(outgoing).await?;
        }
        Ok(())
    }

    async fn order(&mut self, order: Order) -> Result<(), Over> {
        self.handset.orders.send(order).await.map_err(|_| Over)
    }
}

/// A suspicion holds the sound where it is, until it is withdrawn or proves right: also when it was about the sound of a
/// turn from before the call.
fn holds(input: &Input) -> Option<bool> {
    match input {
        Input::Event(Event::PlaybackPaused { .. }) => Some(true),
        Input::Event(
            Event::PlaybackResumed { .. }
            | Event::PlaybackStopped { .. }
            | Event::ConversationStopped { .. },
        ) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::TurnId;

    #[test]
    fn a_suspicion_that_proves_right_lets_the_sound_go_again() {
        let turn = TurnId::random();
        let paused = Event::PlaybackPaused { turn: turn.clone() };
        let stopped = Event::PlaybackStopped { turn: turn.clone(), heard_chunks: 0, heard_ms: 0 };
        let cut_off = Event::ConversationStopped { turn, text: String::new() };
        let held = [paused, stopped, cut_off].map(|event| holds(&Input::Event(event)));
        assert_eq!(held, [Some(true), Some(false), Some(false)]);
    }
}
