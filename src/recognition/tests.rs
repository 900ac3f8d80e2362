//! Ears as their owners use them, with a transcriber that is told what to do.

mod recordings;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use expect_test::expect;
use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tokio::time::Instant;

use super::{
    spoken::{pcm, spoken},
    *,
};
use crate::{
    audio::intake::Encoding,
    providers::{Heard, Pace, Sound},
    telemetry::metrics::Metrics,
};

const FORMAT: AudioFormat =
    AudioFormat { encoding: Encoding::Linear16, sample_rate: 16_000, channels: 1 };

type Said = BoxStream<'static, Result<Heard, ProviderError>>;

/// Answers each part of the sound as it is told to, and remembers the marks.
struct Scripted {
    answer: fn(&Sound) -> Vec<Result<Heard, ProviderError>>,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Transcriber for Scripted {
    fn name(&self) -> &'static str {
        "told"
    }

    fn pace(&self) -> Pace {
        Pace::Free
    }

    fn listen(&self, _: ListenRequest, sound: BoxStream<'static, Sound>) -> Said {
        let (answer, taken) = (self.answer, Arc::clone(&self.taken));
        let note = move |sound: Sound| {
            let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
            match &sound {
                Sound::Frame(frame) => taken.push(format!("{} ms", frame.duration_ms())),
                mark => taken.push(format!("{mark:?}")),
            }
            stream::iter(answer(&sound))
        };
        sound.flat_map(note).boxed()
    }

    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
        async { Ok(()) }.boxed()
    }
}

struct Scene {
    microphone: Option<Microphone>,
    ear: Ear,
    taken: Arc<Mutex<Vec<String>>>,
    metrics: Metrics,
    shutdown: Shutdown,
}

fn scene(answer: fn(&Sound) -> Vec<Result<Heard, ProviderError>>) -> Scene {
    let taken = Arc::default();
    let transcriber = Scripted { answer, taken: Arc::clone(&taken) };
    let (metrics, shutdown) = (Metrics::default(), Shutdown::new());
    let ears = Ears::new(Some(Arc::new(transcriber)), metrics.hearing.clone(), shutdown.clone());
    let (microphone, ear) = ears.listen(FORMAT, ListenRequest::default()).unwrap();
    Scene { microphone: Some(microphone), ear, taken, metrics, shutdown }
}

