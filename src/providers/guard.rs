//! Leaves a provider alone that keeps failing, so that learners are told at once. It asks nothing of its own accord.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{
    StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tokio::time::Instant;

use super::{
    ChatModel, ChatRequest, ModelInfo, ModelPart, ProviderError, SpeechPart, SpeechRequest,
    Synthesizer, Urgency,
    breaker::{Breaker, BreakerState, Leave, Shut},
};
use crate::domain::{Aside, Emotion, EmotionApplied, Millis, Voice};

type Parts<T> = BoxStream<'static, Result<T, ProviderError>>;

/// A model that is asked only while its breaker lets it.
pub struct GuardedModel {
    model: Arc<dyn ChatModel>,
    circuit: Circuit,
}

/// A voice that is asked only while its breaker lets it: the pool then goes on to the next engine at once.
pub struct GuardedVoice {
    voice: Arc<dyn Synthesizer>,
    circuit: Circuit,
}

/// How a provider's breaker stands, for whoever watches the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitReport {
    pub provider: String,
    pub state: BreakerState,
    /// Failures since the last success.
    pub failures: u32,
    /// The newest of them.
    pub reason: Option<String>,
}

/// A breaker and its clock; clones share it. Plain data, never held over an await: a std mutex.
#[derive(Clone)]
pub(super) struct Circuit {
    shared: Arc<(Mutex<Guarded>, Instant)>,
}

#[derive(Default)]
struct Guarded {
    breaker: Breaker,
    reason: Option<String>,
}

/// One request whose end the breaker hears of, once.
pub(super) struct Attempt {
    circuit: Circuit,
    leave: Leave,
    provider: String,
    asked: Instant,
    /// Whoever leaves after that long has lost patience.
    patience: Duration,
    is_settled: bool,
}

impl GuardedModel {
    #[must_use]
    pub fn new(model: Arc<dyn ChatModel>) -> Self {
        Self { model, circuit: Circuit::new() }
    }
}

impl ChatModel for GuardedModel {
    fn info(&self) -> ModelInfo {
        self.model.info()
    }

    fn reply(&self, request: ChatRequest) -> Parts<ModelPart> {
        let is_beginning = |part: &ModelPart| !matches!(part, ModelPart::Aside(_));
        let parts = self.model.reply(request);
        // A model tells itself when it is late.
        self.circuit.watched(self.model.info().provider, Duration::MAX, parts, is_beginning)
    }

    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
        self.model.check()
    }

    fn warm(&self, request: ChatRequest) -> BoxStream<'static, Aside> {
        self.model.warm(request)
    }

    fn expected(&self, request: &ChatRequest) -> Vec<String> {
        self.model.expected(request)
    }

    fn circuits(&self) -> Vec<CircuitReport> {
        vec![self.circuit.report(self.model.info().provider)]
    }
}

impl GuardedVoice {
    #[must_use]
    pub fn new(voice: Arc<dyn Synthesizer>) -> Self {
        Self { voice, circuit: Circuit::new() }
    }
}

impl Synthesizer for GuardedVoice {
    fn name(&self) -> &str {
        self.voice.name()
    }

    fn slots(&self) -> usize {
        self.voice.slots()
    }

    fn usual_pace(&self) -> f64 {
        self.voice.usual_pace()
    }

    fn patience(&self) -> Duration {
        self.voice.patience()
    }

    fn voice_key(&self, request: &SpeechRequest) -> String {
        self.voice.voice_key(request)
    }

    fn emotion_applied(&self, emotion: Emotion) -> EmotionApplied {
        self.voice.emotion_applied(emotion)
    }

    fn speak(&self, request: Arc<SpeechRequest>, urgency: Urgency) -> Parts<SpeechPart> {
        let parts = self.voice.speak(request, urgency);
        self.circuit.watched(self.name().to_owned(), self.patience(), parts, |_| true)
    }

    fn voices(&self) -> BoxFuture<'static, Result<Vec<Voice>, ProviderError>> {
        self.voice.voices()
    }

    fn circuit(&self) -> Option<CircuitReport> {
        Some(self.circuit.report(self.name().to_owned()))
    }
}

impl Circuit {
    pub(super) fn new() -> Self {
        Self { shared: Arc::new((Mutex::default(), Instant::now())) }
    }

