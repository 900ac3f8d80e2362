//! A signed-in socket: commands one way, events the other. It ends with the reason for its close frame.

use std::{
    future::poll_fn,
    net::IpAddr,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::sleep;

use crate::{
    app::App,
    dialect::tutor::{ErrorReply, Place, Tutor, decode},
    domain::{ChatCommand, Command, Failure, random_byte},
    hub::{Cursor, Lagged, Published},
    limits::{Seat, TooFast},
    session::Session,
    shutdown::Shutdown,
};

use super::{
    BAD_FRAMES,
    bell::Bell,
    ears::Ears,
    wire::{Closing, Incoming, Wire},
};

/// Messages of one socket that may be on their way to the disk.
const UNANSWERED: usize = 16;
/// Sockets are sent away over this time, so that they do not come back all at once.
const FAREWELL: Duration = Duration::from_secs(3);

pub(super) struct Connection {
    app: App,
    session: Session,
    address: IpAddr,
    _seat: Seat,
    cursor: Cursor,
    tutor: Tutor,
    bad_frames: u32,
    is_typing: bool,
    ears: Ears,
    /// Rings when anything but an event comes.
    bell: Bell,
    /// What is rare: messages on their way to the disk, and the server's end. Only what is woken is looked at.
    awaited: FuturesUnordered<BoxFuture<'static, Wake>>,
}

enum Wake {
    Events(Vec<Arc<Published>>),
    Incoming(Incoming),
    /// A message is on the disk, or why it is not.
    Answered(Option<ErrorReply>),
    /// This socket is sent away.
    Leave,
}

impl Connection {
    pub(super) fn new(
        (app, seat, address): (App, Seat, IpAddr),
        session: Session,
        cursor: Cursor,
        tutor: Tutor,
    ) -> Box<Self> {
        let leave = leave(app.shutdown.clone()).boxed();
        Box::new(Self {
            app,
            session,
            address,
            _seat: seat,
            cursor,
            tutor,
            bad_frames: 0,
            is_typing: false,
            ears: Ears::default(),
            bell: Bell::default(),
            awaited: FuturesUnordered::from_iter([leave]),
        })
    }

    /// Lives until the client goes or has to go.
    pub(super) async fn carry(mut self: Box<Self>, wire: &mut Wire) -> Closing {
        loop {
            if let Err(closing) = self.step(wire).await {
                return closing;
            }
        }
    }

    async fn step(&mut self, wire: &mut Wire) -> Result<(), Closing> {
        match self.next_wake(wire).await? {
            Wake::Events(events) => {
                let frame = |published: &Arc<Published>| self.tutor.encode(published);
                wire.send_all(events.iter().filter_map(frame)).await
            }
            // Boxed: what these take at most is not held while the socket waits, nor moved with each event.
            Wake::Incoming(incoming) => Box::pin(self.hear(wire, incoming)).await,
            Wake::Answered(None) => Ok(()),
            Wake::Answered(Some(error)) => Box::pin(self.refuse(wire, &error)).await,
            Wake::Leave => Err(Closing::RESTART),
        }
    }

    /// What thousands are woken for at once is looked at first. It comes in batches, so that the rest has its turn.
    async fn next_wake(&mut self, wire: &mut Wire) -> Result<Wake, Closing> {
        let mut events = pin!(self.cursor.next());
        let mut rest = pin!(async {
            tokio::select! {
                biased;
                incoming = wire.receive() => incoming.map(Wake::Incoming),
                Some(wake) = self.awaited.next() => Ok(wake),
            }
        });
        let next = |context: &mut Context<'_>| match events.as_mut().poll(context) {
            Poll::Ready(Ok(events)) => Poll::Ready(Ok(Wake::Events(events))),
            Poll::Ready(Err(Lagged)) => Poll::Ready(Err(Closing::TOO_SLOW)),
            Poll::Pending => self.bell.poll(context, |context| rest.as_mut().poll(context)),
        };
        poll_fn(next).await
    }

    async fn hear(&mut self, wire: &mut Wire, incoming: Incoming) -> Result<(), Closing> {
        match incoming {
            Incoming::Text(text) => self.take(wire, &text).await,
            Incoming::TooFast(text, too_fast) => {
                self.hold_up(wire, client_id(&text), too_fast).await
            }
            Incoming::Binary(frame) => match self.ears.hear(frame) {
                Ok(()) => Ok(()),
                Err(error) => self.complain(wire, &error).await,
            },
        }
    }

    async fn take(&mut self, wire: &mut Wire, text: &str) -> Result<(), Closing> {
        let decoded = decode(text);
        self.app.metrics.wire.received(decoded.as_ref().map_or("invalid", Command::name));
        let command = match decoded {
            Ok(command) => command,
            Err(bad) => return self.complain(wire, &bad.into()).await,
        };
        self.bad_frames = 0;
        if let Err(too_fast) = self.may_start(&command) {
            return self.hold_up(wire, client_id_of(command), too_fast).await;
        }
        let conversation = self.session.conversation();
        match command {
            Command::Ping => return wire.send(self.tutor.encode_pong()).await,
            Command::Chat(chat) => return self.say(wire, chat).await,
            Command::Stop { turn } => conversation.stop(turn).await,
            Command::Played { turn, chunk, ms } => conversation.played(turn, chunk, ms).await,
            // Only changes are news.
            Command::Typing { is_typing } if is_typing == self.is_typing => {}
            Command::Typing { is_typing } => {
                self.is_typing = is_typing;
                self.session.typing(is_typing);
            }
            Command::Prepare { choice } => conversation.prepare(choice).await,
            Command::AudioStart(start) => {
                if let Err(error) = self.ears.open(&self.session, start).await {
                    return self.refuse(wire, &error).await;
                }
            }
            Command::AudioStop => self.ears.close(),
            Command::Authenticate { token } => return self.renew(wire, &token).await,
        }
        Ok(())
    }

    /// What starts work is counted for the user, the address and the server as well. A stop ends some.
    fn may_start(&self, command: &Command) -> Result<(), TooFast> {
        match command {
            Command::Chat(_) | Command::Prepare { .. } | Command::AudioStart(_) => {
                let count = self.app.limits.rates.start(&self.session.user().id, self.address);
                count.map(drop)
            }
            Command::Ping
            | Command::Stop { .. }
            | Command::Played { .. }
            | Command::Typing { .. }
            | Command::AudioStop
            | Command::Authenticate { .. } => Ok(()),
        }
    }

    async fn hold_up(
        &mut self,
        wire: &mut Wire,
        client_id: Option<String>,
        too_fast: TooFast,
    ) -> Result<(), Closing> {
        let error = ErrorReply { client_id, ..too_fast.into() };
        self.refuse(wire, &error).await
    }

    /// A fresh token of the same user.
    async fn renew(&mut self, wire: &mut Wire, token: &str) -> Result<(), Closing> {
        let user = self.app.auth.user(Some(token));
        if user.as_ref() != Some(self.session.user()) {
            return Err(Closing::UNAUTHORIZED);
        }
        let place = Place::at(self.cursor.newest_seq());
        wire.send(self.tutor.encode_authenticated(self.session.user().id.as_str(), &place)).await
    }

    /// Hands the message in; the socket goes on while it is being stored.
    async fn say(&mut self, wire: &mut Wire, chat: ChatCommand) -> Result<(), Closing> {
        let client_id = chat.client_id.clone();
        // One of those awaited is the server's end.
        if self.awaited.len() > UNANSWERED {
            let error = ErrorReply { client_id, ..busy().into() };
            return self.refuse(wire, &error).await;
        }
        let answer = self.session.say(chat).await;
        let answer = answer.map(move |answer| {
            let refusal = answer.err().map(|failure| ErrorReply { client_id, ..failure.into() });
            Wake::Answered(refusal)
        });
        self.awaited.push(answer.boxed());
        Ok(())
    }

    async fn complain(&mut self, wire: &mut Wire, error: &ErrorReply) -> Result<(), Closing> {
        self.bad_frames += 1;
        self.refuse(wire, error).await?;
        if self.bad_frames >= BAD_FRAMES { Err(Closing::ABUSE) } else { Ok(()) }
    }

    async fn refuse(&mut self, wire: &mut Wire, error: &ErrorReply) -> Result<(), Closing> {
        self.app.metrics.wire.refused(error.code.into());
        wire.send(self.tutor.encode_error(error)).await
    }
}

/// When this socket is to be sent away, once the server drains.
async fn leave(shutdown: Shutdown) -> Wake {
    shutdown.draining().await;
    let share = f64::from(random_byte()) / 256.0;
    // Boxed: until then each of thousands would have the room for it.
    Box::pin(sleep(FAREWELL.mul_f64(share))).await;
    Wake::Leave
}

/// The name of the message that a refused frame was about.
fn client_id(text: &str) -> Option<String> {
    decode(text).ok().and_then(client_id_of)
}

fn client_id_of(command: Command) -> Option<String> {
    match command {
        Command::Chat(chat) => chat.client_id,
        Command::Ping
        | Command::Authenticate { .. }
        | Command::Stop { .. }
        | Command::Played { .. }
        | Command::Prepare { .. }
        | Command::AudioStart(_)
        | Command::AudioStop
        | Command::Typing { .. } => None,
    }
}

fn busy() -> Failure {
    let message = "earlier messages are still being saved".to_owned();
    Failure { code: "busy", message, retryable: true }
}
