//! Reads Ollama's answer from the bytes of its body. It asks for nothing and never reads on after an error.

use std::{collections::VecDeque, time::Duration};

use futures_util::stream::{self, Stream};
use reqwest::Response;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{PROVIDER, broken, excerpt};
use crate::{
    domain::{Aside, Ending, Notice, ToolCall, Usage},
    providers::{
        ModelPart, ProviderError, http,
        ndjson::{LineTooLong, Lines},
        pace,
    },
};

/// A line holds one token; one of this size, in bytes, is an attack or an accident.
const LINE_LIMIT: usize = 1 << 20;
/// One line may be damaged on its way; a body of such lines is no answer.
const BAD_LINES: usize = 3;
/// Calls in one answer; more are not meant.
const CALLS: usize = 32;
/// The end of the body follows the last line at once; nobody is to wait for it when it does not.
const END_TIMEOUT: Duration = Duration::from_millis(50);

/// The answer that a response carries; dropping it closes the connection. Only `tools` are called.
pub(super) fn parts(
    response: Response,
    model: String,
    tools: Vec<String>,
) -> impl Stream<Item = Result<ModelPart, ProviderError>> {
    // Boxed: it is moved with each token.
    let reading = Some(Box::new((response, Decoder::new(model, tools))));
    stream::try_unfold(reading, |reading| async move {
        let Some(mut reading) = reading else { return Ok(None) };
        let (response, decoder) = &mut *reading;
        let part = next_part(response, decoder).await?;
        if let ModelPart::Done(_) = part {
            // A body that was read to its end leaves the connection open for the next answer.
            drop(tokio::time::timeout(END_TIMEOUT, response.chunk()).await);
            return Ok(Some((part, None)));
        }
        Ok(Some((part, Some(reading))))
    })
}

async fn next_part(
    response: &mut Response,
    decoder: &mut Decoder,
) -> Result<ModelPart, ProviderError> {
    loop {
        if let Some(part) = decoder.next_part()? {
            return Ok(part);
        }
        match response.chunk().await.map_err(|error| http::failure(PROVIDER, &error))? {
            Some(bytes) => decoder.lines.push(&bytes),
            None => return decoder.last_part(),
        }
    }
}

/// What a line may say; servers and proxies leave out the rest as they like.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    done_reason: Option<String>,
    #[serde(default)]
    prompt_eval_count: Option<u64>,
    #[serde(default)]
    eval_count: Option<u64>,
    /// In nanoseconds.
    #[serde(default)]
    eval_duration: Option<u64>,
}

/// Its thinking is for nobody's ears.
#[derive(Default, Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    /// Whole, in whichever lines. One that cannot be read is left out: the words beside it count.
    #[serde(default)]
    tool_calls: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct Call {
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: Map<String, Value>,
}

struct Decoder {
    lines: Lines,
    bad_lines: usize,
    /// What remains of the last line, which may say several things.
    rest: VecDeque<ModelPart>,
    model: String,
    tools: Vec<String>,
    calls: usize,
    /// When the first text was read.
    began: Option<Instant>,
}

impl Decoder {
    fn new(model: String, tools: Vec<String>) -> Self {
        let (lines, rest) = (Lines::new(LINE_LIMIT), VecDeque::new());
        Self { lines, bad_lines: 0, rest, model, tools, calls: 0, began: None }
    }

