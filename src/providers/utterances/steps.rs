//! A microphone's sound as what an engine for whole utterances has to do, in order. It asks no engine.

use std::{future, sync::Arc};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};

use super::{Utterance, Utterances};
use crate::providers::Sound;

/// The next thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Hear(Said),
    /// All that was to be done before is to be told as done.
    Flush,
}

/// An utterance to be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub segment: u64,
    pub utterance: Utterance,
    /// What the learner was expected to say; empty when nothing is known.
    pub expected: Arc<[String]>,
    /// Otherwise it goes on, and this is what there is of it.
    pub is_whole: bool,
}

/// The steps of `sound` until it ends; with `glance_ms` also what there is of an utterance each time that it has grown
/// by so much.
pub fn steps(sound: BoxStream<'static, Sound>, glance_ms: Option<u64>) -> BoxStream<'static, Step> {
    let parts = sound.map(Some).chain(stream::once(future::ready(None)));
    let progress = Progress { glance_ms, ..Progress::default() };
    parts
        .scan(progress, |progress, part| future::ready(Some(progress.steps(part.as_ref()))))
        .flat_map(stream::iter)
        .boxed()
}

#[derive(Debug, Default)]
struct Progress {
    utterances: Utterances,
    segment: u64,
    expected: Arc<[String]>,
    glance_ms: Option<u64>,
    glanced_ms: u64,
}

impl Progress {
    /// The end of the sound ends the utterance that goes on.
    fn steps(&mut self, part: Option<&Sound>) -> Vec<Step> {
        let whole = match part {
            Some(sound) => self.utterances.take(sound),
            None => self.utterances.end().into_iter().collect(),
        };
        let mut steps: Vec<Step> =
            whole.into_iter().map(|utterance| self.said(utterance, true)).collect();
        match part {
            Some(Sound::Flush) => steps.push(Step::Flush),
            Some(Sound::Expect(phrases)) => self.expected = Arc::clone(phrases),
            Some(Sound::Frame(_)) => steps.extend(self.glance()),
            Some(Sound::VoiceOn | Sound::VoiceOff) | None => {}
        }
        steps
    }

    fn said(&mut self, utterance: Utterance, is_whole: bool) -> Step {
        let (segment, expected) = (self.segment, Arc::clone(&self.expected));
        if is_whole {
            self.segment += 1;
            self.glanced_ms = 0;
        }
        Step::Hear(Said { segment, utterance, expected, is_whole })
    }

    fn glance(&mut self) -> Option<Step> {
        if self.utterances.so_far_ms() < self.glanced_ms + self.glance_ms? {
            return None;
        }
        let utterance = self.utterances.so_far()?;
        self.glanced_ms = utterance.sound.duration_ms();
        Some(self.said(utterance, false))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::{domain::AudioFrame, providers::HEARING_RATE};

    async fn trace(sounds: Vec<Sound>, glance_ms: Option<u64>) -> String {
        let mut lines = String::new();
        let mut steps = steps(stream::iter(sounds).boxed(), glance_ms);
        while let Some(step) = steps.next().await {
            lines += &match step {
                Step::Flush => "flush\n".to_owned(),
                Step::Hear(Said { segment, utterance, expected, is_whole }) => {
                    let ms = utterance.sound.duration_ms();
                    let end = if is_whole { "" } else { "…" };
                    format!("{segment}: {ms} ms{end} {expected:?}\n")
                }
            };
        }
        lines
    }

    fn frame() -> Sound {
        let pcm = vec![9; HEARING_RATE as usize / 5].into();
        Sound::Frame(AudioFrame { sample_rate: HEARING_RATE, pcm })
    }

    #[tokio::test]
    async fn each_utterance_is_a_segment_with_what_was_expected_when_it_ended() {
        let expect = Sound::Expect(Arc::new(["yes".to_owned()]));
        let said = [
            vec![Sound::VoiceOn, frame(), Sound::Flush, Sound::Flush, expect],
            vec![frame(), frame(), Sound::VoiceOff, Sound::VoiceOn, frame()],
        ];
        expect![[r#"
            0: 100 ms []
            flush
            flush
            1: 200 ms ["yes"]
            2: 100 ms ["yes"]
        "#]]
        .assert_eq(&trace(said.concat(), None).await);
    }

    #[tokio::test]
    async fn an_utterance_that_goes_on_is_glanced_at_now_and_then() {
        let said = [vec![frame(), Sound::VoiceOn], vec![frame(); 5], vec![Sound::VoiceOff]];
        expect![[r#"
            0: 200 ms… []
            0: 400 ms… []
            0: 600 ms… []
            0: 600 ms []
        "#]]
        .assert_eq(&trace(said.concat(), Some(200)).await);
    }
}
