//! Scripts for the turn machine and their traces: one line in, what follows from it indented below.
//!
//! `+300` moves the clock. `ana: text` asks (stored at once; `ana~:` without `stream`, `ana?:` not yet stored).
//! `ana: -` lets the tutor open, `ana: =` says what came of a call. Turns are named t1, t2, … in the order of asking.

mod calling;
mod failing;
mod interrupting;
mod making;
mod playing;
mod rooms;
mod storing;

use std::{fmt::Write, sync::Arc};

use expect_test::Expect;

use crate::domain::{
    AnswerTerms, Aside, AudioFileId, Chunk, ChunkAudio, Completion, EmotionApplied, Ending, Event,
    Failure, Language, Level, Message, MessageId, Millis, Notice, Progress, ProgressKind, Role,
    SpeechState, ToolCall, ToolResult, TurnId, TurnMetadata, Usage, UserId, WordTime,
};

use super::{Ask, Effect, Input, Outcome, TurnMachine};

fn check(script: &str, expected: &Expect) {
    let mut player = Script::default();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        player.play(line);
    }
    expected.assert_eq(&player.trace);
}

#[derive(Default)]
struct Script {
    machine: TurnMachine,
    now: Millis,
    asked: usize,
    trace: String,
}

impl Script {
    fn play(&mut self, line: &str) {
        writeln!(self.trace, "{line}").unwrap();
        if let Some(ms) = line.strip_prefix('+') {
            self.now += ms.parse::<Millis>().unwrap();
            return self.feed(Input::Clock);
        }
        if let Some((who, text)) = line.split_once(": ").filter(|(who, _)| !who.contains(' ')) {
            return self.ask(who, text);
        }
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        let input = read_input(&words);
        self.feed(input);
    }

    fn ask(&mut self, who: &str, text: &str) {
        self.asked += 1;
        let (name, kind) = who.split_at(who.find(['~', '?']).unwrap_or(who.len()));
        let turn = turn(&format!("t{}", self.asked));
        let goes_on = text == "=";
        let message = (text != "-" && !goes_on).then(|| learner_message(name, text, &turn));
        self.feed(Input::Ask(Ask {
            opening: message.is_none(),
            turn: turn.clone(),
            answer: MessageId::parse(&format!("answer-{turn}")).unwrap(),
            user: UserId::parse(name).unwrap(),
            message,
            stream: !kind.contains('~'),
            terms: if goes_on { seen() } else { AnswerTerms::default() },
            metadata: metadata(),
            lost_words: "[sad] I have lost my words.".to_owned(),
        }));
        if !kind.contains('?') {
            self.feed(Input::Stored { turn });
        }
    }

    fn feed(&mut self, input: Input) {
        for effect in self.machine.handle(self.now, input) {
            writeln!(self.trace, "    {}", show(&effect)).unwrap();
        }
    }
}

/// `write t1 text`, `loading t1`, `notice t1 text`, `done t1`, `fail t1 code`, `voice t1 0 started|failed|MS`, `stop [t1]`, `played t1 0 MS`, …
fn read_input(words: &[&str]) -> Input {
    let id = || turn(words[1]);
    let (index, rest) = match words.get(2).and_then(|rest| rest.split_once(' ')) {
        Some((index, rest)) => (index.parse().unwrap_or(0), rest),
        None => (0, ""),
    };
    match words[0] {
        "stored" => Input::Stored { turn: id() },
        "lost" => Input::NotStored { turn: id() },
        "write" => Input::ModelText { turn: id(), text: words[2].replace("\\n", "\n") },
        "loading" => Input::ModelAside { turn: id(), aside: Aside::Progress(loading()) },
        "notice" => Input::ModelAside { turn: id(), aside: Aside::Notice(notice(words[2])) },
        "call" => Input::ModelCall { turn: id(), call: call(words[2]) },
        "done" => Input::ModelDone {
            turn: id(),
            ending: Ending { usage: Some(Usage::default()), cut_short: false },
        },
        "fail" => Input::ModelFailed { turn: id(), failure: failure() },
        "voice" if rest == "started" => Input::SpeechStarted { turn: id(), index },
        "voice" if rest == "failed" => {
            Input::SpeechFailed { turn: id(), index, reason: "TTS timeout".to_owned() }
        }
        "voice" => Input::SpeechReady { turn: id(), index, audio: audio(rest) },
        "played" => Input::Played { turn: id(), index, ms: rest.parse().unwrap() },
        "stop" => Input::Stop { turn: words.get(1).map(|_| id()) },
        "interrupt" => Input::Interrupt,
        "pause" => Input::Pause,
        "resume" => Input::Resume,
        "abandoned" => Input::Abandoned,
        other => panic!("the script knows no {other}"),
    }
}

fn turn(name: &str) -> TurnId {
    TurnId::parse(name).unwrap()
}

fn failure() -> Failure {
    Failure { code: "llm_cut", message: "cut".to_owned(), retryable: true }
}

fn loading() -> Progress {
    let text = "it is being loaded".to_owned();
    Progress { kind: ProgressKind::Load, text, done: None, total: None }
}

fn notice(text: &str) -> Notice {
    Notice::new("model_slow", text.to_owned())
}

fn seen() -> AnswerTerms {
    let result = ToolResult { call: call("look"), output: "waves".to_owned() };
    AnswerTerms { results: vec![result], ..AnswerTerms::default() }
}

