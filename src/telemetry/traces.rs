//! One trace for each turn that ended, sent to a collector of `OpenTelemetry`. It never makes a turn wait.
//!
//! Spans are built from the moments that were noted when the turn is over. What waits to be sent is bounded, and what
//! comes when the collector is behind is dropped: a trace is worth less than a turn.

mod otlp;

use std::time::Duration;

use reqwest::{
    Client, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

/// Traces that may wait; one more is dropped.
const QUEUE: usize = 256;
/// Traces in one request.
const BATCH: usize = 64;
/// How long traces are gathered, so that a busy server sends a few requests and not thousands.
const GATHERING: Duration = Duration::from_millis(500);
/// How long a collector may take; also how long one that hangs can hold up the end of the server.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where traces go.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    url: Url,
    /// What the collector wants with each request; none of them is ever printed.
    headers: HeaderMap,
    /// The server's name among others.
    service: String,
}

/// The way to the collector; clones share it.
#[derive(Clone)]
pub struct Traces(mpsc::Sender<Trace>);

/// The spans of one turn, the first being the whole.
#[derive(Clone, Debug)]
pub struct Trace(pub Vec<Span>);

/// One stage.
#[derive(Clone, Debug)]
pub struct Span {
    pub name: &'static str,
    /// The place of the span in which this one lies.
    pub parent: Option<usize>,
    pub start: Instant,
    pub end: Instant,
    pub attributes: Vec<(&'static str, Attribute)>,
    /// The code with which it failed.
    pub failure: Option<&'static str>,
}

/// What is told of a span; never what people say.
#[derive(Clone, Debug)]
pub enum Attribute {
    Text(String),
    Number(u64),
}

impl TraceSettings {
    /// `endpoint` without `/v1/traces`, and `headers` as `name=value,name=value`, as `OpenTelemetry` writes them.
    ///
    /// # Errors
    /// What cannot be read, without repeating it.
    pub fn new(endpoint: &str, headers: &str, service: String) -> Result<Self, &'static str> {
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|_| "no address such as http://127.0.0.1:4318")?;
        let pairs = headers.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        let headers = pairs.map(header).collect::<Option<HeaderMap>>();
        Ok(Self { url, headers: headers.ok_or("expected NAME=VALUE,NAME=VALUE")?, service })
    }
}

fn header(pair: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = pair.split_once('=')?;
    let mut value = HeaderValue::from_str(value.trim()).ok()?;
    value.set_sensitive(true);
    Some((name.trim().parse().ok()?, value))
}

impl Traces {
    /// The handle, and the work behind it: it ends with the last handle.
    ///
    /// # Errors
    /// When the TLS set-up of the process is broken.
    pub fn start(settings: TraceSettings) -> reqwest::Result<(Self, impl Future<Output = ()>)> {
        let (queue, traces) = mpsc::channel(QUEUE);
        let client = Client::builder()
            .timeout(PATIENCE)
            // The collector's key is for nobody else.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok((Self(queue), export(traces, client, settings)))
    }

    /// Sends it soon, or drops it when too many wait.
    pub fn send(&self, trace: Trace) {
        if self.0.try_send(trace).is_err() {
            tracing::debug!("a trace is dropped, the collector is behind");
        }
    }
}

async fn export(mut traces: mpsc::Receiver<Trace>, client: Client, settings: TraceSettings) {
    let mut is_well = true;
    let mut batch = Vec::with_capacity(BATCH);
    while traces.recv_many(&mut batch, BATCH).await > 0 {
        if !traces.is_closed() {
            sleep(GATHERING).await;
        }
        while batch.len() < BATCH
            && let Ok(trace) = traces.try_recv()
        {
            batch.push(trace);
        }
        let body = otlp::body(&settings.service, &batch);
        batch.clear();
        let request = client.post(settings.url.clone()).headers(settings.headers.clone());
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        let answer = request.send().await.and_then(|answer| answer.error_for_status());
        // The address may hold a key.
        is_well = tell(is_well, answer.err().map(reqwest::Error::without_url));
    }
}

/// Tells of changes only, not of each failure; whether all is well.
fn tell(was_well: bool, failure: Option<reqwest::Error>) -> bool {
    match &failure {
        Some(error) if was_well => {
            tracing::warn!(code = "traces_unavailable", %error, "the collector takes no traces");
        }
        None if !was_well => {
            tracing::info!(code = "traces_available", "the collector takes traces again");
        }
        Some(_) | None => {}
    }
    failure.is_none()
}
