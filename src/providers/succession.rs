//! Transcribers that follow each other within one utterance: when one fails the next hears it again. One that was
//! well is asked again after the others.

mod backlog;
mod known;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures_util::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tokio::time::{Instant, sleep_until};

use self::backlog::{Again, Backlog};
use super::{
    Heard, ListenRequest, Pace, ProviderError, Sound, Transcriber,
    guard::{Attempt, Circuit, CircuitReport},
    outlet::{Outlet, outlet},
};
use crate::{domain::Language, telemetry::metrics::HearingMetrics};

/// How far ahead of its time sound may be with a service that wants it as it is spoken.
const AHEAD: Duration = Duration::from_millis(200);
/// What the next one gets when the first one has used up all patience.
const TAKEOVER: Duration = Duration::from_secs(3);

type Words = BoxStream<'static, Result<Heard, ProviderError>>;

/// Transcribers in the order in which they are asked, each behind a breaker.
pub struct Succession {
    lines: Arc<[Line]>,
    metrics: HearingMetrics,
}

struct Line {
    transcriber: Arc<dyn Transcriber>,
    circuit: Circuit,
}

impl Succession {
    /// `None` without a transcriber.
    #[must_use]
    pub fn new(transcribers: Vec<Arc<dyn Transcriber>>, metrics: HearingMetrics) -> Option<Self> {
        transcribers.iter().for_each(|transcriber| metrics.expect(transcriber.name()));
        let line = |transcriber| Line { transcriber, circuit: Circuit::new() };
        let lines: Arc<[Line]> = transcribers.into_iter().map(line).collect();
        (!lines.is_empty()).then_some(Self { lines, metrics })
    }

    fn first(&self) -> &dyn Transcriber {
        &*self.lines[0].transcriber
    }
}

impl Transcriber for Succession {
    fn name(&self) -> &str {
        self.first().name()
    }

    fn hears(&self, language: Option<&Language>) -> bool {
        self.lines.iter().any(|line| line.transcriber.hears(language))
    }

    fn pace(&self) -> Pace {
        Pace::Free
    }

    fn listen(&self, request: ListenRequest, sound: BoxStream<'static, Sound>) -> Words {
        let following = Following {
            lines: Arc::clone(&self.lines),
            metrics: self.metrics.clone(),
            request,
            sound: Some(sound),
            backlog: Backlog::default(),
            next: 0,
            again: VecDeque::new(),
            present: None,
            has_begun: false,
            told: VecDeque::new(),
            error: None,
        };
        stream::unfold(following, |mut following| async move {
            let heard = following.next().await?;
            Some((heard, following))
        })
        .boxed()
    }

    /// That of the slowest, and a moment for one that follows: a learner does not wait for one after the other. What
    /// comes later is told all the same.
    fn patience(&self) -> Duration {
        let longest = self.lines.iter().map(|line| line.transcriber.patience()).max();
        let takeover = if self.lines.len() > 1 { TAKEOVER } else { Duration::ZERO };
        longest.unwrap_or_default() + takeover
    }

    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
        let checks: Vec<_> = self.lines.iter().map(|line| line.transcriber.check()).collect();
        Box::pin(async move {
            let mut last = Ok(());
            for check in checks {
                last = check.await;
                if last.is_ok() {
                    break;
                }
            }
            last
        })
    }

    fn circuits(&self) -> Vec<CircuitReport> {
        let report = |line: &Line| line.circuit.report(line.transcriber.name().to_owned());
        self.lines.iter().map(report).collect()
    }
}

/// One listening.
struct Following {
    lines: Arc<[Line]>,
    metrics: HearingMetrics,
    request: ListenRequest,
    /// `None` once it is over.
    sound: Option<BoxStream<'static, Sound>>,
    backlog: Backlog,
    /// Who is asked next.
    next: usize,
    /// Who has heard something before it failed, and is asked when nobody else is left.
    again: VecDeque<usize>,
    present: Option<Present>,
    /// Whether anybody has listened yet.
    has_begun: bool,
    /// What a change brings with it.
    told: VecDeque<Heard>,
    /// Why the last one failed.
    error: Option<ProviderError>,
}

