//! Asks a model again that could not begin its answer. Nothing is ever asked twice of which a word was said.

use std::{sync::Arc, time::Duration};

use futures_util::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tokio::time::Instant;

use super::{ChatModel, ChatRequest, ModelInfo, ModelPart, ProviderError, guard::CircuitReport};
use crate::domain::{Aside, random_byte};

/// How often a request is repeated.
const RETRIES: u32 = 2;
/// The longest pause before the first repetition; doubled for the next one.
const PAUSE: Duration = Duration::from_millis(200);
/// A model that is not there is told of within two seconds.
const UNREACHABLE_BUDGET: Duration = Duration::from_secs(1);
/// A learner waits that long for a model that has too much to do, and no longer.
const BUDGET: Duration = Duration::from_secs(6);

/// A model that is asked again.
pub struct RetryingModel {
    model: Arc<dyn ChatModel>,
}

impl RetryingModel {
    #[must_use]
    pub fn new(model: Arc<dyn ChatModel>) -> Self {
        Self { model }
    }
}

impl ChatModel for RetryingModel {
    fn info(&self) -> ModelInfo {
        self.model.info()
    }

    fn reply(&self, request: ChatRequest) -> BoxStream<'static, Result<ModelPart, ProviderError>> {
        // Boxed: it is moved with each token.
        let asking = Box::new(Asking {
            parts: self.model.reply(request.clone()),
            model: Arc::clone(&self.model),
            request: Some(request),
            retries: 0,
            asked: None,
        });
        stream::unfold(asking, |mut asking| async move {
            let part = asking.next_part().await?;
            Some((part, asking))
        })
        .boxed()
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
        self.model.circuits()
    }
}

struct Asking {
    model: Arc<dyn ChatModel>,
    parts: BoxStream<'static, Result<ModelPart, ProviderError>>,
    /// What to ask again; nothing once the answer has begun or failed for good.
    request: Option<ChatRequest>,
    retries: u32,
    /// When the stream was first polled: before that nobody waits.
    asked: Option<Instant>,
}

impl Asking {
    async fn next_part(&mut self) -> Option<Result<ModelPart, ProviderError>> {
        let asked = *self.asked.get_or_insert_with(Instant::now);
        loop {
            let part = self.parts.next().await?;
            match &part {
                Ok(ModelPart::Aside(_)) => return Some(part),
                Ok(_) => self.request = None,
                Err(error) => {
                    let pause = pause(error, self.retries, asked.elapsed(), random_byte());
                    if let (Some(pause), Some(request)) = (pause, &self.request) {
                        tracing::debug!(%error, ?pause, "the model is asked again");
                        tokio::time::sleep(pause).await;
                        self.retries += 1;
                        self.parts = self.model.reply(request.clone());
                        continue;
                    }
                    self.request = None;
                }
            }
            return Some(part);
        }
    }
}

/// How long to wait before asking again; `None` when that is of no use or would take too long. The pause is anything
/// between nothing and its longest, so that those who failed together do not come back together.
fn pause(error: &ProviderError, retries: u32, elapsed: Duration, random: u8) -> Option<Duration> {
    let (least, budget) = match error {
        ProviderError::AtCapacity { retry_after, .. } => (retry_after.unwrap_or_default(), BUDGET),
        ProviderError::Broken { .. } | ProviderError::Cut { .. } => (Duration::ZERO, BUDGET),
        ProviderError::Unreachable { .. } => (Duration::ZERO, UNREACHABLE_BUDGET),
        ProviderError::TimedOut { .. }
        | ProviderError::Stalled { .. }
        | ProviderError::Rejected { .. } => return None,
    };
    let jitter = PAUSE * 2_u32.pow(retries) * u32::from(random) / u32::from(u8::MAX);
    let pause = least.saturating_add(jitter);
    (retries < RETRIES && elapsed.saturating_add(pause) <= budget).then_some(pause)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::{
        domain::ProgressKind,
        providers::fake::{
            FakeModel, busy, cut, progress, rejected, text, timed_trace, trace, unreachable,
        },
    };

    fn ms(pause: Option<Duration>) -> Option<u128> {
        pause.map(|pause| pause.as_millis())
    }

    #[test]
    fn the_pause_is_anything_between_nothing_and_its_doubling_longest() {
        let after = |retries, random| ms(pause(&cut(), retries, Duration::ZERO, random));
        assert_eq!([after(0, 0), after(0, 128), after(0, 255)], [Some(0), Some(100), Some(200)]);
        assert_eq!([after(1, 0), after(1, 255)], [Some(0), Some(400)]);
        assert_eq!(after(2, 0), None);
    }

    #[test]
    fn what_a_provider_asks_for_is_kept_as_long_as_a_learner_waits() {
        let after = |seconds, elapsed, random| {
            ms(pause(&busy(seconds), 0, Duration::from_millis(elapsed), random))
        };
        assert_eq!(after(Some(3), 0, 0), Some(3000));
        assert_eq!(after(Some(3), 0, 255), Some(3200));
        assert_eq!(after(Some(3), 3100, 0), None);
        assert_eq!(after(Some(3600), 0, 0), None);
        assert_eq!(after(Some(u64::MAX), 0, 255), None);
    }

    #[test]
    fn a_refusal_and_lost_patience_are_final_and_nobody_there_soon_is() {
        let late = ProviderError::TimedOut { provider: "fake".to_owned() };
        for error in [rejected(), late] {
            assert_eq!(pause(&error, 0, Duration::ZERO, 0), None, "{error}");
        }
        assert!(pause(&unreachable(), 0, Duration::from_millis(900), 0).is_some());
        assert_eq!(pause(&unreachable(), 0, Duration::from_millis(1100), 0), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_that_recovers_is_heard_and_is_asked_three_times_at_most() {
        let model = FakeModel::new("fake");
        model.fails(cut()).fails(busy(None)).says("Ciao");
        let retrying = RetryingModel::new(model.clone());
        assert_eq!(trace(&retrying).await, "Ciao done");
        model.fails(cut()).fails(unreachable()).fails(cut()).says("Ciao");
        expect!["(fake was cut off: reset)"].assert_eq(&trace(&retrying).await);
        assert_eq!(model.asked().len(), 6);
    }

    #[tokio::test(start_paused = true)]
    async fn the_provider_says_when() {
        let model = FakeModel::new("fake");
        model.fails(busy(Some(2))).says("Ciao").fails(busy(Some(60)));
        let retrying = RetryingModel::new(model.clone());
        assert_eq!(timed_trace(&retrying).await, ("Ciao done".to_owned(), 2));
        assert_eq!(timed_trace(&retrying).await, ("(fake is at capacity)".to_owned(), 0));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_repeated_after_the_first_word() {
        let model = FakeModel::new("fake");
        model.answers([progress(ProgressKind::Load), text("Ciao"), Err(cut())]).says("never");
        let retrying = RetryingModel::new(model.clone());
        expect!["model-load Ciao (fake was cut off: reset)"].assert_eq(&trace(&retrying).await);
        assert_eq!(model.asked().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn telling_of_its_progress_is_no_word() {
        let model = FakeModel::new("fake");
        model.answers([progress(ProgressKind::Load), Err(cut())]).says("Ciao");
        let retrying = RetryingModel::new(model);
        expect!["model-load Ciao done"].assert_eq(&trace(&retrying).await);
    }
}
