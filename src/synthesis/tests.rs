//! The pool as a conversation sees it, with scripted voices and paused time.

use std::{sync::Arc, time::Duration};

use expect_test::{Expect, expect};
use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::{
    AudioCache, CacheSettings, Listener, Place, PoolSettings, Speech, SpeechError, SpeechEvent,
    SpeechJob, SpeechPool, Spoken,
    fake::{FakeVoice, Trace, audio, request},
};
use crate::{
    providers::{SpeechPart, Synthesizer},
    shutdown::Shutdown,
    telemetry::metrics::Metrics,
};

type Outcome = Result<Arc<Spoken>, SpeechError>;

/// A pool over a folder of its own.
struct Rig {
    pool: SpeechPool,
    trace: Trace,
    folder: TempDir,
}

impl Rig {
    fn new(voices: Vec<FakeVoice>) -> Self {
        Self::over(tempfile::tempdir().unwrap(), voices)
    }

    fn over(folder: TempDir, voices: Vec<FakeVoice>) -> Self {
        let trace = Trace::default();
        let voices = voices.into_iter().map(|voice| voice.traced(&trace));
        let engines = voices.map(|voice| Arc::new(voice) as Arc<dyn Synthesizer>).collect();
        let shutdown = Shutdown::new();
        let settings =
            CacheSettings { folder: folder.path().join("sounds"), ..CacheSettings::default() };
        let metrics = Metrics::default();
        let cache = AudioCache::open(settings, metrics.cache, &shutdown);
        let settings = PoolSettings { turns: 5, waiting: 3 };
        Self {
            pool: SpeechPool::new(engines, cache, settings, metrics.pool, shutdown),
            trace,
            folder,
        }
    }

    /// A later chunk of somebody who runs out of sound after a minute.
    fn speak(&self, text: &str) -> Speech {
        self.speak_at(text, false, &Listener::new(60_000))
    }

    fn speak_at(&self, text: &str, first: bool, listener: &Listener) -> Speech {
        let place = Place { first, listener: listener.clone(), index: 0 };
        self.pool.speak(SpeechJob { request: request(text), place })
    }

    fn check(&self, expected: Expect) {
        expected.assert_eq(&self.trace.text());
    }
}

/// Plays the events to their end and insists on their order.
async fn outcome(mut speech: Speech) -> Outcome {
    assert_eq!(speech.next().await, Some(SpeechEvent::Started));
    let Some(SpeechEvent::Finished(outcome)) = speech.next().await else {
        panic!("a started speech finishes");
    };
    assert_eq!(speech.next().await, None);
    outcome
}

/// Lets everything run that can run by now.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn chunks_are_spoken_in_parallel_up_to_the_slots() {
    let rig = Rig::new(vec![FakeVoice::new("one").slots(2)]);
    let began = Instant::now();
    let speeches = ["a", "b", "c", "d"].map(|text| rig.speak(text));
    settle().await;
    let load = rig.pool.load();
    assert_eq!((load[0].busy, load[0].waiting, load[0].real_time_factor), (2, 2, None));
    for outcome in join_all(speeches.map(outcome)).await {
        assert_eq!(outcome.unwrap().sound.duration_ms(), 100);
    }
    assert_eq!(began.elapsed().as_millis() / 100, 2);
    settle().await;
    let load = rig.pool.load();
    assert_eq!((load[0].busy, load[0].waiting), (0, 0));
    // As slow as speech, where half of that is usual.
    assert!(load[0].real_time_factor.is_some_and(|pace| pace > 0.5));
}

#[tokio::test(start_paused = true)]
async fn turns_are_taken_on_as_the_engine_in_use_can_carry_them() {
    let admitted = |rig: &Rig| std::iter::from_fn(|| rig.pool.admit()).collect::<Vec<_>>().len();
    // Unmeasured engines are held to be twice as fast as speech.
    let rig = Rig::new(vec![FakeVoice::new("one").slots(2).fails("a"), FakeVoice::new("two")]);
    assert_eq!((admitted(&rig), rig.pool.turns()), (3, 0));
    // The second one speaks, which has one slot and is as slow as speech.
    outcome(rig.speak("a")).await.unwrap();
    assert_eq!(admitted(&rig), 1);
    // The first one is back.
    outcome(rig.speak("b")).await.unwrap();
    assert_eq!(admitted(&rig), 3);
    // The settings allow no more than five, however fast.
    let rig = Rig::new(vec![FakeVoice::new("fast").slots(100)]);
    assert_eq!(admitted(&rig), 5);
}

