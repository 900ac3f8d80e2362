//! Whole sequences of events as a client sees them, and what holds for all of them.

mod beside;
mod fields;
mod idle;
mod input;
mod limits;
mod output;
mod properties;
mod shapes;
mod tools;
mod voices;

use std::{fmt::Write, sync::Arc};

use serde_json::{Value, json};

use super::*;
use crate::{
    conversation::turn_taking::Utterance,
    domain::{
        AnswerTerms, Chunk, ChunkAudio, ChunkId, Completion, Emotion, EmotionApplied, Message,
        MessageId, Role, SpeechState, Timings, ToolResult, Usage, UserId, WordTime,
    },
};

/// A session, and all that has happened in it.
struct Script {
    protocol: Protocol,
    trace: String,
    shape: Shape,
}

impl Script {
    fn new() -> Self {
        Self::with(Shape::Settled, SoundPath::Events)
    }

    fn with(shape: Shape, path: SoundPath) -> Self {
        let offer = Offer { model: "practice".into(), voices: vec!["es".into()] };
        let mut protocol = Protocol::new("-", offer, shape, path);
        protocol.begin();
        Self { protocol, trace: String::new(), shape }
    }

    fn client(&mut self, event: Value) -> &mut Self {
        writeln!(self.trace, "> {}", event["type"].as_str().unwrap_or("?")).unwrap();
        let Value::Object(event) = event else { panic!("{event} is no event") };
        self.input(Input::Client(event))
    }

    /// The learner writes, and wants an answer.
    fn ask(&mut self, text: &str) -> &mut Self {
        let item = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]});
        self.client(json!({"type": "conversation.item.create", "item": item}));
        self.client(json!({"type": "response.create"}))
    }

    /// The conversation takes a message of that client's, and begins a turn.
    fn begin(&mut self, turn: &str, client_id: Option<&str>, text: &str) -> &mut Self {
        writeln!(self.trace, "> turn {turn} begins").unwrap();
        let message = Message {
            id: MessageId::parse("m").unwrap(),
            role: Role::User,
            sender: UserId::parse("local"),
            text: text.into(),
            verbatim: None,
            client_id: client_id.map(Into::into),
            turn: TurnId::parse(turn).unwrap(),
        };
        self.input(Input::Event(Event::Message(Arc::new(message))));
        self.input(Input::Event(Event::TurnBegan { turn: TurnId::parse(turn).unwrap() }))
    }

    fn call(&mut self, turn: &str, name: &str, arguments: Value) -> &mut Self {
        writeln!(self.trace, "> call of {name}").unwrap();
        let Value::Object(arguments) = arguments else { panic!("{arguments} are no arguments") };
        let call = ToolCall { name: name.to_owned(), arguments }.into();
        self.input(Input::Event(Event::ToolCall { turn: TurnId::parse(turn).unwrap(), call }))
    }

    fn delta(&mut self, turn: &str, text: &str) -> &mut Self {
        writeln!(self.trace, "> text {text:?}").unwrap();
        let turn = TurnId::parse(turn).unwrap();
        self.input(Input::Event(Event::TextDelta { turn, text: text.into() }))
    }

    /// A chunk's sound is made; the carrier gets it by `sound`.
    fn chunk(&mut self, turn: &str, index: usize, pause_ms: u32) -> &mut Self {
        self.sentence(turn, index, ("", pause_ms))
    }

    /// The same of a sentence whose words take 100 ms each.
    fn sentence(&mut self, turn: &str, index: usize, (text, pause_ms): (&str, u32)) -> &mut Self {
        writeln!(self.trace, "> chunk {index} is made").unwrap();
        let audio = ChunkAudio {
            file: AudioFileId::parse("f").unwrap(),
            cache_key: String::new(),
            duration_ms: 300,
            words: (0_u32..)
                .zip(text.split(' '))
                .map(|(place, word)| WordTime {
                    text: word.into(),
                    start_ms: place * 100,
                    end_ms: place * 100 + 100,
                })
                .collect(),
            emotion: EmotionApplied::None,
        };
        let chunk = Arc::new(Chunk {
            id: ChunkId::parse("c").unwrap(),
            text: text.into(),
            spoken: vec![],
            emotion: Emotion::Neutral,
            pause_ms,
            emphasis: false,
            language: Language::default(),
            speech: SpeechState::Ready(audio),
        });
        let turn = TurnId::parse(turn).unwrap();
        self.input(Input::Event(Event::ChunkComplete { turn, index, chunk }))
    }

    fn sound(&mut self, turn: &str, chunk: usize, ms: usize) -> &mut Self {
        writeln!(self.trace, "> sound {chunk}").unwrap();
        let sound = Some(Bytes::from(vec![1; ms * 48]));
        self.input(Input::Sound { turn: TurnId::parse(turn).unwrap(), chunk, sound })
    }

    fn complete(&mut self, turn: &str, text: &str, chunks: usize) -> &mut Self {
        writeln!(self.trace, "> turn {turn} is made").unwrap();
        self.made(turn, (text, chunks), false)
    }

    /// The model was stopped where its answer was as long as it may be.
    fn cut_short(&mut self, turn: &str, text: &str, chunks: usize) -> &mut Self {
        writeln!(self.trace, "> turn {turn} is cut short").unwrap();
        self.made(turn, (text, chunks), true)
    }

    fn made(&mut self, turn: &str, (text, chunks): (&str, usize), cut_short: bool) -> &mut Self {
        let usage = Usage { prompt_tokens: 20, completion_tokens: 5 };
        self.input(Input::Event(Event::ConversationComplete(Arc::new(Completion {
            turn: TurnId::parse(turn).unwrap(),
            message: MessageId::parse("a").unwrap(),
            text: text.into(),
            chunks,
            ending: Ending { usage: Some(usage), cut_short },
            timings: Timings::default(),
        }))))
    }

    fn stopped(&mut self, turn: &str) -> &mut Self {
        writeln!(self.trace, "> turn {turn} is stopped").unwrap();
        let turn = TurnId::parse(turn).unwrap();
        self.input(Input::Event(Event::ConversationStopped { turn, text: String::new() }))
    }

    fn voice(&mut self, report: VoiceReport) -> &mut Self {
        writeln!(self.trace, "> {report:?}").unwrap();
        self.input(Input::Voice(report))
    }

    fn heard(&mut self, text: &str) -> &mut Self {
        writeln!(self.trace, "> the learner said {text:?}").unwrap();
        let utterance = Utterance { text: text.into(), since: 0, voice_off_at: 0 };
        let message = text.trim_start_matches("Um, ").to_owned();
        self.input(Input::Voice(VoiceReport::Ended { utterance, message }))
    }

    fn append(&mut self, ms: usize) -> &mut Self {
        let audio = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, vec![0; ms * 48]);
        self.client(json!({"type": "input_audio_buffer.append", "audio": audio}))
    }

    /// So much time has passed since the session began.
    fn at(&mut self, ms: u64) -> &mut Self {
        writeln!(self.trace, "> at {ms} ms").unwrap();
        self.protocol.set_time(ms);
        self.input(Input::Clock)
    }

    fn nothing_said(&mut self, was_committed: bool) -> &mut Self {
        self.voice(VoiceReport::NothingSaid { was_committed })
    }

    fn input(&mut self, input: Input) -> &mut Self {
        for effect in self.protocol.handle(input) {
            if let Effect::Send(event) = &effect {
                fields::check(event, self.shape);
            }
            writeln!(self.trace, "  {}", shown(&effect)).unwrap();
        }
        self
    }

    /// What has happened since the last look.
    fn trace(&mut self) -> String {
        std::mem::take(&mut self.trace)
    }
}

