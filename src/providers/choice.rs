//! Lets the preferred model answer while it can, else the other one. It decides per answer, never in the middle of one.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, ready},
    stream::BoxStream,
};
use tokio::time::MissedTickBehavior;

use super::{ChatModel, ChatRequest, ModelInfo, ModelPart, ProviderError, guard::CircuitReport};
use crate::{domain::Aside, shutdown::Shutdown};

/// A learner who starts Ollama is not to wait long for it, and asking costs next to nothing.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Nobody waits longer than this for the start of parla.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);
/// A model in use may be busy with an answer, which is no reason to leave it.
const BUSY_LOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// A model chosen anew for each answer; clones are the same choice.
#[derive(Clone)]
pub struct AutoModel {
    shared: Arc<Shared>,
}

struct Shared {
    preferred: Arc<dyn ChatModel>,
    other: Arc<dyn ChatModel>,
    seen: Mutex<Option<Seen>>,
}

/// What is known of the preferred model: the name of what would answer, or why it cannot.
type Seen = Result<String, ProviderError>;

impl AutoModel {
    /// Looks at the preferred model once, then again and again until the process drains.
    pub async fn start(
        preferred: Arc<dyn ChatModel>,
        other: Arc<dyn ChatModel>,
        shutdown: &Shutdown,
    ) -> Self {
        let model = Self { shared: Arc::new(Shared { preferred, other, seen: Mutex::default() }) };
        model.shared.look().await;
        let (watched, draining) = (model.clone(), shutdown.clone());
        shutdown.spawn("model choice", async move {
            tokio::select! {
                () = draining.draining() => {}
                () = watched.shared.keep_looking() => {}
            }
        });
        model
    }

    fn chosen(&self) -> &Arc<dyn ChatModel> {
        if self.shared.prefers() { &self.shared.preferred } else { &self.shared.other }
    }
}

impl ChatModel for AutoModel {
    fn info(&self) -> ModelInfo {
        self.chosen().info()
    }

    fn reply(&self, request: ChatRequest) -> BoxStream<'static, Result<ModelPart, ProviderError>> {
        if !self.shared.prefers() {
            return self.shared.other.reply(request);
        }
        let shared = Arc::clone(&self.shared);
        let parts = self.shared.preferred.reply(request);
        // The learner who repeats the question at once must not meet the same closed door.
        let watched = parts.inspect(move |part| {
            if let Err(error @ ProviderError::Unreachable { .. }) = part {
                shared.learn(Err(error.clone()));
            }
        });
        watched.boxed()
    }

    /// The preferred model has been looked at a moment ago; whoever asks often is not to keep it busy.
    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
        if self.shared.prefers() { ready(Ok(())).boxed() } else { self.shared.other.check() }
    }

    fn warm(&self, request: ChatRequest) -> BoxStream<'static, Aside> {
        self.chosen().warm(request)
    }

    fn expected(&self, request: &ChatRequest) -> Vec<String> {
        self.chosen().expected(request)
    }

    fn circuits(&self) -> Vec<CircuitReport> {
        self.shared.preferred.circuits()
    }
}

impl Shared {
    fn prefers(&self) -> bool {
        matches!(*self.seen.lock().unwrap_or_else(PoisonError::into_inner), Some(Ok(_)))
    }

