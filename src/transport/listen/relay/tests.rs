//! Scripts of what is perceived, and what a client is told of it.

use expect_test::{Expect, expect};

use super::*;
use crate::domain::{Confidence, HeardWord};

const LIVE: &str = "encoding=linear16&sample_rate=16000&interim_results=true&endpointing=500\
                    &utterance_end_ms=1000&vad_events=true";
const PLAIN: &str = "encoding=linear16&sample_rate=16000";

/// A line of a script is `heard MS`, `on MS`, `off MS`, `maybe FROM TO WORDS`, `words FROM TO WORDS`, `untimed WORDS`,
/// or `finalize`, `flushed`, `failed`, `close`, `end`.
fn check(query: &str, script: &str, expected: Expect) {
    let author = Author { request_id: "r".into(), engine: "told".into(), channels: 1 };
    let mut relay = Relay::new(Wanted::read(query).unwrap(), author);
    let mut trace = String::new();
    for line in script.split(", ") {
        trace += &format!("{line}\n");
        for frame in play(&mut relay, line) {
            trace += &format!("  {}\n", shown(&frame));
        }
    }
    expected.assert_eq(&trace);
}

fn play(relay: &mut Relay, line: &str) -> Vec<Value> {
    let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
    let ms = || rest.parse().unwrap();
    match what {
        "heard" => relay.advance(ms()),
        "on" => relay.perceive(Perception::VoiceOn { at_ms: ms() }),
        "off" => relay.perceive(Perception::VoiceOff { at_ms: ms() }),
        "maybe" => relay.perceive(Perception::Transcript(timed(rest, false))),
        "words" => relay.perceive(Perception::Transcript(timed(rest, true))),
        "untimed" => relay.perceive(Perception::Transcript(Transcript {
            text: rest.to_owned(),
            is_final: true,
            ..Transcript::default()
        })),
        "flushed" => relay.perceive(Perception::Flushed),
        "failed" => {
            let provider = "secret".to_owned();
            relay
                .perceive(Perception::Failed(crate::providers::ProviderError::Stalled { provider }))
        }
        "finalize" => {
            relay.finalize();
            Vec::new()
        }
        "close" => {
            relay.close();
            Vec::new()
        }
        "end" => relay.end("2026-11-21T00:00:00.000Z", "0a"),
        other => panic!("{other}"),
    }
}

fn timed(text: &str, is_final: bool) -> Transcript {
    let mut parts = text.splitn(3, ' ');
    let (from, to) = (parts.next().unwrap(), parts.next().unwrap());
    let (from, to): (u64, u64) = (from.parse().unwrap(), to.parse().unwrap());
    let text = parts.next().unwrap_or_default().to_owned();
    let texts: Vec<&str> = text.split_whitespace().collect();
    let each = (to - from) / (texts.len() as u64).max(1);
    let words = texts.iter().zip(0..).map(|(text, index)| HeardWord {
        text: (*text).to_owned(),
        start_ms: from + each * index,
        end_ms: from + each * (index + 1),
        confidence: None,
    });
    let words = words.collect();
    let confidence = Some(Confidence::from_share(0.9));
    Transcript { segment: 0, text, is_final, confidence, words }
}

fn shown(frame: &Value) -> String {
    if frame["type"] != "Results" {
        return unversioned(&frame.to_string());
    }
    let marks = ["is_final", "speech_final", "from_finalize"];
    let marks = marks.into_iter().filter(|mark| frame[mark] == true).collect::<Vec<_>>();
    let text = &frame["channel"]["alternatives"][0]["transcript"];
    format!("Results {text} {}+{} {}", frame["start"], frame["duration"], marks.join(" "))
}