/// An effect in one line, without what all events of its kind have.
fn shown(effect: &Effect) -> String {
    match effect {
        Effect::Send(event) => shown_event(event),
        Effect::Hear(sound) => format!("hear {} bytes", sound.len()),
        Effect::Play { chunk, sound, .. } => format!("play {} bytes of {chunk}", sound.len()),
        Effect::Say { response, command } => {
            let ChatCommand { text, verbatim, .. } = command;
            let verbatim =
                verbatim.as_ref().map_or_else(String::new, |said| format!(" of {said:?}"));
            let terms = shown_terms(&command.terms);
            let asked = &command.choice.instructions;
            format!("say {text:?}{verbatim} for {response}, {asked:?}{terms}")
        }
        other => format!("{other:?}"),
    }
}

/// What a model may call, what has come of calls, and how long its answer may be.
fn shown_terms(terms: &AnswerTerms) -> String {
    let names = terms.tools.iter().map(|tool| format!(", may {}", tool.name));
    let results = terms.results.iter().map(|ToolResult { call, output }| {
        format!(", {}({}) = {output:?}", call.name, call.arguments_text())
    });
    let limit = terms.max_tokens.map(|limit| format!(", {limit} tokens"));
    names.chain(results).chain(limit).collect()
}

fn shown_event(event: &Value) -> String {
    let kind = event["type"].as_str().unwrap();
    let left_out = ["type", "event_id", "session", "rate_limits"];
    let fields = event.as_object().unwrap().clone().into_iter();
    let mut event: Map<_, _> =
        fields.filter(|(name, _)| !left_out.contains(&name.as_str())).collect();
    if kind.ends_with("audio.delta") {
        event["delta"] = json!(event["delta"].as_str().unwrap().len());
    }
    if let Some(response) = event.get_mut("response") {
        let reason = response["status_details"].clone();
        *response = json!([response["id"], response["status"], reason, response["output"]]);
    }
    for field in event.values_mut() {
        if field["object"] == "realtime.item" {
            let what = ["role", "call_id", "name", "status", "content", "arguments", "output"];
            let what = what.iter().filter_map(|name| field.get(*name).cloned());
            *field = std::iter::once(field["id"].clone()).chain(what).collect();
        }
    }
    format!("{kind} {}", Value::Object(event))
}
