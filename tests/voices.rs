//! The voices behind HTTP against a scripted server that is as strict as the real one.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support {
    pub mod scripted_voice;
}

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::join_all};
use parla::{
    domain::{AudioFrame, Emotion, EmotionApplied, Language, Speed, SpokenSpan},
    providers::{
        ProviderError, SpeechPart, SpeechRequest, Synthesizer, Urgency, http,
        openai_speech::{OpenAiSpeech, SpeechSettings},
    },
};
use tokio::time::timeout;

use support::scripted_voice::{Fault, MS_PER_CHAR, Script, ScriptedVoice, When};

const KEY: &str = "sk-canary-4711";

#[tokio::test]
async fn a_sentence_is_asked_for_as_openai_wants_it() {
    let server = start(Script { key: Some(KEY), ..Script::default() }).await;
    let mut settings = settings(&server);
    settings.key = Some(KEY.to_owned());
    settings.url.push_str("/v1/");
    let voice = OpenAiSpeech::new(http::client().unwrap(), settings);
    let sound = speak(&voice, request(&[("en", "Hello!")])).await.unwrap();
    assert_eq!(sound.duration_ms(), u64::from(6 * MS_PER_CHAR));
    let body = serde_json::json!({
        "model": "tts-1", "input": "Hello!", "voice": "alloy",
        "response_format": "wav", "speed": 1.0,
    });
    assert_eq!(server.requests(), [body]);
}

#[tokio::test]
async fn an_emotion_is_a_speed_or_an_instruction() {
    let server = start(Script::default()).await;
    let sad = || SpeechRequest { emotion: Emotion::Sad, ..request(&[("en", "Oh no.")]) };
    let plain = voice(&server);
    let instructed = with(&server, |settings| settings.instructions = true);
    speak(&plain, sad()).await.unwrap();
    speak(&instructed, sad()).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests[0]["speed"], 0.85);
    assert!(requests[1]["instructions"].as_str().unwrap().contains("sad tone"));
    assert_eq!(plain.emotion_applied(Emotion::Sad), EmotionApplied::Prosody);
    assert_eq!(instructed.emotion_applied(Emotion::Sad), EmotionApplied::Markup);
}

#[tokio::test]
async fn the_voices_of_one_sentence_speak_at_once_and_are_joined_in_order() {
    // The first piece is the longest, so it is the last to be done.
    let script = Script { delay_per_char: Duration::from_millis(10), ..Script::default() };
    let server = start(script).await;
    let voice = voice(&server);
    let spans = [("en", "In Spanish that is:"), ("es", "¡Hola!"), ("en", "Easy.")];
    let begun = Instant::now();
    let sound = speak(&voice, request(&spans)).await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(290), "they waited for each other");
    assert_eq!(sound.duration_ms(), u64::from((19 + 6 + 5) * MS_PER_CHAR));
    assert_eq!(server.peak(), 3);
    let key = voice.voice_key(&request(&spans));
    assert_eq!(key, "tts-1:alloy,pablo,alloy");
}

#[tokio::test]
async fn odd_but_sound_files_are_played() {
    for fault in [Fault::BogusSizes, Fault::FloatStereo] {
        let sound = outcome(fault).await.unwrap();
        assert!(sound.duration_ms() >= 100, "{fault:?}");
    }
}

