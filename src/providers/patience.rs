//! Bounds any model's answer in waiting, time and length. It changes no text and never asks again.

use std::{sync::Arc, time::Duration};

use futures_util::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tokio::time::{Instant, timeout_at};
use unicode_segmentation::UnicodeSegmentation;

use super::{ChatModel, ChatRequest, ModelInfo, ModelPart, ProviderError, guard::CircuitReport};
use crate::domain::{Aside, Ending};

/// How long a learner is kept waiting, and how much a tutor may say at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until the first piece of text; a model may have to be loaded before it.
    pub first_part: Duration,
    /// From one piece to the next.
    pub between_parts: Duration,
    /// From the request to the end; what has been said by then is the answer.
    pub whole_answer: Duration,
    /// Characters as people count them; what goes beyond is not said.
    pub characters: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_part: Duration::from_secs(30),
            between_parts: Duration::from_secs(15),
            whole_answer: Duration::from_secs(120),
            characters: 20_000,
        }
    }
}

/// The end of an answer that would go on.
const CUT_SHORT: ModelPart = ModelPart::Done(Ending { usage: None, cut_short: true });

/// A model that is waited for, but not for ever.
pub struct PatientModel {
    model: Arc<dyn ChatModel>,
    patience: Patience,
}

impl PatientModel {
    /// Waits for `model` as long as `patience` lasts.
    #[must_use]
    pub fn new(model: Arc<dyn ChatModel>, patience: Patience) -> Self {
        Self { model, patience }
    }
}

impl ChatModel for PatientModel {
    fn info(&self) -> ModelInfo {
        self.model.info()
    }

    fn reply(&self, request: ChatRequest) -> BoxStream<'static, Result<ModelPart, ProviderError>> {
        // Boxed: it is moved with each token.
        let answer = Box::new(Answer {
            provider: self.model.info().provider,
            parts: self.model.reply(request),
            characters_left: self.patience.characters,
            patience: self.patience,
            asked: None,
            begun: false,
        });
        stream::try_unfold(Some(answer), |answer| async move {
            let Some(mut answer) = answer else { return Ok(None) };
            let part = answer.next_part().await?;
            let is_last = matches!(part, ModelPart::Done(_));
            // The model's own stream is dropped together with the last part, which stops its work.
            Ok(Some((part, (!is_last).then_some(answer))))
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

/// An answer on its way, and what is left of the patience with it.
struct Answer {
    provider: String,
    parts: BoxStream<'static, Result<ModelPart, ProviderError>>,
    patience: Patience,
    characters_left: usize,
    /// When the stream was first polled: before that nobody waits.
    asked: Option<Instant>,
    begun: bool,
}

impl Answer {
    async fn next_part(&mut self) -> Result<ModelPart, ProviderError> {
        let now = Instant::now();
        let end = *self.asked.get_or_insert(now) + self.patience.whole_answer;
        if self.begun && (now >= end || self.characters_left == 0) {
            return Ok(CUT_SHORT);
        }
        let until = match self.begun {
            true => end.min(now + self.patience.between_parts),
            false => now + self.patience.first_part,
        };
        match timeout_at(until, self.parts.next()).await {
            Ok(Some(part)) => Ok(self.within_length(part?)),
            Ok(None) => Err(self.ended_early()),
            Err(_) if self.begun && until == end => Ok(CUT_SHORT),
            Err(_) => Err(self.out_of_patience()),
        }
    }

    fn within_length(&mut self, part: ModelPart) -> ModelPart {
        if let ModelPart::Aside(_) = part {
            // While a model tells how it gets ready, the waiting begins anew.
            self.asked = self.asked.filter(|_| self.begun);
            return part;
        }
        self.begun = true;
        let ModelPart::Text(mut text) = part else { return part };
        let length = length(&text);
        if length > self.characters_left {
            text = text.graphemes(true).take(self.characters_left).collect();
        }
        self.characters_left = self.characters_left.saturating_sub(length);
        ModelPart::Text(text)
    }

    fn out_of_patience(&self) -> ProviderError {
        let provider = self.provider.clone();
        match self.begun {
            true => ProviderError::Stalled { provider },
            false => ProviderError::TimedOut { provider },
        }
    }

    fn ended_early(&self) -> ProviderError {
        let reason = "the answer ended without a last part".to_owned();
        ProviderError::Cut { provider: self.provider.clone(), reason }
    }
}

/// Characters as people count them. In ASCII these are its bytes, but for a line end of two.
fn length(text: &str) -> usize {
    if text.is_ascii() && !text.contains('\r') {
        return text.len();
    }
    text.graphemes(true).count()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use expect_test::{Expect, expect};

    use super::*;

    type Parts = BoxStream<'static, Result<ModelPart, ProviderError>>;

    /// A model with one answer to give.
    struct Scripted(Mutex<Option<Parts>>);

    impl ChatModel for Scripted {
        fn info(&self) -> ModelInfo {
            ModelInfo { name: "m".to_owned(), provider: "fake".to_owned(), context_tokens: None }
        }

        fn reply(&self, _: ChatRequest) -> Parts {
            self.0.lock().unwrap().take().unwrap()
        }

        fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
            Box::pin(async { Ok(()) })
        }
    }

    /// Each text after its wait, in seconds; then silence.
    fn texts(script: &'static [(u64, &'static str)]) -> Parts {
        let texts = stream::iter(script).then(|(wait, text)| async move {
            tokio::time::sleep(Duration::from_secs(*wait)).await;
            Ok(ModelPart::Text((*text).to_owned()))
        });
        texts.chain(stream::pending()).boxed()
    }

