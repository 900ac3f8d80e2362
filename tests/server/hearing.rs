//! The learner speaks: real speech over a real socket, a scripted service that hears it, and the turn that follows.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, interval};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{
    scripted_deepgram,
    scripted_hearing::{Fault, Script as Heard, Scripted, Session, Spoken},
    scripted_ollama::{Script, ScriptedOllama, Step},
    server::{Server, Setup, Socket},
    speech::{FRAME_MS, Speech},
};

const ENDLESS: &str =
    "Once upon a time there was a very old cat. It lived in a house by the sea. And ";
/// Before the learner speaks.
const LEAD_MS: usize = 300;

/// A server that hears by the scripted service alone.
pub(super) async fn hearing(model: &ScriptedOllama, ears: &Scripted) -> Server {
    let settings = format!("[providers.deepgram]\nurl = \"{}\"\n", ears.url());
    let setup = Setup::new(model).settings(&settings).environment("PARLA_STT", "deepgram");
    setup.environment("DEEPGRAM_API_KEY", "dg-key").start().await
}

async fn open(socket: &mut Socket, mode: &str) {
    let start = json!({
        "sampleRate": 16000, "encoding": "pcm16", "mode": mode, "language": "en", "level": "C1",
    });
    socket.send("audio-start", start).await;
}

/// Speaks as fast as people do.
async fn speak(socket: &mut Socket, speech: &Speech) {
    let mut clock = interval(Duration::from_millis(FRAME_MS as u64));
    for frame in speech.frames() {
        clock.tick().await;
        socket.send_message(Message::binary(frame)).await;
    }
}

/// The sentence behind a short silence, what the service is to hear of it, and the silence after it.
pub(super) fn sentence(text: &'static str) -> (Speech, Spoken) {
    let speech = Speech::silence(LEAD_MS).then(&Speech::of("en", text));
    let spoken = Spoken { from_ms: LEAD_MS as u64, to_ms: speech.ms() - 100, text };
    (speech.then(&Speech::silence(1500)), spoken)
}

/// What is told of the voice, in its order, but for words that may still change.
fn told(frames: &[Value]) -> Vec<String> {
    let show = |frame: &Value| {
        let (kind, data) = (frame["type"].as_str().unwrap(), &frame["data"]);
        match kind {
            "transcript" if data["isFinal"] == true => format!("final {}", data["text"]),
            "listening" => format!("listening {}", data["state"]),
            "message" => format!("message {} of {}", data["text"], data["verbatim"]),
            _ => kind.to_owned(),
        }
    };
    frames.iter().map(show).filter(|what| what != "transcript").collect()
}

#[tokio::test]
async fn what_a_learner_says_is_their_message_and_is_answered() {
    let model = ScriptedOllama::start().await;
    let (speech, spoken) = sentence("Um, I would like a cup of tea.");
    let ears = scripted_deepgram::start(Heard::of(&[spoken])).await.unwrap();
    let server = hearing(&model, &ears).await;
    let mut socket = server.join("c").await;
    model.say("[happy] Here you are, a cup of our very best tea, with milk and sugar beside it.");
    open(&mut socket, "hands-free").await;
    speak(&mut socket, &speech).await;
    let frames = socket.turn().await;
    let before: Vec<_> = told(&frames);
    let end = before.iter().position(|what| what.starts_with("message")).unwrap();
    assert_eq!(
        before[..=end],
        [
            "speech-started",
            "listening \"hearing\"",
            "speech-stopped",
            "listening \"waiting\"",
            "final \"Um, I would like a cup of tea.\"",
            "listening \"off\"",
            "message \"I would like a cup of tea.\" of \"Um, I would like a cup of tea.\"",
        ]
        .map(str::to_owned)
    );
    assert_eq!(frames.last().unwrap()["type"], "conversation-complete");
    let played =
        json!({"turnId": frames.last().unwrap()["data"]["turnId"], "chunkIndex": 0, "ms": 40});
    socket.send("played", played.clone()).await;
    let waited = socket.until("latency").await["data"].clone();
    assert_eq!(waited["turnId"], played["turnId"]);
    let stages =
        ["finalTranscriptMs", "endOfTurnMs", "firstTokenMs", "firstAudioMs", "firstHeardMs"];
    let waits: Vec<_> = stages.map(|stage| waited[stage].as_u64().expect(stage)).into();
    assert!(waits.is_sorted(), "{waited}");
    let stored = server.messages("c").await;
    assert_eq!(stored[0]["verbatim"], "Um, I would like a cup of tea.");
    assert_eq!(model.requests("/api/chat")[0].body["messages"][1]["content"], stored[0]["text"]);
}

