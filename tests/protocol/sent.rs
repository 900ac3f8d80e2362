//! Everything that the tutor dialect can send: each event with all that it may carry and with as little as it may.

use std::sync::Arc;

use parla::{
    auth::{Auth, Secret},
    conversation::Joined,
    dialect::tutor::{ErrorReply, Place, Tutor},
    domain::{
        AudioFileId, Chunk, ChunkAudio, ChunkId, Completion, Confidence, ConversationId,
        Correction, Emotion, EmotionApplied, Ending, Event, Failure, HeardWord, Language, Latency,
        Level, Listening, Message, MessageId, Notice, Progress, ProgressKind, Role, SpeechState,
        SpokenSpan, TextForm, Timings, ToolCall, Transcript, TurnId, TurnMetadata, TurnSnapshot,
        Usage, UserId, WordTime,
    },
    hub::{Hub, Interest, Resume, Topic},
};
use serde_json::{Map, Value};

/// Every frame, as a client reads it.
pub(crate) fn frames() -> Vec<Value> {
    let read = |text: String| serde_json::from_str(&text).unwrap();
    texts().into_iter().map(read).collect()
}

/// Every frame, as it goes over the wire.
pub(crate) fn texts() -> Vec<String> {
    let log = Hub::new().log(&Topic::Conversation(ConversationId::random()));
    let mut cursor = log.subscribe(&Interest { resume: None, deltas: true }).cursor;
    let tutor = tutor();
    events().into_iter().for_each(|event| log.publish(event));
    let published = cursor.take().unwrap();
    assert_eq!(published.len(), events().len(), "one batch holds all events");
    let told = published.iter().filter_map(|published| tutor.encode(published));
    told.map(|frame| frame.text().to_owned()).chain(answers(&tutor)).collect()
}

/// The type of an event's frame. The names are what clients rely on: they stand here once more on purpose.
pub(crate) fn frame_type(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::TurnBegan { .. } | Event::ToolCall { .. } => return None,
        Event::Message(_) => "message",
        Event::ConversationStart(_) => "conversation-start",
        Event::TextDelta { .. } => "text-delta",
        Event::ChunkUpdate { .. } => "chunk-update",
        Event::ChunkComplete { .. } => "chunk-complete",
        Event::ChunkFailed { .. } => "chunk-failed",
        Event::ConversationComplete { .. } => "conversation-complete",
        Event::ConversationStopped { .. } => "conversation-stopped",
        Event::ConversationFailed { .. } => "conversation-failed",
        Event::PlaybackStopped { .. } => "playback-stopped",
        Event::PlaybackPaused { .. } => "playback-paused",
        Event::PlaybackResumed { .. } => "playback-resumed",
        Event::Correction { .. } => "correction",
        Event::Latency(_) => "latency",
        Event::Transcript(_) => "transcript",
        Event::SpeechStarted => "speech-started",
        Event::SpeechStopped => "speech-stopped",
        Event::Listening(_) => "listening",
        Event::Typing { .. } => "typing",
        Event::Progress(_) => "progress",
        Event::Notice(_) => "notice",
    })
}

/// At least one of every variant.
pub(crate) fn events() -> Vec<Event> {
    let turn = TurnId::random();
    let in_turn: [fn(TurnId) -> Event; 7] = [
        |turn| Event::TurnBegan { turn },
        |turn| Event::ToolCall { turn, call: call().into() },
        |turn| Event::TextDelta { turn, text: "¡Hola!".to_owned() },
        |turn| Event::ConversationStopped { turn, text: String::new() },
        |turn| Event::PlaybackStopped { turn, heard_chunks: 0, heard_ms: 420 },
        |turn| Event::PlaybackPaused { turn },
        |turn| Event::PlaybackResumed { turn, chunk: 0, ms: 420 },
    ];
    let failure = Failure { code: "llm_cut", message: "cut off".to_owned(), retryable: true };
    let mut events: Vec<Event> = in_turn.map(|event| event(turn.clone())).into();
    events.extend([
        Event::ConversationFailed { turn, failure },
        Event::Typing { user: user(), is_typing: true },
    ]);
    events.extend(heard());
    events.extend(latencies());
    events.extend(asides());
    events.extend(messages());
    events.extend(snapshots());
    events.extend(chunk_events());
    events.extend(ends());
    events.extend(corrections());
    events
}

