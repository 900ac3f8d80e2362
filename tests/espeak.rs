//! The embedded voice against the real library and against workers that misbehave.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use parla::{
    domain::{AudioFrame, Emotion, Language, Speed, SpokenSpan, WordTime},
    providers::{
        ProviderError, SpeechPart, SpeechRequest, Synthesizer, Urgency,
        espeak::{Espeak, PATIENCE},
    },
};

const WORKER: &str = env!("CARGO_BIN_EXE_parla");

#[tokio::test]
async fn a_sentence_is_spoken_and_every_word_has_its_time() {
    let (sound, words) = speak(&real(), request(&[("en", "Hello, how are you today?")])).await;
    assert!(sound.duration_ms() > 500 && is_audible(&sound), "{} ms", sound.duration_ms());
    let texts: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(texts, ["Hello", "how", "are", "you", "today"]);
    assert!(words.windows(2).all(|pair| pair[0].start_ms < pair[1].start_ms), "{words:?}");
    assert!(u64::from(words[4].end_ms) <= sound.duration_ms());
}

#[tokio::test]
async fn a_span_in_another_language_is_spoken_by_that_languages_voice() {
    let espeak = real();
    let mixed =
        [("en", "In Spanish we say"), ("es", "¿cómo te llamas, amigo mío?"), ("en", "Now you!")];
    let (mixed, words) = speak(&espeak, request(&mixed)).await;
    let english = [("en", "In Spanish we say ¿cómo te llamas, amigo mío? Now you!")];
    let (english, _) = speak(&espeak, request(&english)).await;
    assert!(!alike(&mixed, &english));
    let como = words.iter().find(|word| word.text == "cómo").unwrap();
    assert!(como.start_ms > 600, "the Spanish words come after the English ones: {como:?}");
    assert_eq!(words.len(), 11);
}

#[tokio::test]
async fn every_emotion_is_heard() {
    let espeak = real();
    let mut sounds = Vec::new();
    for &emotion in Emotion::ALL {
        for emphasis in [false, true] {
            let request = request(&[("en", "I see what you mean.")]);
            let (sound, _) = speak(&espeak, SpeechRequest { emotion, emphasis, ..request }).await;
            let is_new = sounds.iter().all(|other| !alike(&sound, other));
            assert!(is_new, "{emotion:?} sounds like another");
            sounds.push(sound);
        }
    }
}

#[tokio::test]
async fn the_same_request_gives_the_same_sound_whatever_came_before() {
    let espeak = real();
    let (first, _) = speak(&espeak, request(&[("en", "Good morning!")])).await;
    let loud = SpeechRequest {
        emotion: Emotion::Excited,
        emphasis: true,
        ..request(&[("ja", "おはよう")])
    };
    speak(&espeak, loud).await;
    let (second, _) = speak(&espeak, request(&[("en", "Good morning!")])).await;
    assert!(alike(&first, &second));
}

#[tokio::test]
async fn languages_of_other_scripts_are_spoken() {
    let espeak = real();
    for (language, text) in [
        ("ja", "こんにちは、元気ですか。"),
        ("ar", "مرحبا، كيف حالك؟"),
        ("hi", "नमस्ते, आप कैसे हैं?"),
        ("zh", "你好，世界。"),
        ("ru", "Привет, как дела?"),
    ] {
        let (sound, words) = speak(&espeak, request(&[(language, text)])).await;
        assert!(sound.duration_ms() > 500 && is_audible(&sound), "{language}");
        assert!(words.len() >= 3 && words.iter().all(|word| text.contains(&word.text)));
    }
}

#[tokio::test]
async fn a_language_without_a_voice_is_read_by_an_english_one() {
    let espeak = real();
    let (sound, _) = speak(&espeak, request(&[("tlh", "Hello there")])).await;
    assert!(alike(&sound, &speak(&espeak, request(&[("en", "Hello there")])).await.0));
}

#[tokio::test]
async fn a_voice_is_used_where_there_is_one_of_that_name() {
    let espeak = real();
    let with = |voice: Option<&str>| SpeechRequest {
        voice: voice.map(str::to_owned),
        ..request(&[("en", "Listen to my voice.")])
    };
    let (usual, _) = speak(&espeak, with(None)).await;
    assert!(!alike(&speak(&espeak, with(Some("en-us+f3"))).await.0, &usual));
    assert!(!alike(&speak(&espeak, with(Some("en-gb"))).await.0, &usual));
    assert!(alike(&speak(&espeak, with(Some("alloy"))).await.0, &usual));
    let voices = espeak.voices().await.unwrap();
    assert!(voices.len() > 100);
    let mexican = voices.iter().find(|voice| voice.id == "es-419").unwrap();
    assert_eq!(mexican.language, Language::parse("es"));
}