/// A turn of the tutor's that is being heard and has no end.
async fn endless_turn(model: &ScriptedOllama, server: &Server, socket: &mut Socket) {
    model.script(Script::say_then(ENDLESS, Step::Hang));
    server.say("c", "Tell me a story.").await;
    socket.until("chunk-complete").await;
    // The guard time at the beginning of the tutor's sound.
    tokio::time::sleep(Duration::from_millis(600)).await;
}

#[tokio::test]
async fn speech_over_the_tutor_holds_it_and_then_stops_it() {
    let model = ScriptedOllama::start().await;
    let (speech, spoken) = sentence("Wait, what does that word mean?");
    let ears = scripted_deepgram::start(Heard::of(&[spoken])).await.unwrap();
    let server = hearing(&model, &ears).await;
    let mut socket = server.join("c").await;
    open(&mut socket, "hands-free").await;
    endless_turn(&model, &server, &mut socket).await;
    model.say("A cat is an animal.");
    speak(&mut socket, &speech).await;
    let paused = socket.until("playback-paused").await;
    let stopped = socket.until("conversation-stopped").await;
    assert_eq!(stopped["data"]["turnId"], paused["data"]["turnId"]);
    let asked = socket.until("message").await;
    assert_eq!(asked["data"]["text"], spoken.text);
    socket.until("conversation-complete").await;
    // The model sees no more of its story than was heard.
    let history = &model.requests("/api/chat").pop().unwrap().body["messages"];
    let story = history[2]["content"].as_str().unwrap();
    assert!(
        ENDLESS.starts_with(story.trim_end_matches('…')) && story.len() < ENDLESS.len(),
        "{history}"
    );
}

#[tokio::test]
async fn speech_over_what_is_only_being_heard_still_stops_it() {
    let model = ScriptedOllama::start().await;
    let (speech, spoken) = sentence("Wait, what does that word mean?");
    let ears = scripted_deepgram::start(Heard::of(&[spoken])).await.unwrap();
    let server = hearing(&model, &ears).await;
    let mut socket = server.join("c").await;
    open(&mut socket, "hands-free").await;
    model.say(&ENDLESS.repeat(3));
    server.say("c", "Tell me a story.").await;
    let made = socket.until("conversation-complete").await;
    model.say("A cat is an animal.");
    speak(&mut socket, &speech).await;
    let stopped = socket.until("playback-stopped").await;
    assert_eq!(stopped["data"]["turnId"], made["data"]["turnId"]);
    assert!(stopped["data"]["heardMs"].as_u64().unwrap() > 0, "{stopped}");
    assert_eq!(socket.until("message").await["data"]["text"], spoken.text);
}

#[tokio::test]
async fn a_listener_who_says_mhm_is_told_on() {
    let model = ScriptedOllama::start().await;
    let (speech, spoken) = sentence("Mhm.");
    let ears = scripted_deepgram::start(Heard::of(&[spoken])).await.unwrap();
    let server = hearing(&model, &ears).await;
    let mut socket = server.join("c").await;
    open(&mut socket, "hands-free").await;
    endless_turn(&model, &server, &mut socket).await;
    speak(&mut socket, &speech).await;
    let paused = socket.until("playback-paused").await;
    let resumed = socket.until("playback-resumed").await;
    assert_eq!(resumed["data"]["turnId"], paused["data"]["turnId"]);
    assert_eq!(model.open_answers(), 1, "the model goes on");
    let ended = server.present("c", &mut socket).await;
    assert!(ended.iter().all(|frame| frame["type"] != "message"), "{ended:?}");
}

#[tokio::test]
async fn a_button_that_is_let_go_ends_the_turn_at_once() {
    let model = ScriptedOllama::start().await;
    let speech = Speech::of("en", "I would like to");
    let spoken = Spoken { from_ms: 0, to_ms: speech.ms() - 100, text: "I would like to" };
    let ears = scripted_deepgram::start(Heard::of(&[spoken])).await.unwrap();
    let server = hearing(&model, &ears).await;
    let mut socket = server.join("c").await;
    model.say("What would you like?");
    open(&mut socket, "push-to-talk").await;
    speak(&mut socket, &speech).await;
    let let_go = Instant::now();
    socket.send("audio-stop", json!({})).await;
    let said = socket.until("message").await;
    assert_eq!(said["data"]["text"], spoken.text);
    assert!(let_go.elapsed() < Duration::from_millis(700), "{:?}", let_go.elapsed());
}

