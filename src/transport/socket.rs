//! `GET /ws`: one task carries one socket. It moves frames; what they mean is decided elsewhere.

mod bell;
mod connection;
mod ears;
mod framing;
pub(super) mod handshake;
mod punctual;
pub(super) mod upgrade;
pub(super) mod wire;

use std::net::IpAddr;

use tokio::time::{Duration, Instant, timeout_at};

use crate::{
    app::App,
    auth::User,
    dialect::{
        json::BadInput,
        tutor::{Place, Tutor, decode},
    },
    domain::{Command, ConnectionId},
    hub::{Interest, Resume},
    limits::Seat,
    session::Session,
    telemetry::metrics::{Carrier, Dialect},
};

use connection::Connection;
use wire::{Closing, Incoming, Wire};

/// Bad frames in a row after which a client is taken for broken.
const BAD_FRAMES: u32 = 10;
/// How long a client may take to sign in.
const SIGN_IN: Duration = Duration::from_secs(10);

/// How a socket was asked for.
pub(super) struct Visit {
    app: App,
    /// Whoever came with a token already.
    user: Option<User>,
    /// The socket's place among all.
    seat: Seat,
    address: IpAddr,
    /// What the client calls the conversation.
    name: String,
    resume: Option<Resume>,
    deltas: bool,
}

/// Carries one socket to its end, and says why it ended.
async fn run(mut wire: Box<Wire>, visit: Box<Visit>) {
    let _open = visit.app.metrics.wire.open(Dialect::Tutor, Carrier::Socket);
    // Boxed: what signing in takes is given back before the socket is one of thousands that wait.
    let closing = match Box::pin(begin(&mut wire, visit)).await {
        Ok(connection) => connection.carry(&mut wire).await,
        Err(closing) => closing,
    };
    wire.close(closing).await;
}

/// Greets the client, has it sign in where that is needed, and gives it its place in the conversation.
async fn begin(wire: &mut Wire, visit: Box<Visit>) -> Result<Box<Connection>, Closing> {
    let id = ConnectionId::random();
    let is_signed_in = visit.user.is_some();
    let user = match visit.user.clone() {
        Some(user) => user,
        None => sign_in(wire, &visit, &id).await?,
    };
    let Visit { app, seat, address, name, resume, deltas, .. } = *visit;
    let seat = app.limits.connections.sign_in(seat, &user.id).ok_or(Closing::FULL)?;
    let wants_to_resume = resume.is_some();
    let session = Session::open(&app.conversations, &app.auth, user, Some(&name));
    let joined = session.listen(Interest { resume, deltas }).await;
    let tutor = Tutor::new(app.auth.clone(), &name, joined.cursor.epoch(), deltas);
    let place = Place::new(&joined, wants_to_resume);
    let greeting = if is_signed_in {
        tutor.encode_connected(id.as_str(), Some(&place))
    } else {
        tutor.encode_authenticated(session.user().id.as_str(), &place)
    };
    wire.send(greeting).await?;
    if let Some(snapshot) = &joined.snapshot {
        wire.send(tutor.encode_snapshot(snapshot)).await?;
    }
    Ok(Connection::new((app, seat, address), session, joined.cursor, tutor))
}

/// Waits for the token, and meanwhile for nothing but pings.
async fn sign_in(wire: &mut Wire, visit: &Visit, id: &ConnectionId) -> Result<User, Closing> {
    let deadline = Instant::now() + SIGN_IN;
    let mut bad_frames = 0;
    let tutor = Tutor::new(visit.app.auth.clone(), &visit.name, "", visit.deltas);
    wire.send(tutor.encode_connected(id.as_str(), None)).await?;
    loop {
        let incoming = tokio::select! {
            incoming = timeout_at(deadline, wire.receive()) => incoming,
            () = visit.app.shutdown.draining() => return Err(Closing::RESTART),
        };
        let decoded = match incoming.map_err(|_| Closing::UNAUTHORIZED)?? {
            Incoming::Text(text) => decode(&text),
            Incoming::Binary(_) => Err(BadInput::UnknownType("binary".to_owned())),
            Incoming::TooFast(_, too_fast) => {
                wire.send(tutor.encode_error(&too_fast.into())).await?;
                continue;
            }
        };
        visit.app.metrics.wire.received(decoded.as_ref().map_or("invalid", Command::name));
        match decoded {
            Ok(Command::Ping) => wire.send(tutor.encode_pong()).await?,
            Ok(Command::Authenticate { token }) => {
                return visit.app.auth.user(Some(&token)).ok_or(Closing::INVALID_TOKEN);
            }
            Ok(_) => return Err(Closing::UNAUTHORIZED),
            Err(bad) => {
                visit.app.metrics.wire.refused(bad.code().into());
                wire.send(tutor.encode_error(&bad.into())).await?;
                bad_frames += 1;
                if bad_frames >= BAD_FRAMES {
                    return Err(Closing::ABUSE);
                }
            }
        }
    }
}
