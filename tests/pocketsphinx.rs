//! The embedded ear against the real library, the real voice and workers that misbehave.

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use parla::{
    domain::{AudioFrame, Emotion, Language, Speed, SpokenSpan, Transcript},
    prompts::{Prompts, lessons::Lessons},
    providers::{
        HEARING_RATE, Heard, ListenRequest, ProviderError, Sound, SpeechPart, SpeechRequest,
        Synthesizer, Transcriber, Urgency,
        espeak::{self, Espeak},
        pocketsphinx::{PATIENCE, PocketSphinx},
    },
};

const WORKER: &str = env!("CARGO_BIN_EXE_parla");

#[tokio::test]
async fn what_is_expected_is_understood_word_by_word_while_it_is_said() {
    let expected = ["I would like a coffee, please.", "I would like a tea, please.", "No, thanks."];
    let heard = listen(&ear(), &expected, &spoken("I would like a tea please").await).await;
    let (last, before) = heard.split_last().unwrap();
    assert_eq!((last.text.as_str(), last.is_final, last.segment), (expected[1], true, 0));
    assert!(last.confidence.unwrap().share() > 0.5, "{last:?}");
    let words: Vec<&str> = last.words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(words, ["i", "would", "like", "a", "tea", "please"]);
    assert!(last.words.windows(2).all(|pair| pair[0].end_ms <= pair[1].start_ms), "{last:?}");
    assert!(!before.is_empty() && before.iter().all(|early| !early.is_final), "{before:?}");
}

#[tokio::test]
async fn nine_of_ten_answers_of_the_lessons_are_understood_and_others_are_not_taken_for_them() {
    let ear = ear();
    let steps = expected_answers();
    let (mut understood, mut mistaken, mut asked) = (0, Vec::new(), 0);
    for (number, expected) in steps.iter().enumerate().step_by(3) {
        let phrases: Vec<&str> = expected.iter().map(String::as_str).collect();
        let said = &expected[number % expected.len()];
        let other = steps.iter().cycle().skip(number + 7).flatten();
        let mut other = other.filter(|phrase| phrase.len() > 12 && !expected.contains(*phrase));
        let other = other.next().unwrap();
        asked += 1;
        let heard = listen(&ear, &phrases, &spoken(said).await).await.pop().unwrap();
        understood += usize::from(heard.text == *said);
        let heard = listen(&ear, &phrases, &spoken(other).await).await.pop().unwrap();
        if expected.contains(&heard.text) {
            mistaken.push((other, heard.text));
        }
    }
    assert!(asked >= 20, "{asked}");
    assert!(understood * 10 >= asked * 9, "{understood} of {asked}");
    assert!(mistaken.len() * 10 <= asked, "{mistaken:?}");
}

#[tokio::test]
async fn without_an_expectation_the_general_model_listens() {
    let heard = listen(&ear(), &[], &spoken("good morning").await).await;
    let [only] = heard.as_slice() else { panic!("{heard:?}") };
    assert!(only.is_final && !only.text.is_empty() && only.confidence.is_some(), "{only:?}");
}

#[tokio::test]
async fn what_cannot_be_listened_for_does_not_keep_the_rest_from_being_understood() {
    let expected = ["I live in {place}", "zzyzx qwrtp", "; grammar <x>", "Excuse me!"];
    let heard = listen(&ear(), &expected, &spoken("excuse me").await).await;
    assert_eq!(heard.last().unwrap().text, "Excuse me!");
}

#[tokio::test]
async fn silence_and_other_languages_are_told_for_what_they_are() {
    let silence = frame(vec![0; HEARING_RATE as usize * 2]);
    let heard = listen(&ear(), &["yes"], &silence).await;
    assert_eq!(heard.iter().map(|said| said.text.as_str()).collect::<Vec<_>>(), [""]);
    let request = ListenRequest { language: Language::parse("es-MX"), ..ListenRequest::default() };
    let heard: Vec<_> = ear().listen(request, stream::empty().boxed()).collect().await;
    let [Err(refusal)] = heard.as_slice() else { panic!("{heard:?}") };
    assert_eq!(
        refusal.to_string(),
        "pocketsphinx refused: it understands English only, and no es-MX"
    );
}