/// Who listens at present.
struct Present {
    /// Its place in the order.
    line: usize,
    name: String,
    has_heard: bool,
    words: Words,
    outlet: Outlet,
    attempt: Attempt,
    pace: Pace,
    patience: Duration,
    /// When it has to have answered the oldest question, or said its last words.
    due: Option<Instant>,
}

enum Step {
    Heard(Option<Result<Heard, ProviderError>>),
    Sound(Option<Sound>),
    Late,
}

enum Next {
    Tell(Heard),
    GoOn,
    Over,
}

impl Following {
    /// `None` when all has been heard, or nobody is left to hear.
    async fn next(&mut self) -> Option<Result<Heard, ProviderError>> {
        loop {
            if let Some(heard) = self.told.pop_front() {
                return Some(Ok(heard));
            }
            let Some(mut present) = self.present.take() else {
                if let Err(error) = self.begin() {
                    return error.map(Err);
                }
                continue;
            };
            let step = present.step(self.sound.as_mut(), self.request.is_recorded).await;
            match self.settle(&mut present, step) {
                Ok(Next::Over) => return None,
                Ok(Next::Tell(heard)) => {
                    self.present = Some(present);
                    return Some(Ok(heard));
                }
                Ok(Next::GoOn) => self.present = Some(present),
                Err(error) => {
                    tracing::warn!(%error, "a transcriber failed");
                    self.metrics.failed(&present.name);
                    present.attempt.broke(&error);
                    // How often is for its breaker to say.
                    self.again.extend(present.has_heard.then_some(present.line));
                    self.error = Some(error);
                }
            }
        }
    }

    /// Asks the next one that may be asked; else why the last one could not hear, once.
    fn begin(&mut self) -> Result<(), Option<ProviderError>> {
        let lines = Arc::clone(&self.lines);
        while let Some((place, line)) = self.next_line(&lines) {
            // To know another language is no failure: its breaker hears nothing of it.
            if !line.transcriber.hears(self.request.language.as_ref()) {
                self.error.get_or_insert_with(|| not_that_language(line));
                continue;
            }
            let name = line.transcriber.name().to_owned();
            match line.circuit.clone().admit(name, Duration::MAX) {
                Ok(attempt) => {
                    if std::mem::replace(&mut self.has_begun, true) {
                        let kept = self.backlog.take_over(line.transcriber.pace());
                        self.told.extend(kept.map(Heard::Transcript));
                        self.told.push_back(Heard::Reconnecting);
                    }
                    self.present = Some(self.listen((place, line), attempt));
                    return Ok(());
                }
                Err(error) => self.error = Some(error),
            }
        }
        Err(self.error.take())
    }