/// A worker thread runs the task that it was given last before the others: the order must not hang on that.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn chunks_that_come_in_one_burst_are_spoken_in_their_order() {
    let rig = Rig::new(vec![FakeVoice::new("one").delay_ms(1)]);
    let burst = Shutdown::new().spawn("burst", {
        let (pool, listener) = (rig.pool.clone(), Listener::new(0));
        async move {
            let speeches = ["a", "b", "c", "d"].into_iter().enumerate().map(|(index, text)| {
                let place = Place { first: index == 0, listener: listener.clone(), index };
                pool.speak(SpeechJob { request: request(text), place })
            });
            let speeches: Vec<Speech> = speeches.collect();
            join_all(speeches.into_iter().map(outcome)).await;
        }
    });
    burst.await.unwrap();
    assert_eq!(rig.trace.asked(), ["a", "b", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn a_free_slot_goes_to_first_chunks_then_to_whoever_runs_out_of_sound() {
    let rig = Rig::new(vec![FakeVoice::new("one")]);
    let (ana, ben) = (Listener::new(5_000), Listener::new(9_000));
    let busy = rig.speak("busy");
    settle().await;
    let waiting = [
        rig.speak_at("ana, later", false, &ana),
        rig.speak_at("ben, later", false, &ben),
        rig.speak_at("cleo, first", true, &Listener::new(20_000)),
    ];
    settle().await;
    ben.set_sound_until(1_000, 0);
    join_all(waiting.map(outcome)).await;
    outcome(busy).await.unwrap();
    assert_eq!(rig.trace.asked(), ["busy", "cleo, first", "ben, later", "ana, later"]);
}

#[tokio::test(start_paused = true)]
async fn fifty_learners_who_need_one_sentence_cost_one_call() {
    let rig = Rig::new(vec![FakeVoice::new("one")]);
    let speeches: Vec<_> = (0..50).map(|_| rig.speak("¡Hola!")).collect();
    for outcome in join_all(speeches.into_iter().map(outcome)).await {
        assert_eq!(outcome.unwrap().engine, "one");
    }
    assert_eq!(rig.trace.asked(), ["¡Hola!"]);
}

#[tokio::test(start_paused = true)]
async fn who_joins_after_the_start_still_hears_of_it() {
    let rig = Rig::new(vec![FakeVoice::new("one")]);
    let mut early = rig.speak("¡Hola!");
    assert_eq!(early.next().await, Some(SpeechEvent::Started));
    outcome(rig.speak("¡Hola!")).await.unwrap();
    assert!(matches!(early.next().await, Some(SpeechEvent::Finished(Ok(_)))));
    assert_eq!(rig.trace.asked(), ["¡Hola!"]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_wait_for_an_event_loses_none() {
    let rig = Rig::new(vec![FakeVoice::new("one")]);
    let mut speech = rig.speak("¡Hola!");
    while tokio::time::timeout(Duration::from_millis(7), speech.next()).await.is_err() {}
    let finished = loop {
        if let Ok(event) = tokio::time::timeout(Duration::from_millis(7), speech.next()).await {
            break event;
        }
    };
    assert!(matches!(finished, Some(SpeechEvent::Finished(Ok(_)))));
}

#[tokio::test(start_paused = true)]
async fn the_work_ends_when_the_last_waiter_goes() {
    let rig = Rig::new(vec![FakeVoice::new("one")]);
    let (one, other) = (rig.speak("¡Hola!"), rig.speak("¡Hola!"));
    settle().await;
    let next = rig.speak("next");
    settle().await;
    drop(one);
    settle().await;
    rig.check(expect![[r#"
        one begins ¡Hola!
    "#]]);
    drop(other);
    settle().await;
    rig.check(expect![[r#"
        one begins ¡Hola!
        one drops ¡Hola!
        one begins next
    "#]]);
    outcome(next).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_goes_leaves_the_queue() {
    let rig = Rig::new(vec![FakeVoice::new("one")]);
    let busy = rig.speak("busy");
    settle().await;
    let (gone, next) = (rig.speak("gone"), rig.speak("next"));
    settle().await;
    drop(gone);
    settle().await;
    assert_eq!(rig.pool.load()[0].waiting, 1);
    outcome(busy).await.unwrap();
    outcome(next).await.unwrap();
    assert_eq!(rig.trace.asked(), ["busy", "next"]);
}

#[tokio::test(start_paused = true)]
async fn a_full_pool_refuses_but_still_gives_what_is_made() {
    let rig = Rig::new(vec![FakeVoice::new("one")]);
    outcome(rig.speak("made")).await.unwrap();
    let jobs = ["a", "b", "c", "d"].map(|text| rig.speak(text));
    assert_eq!(outcome(rig.speak("e")).await, Err(SpeechError::AtCapacity));
    assert!(outcome(rig.speak("made")).await.is_ok());
    let shared = rig.speak("d");
    assert!(join_all(jobs.map(outcome)).await.iter().all(Result::is_ok));
    assert!(outcome(shared).await.is_ok());
    assert!(outcome(rig.speak("e")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_one_engine_fails_is_spoken_by_the_next() {
    let rig = Rig::new(vec![FakeVoice::new("one").fails("hard"), FakeVoice::new("two")]);
    assert_eq!(outcome(rig.speak("hard")).await.unwrap().engine, "two");
    assert_eq!(outcome(rig.speak("easy")).await.unwrap().engine, "one");
    rig.check(expect![[r#"
        one begins hard
        one ends hard
        two begins hard
        two ends hard
        one begins easy
        one ends easy
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_chunk_keeps_its_place_with_the_next_engine() {
    let rig = Rig::new(vec![
        FakeVoice::new("one").slots(3).fails("busy").fails("later").fails("first"),
        FakeVoice::new("two").delay_ms(1_000),
    ]);
    let busy = rig.speak("busy");
    sleep(Duration::from_millis(200)).await;
    let later = rig.speak("later");
    settle().await;
    let first = rig.speak_at("first", true, &Listener::new(90_000));
    join_all([busy, later, first].map(outcome)).await;
    let asked = rig.trace.asked();
    assert_eq!(asked.last_chunk(), Some(&["first".to_owned(), "later".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn the_last_error_is_told_without_what_the_engine_said() {
    let rig =
        Rig::new(vec![FakeVoice::new("one").delay_ms(60_000), FakeVoice::new("two").fails("hard")]);
    let error = outcome(rig.speak("hard")).await.unwrap_err();
    assert_eq!(error.to_string(), "TTS gave no usable audio");
    assert_eq!(outcome(Rig::new(vec![]).speak("a")).await, Err(SpeechError::Failed("TTS is off")));
}

#[tokio::test(start_paused = true)]
async fn a_silent_engine_is_given_up_and_its_slot_passed_on() {
    let rig = Rig::new(vec![FakeVoice::new("one").delay_ms(60_000)]);
    let began = Instant::now();
    let one = rig.speak("a");
    settle().await;
    let other = rig.speak("b");
    assert_eq!(outcome(one).await.unwrap_err().to_string(), "TTS timeout");
    assert_eq!(began.elapsed().as_secs(), 20);
    assert_eq!(outcome(other).await, Err(SpeechError::TimedOut));
    assert_eq!(began.elapsed().as_secs(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_not_kept_for_those_who_ask_later() {
    let silent = FakeVoice::new("one").says("a", vec![]);
    let rig = Rig::new(vec![silent]);
    let unheard = rig.speak("a");
    sleep(Duration::from_secs(1)).await;
    assert!(outcome(rig.speak("a")).await.is_err());
    assert!(outcome(unheard).await.is_err());
    assert_eq!(rig.trace.asked(), ["a", "a"]);
}

#[tokio::test(start_paused = true)]
async fn each_engine_is_waited_for_as_long_as_it_asks() {
    let hasty = FakeVoice::new("hasty").delay_ms(3_000).patience_s(2);
    let slow = FakeVoice::new("slow").delay_ms(40_000).patience_s(60);
    let rig = Rig::new(vec![hasty, slow]);
    let began = Instant::now();
    assert_eq!(outcome(rig.speak("a")).await.unwrap().engine, "slow");
    assert_eq!(began.elapsed().as_secs(), 42);
}

#[tokio::test(start_paused = true)]
async fn unusable_audio_goes_to_the_next_engine_and_into_no_cache() {
    let mixed: Vec<_> = [audio(8_000, 5), audio(24_000, 5)].map(Ok).into();
    let rig = Rig::new(vec![FakeVoice::new("one").says("a", mixed), FakeVoice::new("two")]);
    let spoken = outcome(rig.speak("a")).await.unwrap();
    assert_eq!(outcome(rig.speak("a")).await.unwrap(), spoken);
    settle().await;
    let files = std::fs::read_dir(rig.folder.path().join("sounds")).unwrap();
    let names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, [format!("{}.sound", spoken.key).as_str()]);
}

#[tokio::test(start_paused = true)]
async fn what_is_made_is_not_made_again_even_after_a_restart() {
    let rig = Rig::new(vec![FakeVoice::new("one")]);
    let made = outcome(rig.speak("¡Hola!")).await.unwrap();
    assert_eq!(outcome(rig.speak("¡Hola!")).await.unwrap(), made);
    assert_eq!(rig.trace.asked().len(), 1);
    settle().await;

    let restarted = Rig::over(rig.folder, vec![FakeVoice::new("one")]);
    assert_eq!(outcome(restarted.speak("¡Hola!")).await.unwrap(), made);
    assert_eq!(restarted.pool.audio(&made.key).await, Some(made.sound.clone()));
    assert_eq!(restarted.trace.text(), "");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_file_is_spoken_again_and_replaced() {
    let rig = Rig::new(vec![FakeVoice::new("one")]);
    let made = outcome(rig.speak("¡Hola!")).await.unwrap();
    settle().await;
    let path = rig.folder.path().join(format!("sounds/{}.sound", made.key));
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, &good[..good.len() - 1]).unwrap();

    let restarted = Rig::over(rig.folder, vec![FakeVoice::new("one")]);
    assert_eq!(restarted.pool.audio(&made.key).await, None);
    assert!(!path.exists());
    assert_eq!(outcome(restarted.speak("¡Hola!")).await.unwrap(), made);
    settle().await;
    assert_eq!(std::fs::read(&path).unwrap(), good);
}

#[tokio::test(start_paused = true)]
async fn a_panicking_engine_costs_one_chunk() {
    let rig = Rig::new(vec![FakeVoice::new("one").panics("a")]);
    assert_eq!(outcome(rig.speak("a")).await, Err(SpeechError::Failed("TTS was cut off")));
    assert!(outcome(rig.speak("b")).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speaking_and_going_from_many_threads_leaves_every_slot_free() {
    let rig = Arc::new(Rig::new(vec![FakeVoice::new("one").slots(2).delay_ms(1)]));
    let learners = (0..8).map(|learner| {
        let shutdown = rig.pool.shared.shutdown.clone();
        shutdown.spawn("learner", fickle_learner(rig.clone(), learner))
    });
    join_all(learners).await;
    sleep(Duration::from_millis(50)).await;
    let load = rig.pool.load();
    assert_eq!((load[0].busy, load[0].waiting), (0, 0));
    assert!(outcome(rig.speak("at the end")).await.is_ok());
}

/// Waits for two sentences and goes during the third, many times over.
async fn fickle_learner(rig: Arc<Rig>, learner: usize) {
    for sentence in 0..60 {
        let speech = rig.speak(&sentence.to_string());
        if (sentence + learner).is_multiple_of(3) {
            tokio::task::yield_now().await;
            drop(speech);
        } else {
            drop(outcome(speech).await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn word_times_and_emotion_come_with_the_sound() {
    let words = vec![super::fake::word("Hola", 0, 90)];
    let answer = vec![Ok(audio(8_000, 100)), Ok(SpeechPart::Words(words.clone()))];
    let rig = Rig::new(vec![FakeVoice::new("one").says("Hola", answer)]);
    assert_eq!(outcome(rig.speak("Hola")).await.unwrap().words, words);
}
