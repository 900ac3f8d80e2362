//! Successions of transcribers that hear a word in each third of a second of sound, and fail where they are told to.

use bytes::Bytes;
use expect_test::expect;
use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::domain::{AudioFrame, HeardWord, Transcript};

const WORD_MS: u64 = 320;

/// Hears the number that is written in each sample, and fails after so many milliseconds of sound.
struct Hearer {
    name: &'static str,
    pace: Pace,
    fails_after_ms: u64,
    answers: bool,
}

struct Hearing {
    sound: BoxStream<'static, Sound>,
    left_ms: u64,
    answers: bool,
    at_ms: u64,
    segment: u64,
    words: Vec<HeardWord>,
}

fn hearer(name: &'static str, fails_after_ms: u64) -> Hearer {
    Hearer { name, pace: Pace::Free, fails_after_ms, answers: true }
}

impl Transcriber for Hearer {
    fn name(&self) -> &str {
        self.name
    }

    fn pace(&self) -> Pace {
        self.pace
    }

    fn listen(&self, _: ListenRequest, sound: BoxStream<'static, Sound>) -> Words {
        let hearing = Hearing {
            sound,
            left_ms: self.fails_after_ms,
            answers: self.answers,
            at_ms: 0,
            segment: 0,
            words: Vec::new(),
        };
        let heard = stream::unfold(hearing, |mut hearing| async move {
            let sound = hearing.sound.next().await?;
            let heard = hearing.hear(sound);
            Some((stream::iter(heard), hearing))
        });
        heard.flatten().boxed()
    }

    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
        async { Ok(()) }.boxed()
    }
}

impl Hearing {
    fn hear(&mut self, sound: Sound) -> Vec<Result<Heard, ProviderError>> {
        match sound {
            Sound::Frame(frame) => {
                let length = frame.duration_ms();
                if self.left_ms < length {
                    let (provider, reason) = ("hearer".to_owned(), "1011".to_owned());
                    return vec![Err(ProviderError::Cut { provider, reason })];
                }
                self.left_ms -= length;
                self.notice(&format!("w{}", frame.pcm[0]), length);
                Vec::new()
            }
            Sound::Flush if self.answers => {
                let words = std::mem::take(&mut self.words);
                let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
                let (segment, text) = (self.segment, texts.join(" "));
                self.segment += 1;
                let told = Transcript { segment, text, is_final: true, confidence: None, words };
                vec![Ok(Heard::Transcript(told)), Ok(Heard::Flushed)]
            }
            _ => Vec::new(),
        }
    }

    /// A word goes on until another one sounds.
    fn notice(&mut self, text: &str, length: u64) {
        let start_ms = self.at_ms;
        self.at_ms += length;
        match self.words.last_mut() {
            Some(word) if word.text == text => word.end_ms = self.at_ms,
            _ => self.words.push(HeardWord {
                text: text.to_owned(),
                start_ms,
                end_ms: self.at_ms,
                confidence: None,
            }),
        }
    }
}

/// So many words; after each group of them they are asked for.
fn spoken(groups: &[u8]) -> Vec<Sound> {
    let mut sound = vec![Sound::VoiceOn];
    let mut number = 0;
    for group in groups {
        for _ in 0..*group {
            let pcm = Bytes::from(vec![number; 1_024]);
            let frame = Sound::Frame(AudioFrame { sample_rate: 16_000, pcm });
            sound.extend(std::iter::repeat_n(frame, WORD_MS as usize / 32));
            number += 1;
        }
        sound.push(Sound::Flush);
    }
    sound
}

async fn trace(succession: &Succession, sound: Vec<Sound>) -> Vec<String> {
    let sound = stream::iter(sound).boxed();
    let heard = succession.listen(ListenRequest::default(), sound);
    let said = heard.map(|heard| match heard {
        Ok(Heard::Transcript(told)) => format!("{}: {}", told.segment, told.text),
        Ok(Heard::Flushed) => "flushed".to_owned(),
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("({error})"),
    });
    said.collect().await
}

fn succession(hearers: Vec<Hearer>) -> Succession {
    let hearers = hearers.into_iter().map(|hearer| Arc::new(hearer) as Arc<dyn Transcriber>);
    Succession::new(hearers.collect()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_next_one_goes_on_in_the_middle_of_an_utterance() {
    let both = succession(vec![hearer("first", 1_000), hearer("second", u64::MAX)]);
    expect!["0: w0 w1 | flushed | Reconnecting | 1: w2 w3 | flushed"]
        .assert_eq(&trace(&both, spoken(&[2, 2])).await.join(" | "));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_a_question_is_followed_by_one_who_does() {
    let mute = || Hearer { answers: false, ..hearer("mute", u64::MAX) };
    let both = succession(vec![mute(), hearer("second", u64::MAX)]);
    expect!["Reconnecting | 0: w0 w1 | flushed"]
        .assert_eq(&trace(&both, spoken(&[2])).await.join(" | "));
    let both = succession(vec![mute(), hearer("second", u64::MAX)]);
    let began = Instant::now();
    let sound = stream::iter(spoken(&[2])).chain(stream::pending()).boxed();
    let heard = both.listen(ListenRequest::default(), sound);
    assert_eq!(heard.take(3).collect::<Vec<_>>().await.len(), 3);
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn when_the_last_one_fails_nobody_hears_any_more() {
    let both = succession(vec![hearer("first", 100), hearer("second", 500)]);
    expect!["Reconnecting | (hearer was cut off: 1011)"]
        .assert_eq(&trace(&both, spoken(&[3])).await.join(" | "));
}

#[tokio::test(start_paused = true)]
async fn who_keeps_failing_is_left_alone_and_found_again() {
    let both = succession(vec![hearer("first", 0), hearer("second", u64::MAX)]);
    for _ in 0..3 {
        assert_eq!(trace(&both, spoken(&[1])).await[0], "Reconnecting");
    }
    assert_eq!(trace(&both, spoken(&[1])).await, ["0: w0", "flushed"]);
    assert_eq!(both.circuits()[0].state.name(), "open");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(trace(&both, spoken(&[1])).await[0], "Reconnecting");
}

#[tokio::test(start_paused = true)]
async fn ten_seconds_are_heard_again_at_once_where_there_is_room_and_as_spoken_where_not() {
    for (pace, seconds) in [(Pace::Free, 0), (Pace::RealTime, 9)] {
        let second = Hearer { pace, ..hearer("second", u64::MAX) };
        let both = succession(vec![hearer("first", 9_900), second]);
        let began = Instant::now();
        let told = trace(&both, spoken(&[31])).await;
        assert_eq!((told.len(), began.elapsed().as_secs()), (3, seconds), "{pace:?} {told:?}");
    }
}

proptest! {
    #[test]
    fn words_are_told_once_wherever_the_first_ones_fail(
        groups in prop::collection::vec(1..6_u8, 1..8),
        fails in prop::collection::vec(0..8_000_u64, 0..3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time().start_paused(true).build().unwrap();
        let mut hearers: Vec<Hearer> = fails.into_iter().map(|at| hearer("one", at)).collect();
        hearers.push(hearer("last", u64::MAX));
        let told = runtime.block_on(trace(&succession(hearers), spoken(&groups)));
        let texts = told.iter().filter_map(|line| Some(line.split_once(": ")?.1));
        let words: Vec<String> =
            texts.flat_map(str::split_whitespace).map(str::to_owned).collect();
        let count: u8 = groups.iter().sum();
        let expected: Vec<String> = (0..count).map(|number| format!("w{number}")).collect();
        prop_assert_eq!(words, expected, "{:?}", told);
    }
}