    fn next_line<'a>(&mut self, lines: &'a [Line]) -> Option<(usize, &'a Line)> {
        let place = match self.next {
            next if next < lines.len() => next,
            _ => self.again.pop_front()?,
        };
        self.next += 1;
        Some((place, lines.get(place)?))
    }

    fn listen(&mut self, (place, line): (usize, &Line), attempt: Attempt) -> Present {
        let (outlet, taken) = outlet();
        let pace = line.transcriber.pace();
        let sound = match pace {
            Pace::Free => taken.boxed(),
            Pace::RealTime => as_spoken(taken.boxed()),
        };
        let mut present = Present {
            line: place,
            has_heard: false,
            name: line.transcriber.name().to_owned(),
            words: line.transcriber.listen(self.request.clone(), sound),
            outlet,
            attempt,
            pace,
            patience: line.transcriber.patience(),
            due: None,
        };
        for again in self.backlog.again(pace) {
            match again {
                Again::Skip { ms } => present.outlet.skip(ms),
                Again::Part(part) => present.give(part),
            }
        }
        if self.sound.is_none() {
            present.end();
        }
        present
    }

    fn settle(&mut self, present: &mut Present, step: Step) -> Result<Next, ProviderError> {
        match step {
            Step::Sound(Some(sound)) => {
                self.backlog.keep(sound.clone());
                present.give(sound);
                Ok(Next::GoOn)
            }
            Step::Sound(None) => {
                self.sound = None;
                present.end();
                Ok(Next::GoOn)
            }
            Step::Late => Err(ProviderError::Stalled { provider: present.name.clone() }),
            Step::Heard(None) if self.sound.is_none() && !self.backlog.is_asked() => Ok(Next::Over),
            Step::Heard(None) => {
                let reason = "it ended before it had said all".to_owned();
                Err(ProviderError::Cut { provider: present.name.clone(), reason })
            }
            Step::Heard(Some(heard)) => Ok(self.hear(present, heard?)),
        }
    }

    fn hear(&mut self, present: &mut Present, heard: Heard) -> Next {
        if self.sound.is_none() {
            // Of a recording much may still be to be said: it is silence that is not borne for long.
            present.due = Some(present.answers_at());
        }
        match heard {
            Heard::Transcript(transcript) => {
                present.has_heard = true;
                if transcript.is_final {
                    present.attempt.settle(None);
                }
                let told = self.backlog.tell(present.outlet.placed(transcript));
                told.map_or(Next::GoOn, |told| Next::Tell(Heard::Transcript(told)))
            }
            Heard::Flushed => {
                present.attempt.settle(None);
                self.backlog.answered();
                let is_asked = self.backlog.is_asked() || self.sound.is_none();
                present.due = is_asked.then(|| present.answers_at());
                Next::Tell(Heard::Flushed)
            }
            Heard::EndHint | Heard::Reconnecting => Next::Tell(heard),
        }
    }
}

impl Present {
    async fn step(
        &mut self,
        sound: Option<&mut BoxStream<'static, Sound>>,
        is_recorded: bool,
    ) -> Step {
        let is_over = sound.is_none();
        let outlet = &self.outlet;
        let next_sound = async {
            let sound = sound?;
            if is_recorded {
                outlet.room().await;
            }
            sound.next().await
        };
        let due = self.due.unwrap_or_else(Instant::now);
        tokio::select! {
            biased;
            heard = self.words.next() => Step::Heard(heard),
            sound = next_sound, if !is_over => Step::Sound(sound),
            () = sleep_until(due), if self.due.is_some() => Step::Late,
        }
    }

    fn give(&mut self, sound: Sound) {
        if sound == Sound::Flush && self.due.is_none() {
            self.due = Some(self.answers_at());
        }
        self.outlet.put(sound);
    }

    fn end(&mut self) {
        self.due = self.due.or(Some(self.answers_at()));
        self.outlet.close();
    }

    /// When a question that is put now has to be answered. Sound that may not be sent faster than it is spoken comes
    /// before it.
    fn answers_at(&self) -> Instant {
        let waits = match self.pace {
            Pace::Free => 0,
            Pace::RealTime => self.outlet.waiting_ms(),
        };
        Instant::now() + Duration::from_millis(waits) + self.patience
    }
}

fn not_that_language(line: &Line) -> ProviderError {
    let provider = line.transcriber.name().to_owned();
    ProviderError::Rejected { provider, reason: "it does not understand that language".to_owned() }
}

/// Not faster than it is spoken, but for a little.
fn as_spoken(sound: BoxStream<'static, Sound>) -> BoxStream<'static, Sound> {
    let paced = stream::unfold((sound, Instant::now()), |(mut sound, spoken)| async move {
        let part = sound.next().await?;
        let Sound::Frame(frame) = &part else { return Some((part, (sound, spoken))) };
        let spoken = spoken.max(Instant::now()) + Duration::from_millis(frame.duration_ms());
        sleep_until(spoken - AHEAD.min(spoken.saturating_duration_since(Instant::now()))).await;
        Some((part, (sound, spoken)))
    });
    paced.boxed()
}