    /// The next part of what has been read; `None` until more bytes arrive.
    fn next_part(&mut self) -> Result<Option<ModelPart>, ProviderError> {
        if let Some(part) = self.rest.pop_front() {
            return Ok(Some(part));
        }
        while let Some(line) = self.lines.next_line().map_err(too_long)? {
            if let Some(part) = self.read(&line)? {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }

    /// What the body ends with; an answer that does not say that it is done was cut.
    fn last_part(&mut self) -> Result<ModelPart, ProviderError> {
        let last = match self.lines.last_line() {
            Some(line) => self.read(&line)?,
            None => None,
        };
        last.ok_or_else(|| ProviderError::Cut {
            provider: PROVIDER.to_owned(),
            reason: "the body ended before the answer".to_owned(),
        })
    }

    fn read(&mut self, line: &[u8]) -> Result<Option<ModelPart>, ProviderError> {
        let Ok(mut line) = serde_json::from_slice::<Line>(line) else {
            self.bad_lines += 1;
            tracing::debug!(bad_lines = self.bad_lines, "a line of Ollama's answer is no JSON");
            let too_many = || broken(format!("{BAD_LINES} lines of its answer cannot be read"));
            return if self.bad_lines < BAD_LINES { Ok(None) } else { Err(too_many()) };
        };
        if let Some(error) = line.error {
            return Err(failure(&error));
        }
        let Message { content, tool_calls } = line.message.take().unwrap_or_default();
        if let Some(text) = content.filter(|text| !text.is_empty()) {
            self.began.get_or_insert_with(Instant::now);
            self.rest.push_back(ModelPart::Text(text));
        }
        let calls: Vec<_> =
            tool_calls.into_iter().flatten().filter_map(|call| self.call(call)).collect();
        self.rest.extend(calls.into_iter().map(ModelPart::Call));
        if line.done {
            let notice = self.notice(&line).map(|notice| ModelPart::Aside(Aside::Notice(notice)));
            self.rest.extend(notice.into_iter().chain([ModelPart::Done(ending(&line))]));
        }
        Ok(self.rest.pop_front())
    }

    /// A call of something that was offered; small models make up others.
    fn call(&mut self, call: Value) -> Option<ToolCall> {
        let Call { function: Function { name, arguments } } = serde_json::from_value(call).ok()?;
        if !self.tools.contains(&name) || self.calls >= CALLS {
            tracing::debug!(name, "a call of nothing that was offered, or one too many");
            return None;
        }
        self.calls += 1;
        Some(ToolCall { name, arguments })
    }

    /// Whether the model is too slow to be listened to, by its own clock or else by ours.
    fn notice(&self, last: &Line) -> Option<Notice> {
        let own = last.eval_duration.map(Duration::from_nanos);
        let elapsed = own.or_else(|| self.began.map(|began| began.elapsed()))?;
        pace::notice(&self.model, last.eval_count?, elapsed)
    }
}

fn ending(last: &Line) -> Ending {
    let cut_short = last.done_reason.as_deref() == Some("length");
    Ending { usage: usage(last), cut_short }
}

/// A prompt that was still in the cache is not counted anew.
fn usage(line: &Line) -> Option<Usage> {
    let completion_tokens = line.eval_count?;
    Some(Usage { prompt_tokens: line.prompt_eval_count.unwrap_or(0), completion_tokens })
}

/// Ollama's errors within an answer carry no status, only words.
fn failure(error: &str) -> ProviderError {
    let says = |words: &[&str]| words.iter().any(|word| error.contains(word));
    let (provider, reason) = (PROVIDER.to_owned(), excerpt(error));
    if says(&["busy", "overloaded", "too many requests"]) {
        ProviderError::AtCapacity { provider, retry_after: None }
    } else if says(&["not found", "does not support", "more system memory", "context length"]) {
        ProviderError::Rejected { provider, reason }
    } else {
        broken(reason)
    }
}

fn too_long(error: LineTooLong) -> ProviderError {
    broken(error.to_string())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    /// One line per part, as a reader of the stream would see them.
    fn trace(reads: &[&[u8]]) -> String {
        let mut decoder = Decoder::new("m".to_owned(), vec!["look".to_owned()]);
        let mut parts = Vec::new();
        for read in reads {
            decoder.lines.push(read);
            while let Some(part) = decoder.next_part().transpose() {
                parts.push(part);
                if matches!(parts.last(), Some(Ok(ModelPart::Done(_)) | Err(_))) {
                    return shown(&parts);
                }
            }
        }
        parts.push(decoder.last_part());
        shown(&parts)
    }

    fn shown(parts: &[Result<ModelPart, ProviderError>]) -> String {
        let line = |part: &Result<ModelPart, ProviderError>| match part {
            Ok(ModelPart::Text(text)) => format!("{text}\n"),
            Ok(ModelPart::Call(ToolCall { name, arguments })) => {
                format!("{name}({})\n", Value::Object(arguments.clone()))
            }
            Ok(ModelPart::Done(Ending { usage, cut_short })) => {
                let usage = usage.map(|usage| (usage.prompt_tokens, usage.completion_tokens));
                format!("{} {usage:?}\n", if *cut_short { "cut short" } else { "done" })
            }
            Ok(ModelPart::Aside(aside)) => format!("{aside:?}\n"),
            Err(error) => format!("error: {error}\n"),
        };
        parts.iter().map(line).collect()
    }

    #[test]
    fn thinking_is_no_text_and_only_what_was_offered_is_called() {
        expect![[r#"
            Ciao
            look({"at":"sea","n":2})
            look({})
            !
            done Some((26, 2))
        "#]]
        .assert_eq(&trace(&[br#"{"message":{"thinking":"The learner greets me."},"done":false}
            {"message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":{}}}]}}
            {"message":{"content":"","tool_calls":[{"function":{"name":"look","arguments":"sea"}},7]}}
            {"message":{"role":"assistant","content":"Ciao","tool_calls":[{"function":{"name":"look","arguments":{"at":"sea","n":2}}},{"id":"x","function":{"index":1,"name":"look"}}]},"done":false}
            {"message":{"content":"!"},"done":true,"prompt_eval_count":26,"eval_count":2}
            {"message":{"content":"never read"}}"#]));
    }

    #[test]
    fn a_model_that_is_slow_by_its_own_clock_is_told_of_before_the_end() {
        let last = |ns: u64| {
            let end = format!(
                r#"{{"message":{{"content":"!"}},"done":true,"eval_count":20,"eval_duration":{ns}}}"#
            );
            let told = trace(&[end.as_bytes(), b"\n"]);
            (
                told.contains("model_slow"),
                told.starts_with("!\n"),
                told.ends_with("done Some((0, 20))\n"),
            )
        };
        assert_eq!(last(10_000_000_000), (true, true, true));
        assert_eq!(last(1_000_000_000), (false, true, true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_tells_no_times_is_measured() {
        let mut decoder = Decoder::new("big:70b".to_owned(), Vec::new());
        decoder.lines.push(b"{\"message\":{\"content\":\"Hi\"}}\n");
        assert_eq!(decoder.next_part().unwrap(), Some(ModelPart::Text("Hi".to_owned())));
        tokio::time::advance(Duration::from_secs(20)).await;
        decoder.lines.push(b"{\"done\":true,\"eval_count\":40}\n");
        let notice = decoder.next_part().unwrap().unwrap();
        assert!(format!("{notice:?}").contains("writes 2.0 tokens a second"), "{notice:?}");
    }

    #[test]
    fn two_bad_lines_are_skipped_and_the_third_ends_the_answer() {
        expect![[r#"
            a
            b
            error: ollama sent something unusable: 3 lines of its answer cannot be read
        "#]]
        .assert_eq(&trace(&[
            b"<html>\n{\"message\":{\"content\":\"a\"}}\n\xff\xfe\n",
            b"{\"message\":{\"content\":\"b\"}}\n{\"message\":\n{\"message\":{\"content\":\"c\"}}\n",
        ]));
    }

    #[test]
    fn an_error_within_the_answer_says_whether_to_come_back() {
        expect!["error: ollama is at capacity\n"].assert_eq(&trace(&[
            br#"{"error":"server busy, please try again. maximum pending requests exceeded"}"#,
        ]));
        expect!["error: ollama refused: model requires more system memory (9 GiB)\n"]
            .assert_eq(&trace(&[br#"{"error":"model requires more system memory (9 GiB)"}"#]));
        expect!["error: ollama sent something unusable: CUDA error: out of memory\n"]
            .assert_eq(&trace(&[br#"{"error":"CUDA error: out of memory"}"#]));
    }

    #[test]
    fn an_answer_that_does_not_say_that_it_is_done_was_cut() {
        expect![[r#"
            half
            error: ollama was cut off: the body ended before the answer
        "#]]
        .assert_eq(&trace(&[b"{\"message\":{\"content\":\"half\"}}\n"]));
    }

    #[test]
    fn a_line_of_ten_megabytes_is_refused_before_it_is_held() {
        let mut decoder = Decoder::new("m".to_owned(), vec!["look".to_owned()]);
        let read = [b'a'; 64 * 1024];
        let mut taken = 0;
        let error = loop {
            decoder.lines.push(&read);
            taken += read.len();
            if let Err(error) = decoder.next_part() {
                break error;
            }
        };
        assert_eq!(error, broken("line too long".to_owned()));
        assert!(taken <= LINE_LIMIT + read.len());
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_parts(cuts in proptest::collection::vec(0_usize..120, 0..8)) {
            let body = "{\"message\":{\"content\":\"¿Qué?\"}}\r\n\n{\"message\":{\"content\":\"你好👋\"}}\r\n\
                {\"done\":true,\"eval_count\":3}".as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let reads: Vec<_> = cuts.windows(2).map(|pair| &body[pair[0]..pair[1]]).collect();
            prop_assert_eq!(trace(&reads), "¿Qué?\n你好👋\ndone Some((0, 3))\n");
        }
    }
}
