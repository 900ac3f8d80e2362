//! Successions of transcribers that hear a word in each third of a second of sound, and fail where they are told to.

use std::sync::Mutex;

use bytes::Bytes;
use expect_test::expect;
use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::{
    domain::{AudioFrame, HeardWord, Transcript},
    telemetry::metrics::Metrics,
};

const WORD_MS: u64 = 320;

/// Hears the number that is written in each sample, and fails after so many milliseconds of sound.
#[derive(Clone, Debug)]
struct Hearer {
    name: &'static str,
    pace: Pace,
    fails_after_ms: u64,
    answers: bool,
    /// Tells each word when it has heard it.
    guesses: bool,
    /// Knows when words were said.
    is_timed: bool,
    taken: Arc<Mutex<Vec<Instant>>>,
}

struct Hearing {
    hearer: Hearer,
    sound: BoxStream<'static, Sound>,
    left_ms: u64,
    at_ms: u64,
    segment: u64,
    words: Vec<HeardWord>,
}

fn hearer(name: &'static str, fails_after_ms: u64) -> Hearer {
    Hearer {
        name,
        pace: Pace::Free,
        fails_after_ms,
        answers: true,
        guesses: false,
        is_timed: true,
        taken: Arc::default(),
    }
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
            hearer: self.clone(),
            sound,
            left_ms: self.fails_after_ms,
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
                self.hearer.taken.lock().unwrap().push(Instant::now());
                let count = self.words.len();
                self.notice(&format!("w{}", frame.pcm[0]), length);
                let is_new = self.words.len() > count && count > 0;
                if is_new && self.hearer.guesses { vec![self.told(false)] } else { Vec::new() }
            }
            Sound::Flush if self.hearer.answers => {
                let told = self.told(true);
                self.words.clear();
                self.segment += 1;
                vec![told, Ok(Heard::Flushed)]
            }
            _ => Vec::new(),
        }
    }

    fn told(&self, is_final: bool) -> Result<Heard, ProviderError> {
        let texts: Vec<&str> = self.words.iter().map(|word| word.text.as_str()).collect();
        let (segment, text) = (self.segment, texts.join(" "));
        let words = if self.hearer.is_timed { self.words.clone() } else { Vec::new() };
        Ok(Heard::Transcript(Transcript { segment, text, is_final, confidence: None, words }))
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
        Ok(Heard::Transcript(told)) if !told.is_final => format!("{}~ {}", told.segment, told.text),
        Ok(Heard::Transcript(told)) => format!("{}: {}", told.segment, told.text),
        Ok(Heard::Flushed) => "flushed".to_owned(),
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("({error})"),
    });
    said.collect().await
}

fn succession(hearers: Vec<Hearer>) -> Succession {
    let hearers = hearers.into_iter().map(|hearer| Arc::new(hearer) as Arc<dyn Transcriber>);
    Succession::new(hearers.collect(), Metrics::default().hearing).unwrap()
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

#[tokio::test(start_paused = true)]
async fn what_breaks_off_after_each_first_word_is_left_alone_too() {
    let first = Hearer { guesses: true, ..hearer("first", 700) };
    let both = succession(vec![first, hearer("second", u64::MAX)]);
    for _ in 0..3 {
        assert_eq!(trace(&both, spoken(&[3])).await[0], "0~ w0 w1");
    }
    assert_eq!(both.circuits()[0].state.name(), "open");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_succession_does_not_wait_for_one_after_the_other() {
    let all = (0..4).map(|_| hearer("one", 0)).collect();
    assert_eq!(succession(all).patience().as_secs(), 13);
    assert_eq!(succession(vec![hearer("one", 0)]).patience().as_secs(), 10);
}

/// Frames as they are spoken.
fn live(sound: Vec<Sound>) -> BoxStream<'static, Sound> {
    let paced = stream::iter(sound).then(|sound| async move {
        if matches!(sound, Sound::Frame(_)) {
            tokio::time::sleep(Duration::from_millis(32)).await;
        }
        sound
    });
    paced.boxed()
}

#[tokio::test(start_paused = true)]
async fn a_service_that_bears_no_hurry_is_a_second_late_after_ten_seconds_of_speech() {
    // The last guess comes half a second before the end: with the beginning of the word w30.
    let first = Hearer { guesses: true, ..hearer("first", 10_080) };
    let second = Hearer { pace: Pace::RealTime, guesses: true, ..hearer("second", u64::MAX) };
    let taken = Arc::clone(&second.taken);
    let both = succession(vec![first, second]);
    let began = Instant::now();
    let heard: Vec<_> = both.listen(ListenRequest::default(), live(spoken(&[60]))).collect().await;
    let words = finals(&heard);
    assert_eq!(words, (0..60).map(|number| format!("w{number}")).collect::<Vec<_>>());
    let spoken_ms = 60 * WORD_MS;
    let last = *taken.lock().unwrap().last().unwrap();
    let late = last.duration_since(began).as_millis() as u64 - spoken_ms;
    assert!((200..=1_000).contains(&late), "{late} ms late");
}

/// All words that are final, in their order.
fn finals(heard: &[Result<Heard, ProviderError>]) -> Vec<String> {
    let finals = heard.iter().filter_map(|heard| match heard {
        Ok(Heard::Transcript(told)) if told.is_final => Some(told.text.clone()),
        _ => None,
    });
    finals
        .flat_map(|text| text.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .filter(|word| !word.is_empty())
        .collect()
}

fn any_hearer() -> impl Strategy<Value = Hearer> {
    (0..8_000_u64, any::<[bool; 3]>()).prop_map(|(fails_after_ms, [guesses, is_timed, hurries])| {
        let pace = if hurries { Pace::Free } else { Pace::RealTime };
        Hearer { pace, guesses, is_timed, ..hearer("one", fails_after_ms) }
    })
}

proptest! {
    #[test]
    fn words_are_told_once_wherever_the_first_ones_fail(
        groups in prop::collection::vec(1..6_u8, 1..8),
        mut hearers in prop::collection::vec(any_hearer(), 1..5),
        is_live in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time().start_paused(true).build().unwrap();
        hearers.last_mut().unwrap().fails_after_ms = u64::MAX;
        let sound = spoken(&groups);
        let sound = if is_live { live(sound) } else { stream::iter(sound).boxed() };
        let succession = succession(hearers);
        let heard = succession.listen(ListenRequest::default(), sound);
        let heard: Vec<_> = runtime.block_on(heard.collect());
        let count: u8 = groups.iter().sum();
        let expected: Vec<String> = (0..count).map(|number| format!("w{number}")).collect();
        prop_assert_eq!(finals(&heard), expected, "{:?}", heard);
        let questions = heard.iter().filter(|heard| matches!(heard, Ok(Heard::Flushed))).count();
        prop_assert_eq!(questions, groups.len());
    }
}
