//! The Realtime protocol: whatever comes in whatever order, no event lacks what clients need, each response and each voice
//! that begins ends once, and the session goes on.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use parla::{
    conversation::{VoiceReport, turn_taking::Utterance},
    dialect::json,
    domain::{
        AudioFileId, Chunk, ChunkAudio, ChunkId, Completion, Emotion, EmotionApplied, Ending,
        Event, Failure, Language, Message, MessageId, Role, SpeechState, Timings, ToolCall, TurnId,
        WordTime,
    },
    realtime::{Effect, Input, Offer, Protocol, Shape, SoundPath},
};
use serde_json::{Map, Value};

/// Longest sound and longest pause of a step, in milliseconds.
const LONGEST_MS: u64 = 2000;

/// The first line says which client it is, each other one is its event or, without a brace, what happens around it.
pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (client, steps) = text.split_once('\n').unwrap_or(("", &text));
    let shape = if client.contains("older") { Shape::Older } else { Shape::Settled };
    let path = if client.contains("carrier") { SoundPath::Carrier } else { SoundPath::Events };
    let offer = Offer { model: "practice".to_owned(), voices: vec!["es".to_owned()] };
    let mut protocol = Protocol::new("-", offer, shape, path);
    let mut told = Told::default();
    told.take(protocol.begin());
    for line in steps.lines() {
        let input = if line.starts_with('{') { frame(line) } else { step(line, &mut protocol) };
        told.take(protocol.handle(input));
    }
    let update = frame(r#"{"type":"session.update","session":{"type":"realtime"}}"#);
    told.take(protocol.handle(update));
    assert_eq!(told.newest, "session.updated", "the session does not go on");
}

/// What a client has been told.
#[derive(Default)]
struct Told {
    newest: String,
    ids: BTreeSet<String>,
    /// Responses that have begun and not ended.
    responses: BTreeSet<String>,
    /// The item of the voice that is heard.
    voice: Option<Value>,
}

impl Told {
    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Send(event) = effect {
                self.event(&event);
            }
        }
    }

    fn event(&mut self, event: &Value) {
        let word = |name: &str| event[name].as_str().unwrap_or_else(|| panic!("{name}: {event}"));
        self.newest = word("type").to_owned();
        assert!(self.ids.insert(word("event_id").to_owned()), "told twice: {event}");
        let response = || event["response"]["id"].as_str().expect("a response's id").to_owned();
        match self.newest.as_str() {
            "response.created" => assert!(self.responses.insert(response()), "{event}"),
            "response.done" => assert!(self.responses.remove(&response()), "{event}"),
            "input_audio_buffer.speech_started" => {
                assert!(self.voice.replace(event["item_id"].clone()).is_none(), "{event}");
            }
            "input_audio_buffer.speech_stopped" => {
                assert_eq!(self.voice.take().as_ref(), Some(&event["item_id"]), "{event}");
            }
            "input_audio_buffer.cleared" => self.voice = None,
            kind if kind.starts_with("response.") => {
                assert!(self.responses.contains(word("response_id")), "of no response: {event}");
            }
            _ => {}
        }
    }
}

fn frame(line: &str) -> Input {
    match json::object(line.as_bytes()) {
        Ok(event) => Input::Client(event),
        Err(bad) => Input::Garbled(bad.to_string()),
    }
}