    fn done() -> Parts {
        stream::iter([Ok(ModelPart::Done(Ending::default()))]).boxed()
    }

    fn patient(parts: Parts) -> Parts {
        let patience = Patience { characters: 14, ..Patience::default() };
        let model = PatientModel::new(Arc::new(Scripted(Mutex::new(Some(parts)))), patience);
        model.reply(ChatRequest::default())
    }

    /// Every part with the second at which it came.
    async fn trace(answer: &mut Parts) -> String {
        let started = Instant::now();
        let mut trace = String::new();
        while let Some(part) = answer.next().await {
            let shown = match part {
                Ok(ModelPart::Text(text)) => text,
                Ok(ModelPart::Aside(_)) => "(aside)".to_owned(),
                Ok(ModelPart::Call(call)) => format!("({})", call.name),
                Ok(ModelPart::Done(Ending { cut_short: true, .. })) => "(cut short)".to_owned(),
                Ok(ModelPart::Done(_)) => "(done)".to_owned(),
                Err(error) => format!("({error})"),
            };
            trace += &format!("{} s {shown}\n", started.elapsed().as_secs());
        }
        trace
    }

    async fn check(parts: Parts, expected: Expect) {
        expected.assert_eq(&trace(&mut patient(parts)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_time_is_left_as_it_is() {
        let parts = texts(&[(29, "Ciao"), (14, "!")]).take(2).chain(done());
        check(
            parts.boxed(),
            expect![[r#"
            29 s Ciao
            43 s !
            43 s (done)
        "#]],
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_that_does_not_begin_is_given_up() {
        check(
            texts(&[]),
            expect![[r#"
            30 s (fake did not answer in time)
        "#]],
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_that_falls_silent_is_given_up() {
        check(
            texts(&[(1, "Ciao")]),
            expect![[r#"
            1 s Ciao
            16 s (fake stopped in the middle of its answer)
        "#]],
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_goes_on_for_ever_ends_politely_when_its_time_is_over() {
        let slow = texts(&[
            (30, "a"),
            (14, "b"),
            (14, "c"),
            (14, "d"),
            (14, "e"),
            (14, "f"),
            (14, "g"),
            (14, "h"),
        ]);
        check(
            slow,
            expect![[r#"
            30 s a
            44 s b
            58 s c
            72 s d
            86 s e
            100 s f
            114 s g
            120 s (cut short)
        "#]],
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_answer_ends_politely_between_two_characters_and_its_stream_is_dropped() {
        let held = Arc::new(());
        let alive = Arc::clone(&held);
        let flood = stream::repeat_with(move || {
            let _in_use = &alive;
            Ok(ModelPart::Text("Ciao 👩‍👩‍👧🇮🇹!".to_owned()))
        });
        let mut answer = patient(flood.boxed());
        let trace = trace(&mut answer).await;
        // The patient stream is still held here; the one within it is not.
        assert_eq!(Arc::strong_count(&held), 1);
        expect![[r#"
            0 s Ciao 👩‍👩‍👧🇮🇹!
            0 s Ciao 👩‍👩‍👧
            0 s (cut short)
        "#]]
        .assert_eq(&trace);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_without_a_last_part_was_cut() {
        check(
            texts(&[(1, "Ciao")]).take(1).boxed(),
            expect![[r#"
            1 s Ciao
            1 s (fake was cut off: the answer ended without a last part)
        "#]],
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_that_tells_how_it_gets_ready_is_waited_for() {
        let loading = stream::iter(0..3).then(|_| async move {
            tokio::time::sleep(Duration::from_secs(20)).await;
            crate::providers::fake::progress(crate::domain::ProgressKind::Load)
        });
        let parts = loading.chain(texts(&[(29, "Ciao"), (14, "!")]).take(2)).chain(done());
        check(
            parts.boxed(),
            expect![[r#"
            20 s (aside)
            40 s (aside)
            60 s (aside)
            89 s Ciao
            103 s !
            103 s (done)
        "#]],
        )
        .await;
    }
}