fn latencies() -> [Event; 2] {
    let latency = |ms| {
        Event::Latency(Arc::new(Latency {
            turn: TurnId::random(),
            final_transcript_ms: ms,
            end_of_turn_ms: ms,
            first_token_ms: ms,
            first_chunk_ms: ms,
            first_audio_ms: ms,
            first_heard_ms: ms,
        }))
    };
    [latency(Some(420)), latency(None)]
}

fn heard() -> [Event; 5] {
    let confidence = Some(Confidence::from_share(0.97));
    let word = HeardWord { text: "Um,".to_owned(), start_ms: 420, end_ms: 800, confidence };
    let transcript = |words: Vec<HeardWord>, confidence| Transcript {
        segment: 0,
        text: "Um, yo comió.".to_owned(),
        is_final: true,
        confidence,
        words,
    };
    let unsure = HeardWord { confidence: None, ..word.clone() };
    [
        Event::Transcript(Arc::new(transcript(vec![word, unsure], confidence))),
        Event::Transcript(Arc::new(transcript(Vec::new(), None))),
        Event::SpeechStarted,
        Event::SpeechStopped,
        Event::Listening(Listening::Waiting),
    ]
}

fn asides() -> [Event; 3] {
    let progress = |kind, bytes| {
        let text = "the model llama3.2 gets ready".to_owned();
        Event::Progress(Progress { kind, text, done: bytes, total: bytes })
    };
    [
        progress(ProgressKind::Pull, Some(1)),
        progress(ProgressKind::Load, None),
        Event::Notice(Notice::new("model_fallback", "another model answers".to_owned())),
    ]
}

fn messages() -> [Event; 2] {
    let message = |role, sender, client_id: Option<String>| {
        let (id, turn) = (MessageId::random(), TurnId::random());
        let text = "Yo comió.".to_owned();
        let verbatim = client_id.is_none().then(|| "Um, yo comió.".to_owned());
        Event::Message(Arc::new(Message { id, role, sender, text, verbatim, client_id, turn }))
    };
    [
        message(Role::User, Some(user()), Some("m-1".to_owned())),
        message(Role::Assistant, None, None),
    ]
}

fn snapshots() -> [Event; 2] {
    let snapshot = |choice: Option<&str>| {
        Event::ConversationStart(Arc::new(TurnSnapshot {
            turn: TurnId::random(),
            message: MessageId::random(),
            chunks: states().map(chunk).into(),
            metadata: Arc::new(TurnMetadata {
                model: "qwen3:4b".to_owned(),
                provider: "ollama".to_owned(),
                language: Language::default(),
                level: Level::A1,
                voice: choice.map(str::to_owned),
                scenario: choice.map(str::to_owned),
                speed: parla::domain::Speed::default(),
            }),
            form: TextForm::Tagged,
            complete: choice.is_some(),
        }))
    };
    [snapshot(Some("cafe")), snapshot(None)]
}

fn chunk_events() -> Vec<Event> {
    let (turn, index) = (TurnId::random(), 0);
    let told = |state: SpeechState| {
        let (turn, chunk) = (turn.clone(), chunk(state.clone()));
        let update = Event::ChunkUpdate { turn: turn.clone(), index, chunk: chunk.clone() };
        let end = match state {
            SpeechState::Ready(_) | SpeechState::Silent => {
                Some(Event::ChunkComplete { turn, index, chunk })
            }
            SpeechState::Failed(_) => Some(Event::ChunkFailed { turn, index, chunk }),
            SpeechState::Pending | SpeechState::Processing => None,
        };
        [Some(update), end].into_iter().flatten()
    };
    states().into_iter().flat_map(told).collect()
}

