//! A voice for tests: says what its script says, after a fixed delay, and keeps a trace. It makes no real sound.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};

use super::{CacheKey, Spoken};
use crate::{
    domain::{AudioFrame, Emotion, EmotionApplied, Language, Speed, SpokenSpan, Voice, WordTime},
    providers::{ProviderError, SpeechPart, SpeechRequest, Synthesizer, Urgency},
};

type Answer = Vec<Result<SpeechPart, ProviderError>>;

/// Every text it has no script for is 100 ms of sound.
pub(super) struct FakeVoice {
    name: &'static str,
    slots: usize,
    delay: Duration,
    patience: Duration,
    script: HashMap<&'static str, Answer>,
    is_endless: bool,
    panics_at: Option<&'static str>,
    trace: Trace,
}

/// What a voice was asked: a line at each begin and end.
#[derive(Clone, Default)]
pub(super) struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    pub(super) fn text(&self) -> String {
        self.0.lock().unwrap().iter().map(|line| format!("{line}\n")).collect()
    }

    /// The texts in the order in which the voice was asked for them.
    pub(super) fn asked(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        lines.iter().filter_map(|line| Some(line.split_once(" begins ")?.1.to_owned())).collect()
    }

    fn add(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

impl FakeVoice {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            slots: 1,
            delay: Duration::from_millis(100),
            patience: Duration::from_secs(20),
            script: HashMap::new(),
            is_endless: false,
            panics_at: None,
            trace: Trace::default(),
        }
    }

    pub(super) fn slots(self, slots: usize) -> Self {
        Self { slots, ..self }
    }

    pub(super) fn delay_ms(self, delay: u64) -> Self {
        Self { delay: Duration::from_millis(delay), ..self }
    }

    pub(super) fn patience_s(self, patience: u64) -> Self {
        Self { patience: Duration::from_secs(patience), ..self }
    }

    pub(super) fn traced(self, trace: &Trace) -> Self {
        Self { trace: trace.clone(), ..self }
    }

    pub(super) fn endless(self) -> Self {
        Self { is_endless: true, ..self }
    }

    pub(super) fn panics(self, text: &'static str) -> Self {
        Self { panics_at: Some(text), ..self }
    }

    pub(super) fn says(mut self, text: &'static str, answer: Answer) -> Self {
        self.script.insert(text, answer);
        self
    }

    pub(super) fn fails(self, text: &'static str) -> Self {
        let error =
            ProviderError::Broken { provider: self.name.to_owned(), reason: "s3cret".into() };
        self.says(text, vec![Ok(audio(8_000, 10)), Err(error)])
    }
}

impl Synthesizer for FakeVoice {
    fn name(&self) -> &str {
        self.name
    }

    fn slots(&self) -> usize {
        self.slots
    }

    fn usual_pace(&self) -> f64 {
        0.5
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    fn voice_key(&self, request: &SpeechRequest) -> String {
        request.voice.clone().unwrap_or_default()
    }

    fn emotion_applied(&self, _: Emotion) -> EmotionApplied {
        EmotionApplied::Prosody
    }

    fn speak(
        &self,
        request: Arc<SpeechRequest>,
        _: Urgency,
    ) -> BoxStream<'static, Result<SpeechPart, ProviderError>> {
        if self.is_endless {
            return stream::repeat(Ok(audio(48_000, 10_000))).boxed();
        }
        let text: String = request.spans.iter().map(|span| span.text.as_str()).collect();
        assert_ne!(self.panics_at, Some(&*text), "the script says so");
        let answer = self.script.get(&*text).cloned();
        let answer = answer.unwrap_or_else(|| vec![Ok(audio(8_000, 100))]);
        let (name, delay, trace) = (self.name, self.delay, self.trace.clone());
        let begun = async move {
            trace.add(format!("{name} begins {text}"));
            let mut ending = Ending { line: format!("{name} drops {text}"), trace };
            tokio::time::sleep(delay).await;
            ending.line = format!("{name} ends {text}");
        };
        stream::once(begun).flat_map(move |()| stream::iter(answer.clone())).boxed()
    }

    fn voices(&self) -> BoxFuture<'static, Result<Vec<Voice>, ProviderError>> {
        async { Ok(Vec::new()) }.boxed()
    }
}

/// Tells how a request ended, by being dropped.
struct Ending {
    line: String,
    trace: Trace,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.trace.add(std::mem::take(&mut self.line));
    }
}

pub(super) fn audio(sample_rate: u32, ms: usize) -> SpeechPart {
    SpeechPart::Audio(frame(sample_rate, ms))
}

fn frame(sample_rate: u32, ms: usize) -> AudioFrame {
    let bytes = sample_rate as usize * ms / 1000 * 2;
    AudioFrame { sample_rate, pcm: vec![1; bytes].into() }
}

pub(super) fn word(text: &str, start_ms: u32, end_ms: u32) -> WordTime {
    WordTime { text: text.to_owned(), start_ms, end_ms }
}

pub(super) fn request(text: &str) -> SpeechRequest {
    let span = SpokenSpan { text: text.to_owned(), language: Language::parse("es").unwrap() };
    SpeechRequest {
        spans: vec![span],
        voice: None,
        speed: Speed::default(),
        emotion: Emotion::Neutral,
        emphasis: false,
    }
}

/// A finished sound as the voice "one" would give it.
pub(super) fn spoken(text: &str, ms: u32) -> Spoken {
    Spoken {
        key: CacheKey::new(&FakeVoice::new("one"), &request(text)),
        engine: "one".to_owned(),
        sound: frame(8_000, ms as usize),
        words: vec![word(text, 0, ms)],
        emotion: EmotionApplied::Prosody,
    }
}