#[tokio::test]
async fn every_fault_is_told_for_what_it_is() {
    for (fault, expected) in [
        (Fault::Status(400), "kokoro refused: 400 Bad Request: as the script says"),
        (
            Fault::Status(401),
            "kokoro refused: 401 Unauthorized: as the script says; check the key that parla's settings give it",
        ),
        (Fault::Status(429), "kokoro is at capacity"),
        (Fault::Status(503), "kokoro is at capacity"),
        (
            Fault::Status(500),
            "kokoro sent something unusable: 500 Internal Server Error: as the script says",
        ),
        (Fault::Redirect, "kokoro sent something unusable: 302 Found: "),
        (Fault::Hang, "kokoro did not answer in time"),
        (Fault::Html, "kokoro sent something unusable: not a WAV file"),
        (Fault::Empty, "kokoro sent something unusable: not a WAV file"),
        (Fault::Mp3, "kokoro sent something unusable: not a WAV file"),
        (
            Fault::Truncated,
            "kokoro sent something unusable: 8662 bytes of sound are missing at the end",
        ),
        (Fault::NoSamples, "kokoro sent something unusable: no samples"),
        (Fault::NotANumber, "kokoro sent something unusable: a sample is not a number"),
        (Fault::Endless, "kokoro sent something unusable: more than 33554432 bytes"),
        (Fault::FarTooLong, "kokoro sent something unusable: 1000000 ms of sound"),
    ] {
        assert_eq!(outcome(fault).await.unwrap_err().to_string(), expected, "{fault:?}");
    }
    let cut = outcome(Fault::CutOff).await.unwrap_err();
    assert!(matches!(cut, ProviderError::Cut { .. }), "{cut}");
    let busy = outcome(Fault::Status(429)).await.unwrap_err();
    let retry_after = Some(Duration::from_secs(7));
    assert_eq!(busy, ProviderError::AtCapacity { provider: "kokoro".into(), retry_after });
}

#[tokio::test]
async fn voices_with_different_rates_are_not_glued_together() {
    let faults = vec![(When::Text("Hola"), Fault::OtherRate)];
    let server = start(Script { faults, ..Script::default() }).await;
    let request = request(&[("en", "That is:"), ("es", "¡Hola!")]);
    let error = speak(&voice(&server), request).await.unwrap_err();
    assert!(error.to_string().contains("different sample rates"), "{error}");
}

#[tokio::test]
async fn one_failed_request_leaves_the_others_alone() {
    let faults = vec![(When::Request(1), Fault::Status(500))];
    let server = start(Script { faults, ..Script::default() }).await;
    let voice = voice(&server);
    let mut outcomes = Vec::new();
    for text in ["One.", "Two.", "Three."] {
        outcomes.push(speak(&voice, request(&[("en", text)])).await.is_ok());
    }
    assert_eq!(outcomes, [true, false, true]);
}

#[tokio::test]
async fn a_crowd_is_heard_whoever_fails_or_never_ends() {
    let faults = vec![
        (When::Text("endless"), Fault::Stall),
        (When::Text("short"), Fault::Truncated),
        (When::Text("cut"), Fault::CutOff),
    ];
    let server = start(Script { faults, ..Script::default() }).await;
    let voice = with(&server, |settings| settings.timeout = Duration::from_secs(20));
    let say = |text: &'static str| {
        let voice = voice.clone();
        async move { speak(&voice, request(&[("en", text)])).await.is_ok() }
    };
    let endless = join_all((0..40).map(|_| say("endless")));
    let texts = ["short", "cut", "Hello, world."];
    let crowd = join_all((0..120).map(|place| say(texts[place % texts.len()])));
    let heard = async {
        tokio::select! {
            heard = crowd => heard,
            _ = endless => panic!("what never ends has ended"),
        }
    };
    let heard = timeout(Duration::from_secs(10), heard).await.unwrap();
    assert_eq!(heard, [false, false, true].repeat(40));
}

#[tokio::test]
async fn who_hears_nothing_yet_waits_for_no_sound_that_is_stuck_and_nobody_waits_long() {
    let faults = vec![(When::Text("stuck"), Fault::Stuck)];
    let server = start(Script { faults, ..Script::default() }).await;
    let voice = with(&server, |settings| settings.timeout = Duration::from_secs(20));
    let stuck = join_all((0..40).map(|_| speak(&voice, request(&[("en", "stuck")]))));
    let say = |urgency| speak_when(&voice, request(&[("en", "Hello.")]), urgency);
    let heard = async {
        // Until those that are stuck hold every place.
        while timeout(Duration::from_millis(300), say(Urgency::Later)).await.is_ok() {}
        timeout(Duration::from_secs(1), say(Urgency::Now)).await.unwrap().unwrap();
        timeout(Duration::from_secs(10), say(Urgency::Later)).await.unwrap().unwrap();
    };
    tokio::select! {
        () = heard => {}
        _ = stuck => panic!("what is stuck has ended"),
    }
}

