//! The learner speaks in a call: real speech over the Realtime socket, live and all at once, and the turn that follows.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use parla::{
    audio::outgoing::{Law, encoded},
    domain::AudioFrame,
};
use serde_json::{Value, json};
use tokio::time::{Instant, interval};

use super::{
    hearing::{hearing, sentence},
    realtime::{call, tell},
};
use crate::support::{
    scripted_deepgram,
    scripted_hearing::{Script as Heard, Spoken},
    scripted_ollama::{Script, ScriptedOllama, Step},
    server::Socket,
    speech::Speech,
};

/// Sound in one event, in milliseconds.
const EVENT_MS: u64 = 100;

/// The speech as the protocol wants it: at 24 kHz.
fn sound(speech: &Speech) -> Vec<u8> {
    let frame = AudioFrame { sample_rate: 16_000, pcm: speech.pcm().to_vec().into() };
    encoded(&frame, 24_000, Law::Linear16).to_vec()
}

fn append(sound: &[u8]) -> Value {
    json!({"type": "input_audio_buffer.append", "audio": BASE64_STANDARD.encode(sound)})
}

/// Speaks as fast as people do.
async fn speak(socket: &mut Socket, speech: &Speech) {
    let mut clock = interval(Duration::from_millis(EVENT_MS));
    for piece in sound(speech).chunks(48 * EVENT_MS as usize) {
        clock.tick().await;
        tell(socket, append(piece)).await;
    }
}

async fn configure(socket: &mut Socket, detection: Value) {
    let transcription = json!({"model": "gpt-4o-mini-transcribe", "language": "en"});
    let input = json!({"transcription": transcription, "turn_detection": detection});
    let session = json!({"type": "realtime", "audio": {"input": input}});
    tell(socket, json!({"type": "session.update", "session": session})).await;
    socket.until("session.updated").await;
}

/// Types in their order, repetitions once.
fn kinds(frames: &[Value]) -> Vec<&str> {
    let mut kinds: Vec<&str> = frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    kinds.dedup();
    kinds
}

#[tokio::test]
async fn what_a_learner_says_in_a_call_is_committed_transcribed_and_answered() {
    let model = ScriptedOllama::start().await;
    let (speech, spoken) = sentence("Um, I would like a cup of tea.");
    let ears = scripted_deepgram::start(Heard::of(&[spoken])).await.unwrap();
    let server = hearing(&model, &ears).await;
    let mut socket = call(&server, "?conversation_id=c", &[]).await;
    configure(&mut socket, json!({"type": "server_vad", "silence_duration_ms": 600})).await;
    model.say("[happy] Here you are!");
    speak(&mut socket, &speech).await;
    let told = socket.take_until(|frame| frame["type"] == "response.done").await;
    assert_eq!(
        kinds(&told)[..8],
        [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "conversation.item.input_audio_transcription.delta",
            "conversation.item.input_audio_transcription.completed",
            "response.created",
        ]
    );
    let items = told.iter().filter_map(|frame| frame["item_id"].as_str()).take(3);
    assert!(items.collect::<Vec<_>>().windows(2).all(|pair| pair[0] == pair[1]), "one item");
    let completed = told.iter().find(|frame| frame["transcript"].is_string()).unwrap();
    assert_eq!(completed["transcript"], "Um, I would like a cup of tea.");
    assert!(completed["usage"]["seconds"].as_f64().unwrap() > 1.0);
    assert_eq!(told.last().unwrap()["response"]["status"], "completed");
    let stored = server.messages("c").await;
    assert_eq!(stored[0]["text"], "I would like a cup of tea.");
    assert_eq!(stored[0]["verbatim"], "Um, I would like a cup of tea.");
}

#[tokio::test]
async fn speech_over_a_response_cancels_it() {
    let model = ScriptedOllama::start().await;
    let (speech, spoken) = sentence("Wait, what does that word mean?");
    let ears = scripted_deepgram::start(Heard::of(&[spoken])).await.unwrap();
    let server = hearing(&model, &ears).await;
    let mut socket = call(&server, "", &[]).await;
    configure(&mut socket, json!({"type": "semantic_vad"})).await;
    let endless = "Once upon a time there was a very old cat. It lived in a house by the sea. And ";
    model.script(Script::say_then(endless, Step::Hang));
    tell(&mut socket, json!({"type": "response.create"})).await;
    socket.until("response.output_audio.delta").await;
    // The guard time at the beginning of the tutor's sound.
    tokio::time::sleep(Duration::from_millis(600)).await;
    model.say("[calm] It means old.");
    speak(&mut socket, &speech).await;
    let cancelled = socket.until("response.done").await;
    assert_eq!(cancelled["response"]["status"], "cancelled");
    assert_eq!(cancelled["response"]["status_details"]["reason"], "turn_detected");
    assert_eq!(socket.until("response.done").await["response"]["status"], "completed");
}

