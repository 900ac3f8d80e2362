//! Secrets for browsers: good for sessions of one user in one conversation, as configured here. It opens no session.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

use super::{call::offer, grant::Grant, refusal::Refusal, upgrade::conversation_name};
use crate::{
    app::App,
    auth::User,
    domain::random_token,
    realtime::{Fault, Protocol, Shape, SoundPath},
    transport::{error::Problem, gate::Caller, read::JsonObject},
    wall_clock,
};

/// How long a secret is good when nothing is said, in seconds, and what may be said.
const LIFETIME: u64 = 600;
const SHORTEST: u64 = 10;
const LONGEST: u64 = 7200;

/// A secret for a browser.
#[utoipa::path(
    post,
    path = "/v1/realtime/client_secrets",
    responses((status = 200, description = "value, expires_at and the session as it will begin"))
)]
pub(in crate::transport) async fn client_secret(
    State(app): State<App>,
    Caller(user): Caller,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>, Refusal> {
    let seconds = lifetime(&body)?;
    let session = match body.get("session") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(session)) => session.clone(),
        Some(_) => return Err(invalid("session: expected an object").into()),
    };
    let conversation = body.get("conversation_id").and_then(Value::as_str);
    let grant = Grant { conversation: own(conversation)?, older: false, session };
    let shown = shown(&app, &grant).await?;
    let (value, expires_at) = issue(&app, user, &grant, seconds)?;
    Ok(Json(json!({"value": value, "expires_at": expires_at, "session": shown})))
}

/// The same in the older shape.
#[utoipa::path(
    post,
    path = "/v1/realtime/sessions",
    responses((status = 200, description = "the session as it will begin, with its client_secret"))
)]
pub(in crate::transport) async fn session(
    State(app): State<App>,
    Caller(user): Caller,
    JsonObject(mut body): JsonObject,
) -> Result<Json<Value>, Refusal> {
    let conversation = body.remove("conversation_id");
    let conversation = conversation.as_ref().and_then(Value::as_str);
    let grant = Grant { conversation: own(conversation)?, older: true, session: body };
    let mut shown = shown(&app, &grant).await?;
    let (value, expires_at) = issue(&app, user, &grant, LIFETIME)?;
    shown["client_secret"] = json!({"value": value, "expires_at": expires_at});
    Ok(Json(shown))
}

/// The session as it will begin.
async fn shown(app: &App, grant: &Grant) -> Result<Value, Fault> {
    let shape: Shape = grant.shape();
    let seed = random_token();
    let mut protocol = Protocol::new(&seed, offer(app).await, shape, SoundPath::Events);
    protocol.configure(&grant.session)?;
    Ok(protocol.session())
}

/// The conversation that is asked for, else a new one: all sessions of a secret share it.
fn own(name: Option<&str>) -> Result<Option<String>, Problem> {
    conversation_name(name)?;
    Ok(Some(name.map_or_else(random_token, str::to_owned)))
}

/// The secret, and when it ends, in seconds of Unix time.
fn issue(app: &App, user: User, grant: &Grant, seconds: u64) -> Result<(String, i64), Problem> {
    let written = serde_json::to_value(grant).map_err(|_| Problem::internal())?;
    let secret = app.auth.ephemeral(user, written, Duration::from_secs(seconds));
    Ok((secret, wall_clock::now() / 1000 + i64::try_from(seconds).unwrap_or(i64::MAX)))
}

fn lifetime(body: &Map<String, Value>) -> Result<u64, Problem> {
    let seconds = body.get("expires_after").and_then(|after| after.get("seconds"));
    let Some(seconds) = seconds.filter(|seconds| !seconds.is_null()) else { return Ok(LIFETIME) };
    let allowed = seconds.as_u64().filter(|seconds| (SHORTEST..=LONGEST).contains(seconds));
    allowed.ok_or_else(|| invalid("expires_after.seconds: expected 10 to 7200"))
}

fn invalid(detail: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_field", detail)
}