#[tokio::test]
async fn too_long_a_text_is_not_even_sent() {
    let server = start(Script::default()).await;
    let error = speak(&voice(&server), request(&[("en", &"a".repeat(4097))])).await.unwrap_err();
    assert!(matches!(error, ProviderError::Rejected { .. }), "{error}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn nothing_is_asked_before_the_stream_is_polled_and_dropping_it_ends_the_request() {
    let script = Script { faults: vec![(When::Always, Fault::Hang)], ..Script::default() };
    let server = start(script).await;
    let mut stream = voice(&server).speak(Arc::new(request(&[("en", "Hello")])), Urgency::Now);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.requests().len(), 0);
    assert!(timeout(Duration::from_millis(50), stream.next()).await.is_err());
    assert_eq!(server.running(), 1);
    drop(stream);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.running(), 0);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_and_the_key_is_never_in_an_error() {
    let server = start(Script::default()).await;
    let settings = settings(&server);
    drop(server);
    tokio::time::sleep(Duration::from_millis(20)).await;
    for key in [KEY.to_owned(), format!("{KEY}\n")] {
        let settings = SpeechSettings { key: Some(key), ..settings.clone() };
        let voice = OpenAiSpeech::new(http::client().unwrap(), settings);
        let error = speak(&voice, request(&[("en", "Hello")])).await.unwrap_err();
        assert!(matches!(error, ProviderError::Unreachable { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}

#[tokio::test]
async fn the_servers_own_list_of_voices_is_preferred_to_the_configured_ones() {
    for (lists_voices, expected) in
        [(true, vec!["alloy", "nova", "pablo"]), (false, vec!["alloy", "pablo"])]
    {
        let server = start(Script { lists_voices, ..Script::default() }).await;
        let voices = voice(&server).voices().await.unwrap();
        let names: Vec<_> = voices.iter().map(|voice| voice.id.as_str()).collect();
        assert_eq!(names, expected);
        assert_eq!(voices.last().unwrap().language, Language::parse("es"));
    }
}

async fn start(script: Script) -> ScriptedVoice {
    ScriptedVoice::start(script).await.unwrap()
}

/// What becomes of a sentence when the server is that faulty.
async fn outcome(fault: Fault) -> Result<AudioFrame, ProviderError> {
    let faults = vec![(When::Always, fault)];
    let server = start(Script { faults, ..Script::default() }).await;
    let voice = with(&server, |settings| settings.timeout = Duration::from_millis(500));
    speak(&voice, request(&[("en", "Hello!")])).await
}

fn voice(server: &ScriptedVoice) -> OpenAiSpeech {
    with(server, |_| {})
}

fn with(server: &ScriptedVoice, change: impl FnOnce(&mut SpeechSettings)) -> OpenAiSpeech {
    let mut settings = settings(server);
    change(&mut settings);
    OpenAiSpeech::new(http::client().unwrap(), settings)
}

fn settings(server: &ScriptedVoice) -> SpeechSettings {
    SpeechSettings {
        name: "kokoro".to_owned(),
        url: server.url().to_owned(),
        key: None,
        model: "tts-1".to_owned(),
        voice: "alloy".to_owned(),
        voices: [(Language::parse("es").unwrap(), "pablo".to_owned())].into(),
        slots: 4,
        instructions: false,
        timeout: Duration::from_secs(5),
    }
}

fn request(spans: &[(&str, &str)]) -> SpeechRequest {
    let spans = spans.iter().map(|&(language, text)| SpokenSpan {
        text: text.to_owned(),
        language: Language::parse(language).unwrap(),
    });
    let spans = spans.collect();
    SpeechRequest {
        spans,
        voice: None,
        speed: Speed::default(),
        emotion: Emotion::Neutral,
        emphasis: false,
    }
}

async fn speak(voice: &OpenAiSpeech, request: SpeechRequest) -> Result<AudioFrame, ProviderError> {
    speak_when(voice, request, Urgency::Later).await
}

async fn speak_when(
    voice: &OpenAiSpeech,
    request: SpeechRequest,
    urgency: Urgency,
) -> Result<AudioFrame, ProviderError> {
    let mut parts: Vec<_> = voice.speak(Arc::new(request), urgency).collect().await;
    assert_eq!(parts.len(), 1);
    match parts.remove(0)? {
        SpeechPart::Audio(sound) => Ok(sound),
        SpeechPart::Words(words) => panic!("{words:?}"),
    }
}
