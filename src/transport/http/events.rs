//! The tutor frames for clients without a socket: Server-Sent Events, or long-poll for those without these.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    Json,
    extract::{ConnectInfo, RawQuery, State},
    http::{HeaderMap, HeaderValue, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event as SseEvent, KeepAlive},
    },
};
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    app::App,
    conversation::Joined,
    dialect::tutor::{Place, Tutor, framed},
    domain::ConnectionId,
    hub::{Cursor, Frame, Interest, Lagged, Resume},
    limits::Seat,
    telemetry::metrics::{Carrier, Dialect, WireMetrics},
    transport::{
        error::Problem,
        gate,
        read::{self, InConversation},
    },
};

use super::bodies;

/// How long a long-poll waits for something to happen.
const LONG_POLL: Duration = Duration::from_secs(25);
/// A proxy or phone that drops idle connections hears something this often.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The conversation's events, as Server-Sent Events or by long-poll.
#[utoipa::path(
    get,
    path = "/api/v1/conversations/{id}/events",
    params(
        ("id" = String, Path, description = "The conversation's name"),
        ("after" = Option<u64>, Query, description = "Resume behind this event, with epoch"),
        ("epoch" = Option<String>, Query, description = "The life of the log in which after counts"),
        ("deltas" = Option<bool>, Query, description = "Text as it is released"),
        ("Last-Event-ID" = Option<String>, Header, description = "EPOCH:SEQ, before after and epoch")
    ),
    responses((
        status = 200,
        content(
            (bodies::Poll = "application/json"),
            (String = "text/event-stream")
        )
    ))
)]
pub(super) async fn events(
    State(app): State<App>,
    InConversation(session): InConversation,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let seat = gate::seat(&app, Some(session.user()), peer.ip())?;
    let query = query.unwrap_or_default();
    let resume = last_event_id(&headers).or_else(|| read::resume(&query));
    let deltas = gate::parameter(&query, "deltas") == Some("true");
    let is_return = resume.is_some();
    let joined = session.listen(Interest { resume, deltas }).await;
    let tutor = Tutor::new(app.auth.clone(), session.name(), joined.cursor.epoch(), deltas);
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("text/event-stream")) {
        return Ok(event_stream(&app, (tutor, seat), joined, is_return));
    }
    Ok(long_poll(&app, &tutor, joined, is_return).await)
}

fn event_stream(
    app: &App,
    (tutor, seat): (Tutor, Seat),
    joined: Joined,
    is_return: bool,
) -> Response {
    let shutdown = app.shutdown.clone();
    let ended = async move { shutdown.draining().await };
    let metrics = app.metrics.wire.clone();
    // The place is held, and the connection counts as open, for as long as the stream.
    let held = (seat, metrics.open(Dialect::Tutor, Carrier::Events));
    let frames = frames(tutor, joined, is_return, metrics).inspect(move |_| _ = &held);
    let frames = frames.take_until(ended);
    let mut response =
        Sse::new(frames).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    // A buffering proxy would hold the events back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Where the stream stands and a snapshot where one is needed, then the events as they come. It ends when its
/// reader has fallen behind.
fn frames(
    tutor: Tutor,
    joined: Joined,
    is_return: bool,
    metrics: WireMetrics,
) -> impl Stream<Item = Result<SseEvent, Infallible>> + Send + 'static {
    let beginning = beginning(&tutor, &joined, is_return);
    let listening = (tutor, joined.cursor, metrics);
    let batches = stream::unfold(listening, |(tutor, mut cursor, metrics)| async move {
        let published = cursor.next().await.ok()?;
        let events: Vec<SseEvent> = published
            .iter()
            .filter_map(|published| {
                let frame = tutor.encode(published)?;
                metrics.sent(frame.kind());
                Some(sse_event(frame.text(), published.seq, cursor.epoch()))
            })
            .collect();
        Some((stream::iter(events), (tutor, cursor, metrics)))
    });
    stream::iter(beginning).chain(batches.flatten()).map(Ok)
}

fn beginning(tutor: &Tutor, joined: &Joined, is_return: bool) -> Vec<SseEvent> {
    let place = format!("{}:{}", joined.cursor.epoch(), joined.seq);
    let connected = tutor
        .encode_connected(ConnectionId::random().as_str(), Some(&Place::new(joined, is_return)));
    // The number belongs to what was missed: a replay that breaks off must be asked for again.
    let connected = SseEvent::default().data(connected);
    let connected = if joined.recovered { connected } else { connected.id(place) };
    let snapshot = joined.snapshot.as_ref().map(|turn| tutor.encode_snapshot(turn));
    let snapshot = snapshot.map(|frame| SseEvent::default().data(frame));
    [connected].into_iter().chain(snapshot).collect()
}

fn sse_event(frame: &str, seq: Option<u64>, epoch: &str) -> SseEvent {
    let event = SseEvent::default().data(frame);
    match seq {
        Some(seq) => event.id(format!("{epoch}:{seq}")),
        None => event,
    }
}

/// The answer of a long-poll.
#[derive(Serialize)]
struct Polled {
    epoch: String,
    /// What to ask `after` next time.
    seq: u64,
    recovered: bool,
    events: Vec<Box<RawValue>>,
}

/// What there is, or what comes within the time.
async fn long_poll(app: &App, tutor: &Tutor, joined: Joined, is_return: bool) -> Response {
    let Joined { mut cursor, seq, recovered, snapshot, .. } = joined;
    let snapshot = snapshot.map(|turn| framed(tutor.encode_snapshot(&turn)));
    // Who comes for the first time, or has not recovered, learns at once where it stands.
    let patience = if is_return && recovered { LONG_POLL } else { Duration::ZERO };
    let (frames, newest) = tokio::select! {
        biased;
        // Who has fallen behind is told the newest number, and by it that it has to reload.
        frames = next_frames(&mut cursor, tutor) => frames.unwrap_or_default(),
        () = tokio::time::sleep(patience) => (Vec::new(), None),
        () = app.shutdown.draining() => (Vec::new(), None),
    };
    let all = snapshot.into_iter().chain(frames);
    let events = all.filter_map(|frame: Frame| {
        app.metrics.wire.sent(frame.kind());
        RawValue::from_string(frame.text().to_owned()).ok()
    });
    let body = Polled {
        epoch: cursor.epoch().to_owned(),
        seq: newest.unwrap_or(seq),
        recovered,
        events: events.collect(),
    };
    Json(body).into_response()
}

/// The next frames that this client sees, and the newest number among them.
async fn next_frames(
    cursor: &mut Cursor,
    tutor: &Tutor,
) -> Result<(Vec<Frame>, Option<u64>), Lagged> {
    let mut newest = None;
    loop {
        let published = cursor.next().await?;
        newest = published.iter().rev().find_map(|published| published.seq).or(newest);
        let frames: Vec<Frame> =
            published.iter().filter_map(|published| tutor.encode(published)).collect();
        if !frames.is_empty() {
            return Ok((frames, newest));
        }
    }
}

/// `epoch:seq`, as the browser's own reconnect sends it.
fn last_event_id(headers: &HeaderMap) -> Option<Resume> {
    let (epoch, seq) = headers.get("last-event-id")?.to_str().ok()?.rsplit_once(':')?;
    Some(Resume { epoch: epoch.to_owned(), after: seq.parse().ok()? })
}
