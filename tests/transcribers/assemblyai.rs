//! How AssemblyAI is spoken to.

use std::time::{Duration, Instant};

use expect_test::expect;
use futures_util::StreamExt;
use parla::providers::{Pace, Sound, Transcriber};

use crate::support::scripted_hearing::{Fault, Script, Spoken};
use crate::{CIAO, KEY, assemblyai, ended, frame, going_on, listen, shown, sound, trace};

#[tokio::test]
async fn a_turn_is_told_in_part_and_then_for_good() {
    let come_stai = Spoken { from_ms: 1200, to_ms: 1600, text: "come stai" };
    let (server, assemblyai) = assemblyai(Script::of(&[CIAO, come_stai])).await;
    let told = trace(&assemblyai, ended(sound(1800))).await;
    expect![[r#"
        0~ "ciao" 100-300 (0.9)
        0~ "ciao bella" 100-300 300-500 (0.9)
        0! "ciao bella" 100-300 300-500 (0.9)
        EndHint
        1~ "come" 1200-1400 (0.9)
        1~ "come stai" 1200-1400 1400-1600 (0.9)
        1! "come stai" 1200-1400 1400-1600 (0.9)
        EndHint
    "#]]
    .assert_eq(&told);
    let received = server.received().remove(0);
    assert_eq!(received.sound_ms(), 1800);
    assert_eq!(received.kinds(), ["Terminate"]);
    assert_eq!(received.authorization.as_deref(), Some(KEY));
    assert_eq!(received.query["speech_model"], "universal-3-5-pro");
    assert_eq!(received.query["format_turns"], "false");
}

#[tokio::test]
async fn sound_that_comes_too_fast_waits_for_its_time() {
    let script = Script { ahead: Duration::from_millis(250), ..Script::of(&[CIAO]) };
    let (server, assemblyai) = assemblyai(script).await;
    let began = Instant::now();
    let told = trace(&assemblyai, ended(vec![Sound::Frame(frame(2000))])).await;
    assert!(told.ends_with("EndHint\n"), "{told}");
    assert!(began.elapsed() >= Duration::from_millis(1800));
    assert_eq!(server.received()[0].frames, [3200; 20]);
    assert_eq!(assemblyai.pace(), Pace::RealTime);
}

#[tokio::test]
async fn small_frames_are_collected_and_the_last_one_is_filled_up() {
    let (server, assemblyai) = assemblyai(Script::of(&[])).await;
    assert_eq!(trace(&assemblyai, ended(sound(80))).await, "");
    assert_eq!(server.received()[0].frames, [60 * 32, 50 * 32]);
}

#[tokio::test]
async fn a_flush_brings_the_last_words_at_once() {
    let (server, assemblyai) = assemblyai(Script::of(&[CIAO])).await;
    let mut said = sound(480);
    said.push(Sound::Flush);
    let heard = listen(&assemblyai, going_on(said)).take(3);
    expect![[r#"
        0~ "ciao" 100-300 (0.9)
        0! "ciao bella" 100-300 300-500 (0.9)
        Flushed
    "#]]
    .assert_eq(&shown(heard).await);
    assert_eq!(server.received()[0].kinds(), ["ForceEndpoint"]);
}

#[tokio::test]
async fn a_turn_that_comes_again_in_pretty_is_told_once() {
    let (_server, assemblyai) = assemblyai(Script::failing(&[CIAO], &[Fault::DoubleFinals])).await;
    let told = trace(&assemblyai, ended(sound(1000))).await;
    assert_eq!(told.matches("0!").count(), 1, "{told}");
    assert_eq!(told.matches("EndHint").count(), 1, "{told}");
}

#[tokio::test]
async fn what_may_be_said_is_given_as_keyterms() {
    let (server, assemblyai) = assemblyai(Script::of(&[])).await;
    let phrases = ["ciao".to_owned(), "x".repeat(51)];
    assert_eq!(trace(&assemblyai, ended(vec![Sound::Expect(phrases.into())])).await, "");
    let update = serde_json::json!({"type": "UpdateConfiguration", "keyterms_prompt": ["ciao"]});
    assert_eq!(server.received()[0].texts[0], update);
}
