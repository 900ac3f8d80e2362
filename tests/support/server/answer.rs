//! What the server answers over HTTP, read once. It judges nothing.

use bytes::Bytes;
use reqwest::{RequestBuilder, header::HeaderMap};
use serde_json::Value;
use tokio::time::timeout;

use super::PATIENCE;

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        let response = timeout(PATIENCE, request.send()).await.unwrap().unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = timeout(PATIENCE, response.bytes()).await.unwrap().unwrap();
        Self { status, headers, body }
    }

    /// A header's value; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The status and the stable code of a refusal; a refusal of another shape has no code.
    pub fn refusal(&self) -> (u16, String) {
        let is_problem = self.header("content-type") == "application/problem+json";
        let code = if is_problem { self.json()["code"].clone() } else { Value::Null };
        (self.status, code.as_str().unwrap_or_default().to_owned())
    }
}

/// Whether these bytes are a WAV file in which something is to be heard.
pub fn is_audible(wav: &[u8]) -> bool {
    let mut reader = hound::WavReader::new(wav).unwrap();
    let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    samples.iter().filter(|sample| sample.unsigned_abs() > 500).count() > samples.len() / 50
}
