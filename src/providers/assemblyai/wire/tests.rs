//! What AssemblyAI's frames come to, and how sound is cut for it.

use expect_test::expect;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{domain::AudioFrame, providers::dictation::one_final_for_each_segment};

fn wire() -> AssemblyAiWire {
    AssemblyAiWire::new("assemblyai".to_owned())
}

fn turn(order: u64, is_over: bool, text: &str) -> String {
    json!({ "type": "Turn", "turn_order": order, "end_of_turn": is_over, "transcript": text })
        .to_string()
}

fn told(wire: &mut AssemblyAiWire, frames: &[String]) -> String {
    let heard = frames.iter().flat_map(|frame| wire.hear(frame).unwrap());
    let line = |heard| match heard {
        Heard::Transcript(Transcript { segment, text, is_final, .. }) => {
            format!("{segment}{} {text}\n", if is_final { "!" } else { "~" })
        }
        other => format!("{other:?}\n"),
    };
    heard.map(line).collect()
}

fn frame(ms: usize) -> Sound {
    let pcm = vec![7; ms * BYTES_PER_MS].into();
    Sound::Frame(AudioFrame { sample_rate: HEARING_RATE, pcm })
}

#[test]
fn a_turn_that_is_over_does_not_come_again() {
    let frames = [
        turn(0, false, "ciao"),
        turn(0, true, "ciao bella"),
        turn(0, true, "Ciao, bella."),
        turn(1, false, "come"),
        turn(0, false, "ciao"),
    ];
    expect![[r#"
        0~ ciao
        0! ciao bella
        EndHint
        1~ come
    "#]]
    .assert_eq(&told(&mut wire(), &frames));
}

#[test]
fn a_turn_without_words_is_no_turn() {
    let frames = [turn(0, false, ""), turn(0, true, ""), turn(1, true, "sì")];
    expect![[r#"
        1! sì
        EndHint
    "#]]
    .assert_eq(&told(&mut wire(), &frames));
}

#[test]
fn an_asked_for_end_is_no_hint() {
    let mut wire = wire();
    assert_eq!(wire.give(Sound::Flush), [command("ForceEndpoint")]);
    expect![[r#"
        0! sì
        Flushed
    "#]]
    .assert_eq(&told(&mut wire, &[turn(0, true, "sì")]));
}

#[test]
fn an_error_frame_says_what_can_be_done() {
    let error = |code: u16| {
        let frame = json!({ "type": "Error", "error_code": code, "error": "because" });
        wire().hear(&frame.to_string()).unwrap_err()
    };
    assert!(matches!(error(1008), ProviderError::Rejected { .. }));
    assert!(matches!(error(3005), ProviderError::Cut { .. }));
    assert!(matches!(error(3006), ProviderError::Rejected { .. }));
    assert!(matches!(error(3007), ProviderError::Rejected { .. }));
    assert!(matches!(error(3008), ProviderError::Cut { .. }));
    assert!(matches!(error(3009), ProviderError::AtCapacity { .. }));
}

#[test]
fn what_cannot_be_read_is_not_repeated() {
    for text in ["", "<html>", "[]", r#"{"type":"Turn","turn_order":"my secret"}"#] {
        let error = wire().hear(text).unwrap_err().to_string();
        assert!(error.contains("unusable") && !error.contains("secret"), "{error}");
    }
}

#[test]
fn unknown_frames_say_nothing() {
    let frames = ["Begin", "Warning", "Heartbeat", "SpeechStarted"];
    let frames = frames.map(|kind| json!({ "type": kind }).to_string());
    assert_eq!(told(&mut wire(), &frames), "");
}

proptest! {
    #[test]
    fn every_frame_has_a_length_that_is_taken_and_no_sound_is_lost(
        lengths in prop::collection::vec(0usize..400, 0..20),
    ) {
        let mut wire = wire();
        let mut sent: Vec<_> = lengths.iter().flat_map(|&ms| wire.give(frame(ms))).collect();
        sent.extend(wire.finish());
        let mut sound = 0;
        for outgoing in sent {
            if let Outgoing::Sound { pcm, duration } = outgoing {
                prop_assert!((50..=100).contains(&duration.as_millis()));
                sound += pcm.iter().filter(|&&byte| byte == 7).count();
            }
        }
        prop_assert_eq!(sound, lengths.iter().sum::<usize>() * BYTES_PER_MS);
    }

    #[test]
    fn each_turn_is_final_once_and_then_over(
        turns in prop::collection::vec((0u64..6, any::<bool>(), "[a-c ]{0,3}"), 0..40),
    ) {
        let mut wire = wire();
        let told = turns.iter().flat_map(|(order, is_over, text)| {
            wire.hear(&turn(*order, *is_over, text)).unwrap()
        });
        let told: Vec<_> = told.collect();
        prop_assert!(one_final_for_each_segment(&told));
    }

    #[test]
    fn no_text_is_too_odd(text in ".*") {
        drop(wire().hear(&text));
    }
}