fn unversioned(text: &str) -> String {
    text.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[test]
fn words_come_early_then_for_good_and_silence_ends_what_was_said() {
    check(
        LIVE,
        "heard 300, on 200, maybe 200 500 Hello, words 200 900 Hello there., off 900, heard 1400, heard 1500, heard 2000",
        expect![[r#"
            heard 300
            on 200
              {"type":"SpeechStarted","channel":[0,1],"timestamp":0.2}
            maybe 200 500 Hello
              Results "Hello" 0.0+0.5 
            words 200 900 Hello there.
              Results "Hello there." 0.0+0.9 is_final
            off 900
            heard 1400
            heard 1500
              Results "" 0.9+0.6 is_final speech_final
            heard 2000
              {"type":"UtteranceEnd","channel":[0,1],"last_word_end":0.9}
        "#]],
    );
}

#[test]
fn words_that_come_after_the_silence_end_what_was_said_themselves() {
    check(
        LIVE,
        "on 200, off 900, heard 2100, words 200 900 Hello there.",
        expect![[r#"
            on 200
              {"type":"SpeechStarted","channel":[0,1],"timestamp":0.2}
            off 900
            heard 2100
            words 200 900 Hello there.
              Results "Hello there." 0.0+0.9 is_final speech_final
              {"type":"UtteranceEnd","channel":[0,1],"last_word_end":0.9}
        "#]],
    );
}

#[test]
fn a_short_pause_ends_nothing_and_a_long_one_is_noticed_even_when_the_next_voice_is_told_first() {
    check(
        LIVE,
        "on 0, words 0 800 One, off 800, heard 1100, on 1000, words 1000 1500 two, off 1500, on 2100, words 2100 2500 three",
        expect![[r#"
            on 0
              {"type":"SpeechStarted","channel":[0,1],"timestamp":0.0}
            words 0 800 One
              Results "One" 0.0+0.8 is_final
            off 800
            heard 1100
            on 1000
              {"type":"SpeechStarted","channel":[0,1],"timestamp":1.0}
            words 1000 1500 two
              Results "two" 0.8+0.7 is_final
            off 1500
            on 2100
              Results "" 1.5+0.0 is_final speech_final
              {"type":"SpeechStarted","channel":[0,1],"timestamp":2.1}
            words 2100 2500 three
              Results "three" 1.5+1.0 is_final
        "#]],
    );
}

#[test]
fn who_asks_for_little_is_told_little() {
    check(
        PLAIN,
        "on 200, maybe 200 500 Hello, heard 1200, off 900, words 200 900 Hello, heard 3000",
        expect![[r#"
            on 200
            maybe 200 500 Hello
            heard 1200
            off 900
            words 200 900 Hello
              Results "Hello" 0.0+0.9 is_final
            heard 3000
              Results "" 0.9+2.1 is_final speech_final
        "#]],
    );
}

#[test]
fn finalize_is_answered_by_one_result_whether_or_not_there_are_words() {
    check(
        PLAIN,
        "on 0, heard 900, finalize, words 0 400 One, words 400 800 two, flushed, finalize, flushed",
        expect![[r#"
            on 0
            heard 900
            finalize
            words 0 400 One
            words 400 800 two
              Results "One" 0.0+0.4 is_final
            flushed
              Results "two" 0.4+0.4 is_final from_finalize
            finalize
            flushed
              Results "" 0.8+0.1 is_final from_finalize
        "#]],
    );
}

#[test]
fn the_last_words_are_the_end_of_what_was_said_and_then_the_sound_is_accounted_for() {
    check(
        PLAIN,
        "on 0, heard 900, close, words 0 400 One, words 400 800 two, end",
        expect![[r#"
            on 0
            heard 900
            close
            words 0 400 One
            words 400 800 two
              Results "One" 0.0+0.4 is_final
            end
              Results "two" 0.4+0.4 is_final speech_final
              {"type":"Metadata","transaction_key":"deprecated","request_id":"r","sha256":"0a","created":"2026-11-21T00:00:00.000Z","duration":0.9,"channels":1,"models":["00000000-0000-0000-0000-000000000000"],"model_info":{"00000000-0000-0000-0000-000000000000":{"name":"told","version":"VERSION","arch":"parla"}}}
        "#]],
    );
}

#[test]
fn noise_without_words_is_no_utterance_and_words_need_no_times() {
    check(
        LIVE,
        "on 0, off 300, heard 2000, untimed , on 2500, off 2900, heard 3200, untimed Well., heard 3600, heard 5000",
        expect![[r#"
            on 0
              {"type":"SpeechStarted","channel":[0,1],"timestamp":0.0}
            off 300
            heard 2000
            untimed 
              Results "" 0.0+2.0 is_final
            on 2500
              {"type":"SpeechStarted","channel":[0,1],"timestamp":2.5}
            off 2900
            heard 3200
            untimed Well.
              Results "Well." 2.0+1.2 is_final
            heard 3600
              Results "" 3.2+0.4 is_final speech_final
            heard 5000
              {"type":"UtteranceEnd","channel":[0,1],"last_word_end":2.9}
        "#]],
    );
}

#[test]
fn who_cannot_hear_any_more_does_not_say_what_the_service_said() {
    check(
        PLAIN,
        "failed",
        expect![[r#"
            failed
              {"type":"Error","variant":"hearing_failed","description":"no service of transcription works at the moment","message":"no service of transcription works at the moment"}
        "#]],
    );
}

#[test]
fn a_result_has_every_field_that_deepgrams_has() {
    let author = Author { request_id: "r".into(), engine: "told".into(), channels: 1 };
    let mut relay = Relay::new(Wanted::read(PLAIN).unwrap(), author);
    let told = play(&mut relay, "words 100 500 «¡Hola!»");
    expect![[r#"
        {
          "type": "Results",
          "channel_index": [
            0,
            1
          ],
          "start": 0.0,
          "duration": 0.5,
          "is_final": true,
          "speech_final": false,
          "from_finalize": false,
          "channel": {
            "alternatives": [
              {
                "transcript": "«¡Hola!»",
                "confidence": 0.9,
                "words": [
                  {
                    "word": "hola",
                    "start": 0.1,
                    "end": 0.5,
                    "confidence": 0.9,
                    "punctuated_word": "«¡Hola!»"
                  }
                ]
              }
            ]
          },
          "metadata": {
            "request_id": "r",
            "model_info": {
              "name": "told",
              "version": "VERSION",
              "arch": "parla"
            },
            "model_uuid": "00000000-0000-0000-0000-000000000000"
          }
        }"#]]
    .assert_eq(&unversioned(&serde_json::to_string_pretty(&told[0]).unwrap()));
}