    /// The parts, when they may be asked for; their first one or their error is told to the breaker.
    fn watched<T: Send + 'static>(
        &self,
        provider: String,
        patience: Duration,
        parts: Parts<T>,
        is_beginning: fn(&T) -> bool,
    ) -> Parts<T> {
        let circuit = self.clone();
        let admitted = async move {
            let mut attempt = circuit.admit(provider, patience)?;
            Ok(parts.inspect(move |part| match part {
                Ok(part) if !is_beginning(part) => {}
                Ok(_) => attempt.settle(None),
                Err(error) => attempt.settle(Some(error)),
            }))
        };
        stream::once(admitted).try_flatten().boxed()
    }

    pub(super) fn admit(
        self,
        provider: String,
        patience: Duration,
    ) -> Result<Attempt, ProviderError> {
        let now = self.now();
        let mut guarded = self.guarded();
        let leave = guarded.breaker.admit(now).map_err(|Shut { retry_in }| {
            let last = guarded.reason.as_deref().unwrap_or("it does not answer");
            let seconds = retry_in.div_ceil(1000);
            let reason = format!("{last}; it is asked again in {seconds} s");
            ProviderError::Unreachable { provider: provider.clone(), reason }
        })?;
        drop(guarded);
        let asked = Instant::now();
        Ok(Attempt { circuit: self, leave, provider, asked, patience, is_settled: false })
    }

    pub(super) fn report(&self, provider: String) -> CircuitReport {
        let guarded = self.guarded();
        CircuitReport {
            provider,
            state: guarded.breaker.state(),
            failures: guarded.breaker.failures(),
            reason: guarded.reason.clone(),
        }
    }

    fn now(&self) -> Millis {
        Millis::try_from(self.shared.1.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    fn guarded(&self) -> MutexGuard<'_, Guarded> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    pub(super) fn settle(&mut self, error: Option<&ProviderError>) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        match error.filter(|error| error.is_outage()) {
            Some(error) => self.failed(error.to_string()),
            None => self.succeeded(),
        }
    }

    /// It could not go on, whatever had become of it before and whoever is to blame: nobody was served to the end.
    pub(super) fn broke(&mut self, error: &ProviderError) {
        self.is_settled = true;
        self.failed(error.to_string());
    }

    fn succeeded(&mut self) {
        let now = self.circuit.now();
        let mut guarded = self.circuit.guarded();
        guarded.breaker.succeeded();
        guarded.reason = None;
        // What becomes of it from here on counts in the phase that begins with it.
        let leave = guarded.breaker.admit(now);
        drop(guarded);
        self.leave = leave.unwrap_or(self.leave);
    }

    fn failed(&self, reason: String) {
        let now = self.circuit.now();
        let mut guarded = self.circuit.guarded();
        let before = guarded.breaker.state();
        guarded.breaker.failed(now, self.leave);
        if guarded.breaker.state() == BreakerState::Open && before == BreakerState::Closed {
            tracing::warn!(provider = self.provider, reason, "it keeps failing and is left alone");
        }
        guarded.reason = Some(reason);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        if self.asked.elapsed() >= self.patience {
            self.failed("it did not answer in time".to_owned());
        } else {
            let now = self.circuit.now();
            self.circuit.guarded().breaker.abandoned(now, self.leave);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::providers::fake::{
        FakeModel, busy, cut, progress, rejected, request, text, timed_trace, trace, unreachable,
    };

    fn guarded(model: &Arc<FakeModel>) -> GuardedModel {
        GuardedModel::new(model.clone())
    }

    fn state(model: &GuardedModel) -> &'static str {
        model.circuits()[0].state.name()
    }

    async fn open(model: &Arc<FakeModel>) -> GuardedModel {
        let guarded = guarded(model);
        for _ in 0..3 {
            model.fails(unreachable());
            trace(&guarded).await;
        }
        guarded
    }

    #[tokio::test(start_paused = true)]
    async fn who_keeps_failing_is_left_alone_and_found_again() {
        let model = FakeModel::new("fake");
        let guarded = open(&model).await;
        assert_eq!(state(&guarded), "open");
        model.says("Ciao");
        let (told, seconds) = timed_trace(&guarded).await;
        expect!["(fake cannot be reached: fake cannot be reached: nobody there; it is asked again in 5 s)"]
            .assert_eq(&told);
        assert_eq!(seconds, 0);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(trace(&guarded).await, "Ciao done");
        assert_eq!((state(&guarded), model.asked().len()), ("closed", 4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_too_much_to_do_and_a_broken_end_are_no_outage() {
        let model = FakeModel::new("fake");
        let guarded = guarded(&model);
        for _ in 0..3 {
            model.fails(rejected()).fails(busy(None)).answers([text("Ci"), Err(cut())]);
            for _ in 0..3 {
                trace(&guarded).await;
            }
        }
        assert_eq!(state(&guarded), "closed");
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_while_it_is_tried_hands_the_try_on() {
        let model = FakeModel::new("fake");
        let guarded = open(&model).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        model.answers([progress(crate::domain::ProgressKind::Load)]);
        let mut parts = guarded.reply(request());
        assert!(parts.next().await.is_some());
        assert_eq!(state(&guarded), "half-open");
        drop(parts);
        model.says("Ciao");
        assert_eq!(trace(&guarded).await, "Ciao done");
    }

    /// A voice that never answers.
    struct Mute;

    impl Synthesizer for Mute {
        fn name(&self) -> &'static str {
            "mute"
        }

        fn slots(&self) -> usize {
            1
        }

        fn usual_pace(&self) -> f64 {
            0.5
        }

        fn voice_key(&self, _: &SpeechRequest) -> String {
            String::new()
        }

        fn emotion_applied(&self, _: Emotion) -> EmotionApplied {
            EmotionApplied::None
        }

        fn speak(&self, _: Arc<SpeechRequest>, _: Urgency) -> Parts<SpeechPart> {
            stream::pending().boxed()
        }

        fn voices(&self) -> BoxFuture<'static, Result<Vec<Voice>, ProviderError>> {
            Box::pin(async { Ok(Vec::new()) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_voice_that_is_given_up_has_failed_and_one_that_is_interrupted_has_not() {
        let voice = GuardedVoice::new(Arc::new(Mute));
        let request = Arc::new(SpeechRequest {
            spans: Vec::new(),
            voice: None,
            speed: crate::domain::Speed::default(),
            emotion: Emotion::default(),
            emphasis: false,
        });
        let waited = async |seconds| {
            let mut parts = voice.speak(request.clone(), Urgency::Now);
            tokio::time::timeout(Duration::from_secs(seconds), parts.next()).await
        };
        for _ in 0..4 {
            assert!(waited(1).await.is_err());
        }
        assert_eq!(voice.circuit().unwrap().failures, 0);
        for _ in 0..3 {
            assert!(waited(voice.patience().as_secs()).await.is_err());
        }
        let told = waited(1).await.unwrap().unwrap().unwrap_err();
        expect!["mute cannot be reached: it did not answer in time; it is asked again in 5 s"]
            .assert_eq(&told.to_string());
    }
}