    async fn keep_looking(&self) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            self.look().await;
        }
    }

    async fn look(&self) {
        let limit = if self.prefers() { BUSY_LOOK_TIMEOUT } else { LOOK_TIMEOUT };
        let late = |_| Err(ProviderError::TimedOut { provider: self.preferred.info().provider });
        let answer = tokio::time::timeout(limit, self.preferred.check()).await.unwrap_or_else(late);
        self.learn(answer.map(|()| self.preferred.info().name));
    }

    fn learn(&self, seen: Seen) {
        let last = self.seen.lock().unwrap_or_else(PoisonError::into_inner).replace(seen.clone());
        if let Some(news) = self.news(last.as_ref(), &seen) {
            tracing::info!("{news}");
        }
    }

    /// What the log is told: each change once, in words.
    fn news(&self, last: Option<&Seen>, seen: &Seen) -> Option<String> {
        if last == Some(seen) {
            return None;
        }
        Some(match seen {
            Ok(name) => {
                format!("{} answers with {name}; the tutor uses it", self.preferred.info().provider)
            }
            Err(error) => format!("{error}; the tutor uses {} meanwhile", self.other.info().name),
        })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use futures_util::stream;

    use super::*;

    /// A model whose health is set from outside and whose answer is its name.
    struct Switch {
        name: &'static str,
        health: Mutex<Result<(), ProviderError>>,
        delay: Mutex<Duration>,
    }

    impl Switch {
        fn new(name: &'static str) -> Arc<Self> {
            let health = Mutex::new(Ok(()));
            Arc::new(Self { name, health, delay: Mutex::default() })
        }

        fn break_down(&self) {
            *self.health.lock().unwrap() = Err(ProviderError::Unreachable {
                provider: self.name.to_owned(),
                reason: "gone".to_owned(),
            });
        }

        fn recover(&self) {
            *self.health.lock().unwrap() = Ok(());
        }

        fn answer_after(&self, delay: Duration) {
            *self.delay.lock().unwrap() = delay;
        }
    }

    impl ChatModel for Switch {
        fn info(&self) -> ModelInfo {
            let name = self.name.to_owned();
            ModelInfo { provider: name.clone(), name, context_tokens: None }
        }

        fn reply(&self, _: ChatRequest) -> BoxStream<'static, Result<ModelPart, ProviderError>> {
            let part = self.health.lock().unwrap().clone();
            let name = self.name.to_owned();
            stream::iter([part.map(|()| ModelPart::Text(name))]).boxed()
        }

        fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
            let (delay, health) =
                (*self.delay.lock().unwrap(), self.health.lock().unwrap().clone());
            Box::pin(async move {
                tokio::time::sleep(delay).await;
                health
            })
        }
    }

    async fn answer(model: &AutoModel) -> Result<ModelPart, ProviderError> {
        model.reply(ChatRequest::default()).next().await.unwrap()
    }

    fn text(name: &str) -> Result<ModelPart, ProviderError> {
        Ok(ModelPart::Text(name.to_owned()))
    }

    #[tokio::test(start_paused = true)]
    async fn the_other_model_answers_until_the_preferred_one_does() {
        let (ollama, practice) = (Switch::new("ollama"), Switch::new("practice"));
        ollama.break_down();
        let model = AutoModel::start(ollama.clone(), practice, &Shutdown::new()).await;
        assert_eq!(model.info().name, "practice");
        assert_eq!(answer(&model).await, text("practice"));
        ollama.recover();
        tokio::time::sleep(LOOK_EVERY + Duration::from_secs(1)).await;
        assert_eq!(model.info().name, "ollama");
        assert_eq!(answer(&model).await, text("ollama"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_door_is_met_only_once() {
        let (ollama, practice) = (Switch::new("ollama"), Switch::new("practice"));
        let model = AutoModel::start(ollama.clone(), practice, &Shutdown::new()).await;
        ollama.break_down();
        assert!(matches!(answer(&model).await, Err(ProviderError::Unreachable { .. })));
        assert_eq!(answer(&model).await, text("practice"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_waits_one_second_at_most() {
        let (ollama, practice) = (Switch::new("ollama"), Switch::new("practice"));
        ollama.answer_after(Duration::from_secs(3600));
        let started = tokio::time::Instant::now();
        let model = AutoModel::start(ollama, practice, &Shutdown::new()).await;
        assert_eq!(started.elapsed(), LOOK_TIMEOUT);
        assert_eq!(model.info().name, "practice");
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_model_is_not_left() {
        let (ollama, practice) = (Switch::new("ollama"), Switch::new("practice"));
        let model = AutoModel::start(ollama.clone(), practice, &Shutdown::new()).await;
        ollama.answer_after(Duration::from_secs(4));
        tokio::time::sleep(3 * LOOK_EVERY).await;
        assert_eq!(model.info().name, "ollama");
        ollama.answer_after(Duration::from_secs(6));
        tokio::time::sleep(3 * LOOK_EVERY).await;
        assert_eq!(model.info().name, "practice");
    }

    #[tokio::test(start_paused = true)]
    async fn the_log_is_told_of_a_change_once_and_in_words() {
        let (ollama, practice) = (Switch::new("ollama"), Switch::new("practice"));
        let model = AutoModel::start(ollama, practice, &Shutdown::new()).await;
        let (provider, reason) = ("ollama".to_owned(), "nothing answers".to_owned());
        let gone = Err(ProviderError::Unreachable { provider, reason });
        let back = Ok("llama3.2".to_owned());
        let steps =
            [(None, &gone), (Some(&gone), &gone), (Some(&gone), &back), (Some(&back), &back)];
        let news = steps.map(|(last, seen)| model.shared.news(last, seen));
        expect![[r#"
            [
                Some(
                    "ollama cannot be reached: nothing answers; the tutor uses practice meanwhile",
                ),
                None,
                Some(
                    "ollama answers with llama3.2; the tutor uses it",
                ),
                None,
            ]
        "#]]
        .assert_debug_eq(&news);
    }

    #[tokio::test(start_paused = true)]
    async fn looking_ends_when_the_process_drains() {
        let (ollama, practice) = (Switch::new("ollama"), Switch::new("practice"));
        let shutdown = Shutdown::new();
        let _model = AutoModel::start(ollama, practice, &shutdown).await;
        let started = tokio::time::Instant::now();
        shutdown.finish(Duration::from_secs(10)).await;
        assert!(started.elapsed() < Duration::from_secs(1));
    }
}