#[tokio::test]
async fn a_service_that_ends_in_the_middle_costs_no_word_and_doubles_none() {
    let model = ScriptedOllama::start().await;
    let (speech, spoken) = sentence("I would like a cup of tea with milk and sugar.");
    let fault = Fault::Close { at_ms: 1500, code: 1011, reason: "NET-0001" };
    let sessions = [vec![fault], vec![]].map(|faults| Session { spoken: vec![spoken], faults });
    let script = Heard { sessions: sessions.into(), ..Heard::default() };
    let ears = scripted_deepgram::start(script).await.unwrap();
    let server = hearing(&model, &ears).await;
    let mut socket = server.join("c").await;
    model.say("Here you are!");
    open(&mut socket, "hands-free").await;
    speak(&mut socket, &speech).await;
    let frames = socket.take_until(|frame| frame["type"] == "message").await;
    assert_eq!(frames.last().unwrap()["data"]["text"], spoken.text);
    let notices = frames.iter().filter(|frame| frame["type"] == "notice");
    let codes: Vec<_> = notices.map(|notice| &notice["data"]["code"]).collect();
    assert_eq!(codes, ["ears_reconnecting"]);
    assert_eq!(ears.received().len(), 2);
}

#[tokio::test]
async fn sound_that_cannot_be_taken_is_refused_with_a_reason_and_the_socket_stays() {
    let model = ScriptedOllama::start().await;
    let ears = scripted_deepgram::start(Heard::default()).await.unwrap();
    let server = hearing(&model, &ears).await;
    let mut socket = server.join("c").await;
    let refused = async |socket: &mut Socket| socket.until("error").await["data"]["code"].clone();
    socket.send_message(Message::binary(vec![0; 640])).await;
    assert_eq!(refused(&mut socket).await, "not_listening");
    for (rate, encoding) in [(96_000, "pcm16"), (16_000, "mp3"), (0, "float32")] {
        let start = json!({"sampleRate": rate, "encoding": encoding});
        socket.send("audio-start", start).await;
        assert_eq!(refused(&mut socket).await, "unsupported_audio", "{rate} {encoding}");
    }
    open(&mut socket, "hands-free").await;
    for frame in Speech::silence(10_000).frames() {
        socket.send_message(Message::binary(frame)).await;
    }
    assert_eq!(refused(&mut socket).await, "audio_too_fast");
    socket.send("ping", json!({})).await;
    socket.until("pong").await;
}

#[tokio::test]
async fn a_server_without_ears_says_so() {
    let model = ScriptedOllama::start().await;
    let server = Setup::new(&model).environment("PARLA_STT", "none").start().await;
    let mut socket = server.join("c").await;
    open(&mut socket, "hands-free").await;
    assert_eq!(socket.until("error").await["data"]["code"], "no_ears");
}

#[tokio::test]
async fn ears_of_another_language_are_no_broken_ears() {
    let model = ScriptedOllama::start().await;
    let setup = Setup::new(&model).environment("PARLA_MODEL", "practice");
    let server = setup.environment("PARLA_STT", "pocketsphinx").start().await;
    let mut socket = server.join("c").await;
    let start = |language: &str| {
        json!({
            "sampleRate": 16000, "encoding": "pcm16", "mode": "push-to-talk", "language": language,
        })
    };
    // As often as would open a breaker.
    for _ in 0..4 {
        socket.send("audio-start", start("es")).await;
        assert_eq!(socket.until("error").await["data"]["code"], "language_not_heard");
    }
    socket.send("audio-start", start("en")).await;
    speak(&mut socket, &Speech::of("en-us", "good morning")).await;
    socket.send("audio-stop", json!({})).await;
    socket.until("message").await;
}

/// The whole loop without any service: the practice tutor asks, real speech answers, PocketSphinx hears it.
#[tokio::test]
async fn the_expected_answer_is_understood_and_praised_offline() {
    let model = ScriptedOllama::start().await;
    let setup = Setup::new(&model).environment("PARLA_MODEL", "practice");
    let server = setup.environment("PARLA_STT", "pocketsphinx").start().await;
    let mut socket = server.join("c").await;
    let lesson = json!({
        "message": "", "conversationId": "c", "scenario": "cafe", "language": "en", "level": "A1",
    });
    server.chat(lesson).await;
    socket.until("conversation-complete").await;
    for (answer, understood, praise) in [
        ("I am fine, thank you.", "i am fine", "nice to see you"),
        ("I would like a tea, please.", "i would like a tea", "tea"),
    ] {
        let start = json!({"sampleRate": 16000, "encoding": "pcm16", "mode": "push-to-talk"});
        socket.send("audio-start", start).await;
        speak(&mut socket, &Speech::of("en-us", answer)).await;
        socket.send("audio-stop", json!({})).await;
        let said = socket.until("message").await["data"]["text"].to_string().to_lowercase();
        assert!(said.contains(understood), "{said}");
        let told = socket.until("conversation-complete").await["data"]["text"].to_string();
        assert!(told.contains(praise), "{told}");
    }
}
