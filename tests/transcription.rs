//! The ears behind HTTP against a scripted server that is as strict as the real one.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support {
    pub mod scripted_transcription;
}

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use expect_test::expect;
use futures_util::{StreamExt, stream};
use parla::{
    domain::{AudioFrame, HeardWord, Language, Transcript},
    prompts::{Prompts, unsaid::Unsaid},
    providers::{
        HEARING_RATE, Heard, ListenRequest, ProviderError, Sound, Transcriber, http,
        openai_transcription::{OpenAiTranscription, TranscriptionSettings},
    },
};
use serde_json::json;
use support::scripted_transcription::{Reply, Script, ScriptedTranscription};

const KEY: &str = "sk-canary-4711";

#[tokio::test]
async fn an_utterance_is_asked_for_as_openai_wants_it_and_its_words_have_times() {
    let script =
        Script { key: Some(KEY), replies: vec![Reply::Text("un café")], ..Script::default() };
    let server = start(script).await;
    let ear = ear(&server, |settings| {
        settings.key = Some(KEY.to_owned());
        settings.url.push_str("/v1/");
    });
    let expected = Sound::Expect(Arc::new(["un té".to_owned(), "un café".to_owned()]));
    let sounds = [vec![silence(1000), expected], utterance(), vec![Sound::Flush]].concat();
    let heard = listen(&ear, Language::parse("es-MX"), sounds).await;
    let [Ok(Heard::Transcript(transcript)), Ok(Heard::Flushed)] = heard.as_slice() else {
        panic!("{heard:?}")
    };
    let word = |text: &str, start_ms, end_ms| HeardWord {
        text: text.to_owned(),
        start_ms,
        end_ms,
        confidence: None,
    };
    assert!(transcript.is_final && transcript.confidence.is_some());
    assert_eq!(transcript.words, [word("un", 700, 1150), word("café", 1150, 1600)]);
    let [asked] = server.asked().try_into().unwrap();
    assert_eq!(asked.sound_ms, 900);
    expect![[r#"
        {
            "language": "es",
            "model": "whisper-1",
            "prompt": "un té, un café",
            "response_format": "verbose_json",
            "timestamp_granularities[]": "word,segment",
        }
    "#]]
    .assert_debug_eq(&asked.fields);
}

#[tokio::test]
async fn a_server_that_tells_the_text_alone_is_asked_for_no_more() {
    let server = start(Script { is_terse: true, ..Script::default() }).await;
    let ear = ear(&server, |_| {});
    for _ in 0..2 {
        assert_eq!(texts(&listen(&ear, None, utterance()).await), ["0: hello"]);
    }
    let formats = server.asked().into_iter().map(|asked| asked.fields["response_format"].clone());
    assert_eq!(formats.collect::<Vec<_>>(), ["verbose_json", "json", "json"]);
}

#[tokio::test]
async fn whisper_cpp_is_asked_where_it_listens() {
    let server = start(Script::default()).await;
    let ear = ear(&server, |settings| settings.path = Some("/inference".to_owned()));
    assert_eq!(texts(&listen(&ear, None, utterance()).await), ["0: hello"]);
}

#[tokio::test]
async fn utterances_are_heard_two_at_once_and_told_in_order() {
    let late = |ms| Duration::from_millis(ms);
    let replies = vec![
        Reply::Late(late(400), "one"),
        Reply::Late(late(100), "two"),
        Reply::Late(late(100), "three"),
    ];
    let server = start(Script { replies, ..Script::default() }).await;
    let begun = Instant::now();
    let sounds = [utterance(), utterance(), utterance(), vec![Sound::Flush]].concat();
    let heard = listen(&ear(&server, |_| {}), None, sounds).await;
    assert_eq!(texts(&heard), ["0: one", "1: two", "2: three", "flushed"]);
    assert!(begun.elapsed() < Duration::from_millis(580), "they waited for each other");
    assert_eq!(server.peak(), 2);
}

#[tokio::test]
async fn a_click_is_not_sent_and_what_is_invented_is_not_told() {
    let invented = |sure: f64, silence: f64| {
        let segment = json!({"avg_logprob": sure, "no_speech_prob": silence});
        Reply::Json(json!({"text": "Okay.", "segments": [segment], "words": null}))
    };
    let replies = vec![
        Reply::Text("Thank you for watching!"),
        Reply::Text("♪"),
        Reply::Text("one two three four five six seven eight nine"),
        invented(-1.2, 0.8),
        invented(-0.2, 0.8),
    ];
    let server = start(Script { replies, ..Script::default() }).await;
    let click = vec![Sound::VoiceOn, voice(60), silence(600), Sound::VoiceOff];
    let sounds = [click, vec![utterance(); 5].concat()].concat();
    let heard = listen(&ear(&server, |_| {}), None, sounds).await;
    assert_eq!(texts(&heard), ["0: ", "1: ", "2: ", "3: ", "4: ", "5: Okay."]);
    assert_eq!(server.asked().len(), 5);
}

#[tokio::test]
async fn every_fault_is_told_for_what_it_is_and_ends_the_listening() {
    for (reply, expected) in [
        (
            Reply::Status(404),
            "ear refused: 404 Not Found: as the script says; check its address and the model's name in parla's settings",
        ),
        (Reply::Status(429), "ear is at capacity"),
        (
            Reply::Status(500),
            "ear sent something unusable: 500 Internal Server Error: as the script says",
        ),
        (Reply::Hang, "ear did not answer in time"),
        (Reply::Garbage, "ear sent something unusable: no transcript: Eof at column 29"),
        (Reply::Html, "ear sent something unusable: no transcript: Syntax at column 1"),
    ] {
        let server = start(Script { replies: vec![reply.clone()], ..Script::default() }).await;
        let ear = ear(&server, |settings| settings.timeout = Duration::from_millis(300));
        let heard = listen(&ear, None, vec![utterance(); 3].concat()).await;
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert_eq!(heard[0].as_ref().unwrap_err().to_string(), expected, "{reply:?}");
        if matches!(reply, Reply::Status(429)) {
            let (provider, retry_after) = ("ear".to_owned(), Some(Duration::from_secs(7)));
            assert_eq!(heard, [Err(ProviderError::AtCapacity { provider, retry_after })]);
        }
    }
}

#[tokio::test]
async fn a_wrong_key_is_told_without_the_key() {
    let server = start(Script { key: Some(KEY), ..Script::default() }).await;
    let ear = ear(&server, |settings| settings.key = Some("own-canary".to_owned()));
    let heard = listen(&ear, None, utterance()).await;
    let told = heard[0].as_ref().unwrap_err().to_string();
    assert!(told.contains("check the key") && !told.contains("canary"), "{told}");
    assert!(ear.check().await.is_err());
}

#[tokio::test]
async fn nobody_there_is_told_and_whoever_leaves_is_not_waited_for() {
    let server = start(Script { replies: vec![Reply::Hang], ..Script::default() }).await;
    let there = ear(&server, |_| {});
    assert_eq!(there.check().await, Ok(()));
    let sounds = stream::iter(utterance()).boxed();
    let mut heard = there.listen(ListenRequest::default(), sounds);
    drop(tokio::time::timeout(Duration::from_millis(300), heard.next()).await);
    assert_eq!(server.running(), 1);
    drop(heard);
    while server.running() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let gone = ear(&server, |settings| settings.url = "http://127.0.0.1:1".to_owned());
    let heard = listen(&gone, None, utterance()).await;
    assert!(matches!(heard.as_slice(), [Err(ProviderError::Unreachable { .. })]), "{heard:?}");
    assert!(matches!(gone.check().await, Err(ProviderError::Unreachable { .. })));
}

async fn start(script: Script) -> ScriptedTranscription {
    drop(rustls::crypto::ring::default_provider().install_default());
    ScriptedTranscription::start(script).await.unwrap()
}

fn ear(
    server: &ScriptedTranscription,
    change: impl FnOnce(&mut TranscriptionSettings),
) -> OpenAiTranscription {
    let mut settings = TranscriptionSettings {
        name: "ear".to_owned(),
        url: server.url().to_owned(),
        path: None,
        key: None,
        model: "whisper-1".to_owned(),
        timeout: Duration::from_secs(5),
        unsaid: Arc::new(Unsaid::load(&Prompts::embedded()).unwrap()),
    };
    change(&mut settings);
    OpenAiTranscription::new(http::client().unwrap(), settings)
}

async fn listen(
    ear: &OpenAiTranscription,
    language: Option<Language>,
    sounds: Vec<Sound>,
) -> Vec<Result<Heard, ProviderError>> {
    let request = ListenRequest { language, ..ListenRequest::default() };
    ear.listen(request, stream::iter(sounds).boxed()).collect().await
}

fn texts(heard: &[Result<Heard, ProviderError>]) -> Vec<String> {
    let text = |heard: &Result<Heard, ProviderError>| match heard {
        Ok(Heard::Transcript(Transcript { segment, text, .. })) => format!("{segment}: {text}"),
        Ok(Heard::Flushed) => "flushed".to_owned(),
        other => format!("{other:?}"),
    };
    heard.iter().map(text).collect()
}

/// A second of sound with a voice in its middle.
fn utterance() -> Vec<Sound> {
    vec![Sound::VoiceOn, voice(500), silence(100), Sound::VoiceOff]
}

fn voice(ms: usize) -> Sound {
    frame(ms, |at| if at % 80 < 40 { 3000 } else { -3000 })
}

fn silence(ms: usize) -> Sound {
    frame(ms, |at| (at % 5) as i16)
}

fn frame(ms: usize, sample: impl Fn(usize) -> i16) -> Sound {
    let samples = 0..ms * HEARING_RATE as usize / 1000;
    let pcm = samples.flat_map(|at| sample(at).to_le_bytes()).collect();
    Sound::Frame(AudioFrame { sample_rate: HEARING_RATE, pcm })
}
