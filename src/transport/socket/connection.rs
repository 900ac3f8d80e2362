//! A signed-in socket: commands one way, events the other. It ends with the reason for its close frame.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use crate::{
    app::App,
    dialect::{
        json::BadInput,
        tutor::{ErrorReply, Tutor, decode},
    },
    domain::random_byte,
    hub::{Cursor, Lagged, Published},
    session::{Done, Session},
};

use super::wire::{Closing, Incoming, Wire};

/// Bad frames in a row after which a client is taken for broken.
const BAD_FRAMES: u32 = 10;
/// Sockets are sent away over this time, so that they do not come back all at once.
const FAREWELL: Duration = Duration::from_secs(3);

pub(super) struct Connection {
    app: App,
    session: Session,
    cursor: Cursor,
    tutor: Tutor,
    bad_frames: u32,
    /// When this socket is sent away, once the server drains.
    farewell: Option<Instant>,
}

enum Wake {
    Incoming(Incoming),
    Events(Vec<Arc<Published>>),
    Draining,
}

impl Connection {
    pub(super) fn new(app: App, session: Session, cursor: Cursor, tutor: Tutor) -> Self {
        Self { app, session, cursor, tutor, bad_frames: 0, farewell: None }
    }

    /// Lives until the client goes or has to go.
    pub(super) async fn carry(mut self, wire: &mut Wire) -> Closing {
        loop {
            if let Err(closing) = self.step(wire).await {
                return closing;
            }
        }
    }

    async fn step(&mut self, wire: &mut Wire) -> Result<(), Closing> {
        match self.next_wake(wire).await? {
            Wake::Incoming(Incoming::Text(text)) => self.take(wire, &text).await,
            Wake::Incoming(Incoming::Binary) => {
                let bad = BadInput::UnknownType("binary".to_owned());
                self.complain(wire, &bad.into()).await
            }
            Wake::Events(events) => {
                let frame = |published: &Arc<Published>| self.tutor.encode(published);
                wire.send_all(events.iter().filter_map(frame).collect()).await
            }
            Wake::Draining => {
                let share = f64::from(random_byte()) / 256.0;
                self.farewell = Some(Instant::now() + FAREWELL.mul_f64(share));
                Ok(())
            }
        }
    }

    async fn next_wake(&mut self, wire: &mut Wire) -> Result<Wake, Closing> {
        let farewell = self.farewell;
        let shutdown = &self.app.shutdown;
        tokio::select! {
            incoming = wire.receive() => incoming.map(Wake::Incoming),
            events = self.cursor.next() => match events {
                Ok(events) => Ok(Wake::Events(events)),
                Err(Lagged) => Err(Closing::TOO_SLOW),
            },
            () = shutdown.draining(), if farewell.is_none() => Ok(Wake::Draining),
            () = async {
                match farewell {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            } => Err(Closing::RESTART),
        }
    }

    async fn take(&mut self, wire: &mut Wire, text: &str) -> Result<(), Closing> {
        let command = match decode(text) {
            Ok(command) => command,
            Err(bad) => return self.complain(wire, &bad.into()).await,
        };
        self.bad_frames = 0;
        match self.session.carry_out(command).await {
            Ok(Done::Pong) => wire.send(self.tutor.encode_pong()).await,
            Ok(Done::Accepted(_) | Done::Nothing) => Ok(()),
            Err(failure) => wire.send(self.tutor.encode_error(&failure.into())).await,
        }
    }

    async fn complain(&mut self, wire: &mut Wire, error: &ErrorReply) -> Result<(), Closing> {
        self.bad_frames += 1;
        wire.send(self.tutor.encode_error(error)).await?;
        if self.bad_frames >= BAD_FRAMES { Err(Closing::ABUSE) } else { Ok(()) }
    }
}
