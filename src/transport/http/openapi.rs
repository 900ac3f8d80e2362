//! `GET /openapi.json`: the API's description for programs, made of what the handlers say of themselves.

use std::sync::LazyLock;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, Content, Ref, RefOr, ResponseBuilder,
        path::Operation,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use crate::transport::{calls, health, listen, page, realtime, socket};

use super::{audio, bodies, catalogue, chat, conversations, events, tickets, transcribe};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "parla",
        description = "A voice tutor server. docs/PROTOCOL.md tells the whole story, the socket's frames included."
    ),
    paths(
        chat::chat,
        socket::upgrade::tutor,
        conversations::list,
        conversations::messages,
        events::events,
        conversations::stop,
        conversations::played,
        audio::audio,
        catalogue::voices,
        catalogue::models,
        catalogue::scenarios,
        tickets::ticket,
        realtime::upgrade::socket,
        calls::http::call,
        calls::http::older_call,
        calls::http::restart,
        calls::http::hang_up,
        realtime::secrets::client_secret,
        realtime::secrets::session,
        transcribe::transcribe,
        listen::upgrade::socket,
        health::alive,
        health::ready,
        health::version,
        document,
        page::index
    ),
    components(schemas(bodies::Problem)),
    security((), ("key" = [])),
    modifiers(&Refusals)
)]
struct Description;

/// The description itself.
#[utoipa::path(get, path = "/openapi.json", responses((status = 200, content_type = "application/json")))]
pub(super) async fn document() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        Description::openapi().to_json().expect("invariant: descriptions have text keys")
    });
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// Every operation may be refused, in the same shape; off loopback a key is needed.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, description: &mut openapi::OpenApi) {
        for item in description.paths.paths.values_mut() {
            let methods = [&mut item.get, &mut item.post];
            methods.into_iter().flatten().for_each(complete);
        }
        let key = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        description.components.get_or_insert_default().add_security_scheme("key", key);
    }
}

fn complete(operation: &mut Operation) {
    // The names of modules say nothing to a client.
    operation.tags = None;
    let answers = &mut operation.responses.responses;
    for (status, answer) in answers.iter_mut() {
        let reason =
            StatusCode::from_bytes(status.as_bytes()).ok().and_then(|s| s.canonical_reason());
        if let (RefOr::T(answer), Some(reason)) = (answer, reason)
            && answer.description.is_empty()
        {
            reason.clone_into(&mut answer.description);
        }
    }
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    let refusal = ResponseBuilder::new().description("A refusal");
    let refusal = refusal.content("application/problem+json", problem).build();
    answers.insert("default".to_owned(), refusal.into());
}