#[tokio::test]
async fn a_whole_recording_is_taken_and_answered_when_it_is_committed() {
    let model = ScriptedOllama::start().await;
    let (speech, spoken) = sentence("I would like a cup of tea.");
    let ears = scripted_deepgram::start(Heard::of(&[spoken])).await.unwrap();
    let server = hearing(&model, &ears).await;
    let mut socket = call(&server, "", &[]).await;
    configure(&mut socket, Value::Null).await;
    model.say("[happy] Here you are!");
    // Far more at once than anybody speaks, and none of it is lost.
    let recording = Speech::silence(0).then(&speech).then(&Speech::silence(4000));
    let began = Instant::now();
    tell(&mut socket, append(&sound(&recording))).await;
    tell(&mut socket, json!({"type": "input_audio_buffer.commit"})).await;
    tell(&mut socket, json!({"type": "response.create"})).await;
    let told = socket.take_until(|frame| frame["type"] == "response.done").await;
    let transcript = told.iter().find(|frame| frame["transcript"].is_string()).unwrap();
    assert_eq!(transcript["transcript"], "I would like a cup of tea.");
    assert_eq!(told.last().unwrap()["response"]["status"], "completed");
    assert!(told.iter().all(|frame| frame["type"] != "error"), "{told:?}");
    assert!(began.elapsed().as_millis() < u128::from(recording.ms()), "{:?}", began.elapsed());
    // Silence has no words, and nobody waits for them.
    tell(&mut socket, append(&sound(&Speech::silence(500)))).await;
    tell(&mut socket, json!({"type": "input_audio_buffer.commit"})).await;
    tell(&mut socket, json!({"type": "response.create"})).await;
    let failed = socket.until("response.done").await;
    assert_eq!(failed["response"]["status_details"]["error"]["code"], "nothing_heard");
}

#[tokio::test]
async fn recordings_that_are_committed_at_once_are_items_with_words_of_their_own() {
    let model = ScriptedOllama::start().await;
    let (speech, spoken) = sentence("I would like a cup of tea.");
    let ms = speech.ms();
    let again = Spoken {
        from_ms: ms + spoken.from_ms,
        to_ms: ms + spoken.to_ms,
        text: "And a piece of cake, please.",
    };
    let ears = scripted_deepgram::start(Heard::of(&[spoken, again])).await.unwrap();
    let server = hearing(&model, &ears).await;
    let mut socket = call(&server, "", &[]).await;
    configure(&mut socket, Value::Null).await;
    for _ in 0..2 {
        tell(&mut socket, append(&sound(&speech))).await;
        tell(&mut socket, json!({"type": "input_audio_buffer.commit"})).await;
    }
    let is_last = |frame: &Value| frame["transcript"] == "And a piece of cake, please.";
    let told = socket.take_until(is_last).await;
    let of_kind = |kind: &'static str| told.iter().filter(move |frame| frame["type"] == kind);
    let committed: Vec<_> =
        of_kind("input_audio_buffer.committed").map(|frame| &frame["item_id"]).collect();
    let transcribed: Vec<_> = of_kind("conversation.item.input_audio_transcription.completed")
        .map(|frame| (&frame["item_id"], frame["transcript"].as_str().unwrap()))
        .collect();
    let [first, second] = committed[..] else { panic!("{told:?}") };
    assert_eq!(
        transcribed,
        [(first, "I would like a cup of tea."), (second, "And a piece of cake, please.")]
    );
}

#[tokio::test]
async fn a_learner_who_stays_silent_is_helped_to_go_on() {
    let model = ScriptedOllama::start().await;
    let ears = scripted_deepgram::start(Heard::of(&[])).await.unwrap();
    let server = hearing(&model, &ears).await;
    let mut socket = call(&server, "?conversation_id=c", &[]).await;
    configure(&mut socket, json!({"type": "server_vad", "idle_timeout_ms": 5000})).await;
    model.say("[happy] Hello!");
    model.say("[encouraging] Are you still there?");
    tell(&mut socket, json!({"type": "response.create"})).await;
    socket.until("response.done").await;
    let answered = Instant::now();
    speak(&mut socket, &Speech::silence(4000)).await;
    let told = socket.take_until(|frame| frame["type"] == "response.done").await;
    assert!(answered.elapsed() >= Duration::from_secs(5), "{:?}", answered.elapsed());
    assert_eq!(
        kinds(&told)[..7],
        [
            "input_audio_buffer.timeout_triggered",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "conversation.item.input_audio_transcription.delta",
            "conversation.item.input_audio_transcription.completed",
            "response.created",
        ]
    );
    assert_eq!(told[0]["audio_end_ms"], 4000);
    let asked = format!("{:?}", model.requests("/api/chat").last());
    assert!(asked.contains("has said nothing for a while"), "{asked}");
    assert!(asked.contains("Hello!"), "the tutor goes on: {asked}");
    let stored = server.messages("c").await;
    let texts: Vec<_> = stored.iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["Hello!", "Are you still there?"]);
}
