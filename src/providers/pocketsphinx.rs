//! The embedded ear: PocketSphinx, for English lessons, in supervised worker processes. This process never loads the library.

mod grammar;
mod library;
mod wire;
pub mod worker;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use futures_util::{
    FutureExt, StreamExt,
    future::{self, BoxFuture},
    stream::{self, BoxStream},
};

use super::{
    Heard, ListenRequest, Pace, ProviderError, Sound, Transcriber, transcriber,
    utterances::{Said, Step, steps},
    workers::{Crew, Failure, Trade},
};
use crate::domain::{Confidence, HeardWord, Language, Transcript};
use wire::{Answer, Catalogue, Hypothesis, Job};

/// The engine's name in the settings.
pub const NAME: &str = "pocketsphinx";
/// The one command that installs it.
pub const INSTALL: &str = "apt install libpocketsphinx3 pocketsphinx-en-us";
/// Half a minute of free speech takes a slow computer about as long.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// What there is of an utterance is looked at when it has grown by so much, in milliseconds.
const GLANCE_MS: u64 = 800;
/// With less voice than that there is no word in it, in milliseconds.
const LEAST_VOICE_MS: u64 = 120;
/// Steps that wait for a worker. When there are that many no further sound is taken until one is done.
const WAITING: usize = 16;

/// A cheap handle to the embedded ear.
#[derive(Clone)]
pub struct PocketSphinx {
    crew: Arc<Crew<Hearing>>,
}

/// What the workers do.
struct Hearing;

impl Trade for Hearing {
    const COMMAND: &'static str = worker::COMMAND;
    const NAME: &'static str = NAME;
    const INSTALL: &'static str = INSTALL;
    type Catalogue = Catalogue;
    type Job = Job;
    type Answer = Answer;
}

impl PocketSphinx {
    /// The ear whose workers are this very program.
    ///
    /// # Errors
    /// When the path of the running program is unknown.
    pub fn embedded() -> io::Result<Self> {
        Ok(Self::new(std::env::current_exe()?, PATIENCE))
    }

    /// The ear whose workers are `program`, run with [`worker::COMMAND`]; an utterance may take as long as `patience`.
    #[must_use]
    pub fn new(program: PathBuf, patience: Duration) -> Self {
        Self { crew: Arc::new(Crew::new(program, patience)) }
    }

    /// Whether its model is on this machine; no worker is started to find out.
    #[must_use]
    pub fn is_installed() -> bool {
        library::model().is_some()
    }

    /// Where the installed model is.
    ///
    /// # Errors
    /// When library or model are missing, or no worker can be started.
    pub async fn model(&self) -> Result<String, ProviderError> {
        let catalogue = self.crew.catalogue().await.map_err(Failure::told_by::<Hearing>)?;
        Ok(catalogue.model.clone())
    }

    /// `None` when there is nothing to be told yet.
    async fn hear(self, said: Said) -> Result<Option<Heard>, ProviderError> {
        let Said { segment, utterance, expected, is_whole } = said;
        // What is only looked at is worth no waiting: somebody's whole utterance comes first.
        if !is_whole && self.crew.is_busy() {
            return Ok(None);
        }
        let mut hypothesis = Hypothesis::default();
        if utterance.voiced_ms() >= LEAST_VOICE_MS && (is_whole || !expected.is_empty()) {
            let job = |_: &Catalogue| Job { expected: expected.to_vec(), is_glance: !is_whole };
            let sound = &utterance.sound.pcm;
            let answer = self.crew.perform(sound, job, sound).await;
            hypothesis = match answer.map_err(Failure::told_by::<Hearing>)?.head {
                Answer::Heard(hypothesis) => hypothesis,
                Answer::Refused { reason } => return Err(rejected(reason)),
            };
        }
        if !is_whole && hypothesis.text.is_empty() {
            return Ok(None);
        }
        let confidence = (!hypothesis.text.is_empty() && is_whole)
            .then(|| Confidence::from_share(hypothesis.confidence));
        Ok(Some(Heard::Transcript(Transcript {
            segment,
            text: hypothesis.text,
            is_final: is_whole,
            confidence,
            words: hypothesis
                .words
                .into_iter()
                .map(|word| word.heard(utterance.start_ms))
                .collect(),
        })))
    }
}

impl Transcriber for PocketSphinx {
    fn name(&self) -> &str {
        NAME
    }

    fn hears(&self, language: Option<&Language>) -> bool {
        language.is_none_or(|language| language.primary() == "en")
    }

    fn pace(&self) -> Pace {
        Pace::Free
    }

    fn listen(
        &self,
        request: ListenRequest,
        sound: BoxStream<'static, Sound>,
    ) -> BoxStream<'static, Result<Heard, ProviderError>> {
        if let Some(language) = request.language.filter(|language| !self.hears(Some(language))) {
            let refusal = rejected(format!("it understands English only, and no {language}"));
            return stream::once(future::ready(Err(refusal))).boxed();
        }
        let ear = self.clone();
        let heard = steps(sound, Some(GLANCE_MS)).map(move |step| {
            let ear = ear.clone();
            async move {
                match step {
                    Step::Flush => Ok(Some(Heard::Flushed)),
                    Step::Hear(said) => ear.hear(said).await,
                }
            }
        });
        let heard = heard.buffered(WAITING).filter_map(async |heard| heard.transpose());
        transcriber::until_error(heard.boxed())
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
        let ear = self.clone();
        async move { ear.model().await.map(drop) }.boxed()
    }
}

impl wire::PlacedWord {
    fn heard(self, begin_ms: u64) -> HeardWord {
        let (start_ms, end_ms) = (begin_ms + self.start_ms, begin_ms + self.end_ms);
        HeardWord { text: self.text, start_ms, end_ms, confidence: None }
    }
}

fn rejected(reason: String) -> ProviderError {
    ProviderError::Rejected { provider: NAME.to_owned(), reason }
}