fn call(name: &str) -> ToolCall {
    ToolCall { name: name.to_owned(), arguments: serde_json::Map::new() }
}

fn metadata() -> Arc<TurnMetadata> {
    Arc::new(TurnMetadata {
        model: "scripted".to_owned(),
        provider: "test".to_owned(),
        language: Language::default(),
        level: Level::A1,
        voice: None,
        scenario: None,
        speed: crate::domain::Speed::default(),
    })
}

fn learner_message(name: &str, text: &str, turn: &TurnId) -> Arc<Message> {
    Arc::new(Message {
        id: MessageId::parse(&format!("said-{turn}")).unwrap(),
        role: Role::User,
        sender: UserId::parse(name),
        text: text.to_owned(),
        verbatim: None,
        client_id: None,
        turn: turn.clone(),
    })
}

/// Audio of that many milliseconds; `900 a b c` gives its words equal thirds.
fn audio(rest: &str) -> ChunkAudio {
    let mut parts = rest.split(' ');
    let duration_ms = parts.next().unwrap().parse().unwrap();
    let words: Vec<&str> = parts.collect();
    let each = duration_ms / u32::try_from(words.len().max(1)).unwrap();
    let times = words.iter().zip(0u32..).map(|(word, place)| WordTime {
        text: (*word).to_owned(),
        start_ms: place * each,
        end_ms: (place + 1) * each,
    });
    ChunkAudio {
        file: AudioFileId::parse("audio").unwrap(),
        cache_key: "key".to_owned(),
        duration_ms,
        words: times.collect(),
        emotion: EmotionApplied::Prosody,
    }
}

fn show(effect: &Effect) -> String {
    match effect {
        Effect::Store(ask) => format!("store {}", ask.turn),
        Effect::AskModel(ask) => format!("ask model {}", ask.turn),
        Effect::DropModel { turn } => format!("drop model {turn}"),
        Effect::Speak { turn, index } => format!("speak {turn} {index}"),
        Effect::Silence { turn } => format!("silence {turn}"),
        Effect::Publish(event) => show_event(event),
        Effect::Record(record) => {
            let outcome = match &record.outcome {
                Outcome::Complete => "complete",
                Outcome::Stopped => "stopped",
                Outcome::Failed(failure) => failure.code,
            };
            format!("record {} {outcome} {:?}", record.snapshot.turn, record.text)
        }
        Effect::Heard { turn, chunks, ms, text } => format!("heard {turn} {chunks}+{ms} {text:?}"),
        Effect::Refuse { turn, failure } => format!("refuse {turn} {}", failure.code),
    }
}

fn show_event(event: &Event) -> String {
    match event {
        Event::Message(message) => format!("> message {:?}", message.text),
        Event::TurnBegan { turn } => format!("> began {turn}"),
        Event::ConversationStart(whole) => {
            let chunks: Vec<String> = whole.chunks.iter().map(|chunk| show_chunk(chunk)).collect();
            format!("> start {} complete={} [{}]", whole.turn, whole.complete, chunks.join(" | "))
        }
        Event::TextDelta { text, .. } => format!("> delta {text:?}"),
        Event::ChunkUpdate { index, chunk, .. } => {
            format!("> update {index} {}", show_chunk(chunk))
        }
        Event::ChunkComplete { index, .. } => format!("> complete {index}"),
        Event::ChunkFailed { index, .. } => format!("> failed {index}"),
        Event::ConversationComplete(completion) => {
            let Completion { turn, text, timings, .. } = &**completion;
            format!(
                "> conversation complete {turn} {text:?} token={:?} chunk={:?} audio={:?} total={}",
                timings.first_token_ms,
                timings.first_chunk_ms,
                timings.first_audio_ms,
                timings.total_ms
            )
        }
        Event::ConversationStopped { turn, text } => {
            format!("> conversation stopped {turn} {text:?}")
        }
        Event::ConversationFailed { turn, failure } => {
            format!("> conversation failed {turn} {}", failure.code)
        }
        Event::PlaybackStopped { turn, heard_chunks, heard_ms } => {
            format!("> playback stopped {turn} {heard_chunks}+{heard_ms}")
        }
        Event::PlaybackPaused { turn } => format!("> playback paused {turn}"),
        Event::PlaybackResumed { turn, chunk, ms } => {
            format!("> playback resumed {turn} {chunk}+{ms}")
        }
        Event::Correction { span, correction, .. } => {
            format!("> correction {:?} at {span:?}", correction.suggestion)
        }
        Event::ToolCall { turn, call } => format!("> {turn} calls {}", call.name),
        Event::Latency(_)
        | Event::Transcript(_)
        | Event::SpeechStarted
        | Event::SpeechStopped
        | Event::Listening(_)
        | Event::Typing { .. } => format!("> {event:?}"),
        Event::Progress(progress) => format!("> progress {}", progress.kind.name()),
        Event::Notice(notice) => format!("> notice {}", notice.text),
    }
}

fn show_chunk(chunk: &Chunk) -> String {
    let state = match &chunk.speech {
        SpeechState::Pending => "pending",
        SpeechState::Processing => "processing",
        SpeechState::Ready(_) => "ready",
        SpeechState::Silent => "silent",
        SpeechState::Failed(_) => "failed",
    };
    format!("{:?} {state}", chunk.text)
}