#[tokio::test]
async fn text_that_looks_like_markup_or_commands_is_only_read() {
    let espeak = real();
    let odd = "<voice name='xx'> [[h@l'oU]] \u{1}+50s \0 &amp; \u{7} \u{202e} end";
    let (sound, _) = speak(&espeak, request(&[("en", odd)])).await;
    assert!(is_audible(&sound));
    let (silence, _) = speak(&espeak, request(&[("en", "!?")])).await;
    assert!(!is_audible(&silence), "the names of punctuation marks are not read out");
    let error = refusal(&espeak, request(&[("en", &"word ".repeat(1000))])).await;
    assert!(matches!(error, ProviderError::Rejected { .. }), "{error}");
}

#[tokio::test]
async fn killed_workers_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let espeak = recorded(&folder);
    for _ in 0..3 {
        speak(&espeak, request(&[("en", "Still here.")])).await;
        let pids: Vec<_> = pids(&folder).into_iter().filter(|pid| is_running(pid)).collect();
        assert_eq!(pids.len(), 2, "one works, one is spare");
        pids.iter().for_each(|pid| signal("-KILL", pid));
        until(|| pids.iter().all(|pid| !is_running(pid))).await;
    }
    speak(&espeak, request(&[("en", "Still here.")])).await;
}

#[tokio::test]
async fn a_job_survives_the_death_of_its_worker() {
    let folder = tempfile::tempdir().unwrap();
    let espeak = recorded(&folder);
    speak(&espeak, request(&[("en", "Hello")])).await;
    let at_work = pids(&folder).remove(0);
    signal("-STOP", &at_work);
    let spoken = speak(&espeak, request(&[("en", "Hello")]));
    let killed = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        signal("-KILL", &at_work);
    };
    let ((sound, _), ()) = tokio::join!(spoken, killed);
    assert!(is_audible(&sound));
}

#[tokio::test]
async fn a_text_that_crashes_two_workers_is_never_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    // Greets, then dies of the first job it gets.
    let espeak = worker(&folder, "$parla espeak-worker < /dev/null; head -c 1 > /dev/null; exit 1");
    let poison = request(&[("en", "poison")]);
    let first = refusal(&espeak, poison.clone()).await;
    assert!(matches!(first, ProviderError::Broken { .. }), "{first}");
    let workers = pids(&folder).len();
    let again = refusal(&espeak, SpeechRequest { emotion: Emotion::Sad, ..poison }).await;
    assert!(matches!(again, ProviderError::Rejected { .. }), "{again}");
    assert_eq!(pids(&folder).len(), workers, "no further worker is risked");
}

#[tokio::test]
async fn junk_on_stdout_is_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let espeak = worker(
        &folder,
        "$parla espeak-worker < /dev/null; head -c 1 > /dev/null; echo Full dictionary is missing; sleep 60",
    );
    let error = refusal(&espeak, request(&[("en", "Hello")])).await;
    assert!(matches!(error, ProviderError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn a_worker_that_hangs_is_given_up_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let script = script(&folder, "$parla espeak-worker < /dev/null; exec sleep 60");
    let espeak = Espeak::new(script, Duration::from_millis(300));
    let error = refusal(&espeak, request(&[("en", "Hello")])).await;
    assert!(matches!(error, ProviderError::TimedOut { .. }), "{error}");
    drop(espeak);
    let pids = pids(&folder);
    until(|| pids.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists())).await;
}