fn ends() -> [Event; 2] {
    let end = |usage, timings| {
        Event::ConversationComplete(Arc::new(Completion {
            turn: TurnId::random(),
            message: MessageId::random(),
            text: "¡Hola!".to_owned(),
            chunks: 1,
            ending: Ending { usage, cut_short: false },
            timings,
        }))
    };
    let timings = Timings {
        first_token_ms: Some(210),
        first_chunk_ms: Some(265),
        first_audio_ms: Some(304),
        total_ms: 980,
    };
    let usage = Usage { prompt_tokens: 412, completion_tokens: 26 };
    [end(Some(usage), timings), end(None, Timings::default())]
}

fn corrections() -> [Event; 2] {
    [Some((0, 8)), None].map(|span| Event::Correction {
        message: MessageId::random(),
        span,
        correction: Arc::new(Correction {
            original: "yo comió".to_owned(),
            suggestion: "yo comí".to_owned(),
            explanation: String::new(),
        }),
        source: "model",
    })
}

fn call() -> ToolCall {
    ToolCall { name: "look".to_owned(), arguments: Map::new() }
}

/// All that can become of a chunk's audio.
fn states() -> [SpeechState; 6] {
    let word = WordTime { text: "Hola".to_owned(), start_ms: 0, end_ms: 640 };
    let ready = |words| {
        SpeechState::Ready(ChunkAudio {
            file: AudioFileId::random(),
            cache_key: "key".to_owned(),
            duration_ms: 640,
            words,
            emotion: EmotionApplied::Prosody,
        })
    };
    [
        SpeechState::Pending,
        SpeechState::Processing,
        ready(vec![word]),
        ready(Vec::new()),
        SpeechState::Silent,
        SpeechState::Failed("no voice".to_owned()),
    ]
}

fn chunk(speech: SpeechState) -> Arc<Chunk> {
    let (text, language) = ("¡Hola!".to_owned(), Language::default());
    Arc::new(Chunk {
        id: ChunkId::random(),
        spoken: vec![SpokenSpan { text: text.clone(), language: language.clone() }],
        text,
        emotion: Emotion::Happy,
        pause_ms: 400,
        emphasis: false,
        language,
        speech,
    })
}

/// What one connection alone is told.
fn answers(tutor: &Tutor) -> Vec<String> {
    let mut frames = vec![tutor.encode_connected("connection", None), tutor.encode_pong()];
    let told = |place: &Place<'_>| {
        [
            tutor.encode_connected("connection", Some(place)),
            tutor.encode_authenticated("local", place),
        ]
    };
    frames.extend(told(&Place::at(7)));
    for joined in
        [joined(true, None), joined(false, None), joined(false, Some(MessageId::random()))]
    {
        frames.extend(told(&Place::new(&joined, true)));
    }
    frames.extend([None, Some("m-1")].map(|client_id| {
        tutor.encode_error(&ErrorReply {
            code: "busy",
            message: "too much".to_owned(),
            hint: client_id.map(|_| "later"),
            retryable: true,
            retry_after_ms: client_id.map(|_| 100),
            client_id: client_id.map(str::to_owned),
        })
    }));
    frames
}

fn joined(recovers: bool, last_message: Option<MessageId>) -> Joined {
    let log = Hub::new().log(&Topic::User(user()));
    let epoch = if recovers { log.epoch().to_owned() } else { "another".to_owned() };
    let subscription =
        log.subscribe(&Interest { resume: Some(Resume { epoch, after: 0 }), deltas: true });
    let (seq, recovered) = (subscription.seq, subscription.recovered);
    Joined { cursor: subscription.cursor, seq, recovered, snapshot: None, last_message }
}

fn tutor() -> Tutor {
    Tutor::new(Auth::new(Secret::random(), true), "lesson-7", "epoch", true)
}

fn user() -> UserId {
    UserId::parse("local").unwrap()
}
