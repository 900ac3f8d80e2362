//! `POST /api/v1/chat`: one turn, waited for whole, or only begun when its events go over a socket.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    app::App,
    conversation::{Accepted, Joined},
    dialect::tutor::{ChatBody, ChatFields, Tutor},
    domain::{Event, Failure, TurnId, TurnSnapshot},
    hub::Interest,
    session::Session,
    storage::{StoredTurn, TurnState},
    transport::{error::Problem, gate::Caller, read::JsonObject},
};

use super::{bodies, conversations::stored_turn};

/// A model that has to be fetched and loaded takes ten minutes at most, and its answer two: a request that waits longer
/// waits for something that will not come.
const LONGEST_TURN: Duration = Duration::from_secs(15 * 60);

/// Takes a message; answers when all audio is ready, or at once with `useWebSocket`.
#[utoipa::path(
    post,
    path = "/api/v1/chat",
    params((
        "Idempotency-Key" = Option<String>,
        Header,
        description = "Stands for clientId and goes before it"
    )),
    request_body = ChatFields,
    responses(
        (status = 200, body = bodies::Turn),
        (status = 202, body = bodies::Accepted, description = "With useWebSocket")
    )
)]
pub(super) async fn chat(
    State(app): State<App>,
    Caller(user): Caller,
    headers: HeaderMap,
    JsonObject(object): JsonObject,
) -> Result<Response, Problem> {
    let ChatBody { conversation, use_web_socket, mut command } = ChatBody::read(object)?;
    command.client_id = idempotency_key(&headers)?.or(command.client_id);
    // Who waits for the whole turn sees no chunk come.
    command.stream &= use_web_socket;
    let session = Session::open(&app.conversations, &app.auth, user, conversation.as_deref());
    let joined = session.listen(Interest::default()).await;
    let accepted = session.say(command).await.await?;
    if use_web_socket {
        let body = json!({
            "conversationId": session.name(),
            "turnId": accepted.turn,
            "messageId": accepted.message,
        });
        return Ok((StatusCode::ACCEPTED, Json(body)).into_response());
    }
    let body = match repeated(&app, &session, &accepted).await? {
        Some(body) => body,
        None => whole_turn(&app, &session, &accepted.turn, joined).await?,
    };
    Ok(Json(body).into_response())
}

/// A repeat of a message whose turn is over is answered from the store, as it was answered the first time.
async fn repeated(
    app: &App,
    session: &Session,
    accepted: &Accepted,
) -> Result<Option<Value>, Problem> {
    if !accepted.is_repeat {
        return Ok(None);
    }
    let stored = app.storage.turn(&accepted.turn).await?;
    let Some(StoredTurn { state, answer }) = stored else { return Ok(None) };
    let mut body = answer.map_or_else(
        || json!({"turnId": accepted.turn, "text": "", "chunks": []}),
        |answer| stored_turn(session.name(), &answer, &app.auth),
    );
    match state {
        TurnState::Making => return Ok(None),
        TurnState::Failed(code) => return Err(Problem::of_failed_turn(code)),
        TurnState::Stopped => body["stopped"] = json!(true),
        TurnState::Complete => {}
    }
    Ok(Some(body))
}

/// Listens until the turn has been made.
async fn whole_turn(
    app: &App,
    session: &Session,
    turn: &TurnId,
    joined: Joined,
) -> Result<Value, Problem> {
    let Joined { cursor: mut listener, snapshot, .. } = joined;
    let tutor = Tutor::new(app.auth.clone(), session.name(), listener.epoch(), false);
    // A repeat may come when most of the turn has been told already.
    let snapshot = snapshot.filter(|known| known.turn == *turn).map(Arc::unwrap_or_clone);
    let mut heard = HeardTurn { tutor, snapshot };
    let deadline = tokio::time::Instant::now() + LONGEST_TURN;
    loop {
        let next = tokio::time::timeout_at(deadline, listener.next()).await;
        let events = next.map_err(|_| fell_behind())?.map_err(|_| fell_behind())?;
        let mut ends = events.iter().filter_map(|published| heard.take(&published.event, turn));
        if let Some(end) = ends.next() {
            return end;
        }
    }
}

/// What has been heard of the turn.
struct HeardTurn {
    tutor: Tutor,
    snapshot: Option<TurnSnapshot>,
}

impl HeardTurn {
    /// The answer, once the turn has ended.
    fn take(&mut self, event: &Event, turn: &TurnId) -> Option<Result<Value, Problem>> {
        match event {
            Event::ConversationStart(snapshot) if snapshot.turn == *turn => {
                self.snapshot = Some(snapshot.as_ref().clone());
                None
            }
            Event::ChunkUpdate { turn: of, index, chunk } if of == turn => {
                let chunks = self.snapshot.as_mut().map(|whole| &mut whole.chunks);
                if let Some(known) = chunks.and_then(|chunks| chunks.get_mut(*index)) {
                    *known = chunk.clone();
                }
                None
            }
            Event::ConversationComplete(completion) if completion.turn == *turn => {
                Some(Ok(self.merged(event)))
            }
            Event::ConversationStopped { turn: of, .. } if of == turn => {
                let mut body = self.merged(event);
                body["stopped"] = json!(true);
                Some(Ok(body))
            }
            Event::ConversationFailed { turn: of, failure } if of == turn => {
                Some(Err(failure.clone().into()))
            }
            _ => None,
        }
    }

    /// All that `conversation-start` and the last frame say, in one object.
    fn merged(&self, end: &Event) -> Value {
        let start = self.snapshot.clone().map(|whole| Event::ConversationStart(whole.into()));
        let mut body = start.map_or_else(|| json!({"chunks": []}), |start| self.tutor.data(&start));
        let mut end = self.tutor.data(end);
        // The last frame counts the chunks; the answer holds them.
        end["chunks"] = body["chunks"].take();
        if let (Value::Object(body), Value::Object(end)) = (&mut body, end) {
            body.extend(end);
        }
        body
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=64).contains(&key.len()));
    key.map(|key| Some(key.to_owned())).ok_or_else(|| {
        let detail = "Idempotency-Key: expected 1 to 64 printable characters";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_field", detail)
    })
}

fn fell_behind() -> Problem {
    let message = "the turn goes on, but too much of it was missed to tell it whole".to_owned();
    Failure { code: "too_slow", message, retryable: true }.into()
}