/// What happens in the conversation, to the voice or with time: a word and what it is about.
fn step(line: &str, protocol: &mut Protocol) -> Input {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let ms = |text: &str| text.parse::<u64>().unwrap_or(0).min(LONGEST_MS);
    let turn = TurnId::parse(name).unwrap_or_else(|| TurnId::parse("t").expect("a turn"));
    let text = rest.to_owned();
    match word {
        "at" => {
            protocol.set_time(name.parse().unwrap_or(0) >> 1);
            Input::Clock
        }
        "message" => Input::Event(Event::Message(message(turn, rest))),
        "began" => Input::Event(Event::TurnBegan { turn }),
        "text" => Input::Event(Event::TextDelta { turn, text }),
        "call" => {
            let call = ToolCall { name: text, arguments: Map::new() }.into();
            Input::Event(Event::ToolCall { turn, call })
        }
        "chunk" => Input::Event(Event::ChunkComplete { turn, index: 0, chunk: chunk(rest) }),
        "next" => Input::Event(Event::ChunkComplete { turn, index: 1, chunk: chunk(rest) }),
        "mute" => Input::Event(Event::ChunkFailed { turn, index: 0, chunk: chunk(rest) }),
        "sound" | "more" => {
            let sound = Some(Bytes::from(vec![1; ms(rest) as usize * 48]));
            Input::Sound { turn, chunk: usize::from(word == "more"), sound }
        }
        "complete" => Input::Event(complete(turn, rest)),
        "stopped" => Input::Event(Event::ConversationStopped { turn, text }),
        "silenced" => Input::Event(Event::PlaybackStopped { turn, heard_chunks: 0, heard_ms: 0 }),
        "failed" => Input::Event(Event::ConversationFailed { turn, failure: failure() }),
        "said" => {
            let answer = TurnId::parse(rest).ok_or_else(failure);
            Input::Said { response: name.to_owned(), answer }
        }
        "written" => Input::Written { response: name.to_owned(), text },
        "out" => Input::WrittenOut { response: name.to_owned(), outcome: Ok(Ending::default()) },
        "played" => Input::Played,
        "deaf" => Input::Deaf(failure()),
        "hear" => Input::Heard(Bytes::from(vec![0; ms(name) as usize * 48])),
        _ => Input::Voice(voice(word, (name, rest), ms(name))),
    }
}

fn voice(word: &str, (name, rest): (&str, &str), at_ms: u64) -> VoiceReport {
    match word {
        "on" => VoiceReport::VoiceOn { at_ms },
        "off" => VoiceReport::VoiceOff { at_ms },
        "heard" => {
            let utterance = Utterance { text: name.to_owned(), since: 0, voice_off_at: 0 };
            VoiceReport::Ended { utterance, message: rest.to_owned() }
        }
        "lost" => VoiceReport::Failed(failure()),
        _ => VoiceReport::NothingSaid { was_committed: name == "committed" },
    }
}

/// A learner's, of that client's response or of somebody else.
fn message(turn: TurnId, response: &str) -> Arc<Message> {
    Arc::new(Message {
        id: MessageId::parse("m").expect("an id"),
        role: Role::User,
        sender: None,
        text: "Hola".to_owned(),
        verbatim: None,
        client_id: (!response.is_empty()).then(|| response.to_owned()),
        turn,
    })
}

fn chunk(text: &str) -> Arc<Chunk> {
    let word = WordTime { text: text.to_owned(), start_ms: 0, end_ms: 200 };
    let audio = ChunkAudio {
        file: AudioFileId::parse("f").expect("an id"),
        cache_key: String::new(),
        duration_ms: 300,
        words: vec![word],
        emotion: EmotionApplied::None,
    };
    Arc::new(Chunk {
        id: ChunkId::parse("c").expect("an id"),
        text: text.to_owned(),
        spoken: Vec::new(),
        emotion: Emotion::Neutral,
        pause_ms: 100,
        emphasis: false,
        language: Language::default(),
        speech: SpeechState::Ready(audio),
    })
}

fn complete(turn: TurnId, text: &str) -> Event {
    let message = MessageId::parse("a").expect("an id");
    let (text, timings) = (text.to_owned(), Timings::default());
    let ending = Ending::default();
    let whole = Completion { turn, message, text, chunks: 1, ending, timings };
    Event::ConversationComplete(Arc::new(whole))
}

fn failure() -> Failure {
    Failure { code: "busy", message: "later".to_owned(), retryable: true }
}
