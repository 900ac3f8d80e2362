//! The embedded voice: eSpeak NG, spoken by supervised worker processes. This process never loads the library.

mod library;
mod names;
mod prosody;
mod wire;
mod words;
pub mod worker;

use std::{
    collections::HashSet,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{
    FutureExt, StreamExt, TryFutureExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};

use super::{
    ProviderError, SpeechPart, SpeechRequest, Synthesizer, Urgency,
    workers::{Crew, Failure, Frame, Trade},
};
use crate::domain::{AudioFrame, Emotion, EmotionApplied, Language, SpokenSpan, Voice, WordTime};
use prosody::Prosody;
use wire::{Answer, Catalogue, Job, JobSpan, SpanSound};

/// The engine's name in the settings.
pub const NAME: &str = "espeak";
/// A sentence takes milliseconds; a worker that takes this long hangs.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// More is no sentence, in characters.
const MAX_CHARS: usize = 4096;
/// Unknown languages that are warned of; a log does not need more.
const MAX_WARNINGS: usize = 64;
#[cfg(target_os = "macos")]
const INSTALL: &str = "brew install espeak-ng";
#[cfg(not(target_os = "macos"))]
const INSTALL: &str = "apt install espeak-ng";

/// A cheap handle to the embedded voice.
#[derive(Clone)]
pub struct Espeak {
    shared: Arc<Shared>,
}

/// What the workers do.
struct Speaking;

impl Trade for Speaking {
    const COMMAND: &'static str = worker::COMMAND;
    const NAME: &'static str = NAME;
    const INSTALL: &'static str = INSTALL;
    type Catalogue = Catalogue;
    type Job = Job;
    type Answer = Answer;
}

struct Shared {
    crew: Crew<Speaking>,
    /// Languages without a voice that the log knows of.
    warned: Mutex<HashSet<Language>>,
}

impl Espeak {
    /// The voice whose workers are this very program.
    ///
    /// # Errors
    /// When the path of the running program is unknown.
    pub fn embedded() -> io::Result<Self> {
        Ok(Self::new(std::env::current_exe()?, PATIENCE))
    }

    /// The voice whose workers are `program`, run with [`worker::COMMAND`]; a job may take as long as `patience`.
    #[must_use]
    pub fn new(program: PathBuf, patience: Duration) -> Self {
        let shared = Shared { crew: Crew::new(program, patience), warned: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// The version of the installed library.
    ///
    /// # Errors
    /// When there is none, or no worker can be started.
    pub async fn version(&self) -> Result<String, ProviderError> {
        Ok(self
            .shared
            .crew
            .catalogue()
            .await
            .map_err(Failure::told_by::<Speaking>)?
            .version
            .clone())
    }
}

impl Synthesizer for Espeak {
    fn name(&self) -> &str {
        NAME
    }

    fn slots(&self) -> usize {
        1
    }

    fn voice_key(&self, request: &SpeechRequest) -> String {
        request.voice.clone().unwrap_or_default()
    }

    fn emotion_applied(&self, _emotion: Emotion) -> EmotionApplied {
        EmotionApplied::Prosody
    }

    fn speak(
        &self,
        request: Arc<SpeechRequest>,
        _: Urgency,
    ) -> BoxStream<'static, Result<SpeechPart, ProviderError>> {
        let shared = self.shared.clone();
        async move { shared.speak(&request).await }
            .map_ok(|parts| stream::iter(parts.map(Ok)))
            .try_flatten_stream()
            .boxed()
    }

    /// It speaks some hundred times as fast as people listen.
    fn usual_pace(&self) -> f64 {
        0.01
    }

    fn voices(&self) -> BoxFuture<'static, Result<Vec<Voice>, ProviderError>> {
        let shared = self.shared.clone();
        async move {
            let catalogue = shared.crew.catalogue().await.map_err(Failure::told_by::<Speaking>)?;
            Ok(catalogue.offered(NAME))
        }
        .boxed()
    }
}

impl Shared {
    async fn speak(&self, request: &SpeechRequest) -> Result<[SpeechPart; 2], ProviderError> {
        let chars: usize = request.spans.iter().map(|span| span.text.chars().count()).sum();
        if chars > MAX_CHARS {
            return Err(rejected(format!("{chars} characters are more than {MAX_CHARS}")));
        }
        let job = |catalogue: &Catalogue| self.job(request, catalogue);
        let frame = self
            .crew
            .perform(&request.spans, job, &[])
            .await
            .map_err(Failure::told_by::<Speaking>)?;
        parts(&request.spans, frame)
    }

    fn job(&self, request: &SpeechRequest, catalogue: &Catalogue) -> Job {
        let voice = |language| {
            let wish = request.voice.as_deref();
            catalogue.choose(language, wish).or_else(|| {
                self.warn_of(language);
                catalogue.choose(&Language::default(), wish)
            })
        };
        let spans = request.spans.iter().map(|span| JobSpan {
            voice: voice(&span.language).unwrap_or_default(),
            // Left alone, punctuation is read out by name.
            text: if words::has_words(&span.text) { span.text.clone() } else { String::new() },
        });
        let prosody = Prosody::of(request.emotion, request.emphasis).at(request.speed);
        Job { spans: spans.collect(), prosody }
    }

    fn warn_of(&self, language: &Language) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.len() < MAX_WARNINGS && warned.insert(language.clone()) {
            tracing::warn!(%language, "eSpeak NG has no voice for a language; English speaks it");
        }
    }
}

/// The sound and the words of an answer, if it is one to this request.
fn parts(spoken: &[SpokenSpan], frame: Frame<Answer>) -> Result<[SpeechPart; 2], ProviderError> {
    let (sample_rate, spans) = match frame.head {
        Answer::Spoken { sample_rate, spans } => (sample_rate, spans),
        Answer::Refused { reason } => return Err(rejected(reason)),
    };
    let told: usize = spans.iter().map(|span| span.bytes).sum();
    if spans.len() != spoken.len() || told != frame.body.len() || !told.is_multiple_of(2) {
        let reason = "the worker answered another job".to_owned();
        return Err(ProviderError::Broken { provider: NAME.to_owned(), reason });
    }
    if frame.body.is_empty() {
        return Err(rejected("there is nothing in it to say".to_owned()));
    }
    let words = words(spoken, &spans, sample_rate);
    let frame = AudioFrame { sample_rate, pcm: Bytes::from(frame.body) };
    Ok([SpeechPart::Audio(frame), SpeechPart::Words(words)])
}

fn words(spoken: &[SpokenSpan], sounds: &[SpanSound], sample_rate: u32) -> Vec<WordTime> {
    let bytes_per_second = u64::from(sample_rate.max(1)) * 2;
    let ms = |bytes: usize| (bytes as u64 * 1000 / bytes_per_second) as u32;
    let mut heard = 0;
    let mut words = Vec::new();
    for (span, sound) in spoken.iter().zip(sounds) {
        let begin = heard;
        heard += sound.bytes;
        words.extend(words::times(&span.text, &sound.marks, ms(begin)..ms(heard)));
    }
    words
}

fn rejected(reason: String) -> ProviderError {
    ProviderError::Rejected { provider: NAME.to_owned(), reason }
}
