//! What one answer of the stand-in does, step by step. It plays; it does not judge.

use std::{io, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, sleep, sleep_until},
};

use super::wire;

/// How many characters make a token: about as many as with real models, and as careless about where they cut.
pub const TOKEN_CHARS: usize = 4;

/// One answer, from its status to its end or break.
#[derive(Clone, Debug)]
pub struct Script {
    status: u16,
    headers: String,
    steps: Vec<Step>,
    before_first: Duration,
    between: Duration,
    line_end: &'static str,
    write_size: usize,
    done_reason: &'static str,
}

/// One thing that happens in an answer.
#[derive(Clone, Debug)]
pub enum Step {
    /// A line with a token.
    Token(String),
    /// Any other line, as it is: garbage, thinking, an error.
    Line(String),
    /// Bytes without a line end.
    Raw(Vec<u8>),
    /// The last line.
    Done,
    /// The same without a line end.
    DoneUnended,
    Wait(Duration),
    /// Silence for ever, with the connection open.
    Hang,
    /// From the first step again, for ever.
    Repeat,
    /// What was asked for is there.
    Landed,
    /// The connection ends in the middle of the body (FIN).
    Cut,
    /// The connection breaks (RST).
    Reset,
}

/// How a script has ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    Whole,
    Cut,
    Reset,
}

impl Script {
    /// Steps, and then the proper end of the body.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            status: 200,
            headers: "content-type: application/x-ndjson\r\n".to_owned(),
            steps: steps.into_iter().collect(),
            before_first: Duration::ZERO,
            between: Duration::ZERO,
            line_end: "\n",
            write_size: usize::MAX,
            done_reason: "stop",
        }
    }

    /// The whole text, token by token, as fast as the socket takes it.
    pub fn say(text: &str) -> Self {
        Self::new(tokens(text).chain([Step::Done]))
    }

    /// The text, and then something else than an end.
    pub fn say_then(text: &str, step: Step) -> Self {
        Self::new(tokens(text).chain([step]))
    }

    /// The text, and then a call.
    pub fn call(text: &str, name: &str, arguments: &Value) -> Self {
        Self::call_then(text, (name, arguments), Step::Done)
    }

    /// The same, and then something else than an end.
    pub fn call_then(text: &str, (name, arguments): (&str, &Value), step: Step) -> Self {
        let function = json!({"index": 0, "name": name, "arguments": arguments});
        let calls = json!([{"id": "call_1", "function": function}]);
        let message = json!({"role": "assistant", "content": "", "tool_calls": calls});
        let line = json!({"message": message, "done": false}).to_string();
        Self::new(tokens(text).chain([Step::Line(line), step]))
    }

    /// Ends after so many tokens, as the one who asks wishes.
    pub(super) fn within(mut self, limit: u64) -> Self {
        let mut tokens =
            self.steps.iter().enumerate().filter(|(_, step)| matches!(step, Step::Token(_)));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if let Some((place, _)) = tokens.nth(limit) {
            self.steps.truncate(place);
            self.steps.push(Step::Done);
            self.done_reason = "length";
        }
        self
    }

    /// Nothing but such a line after a time.
    pub(super) fn line_after(time: Duration, line: String) -> Self {
        Self::new([Step::Wait(time), Step::Landed, Step::Line(line)])
    }

    /// A pull of two layers of 600 and 400 bytes, each step after a pause.
    pub fn pull(pause: Duration) -> Self {
        let layer = |digest: &str, total: u64, completed: u64| {
            json!({"status": format!("pulling {digest}"), "digest": format!("sha256:{digest}"),
                   "total": total, "completed": completed})
        };
        let lines = [
            json!({"status": "pulling manifest"}),
            json!({"status": "pulling aa", "digest": "sha256:aa", "total": 600}),
            layer("aa", 600, 300),
            layer("aa", 600, 600),
            layer("bb", 400, 400),
            json!({"status": "verifying sha256 digest"}),
            json!({"status": "writing manifest"}),
        ];
        let steps = lines.iter().flat_map(|line| [Step::Line(line.to_string()), Step::Wait(pause)]);
        let end = json!({"status": "success"}).to_string();
        Self::new(steps.chain([Step::Landed, Step::Line(end)]))
    }

    /// Accepts the request and never answers.
    pub fn silence() -> Self {
        Self::new([Step::Hang])
    }

    /// An error status with a body; headers are whole lines.
    pub fn refusal(status: u16, headers: &[&str], body: &str) -> Self {
        let headers = headers.iter().map(|header| format!("{header}\r\n")).collect();
        Self { status, headers, ..Self::new([Step::Raw(body.as_bytes().to_vec())]) }
    }

    /// Waits before the first token and between tokens.
    pub fn paced(mut self, before_first: Duration, between: Duration) -> Self {
        self.before_first = before_first;
        self.between = between;
        self
    }

    /// Ends lines as some proxies do.
    pub fn with_carriage_returns(mut self) -> Self {
        self.line_end = "\r\n";
        self
    }

    /// Sends the body in pieces of that many bytes, through the middle of characters.
    pub fn split_every(mut self, bytes: usize) -> Self {
        self.write_size = bytes.max(1);
        self
    }

    /// Fails when the client leaves before the end.
    pub(super) async fn play<W>(
        &self,
        socket: &mut W,
        model: &str,
        landed: impl Fn(),
    ) -> io::Result<Ending>
    where
        W: AsyncWriteExt + Unpin,
    {
        let mut body = wire::Body::new(socket, self.status, &self.headers, self.write_size);
        let mut due = Instant::now() + self.before_first;
        let mut steps = self.steps.iter();
        while let Some(step) = steps.next() {
            match step {
                Step::Token(text) => {
                    sleep_until(due).await;
                    due += self.between;
                    body.write(self.line(&token(model, text)).as_bytes()).await?;
                }
                Step::Line(line) => body.write(self.line(line).as_bytes()).await?,
                Step::Raw(bytes) => body.write(bytes).await?,
                Step::Done => body.write(self.line(&self.last_line(model)).as_bytes()).await?,
                Step::DoneUnended => body.write(self.last_line(model).as_bytes()).await?,
                Step::Wait(time) => sleep(*time).await,
                Step::Hang => std::future::pending().await,
                Step::Repeat => steps = self.steps.iter(),
                Step::Landed => landed(),
                Step::Cut => return Ok(Ending::Cut),
                Step::Reset => return Ok(Ending::Reset),
            }
        }
        body.end().await?;
        Ok(Ending::Whole)
    }

    fn line(&self, line: &str) -> String {
        format!("{line}{}", self.line_end)
    }

    fn last_line(&self, model: &str) -> String {
        let tokens = self.steps.iter().filter(|step| matches!(step, Step::Token(_))).count();
        json!({
            "model": model,
            "created_at": "2026-01-01T00:00:00.000000000Z",
            "message": {"role": "assistant", "content": ""},
            "done": true,
            "done_reason": self.done_reason,
            "total_duration": 1,
            "prompt_eval_count": 26,
            "eval_count": tokens,
        })
        .to_string()
    }
}

fn tokens(text: &str) -> impl Iterator<Item = Step> {
    let chars: Vec<_> = text.chars().collect();
    let tokens: Vec<_> =
        chars.chunks(TOKEN_CHARS).map(|token| Step::Token(token.iter().collect())).collect();
    tokens.into_iter()
}

fn token(model: &str, text: &str) -> String {
    json!({
        "model": model,
        "created_at": "2026-01-01T00:00:00.000000000Z",
        "message": {"role": "assistant", "content": text},
        "done": false,
    })
    .to_string()
}