#[tokio::test]
async fn without_the_library_the_refusal_names_the_command_that_installs_it() {
    let folder = tempfile::tempdir().unwrap();
    let greeting = br#"{"Missing":{"reason":"libespeak-ng is not installed"}}"#;
    let frame = [&[greeting.len() as u8, 0, 0, 0, 0, 0, 0, 0], &greeting[..]].concat();
    std::fs::write(folder.path().join("greeting"), frame).unwrap();
    let espeak = worker(&folder, "cat greeting");
    let error = refusal(&espeak, request(&[("en", "Hello")])).await;
    assert!(matches!(error, ProviderError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("install espeak-ng"), "{error}");
}

#[tokio::test]
async fn workers_that_never_start_are_tried_less_and_less_often() {
    let espeak = Espeak::new("/nonexistent/parla".into(), PATIENCE);
    let hello = || request(&[("en", "Hello")]);
    let first = refusal(&espeak, hello()).await;
    assert!(matches!(first, ProviderError::Unreachable { .. }), "{first}");
    for _ in 0..4 {
        refusal(&espeak, hello()).await;
    }
    let later = refusal(&espeak, hello()).await;
    assert!(matches!(later, ProviderError::AtCapacity { retry_after: Some(_), .. }), "{later}");
}

#[tokio::test]
async fn dropping_a_request_does_not_disturb_the_next() {
    let espeak = real();
    let (expected, _) = speak(&espeak, request(&[("en", "What I want to hear.")])).await;
    for micros in [0, 100, 500, 1000, 2000, 4000, 8000] {
        let dropped = espeak
            .speak(Arc::new(request(&[("en", &"Never mind this. ".repeat(50))])), Urgency::Now);
        let taken =
            tokio::time::timeout(Duration::from_micros(micros), dropped.collect::<Vec<_>>());
        drop(taken.await);
        let (sound, _) = speak(&espeak, request(&[("en", "What I want to hear.")])).await;
        assert!(alike(&sound, &expected));
    }
}

#[tokio::test]
async fn many_requests_at_once_are_all_served() {
    let espeak = real();
    let texts: Vec<_> = (0..100).map(|number| format!("This is number {number}.")).collect();
    let all = texts.iter().map(|text| speak(&espeak, request(&[("en", text)])));
    let begun = Instant::now();
    let sounds = futures_util::future::join_all(all).await;
    assert!(sounds.iter().all(|(sound, _)| is_audible(sound)));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

fn real() -> Espeak {
    Espeak::new(WORKER.into(), PATIENCE)
}

/// A voice whose workers leave their process ids in the folder.
fn recorded(folder: &tempfile::TempDir) -> Espeak {
    worker(folder, "exec $parla espeak-worker")
}

fn worker(folder: &tempfile::TempDir, commands: &str) -> Espeak {
    Espeak::new(script(folder, commands), PATIENCE)
}

/// A link to a script that exists: one just written cannot be run while a parallel test forks.
fn script(folder: &tempfile::TempDir, commands: &str) -> PathBuf {
    let commands = format!("parla='{WORKER}'\n{commands}\n");
    std::fs::write(folder.path().join("commands"), commands).unwrap();
    let path = folder.path().join("worker");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/espeak_worker.sh");
    symlink(script, &path).unwrap();
    path
}

fn pids(folder: &tempfile::TempDir) -> Vec<String> {
    let text = std::fs::read_to_string(folder.path().join("pids")).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn signal(signal: &str, pid: &str) {
    let status = std::process::Command::new("kill").args([signal, pid]).status();
    assert!(status.unwrap().success());
}

/// Neither gone nor waiting to be reaped.
fn is_running(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

async fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !condition() {
        assert!(Instant::now() < deadline, "it did not come about in time");
        tokio::time::sleep(Duration::from_millis(10)).await;
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

async fn speak(espeak: &Espeak, request: SpeechRequest) -> (AudioFrame, Vec<WordTime>) {
    let parts: Vec<_> = espeak.speak(Arc::new(request), Urgency::Now).collect().await;
    match parts.into_iter().collect::<Result<Vec<_>, _>>().unwrap().as_slice() {
        [SpeechPart::Audio(sound), SpeechPart::Words(words)] => (sound.clone(), words.clone()),
        parts => panic!("{parts:?}"),
    }
}

async fn refusal(espeak: &Espeak, request: SpeechRequest) -> ProviderError {
    let mut parts: Vec<_> = espeak.speak(Arc::new(request), Urgency::Now).collect().await;
    assert_eq!(parts.len(), 1, "an error ends the stream");
    parts.remove(0).unwrap_err()
}

/// As long and as loud, within a hundredth: eSpeak's voice trembles a little, never twice in the same way.
fn alike(one: &AudioFrame, other: &AudioFrame) -> bool {
    let is_near = |one: f64, other: f64| (one - other).abs() <= one.max(other) / 100.0;
    is_near(one.pcm.len() as f64, other.pcm.len() as f64) && is_near(loudness(one), loudness(other))
}

/// Root mean square of the samples.
fn loudness(sound: &AudioFrame) -> f64 {
    let squares: f64 = samples(sound).map(|sample| f64::from(sample).powi(2)).sum();
    (squares / (sound.pcm.len() / 2) as f64).sqrt()
}

fn is_audible(sound: &AudioFrame) -> bool {
    samples(sound).any(|sample| sample.unsigned_abs() > 1000)
}

fn samples(sound: &AudioFrame) -> impl Iterator<Item = i16> {
    sound.pcm.chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
}
