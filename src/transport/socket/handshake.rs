//! How a socket opens (RFC 6455, section 4.2): what a client must bring, and what it is answered. It carries nothing.

use axum::{
    extract::FromRequestParts,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header, request::Parts,
    },
    response::{IntoResponse, Response},
};
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::transport::error::Problem;

/// A complete request for a socket.
pub(in crate::transport) struct Handshake {
    key: HeaderValue,
    upgrade: OnUpgrade,
}

impl Handshake {
    /// The answer, with the subprotocol that the client has offered and is to use, and the socket's beginning.
    pub(in crate::transport) fn accept(
        self,
        protocol: Option<HeaderValue>,
    ) -> (Response, OnUpgrade) {
        let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(self.key.as_bytes())) {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        }
        if let Some(protocol) = protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        (response, self.upgrade)
    }
}

impl<S: Sync> FromRequestParts<S> for Handshake {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        if parts.version < Version::HTTP_11 {
            return Err(incomplete("a socket needs HTTP/1.1"));
        }
        if parts.method != Method::GET {
            return Err(incomplete("a socket is asked for with GET"));
        }
        let headers = &parts.headers;
        if !lists(headers, header::CONNECTION, "upgrade")
            || !lists(headers, header::UPGRADE, "websocket")
        {
            return Err(upgrade_required("this address is a WebSocket"));
        }
        if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err(upgrade_required("version 13 is spoken here"));
        }
        let key = headers.get(header::SEC_WEBSOCKET_KEY).cloned();
        let Some((key, upgrade)) = key.zip(parts.extensions.remove()) else {
            return Err(incomplete("the request for a socket is not complete"));
        };
        Ok(Self { key, upgrade })
    }
}

fn lists(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|word| word.trim().eq_ignore_ascii_case(wanted))
}

fn upgrade_required(detail: &str) -> Response {
    let problem = Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", detail);
    let mut response = problem.into_response();
    let headers = response.headers_mut();
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    response
}

fn incomplete(detail: &str) -> Response {
    Problem::new(StatusCode::BAD_REQUEST, "bad_upgrade", detail).into_response()
}
