//! What Deepgram's frames come to, whatever their order.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::providers::dictation::one_final_for_each_segment;

fn wire() -> DeepgramWire {
    DeepgramWire::new("deepgram".to_owned(), true)
}

fn result(start: f64, duration: f64, text: &str) -> Value {
    json!({
        "type": "Results", "start": start, "duration": duration,
        "channel": { "alternatives": [{ "transcript": text }] },
    })
}

fn with(mut result: Value, flags: &[&str]) -> Value {
    for flag in flags {
        result[*flag] = json!(true);
    }
    result
}

fn told(wire: &mut DeepgramWire, frames: &[Value]) -> String {
    let heard = frames.iter().flat_map(|frame| wire.hear(&frame.to_string()).unwrap());
    heard.map(|heard| line(&heard)).collect()
}

fn line(heard: &Heard) -> String {
    match heard {
        Heard::Transcript(Transcript { segment, text, is_final, .. }) => {
            format!("{segment}{} {text}\n", if *is_final { "!" } else { "~" })
        }
        other => format!("{other:?}\n"),
    }
}

#[track_caller]
fn check(frames: &[Value], expected: &Expect) {
    expected.assert_eq(&told(&mut wire(), frames));
}

#[test]
fn an_utterance_may_have_several_final_results() {
    let frames = [
        result(0.0, 1.0, "il mio"),
        with(result(0.0, 2.0, "il mio nome"), &["is_final"]),
        with(result(2.0, 1.0, "è Ada"), &["is_final", "speech_final"]),
        json!({ "type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 3.0 }),
    ];
    check(
        &frames,
        &expect![[r#"
        0~ il mio
        0! il mio nome
        1! è Ada
        EndHint
    "#]],
    );
}

#[test]
fn what_comes_late_or_again_is_dropped() {
    let last = with(result(1.0, 1.0, "due"), &["is_final"]);
    let late = result(0.5, 0.5, "un");
    let longer = with(result(1.0, 1.5, "due e"), &["is_final"]);
    let next = result(2.0, 0.5, "tre");
    check(
        &[last.clone(), late, last, longer, next],
        &expect![[r#"
        0! due
        1~ tre
    "#]],
    );
}

#[test]
fn a_final_without_length_hides_nothing_after_it() {
    let empty = with(result(2.0, 0.0, ""), &["is_final", "from_finalize"]);
    check(
        &[empty, result(2.0, 0.5, "ciao")],
        &expect![[r#"
        0~ ciao
    "#]],
    );
}

#[test]
fn silence_ends_nothing() {
    let silence = with(result(0.0, 1.0, ""), &["is_final", "speech_final"]);
    check(&[silence, json!({ "type": "UtteranceEnd" })], &expect![""]);
}

#[test]
fn a_refused_wish_or_an_unknown_frame_changes_nothing() {
    let frames = [
        json!({ "type": "Error", "variant": "KeytermsNotSupported", "description": "no" }),
        json!({ "type": "ConfigureFailure" }),
        json!({ "type": "SpeechStarted", "timestamp": 0.1 }),
        json!({ "type": "SomethingNew", "start": "x" }),
    ];
    check(&frames, &expect![""]);
}

#[test]
fn an_asked_for_end_is_no_hint() {
    let mut wire = wire();
    assert_eq!(wire.give(Sound::Flush), [command("Finalize")]);
    let last = with(result(0.0, 1.0, "sì"), &["is_final", "speech_final", "from_finalize"]);
    expect![[r#"
        0! sì
        Flushed
    "#]]
    .assert_eq(&told(&mut wire, &[last.clone(), last]));
}

#[test]
fn hints_are_given_to_models_that_take_them_and_not_without_end() {
    let phrases: Arc<[String]> = vec!["ciao".to_owned(); 80].into();
    let [Outgoing::Text(sent)] = &wire().give(Sound::Expect(phrases.clone()))[..] else {
        panic!("one text is sent");
    };
    let sent: Value = serde_json::from_str(sent).unwrap();
    assert_eq!(sent["keyterms"].as_array().unwrap().len(), MAX_KEYTERMS);
    let mut older = DeepgramWire::new("deepgram".to_owned(), false);
    assert_eq!(older.give(Sound::Expect(phrases)), []);
}

#[test]
fn what_cannot_be_read_is_not_repeated() {
    for text in ["", "<html>", "[]", r#"{"type":"Results","start":"my secret"}"#] {
        let error = wire().hear(text).unwrap_err().to_string();
        assert!(error.contains("unusable") && !error.contains("secret"), "{error}");
    }
}

proptest! {
    #[test]
    fn each_segment_is_final_once_and_then_over(
        results in prop::collection::vec(
            (-1.0..1e3, -1.0..10.0, "[a-c ]{0,3}", any::<[bool; 3]>()), 0..40,
        ),
    ) {
        let mut wire = wire();
        let mut heard = Vec::new();
        for (start, duration, text, flags) in results {
            let mut frame = result(start, duration, &text);
            for (flag, is_set) in ["is_final", "speech_final", "from_finalize"].iter().zip(flags) {
                frame[*flag] = json!(is_set);
            }
            heard.extend(wire.hear(&frame.to_string()).unwrap());
        }
        prop_assert!(one_final_for_each_segment(&heard));
    }

    #[test]
    fn no_text_is_too_odd(text in ".*") {
        drop(wire().hear(&text));
    }
}