impl Scene {
    /// Says it as a client sends it: 20 ms at a time, as fast as it is spoken.
    async fn say(&mut self, samples: &[i16]) {
        for frame in samples.chunks(320) {
            self.microphone.as_mut().unwrap().hear(pcm(frame)).unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn hear(&mut self, bytes: usize) -> Result<(), HearError> {
        self.microphone.as_mut().unwrap().hear(Bytes::from(vec![0; bytes]))
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn rest(&mut self) -> Vec<Perception> {
        self.microphone = None;
        let ear = &mut self.ear;
        ear.collect().await
    }
}

fn words(text: &str) -> Transcript {
    Transcript { text: text.to_owned(), is_final: true, ..Transcript::default() }
}

fn obliging(sound: &Sound) -> Vec<Result<Heard, ProviderError>> {
    match sound {
        Sound::Flush => vec![Ok(Heard::Transcript(words("ciao"))), Ok(Heard::Flushed)],
        _ => Vec::new(),
    }
}

fn silent(_: &Sound) -> Vec<Result<Heard, ProviderError>> {
    Vec::new()
}

#[test]
fn ears_without_a_transcriber_are_deaf() {
    let ears = Ears::new(None, Metrics::default().hearing, Shutdown::new());
    assert!(ears.is_deaf());
    assert!(matches!(ears.listen(FORMAT, ListenRequest::default()), Err(ListenError::Deaf)));
}

#[tokio::test(start_paused = true)]
async fn speech_is_told_with_its_places_and_marked_for_the_transcriber() {
    let mut scene = scene(obliging);
    let sentence = spoken("en", "Good morning!");
    scene.say(&[0; 8_000]).await;
    scene.say(&sentence.samples).await;
    scene.say(&[0; 8_000]).await;
    scene.ear.flush();
    assert!(matches!(scene.ear.next().await, Some(Perception::VoiceOn { at_ms: 450..700 })));
    assert!(matches!(scene.ear.next().await, Some(Perception::VoiceOff { .. })));
    assert_eq!(scene.ear.next().await, Some(Perception::Transcript(words("ciao"))));
    assert_eq!(scene.ear.next().await, Some(Perception::Flushed));
    let marks: Vec<String> =
        scene.taken().into_iter().filter(|part| !part.ends_with("ms")).collect();
    assert_eq!(marks, ["VoiceOn", "VoiceOff", "Flush"]);
    assert_eq!(scene.rest().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_question_is_about_all_that_was_said_before_it_and_hints_are_passed_on() {
    let mut scene = scene(obliging);
    for _ in 0..5 {
        scene.hear(640).unwrap();
    }
    scene.ear.expect(Arc::from(["ciao".to_owned()]));
    scene.ear.flush();
    scene.ear.flush();
    let told = [scene.ear.next().await, scene.ear.next().await, scene.ear.next().await];
    assert_eq!(told[1], Some(Perception::Flushed));
    expect![[r#"32 ms 32 ms 32 ms Expect(["ciao"]) 4 ms Flush Flush"#]]
        .assert_eq(&scene.taken().join(" "));
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_not_answered_is_answered_anyway() {
    let mut scene = scene(silent);
    let asked = Instant::now();
    scene.ear.flush();
    assert_eq!(scene.ear.next().await, Some(Perception::Flushed));
    assert_eq!(asked.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn who_speaks_to_the_end_is_heard_to_the_end() {
    let mut scene = scene(silent);
    let sentence = spoken("en", "Good morning!");
    scene.say(&sentence.samples[..12_000]).await;
    let told = scene.rest().await;
    assert!(matches!(told[..], [Perception::VoiceOn { .. }, Perception::VoiceOff { .. }]));
    assert_eq!(scene.shutdown.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_the_last_perception_and_the_microphone_learns_of_it() {
    let mut scene = scene(|sound| match sound {
        Sound::Flush => vec![Err(ProviderError::TimedOut { provider: "told".to_owned() })],
        _ => Vec::new(),
    });
    scene.ear.flush();
    assert!(matches!(scene.ear.next().await, Some(Perception::Failed(_))));
    assert_eq!(scene.ear.next().await, None);
    assert_eq!(scene.hear(640), Err(HearError::Gone));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_ear_ends_its_task() {
    let Scene { microphone, ear, shutdown, .. } = scene(silent);
    drop(ear);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(shutdown.running(), 0);
    assert_eq!(microphone.unwrap().hear(Bytes::from_static(&[0; 640])), Err(HearError::Gone));
}

#[tokio::test(start_paused = true)]
async fn sound_that_comes_fifty_times_too_fast_is_refused_and_twice_as_fast_is_not() {
    let mut scene = scene(silent);
    let mut heard_ms = 0;
    for _ in 0..500 {
        heard_ms += scene.hear(32_000).map_or(0, |()| 1_000);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(heard_ms, 22_000, "ten seconds at twice the speed, and a burst");
    let refused = (0..3).find_map(|_| scene.hear(32_000).err());
    let Some(HearError::TooFast { retry_after }) = refused else { panic!("{refused:?}") };
    tokio::time::sleep(retry_after).await;
    for _ in 0..100 {
        scene.hear(640).unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_bytes_come_something_is_heard_or_nothing_is() {
    let mut scene = scene(silent);
    for frame in [vec![], vec![0xff; 641], vec![0xff; 1], vec![0x7f; 63_999]] {
        scene.microphone.as_mut().unwrap().hear(frame.into()).unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    scene.rest().await;
}

#[tokio::test(start_paused = true)]
async fn floats_of_any_bytes_at_48_khz_are_heard_or_silence() {
    let mut scene = scene(silent);
    let format = AudioFormat { encoding: Encoding::Float32, sample_rate: 48_000, channels: 1 };
    let ears = Ears::new(
        Some(Arc::new(Scripted { answer: silent, taken: Arc::clone(&scene.taken) })),
        scene.metrics.hearing.clone(),
        scene.shutdown.clone(),
    );
    let (microphone, ear) = ears.listen(format, ListenRequest::default()).unwrap();
    (scene.microphone, scene.ear) = (Some(microphone), ear);
    for bytes in [vec![0xff; 48_001], vec![0x7f; 48_003], vec![0x00; 1], vec![0xff; 95_999]] {
        scene.microphone.as_mut().unwrap().hear(bytes.into()).unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(scene.rest().await, [], "no voice is made up");
    assert!(scene.metrics.text().contains("parla_hearing_audio_seconds_total 0.99"));
}

#[tokio::test(start_paused = true)]
async fn frames_with_next_to_nothing_in_them_are_bounded() {
    for bytes in [0, 1, 2] {
        let mut scene = scene(silent);
        let mut taken = 0;
        for _ in 0..1_000 {
            taken += (0..10).filter(|_| scene.hear(bytes).is_ok()).count();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!((500..=1_600).contains(&taken), "{taken} of 10000 frames of {bytes} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn the_small_frames_of_browsers_are_heard() {
    let mut scene = scene(silent);
    // 128 samples at 48 kHz, as 16 kHz sound.
    for _ in 0..3_750 {
        scene.hear(86).unwrap();
        tokio::time::sleep(Duration::from_micros(2_667)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_microphone_that_sends_nothing_is_told_of_each_minute() {
    let mut scene = scene(silent);
    let began = Instant::now();
    for minute in 1..=10_u64 {
        assert_eq!(scene.ear.next().await, Some(Perception::Quiet { ms: minute * 60_000 }));
        assert_eq!(began.elapsed().as_secs(), minute * 60);
        scene.hear(0).unwrap();
    }
    assert_eq!(scene.rest().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_voice_ends_when_no_sound_comes_of_it_any_more() {
    let mut scene = scene(silent);
    let sentence = spoken("en", "Good morning!");
    scene.say(&sentence.samples[..12_000]).await;
    let muted = Instant::now();
    assert!(matches!(scene.ear.next().await, Some(Perception::VoiceOn { .. })));
    assert!(matches!(scene.ear.next().await, Some(Perception::VoiceOff { .. })));
    assert_eq!(muted.elapsed().as_secs(), 2 - 1, "the last frame came 20 ms before");
    assert!(scene.taken().contains(&"VoiceOff".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_is_counted() {
    let mut scene = scene(obliging);
    assert!(scene.metrics.text().contains("parla_hearing_microphones 1"));
    let sentence = spoken("en", "Good morning!");
    scene.say(&sentence.samples).await;
    scene.say(&[0; 16_000]).await;
    scene.ear.flush();
    while scene.ear.next().await != Some(Perception::Flushed) {}
    scene.rest().await;
    let text = scene.metrics.text();
    for line in [
        "parla_hearing_microphones 0",
        r#"parla_hearing_transcripts_total{kind="final"} 1"#,
        "parla_hearing_final_seconds_count 1",
        r#"parla_hearing_final_seconds_bucket{le="2.5"} 1"#,
        r#"parla_hearing_final_seconds_bucket{le="0.5"} 0"#,
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_microphone_that_gives_nothing_but_silence_is_told_of_each_minute() {
    let mut scene = scene(silent);
    let mut told = Vec::new();
    for _ in 0..605 {
        scene.hear(32_000).unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        told.extend(scene.ear.next().now_or_never());
    }
    expect!["[Some(Quiet { ms: 60000 }), Some(Quiet { ms: 120000 }), Some(Quiet { ms: 180000 }), Some(Quiet { ms: 240000 }), Some(Quiet { ms: 300000 }), Some(Quiet { ms: 360000 }), Some(Quiet { ms: 420000 }), Some(Quiet { ms: 480000 }), Some(Quiet { ms: 540000 }), Some(Quiet { ms: 600000 })]"]
        .assert_eq(&format!("{told:?}"));
}

/// Says where it is in the sound each second, and is slower than sound comes.
struct Slow;

impl Transcriber for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn pace(&self) -> Pace {
        Pace::Free
    }

    fn listen(&self, request: ListenRequest, sound: BoxStream<'static, Sound>) -> Said {
        assert!(request.is_recorded);
        let hear = |heard_ms: &mut u64, sound: Sound| {
            let frame_ms = if let Sound::Frame(frame) = sound { frame.duration_ms() } else { 0 };
            let before = *heard_ms / 1_000;
            *heard_ms += frame_ms;
            let second = *heard_ms / 1_000;
            let said = (second > before)
                .then(|| Ok(Heard::Transcript(Transcript { segment: second, ..words("eco") })));
            async move {
                tokio::time::sleep(Duration::from_millis(frame_ms / 4)).await;
                Some(stream::iter(said))
            }
        };
        sound.scan(0, hear).flatten().boxed()
    }

    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
        async { Ok(()) }.boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_recording_is_dropped_however_slowly_it_is_heard() {
    let ears = Ears::new(Some(Arc::new(Slow)), Metrics::default().hearing, Shutdown::new());
    let recording =
        crate::domain::AudioFrame { sample_rate: 16_000, pcm: vec![0; 60 * 32_000].into() };
    let began = Instant::now();
    let heard = ears.transcribe(&recording, ListenRequest::default()).await.unwrap();
    let segments: Vec<u64> = heard.iter().map(|transcript| transcript.segment).collect();
    assert_eq!(segments, (1..=60).collect::<Vec<_>>());
    assert!(began.elapsed() >= Duration::from_secs(14), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_gives_a_recording_up_leaves_nothing_behind() {
    let shutdown = Shutdown::new();
    let ears = Ears::new(Some(Arc::new(Slow)), Metrics::default().hearing, shutdown.clone());
    let recording =
        crate::domain::AudioFrame { sample_rate: 16_000, pcm: vec![0; 60 * 32_000].into() };
    let hearing = ears.transcribe(&recording, ListenRequest::default());
    assert!(tokio::time::timeout(Duration::from_secs(2), hearing).await.is_err());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(shutdown.running(), 0);
}