#[tokio::test]
async fn a_worker_that_cannot_work_is_no_panic() {
    let ear = PocketSphinx::new(PathBuf::from("/bin/false"), Duration::from_secs(1));
    assert!(matches!(ear.check().await, Err(ProviderError::Unreachable { .. })));
    let sounds = vec![Sound::VoiceOn, Sound::Frame(spoken("yes").await), Sound::VoiceOff];
    let sounds = stream::iter(sounds).boxed();
    let heard: Vec<_> = ear.listen(ListenRequest::default(), sounds).collect().await;
    assert!(matches!(heard.as_slice(), [Err(_)]), "{heard:?}");
}

fn ear() -> PocketSphinx {
    PocketSphinx::new(PathBuf::from(WORKER), PATIENCE)
}

/// For each step of the English lessons what can be said without words of one's own.
fn expected_answers() -> Vec<Vec<String>> {
    let lessons = Lessons::load(&Prompts::embedded());
    let english = lessons.all().iter().filter(|lesson| lesson.language.primary() == "en");
    let steps = english.flat_map(|lesson| &lesson.steps);
    let answers = steps.map(|step| {
        let answers = step.answers.iter().map(|answer| answer.as_str());
        let plain = answers.filter(|answer| !answer.contains(['{', '*']));
        plain.map(str::to_owned).collect::<Vec<_>>()
    });
    answers.filter(|answers| !answers.is_empty()).collect()
}

async fn spoken(text: &str) -> AudioFrame {
    let voice = Espeak::new(PathBuf::from(WORKER), espeak::PATIENCE);
    let spans = vec![SpokenSpan { text: text.to_owned(), language: Language::default() }];
    let (emotion, speed) = (Emotion::default(), Speed::default());
    let request =
        SpeechRequest { spans, voice: Some("en-us".to_owned()), speed, emotion, emphasis: false };
    let mut parts = voice.speak(Arc::new(request), Urgency::Now);
    let Some(Ok(SpeechPart::Audio(sound))) = parts.next().await else { panic!("no sound") };
    let samples: Vec<i16> =
        sound.pcm.chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    frame(resampled(&samples, sound.sample_rate))
}

/// Good enough for a voice that has hardly anything above 8 kHz.
fn resampled(samples: &[i16], rate: u32) -> Vec<i16> {
    let step = f64::from(rate) / f64::from(HEARING_RATE);
    let count = (samples.len() as f64 / step) as usize;
    let at = |place: f64| {
        let (before, share) = (place as usize, place.fract());
        let next = f64::from(samples[(before + 1).min(samples.len() - 1)]);
        (f64::from(samples[before]) * (1.0 - share) + next * share) as i16
    };
    (0..count).map(|index| at(index as f64 * step)).collect()
}

async fn listen(ear: &PocketSphinx, expected: &[&str], sound: &AudioFrame) -> Vec<Transcript> {
    let expected = expected.iter().map(|&phrase| phrase.to_owned()).collect();
    let mut sounds = vec![Sound::Expect(expected), Sound::VoiceOn];
    let pieces = sound.pcm.chunks(HEARING_RATE as usize / 5);
    sounds.extend(pieces.map(|piece| {
        Sound::Frame(AudioFrame { sample_rate: HEARING_RATE, pcm: piece.to_vec().into() })
    }));
    sounds.extend([Sound::VoiceOff, Sound::Flush]);
    let heard = ear.listen(ListenRequest::default(), stream::iter(sounds).boxed());
    let mut heard: Vec<Heard> = heard.map(Result::unwrap).collect().await;
    assert_eq!(heard.pop(), Some(Heard::Flushed));
    let transcript = |heard| match heard {
        Heard::Transcript(transcript) => transcript,
        other => panic!("{other:?}"),
    };
    heard.into_iter().map(transcript).collect()
}

fn frame(samples: Vec<i16>) -> AudioFrame {
    let pcm = samples.into_iter().flat_map(i16::to_le_bytes).collect();
    AudioFrame { sample_rate: HEARING_RATE, pcm }
}
