//! Lets a second model answer when the first one cannot begin. It never changes models in the middle of an answer.

use std::sync::Arc;

use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};

use super::{
    ChatModel, ChatRequest, ModelInfo, ModelPart, ProviderError, breaker::BreakerState,
    guard::CircuitReport,
};
use crate::domain::{Aside, Notice, Progress, ProgressKind};

type Parts = BoxStream<'static, Result<ModelPart, ProviderError>>;

/// Two models that are one.
pub struct FallbackModel {
    first: Arc<dyn ChatModel>,
    second: Arc<dyn ChatModel>,
}

impl FallbackModel {
    #[must_use]
    pub fn new(first: Arc<dyn ChatModel>, second: Arc<dyn ChatModel>) -> Self {
        Self { first, second }
    }

    /// Who would be asked at this moment.
    fn present(&self) -> &Arc<dyn ChatModel> {
        let is_left_alone = |report: &CircuitReport| report.state == BreakerState::Open;
        let is_out = self.first.circuits().first().is_some_and(is_left_alone);
        if is_out { &self.second } else { &self.first }
    }
}

impl ChatModel for FallbackModel {
    fn info(&self) -> ModelInfo {
        self.present().info()
    }

    fn reply(&self, request: ChatRequest) -> Parts {
        let answer = Answer {
            first_name: self.first.info().name,
            parts: self.first.reply(request.clone()),
            // The second model knows nothing of a learner's choice among the first one's.
            other: Some((Arc::clone(&self.second), ChatRequest { model: None, ..request })),
        };
        stream::unfold(answer, |mut answer| async move {
            let part = answer.next_part().await?;
            Some((part, answer))
        })
        .boxed()
    }

    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
        let (first, second) = (self.first.check(), self.second.check());
        async move {
            match first.await {
                Ok(()) => Ok(()),
                Err(error) => second.await.map_err(|_| error),
            }
        }
        .boxed()
    }

    fn warm(&self, request: ChatRequest) -> BoxStream<'static, Aside> {
        self.present().warm(request)
    }

    fn expected(&self, request: &ChatRequest) -> Vec<String> {
        self.present().expected(request)
    }

    fn circuits(&self) -> Vec<CircuitReport> {
        [&self.first, &self.second].into_iter().flat_map(|model| model.circuits()).collect()
    }
}

struct Answer {
    first_name: String,
    parts: Parts,
    /// Who is asked when the first fails; nobody once an answer has begun.
    other: Option<(Arc<dyn ChatModel>, ChatRequest)>,
}

impl Answer {
    async fn next_part(&mut self) -> Option<Result<ModelPart, ProviderError>> {
        let part = self.parts.next().await?;
        if is_beginning(&part) {
            self.other = None;
        }
        if !gives_way(&part) {
            return Some(part);
        }
        let Some((model, request)) = self.other.take() else { return Some(part) };
        if let Err(error) = &part {
            tracing::warn!(%error, code = error.failure().code, "the fallback model answers");
        }
        self.parts = model.reply(request);
        let (first, second) = (&self.first_name, model.info().name);
        let text = format!("{first} cannot answer at the moment; {second} answers meanwhile");
        Some(Ok(ModelPart::Aside(Aside::Notice(Notice::new("model_fallback", text)))))
    }
}

fn is_beginning(part: &Result<ModelPart, ProviderError>) -> bool {
    part.as_ref().is_ok_and(|part| !matches!(part, ModelPart::Aside(_)))
}

/// A refusal is about the request or the settings, which somebody has to mend; a model on its way over the network
/// may take an hour.
fn gives_way(part: &Result<ModelPart, ProviderError>) -> bool {
    match part {
        Err(error) => !matches!(error, ProviderError::Rejected { .. }),
        Ok(ModelPart::Aside(Aside::Progress(Progress { kind, .. }))) => *kind == ProgressKind::Pull,
        Ok(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::providers::{
        fake::{FakeModel, busy, cut, progress, rejected, text, trace, unreachable},
        guard::GuardedModel,
    };

    /// What a learner hears when the first model does that and the second one works.
    async fn check(first: Vec<Result<ModelPart, ProviderError>>, expected: Expect) {
        let (big, small) = (FakeModel::new("big"), FakeModel::new("small"));
        big.answers(first);
        small.says("Ciao");
        let model = FallbackModel::new(big, small.clone());
        expected.assert_eq(&trace(&model).await);
        assert!(small.asked().iter().all(Option::is_none), "the choice was made for the first one");
    }

    #[tokio::test]
    async fn a_model_that_cannot_begin_gives_way_to_the_second() {
        let late = ProviderError::TimedOut { provider: "big".to_owned() };
        for error in [unreachable(), busy(None), cut(), late] {
            check(
                vec![Err(error)],
                expect!["(big cannot answer at the moment; small answers meanwhile) Ciao done"],
            )
            .await;
        }
    }

    #[tokio::test]
    async fn an_answer_that_has_begun_stays_with_its_model() {
        check(vec![text("Buon"), Err(cut())], expect!["Buon (fake was cut off: reset)"]).await;
    }

    #[tokio::test]
    async fn a_refusal_is_told_and_not_hidden() {
        check(vec![Err(rejected())], expect!["(fake refused: 401: no)"]).await;
    }

    #[tokio::test]
    async fn who_is_loaded_is_waited_for_and_who_is_pulled_is_not() {
        check(vec![progress(ProgressKind::Load), text("Ecco")], expect!["model-load Ecco"]).await;
        check(
            vec![progress(ProgressKind::Pull), text("Ecco")],
            expect!["(big cannot answer at the moment; small answers meanwhile) Ciao done"],
        )
        .await;
    }

    #[tokio::test]
    async fn a_second_model_that_fails_has_the_last_word() {
        let (big, small) = (FakeModel::new("big"), FakeModel::new("small"));
        big.fails(unreachable());
        small.fails(busy(None));
        let model = FallbackModel::new(big, small);
        assert!(trace(&model).await.ends_with("(fake is at capacity)"));
    }

    #[tokio::test]
    async fn while_the_first_is_left_alone_the_second_is_the_model() {
        let (big, small) = (FakeModel::new("big"), FakeModel::new("small"));
        let model = FallbackModel::new(Arc::new(GuardedModel::new(big.clone())), small.clone());
        assert_eq!(model.info().name, "big");
        for _ in 0..4 {
            big.fails(unreachable());
            small.says("Ciao");
            assert!(trace(&model).await.ends_with("Ciao done"));
        }
        assert_eq!((big.asked().len(), small.asked().len()), (3, 4));
        assert_eq!(model.info().name, "small");
    }
}
