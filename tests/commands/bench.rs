//! `parla bench` with a model and voices whose pace is known. It looks at what is told, not at how fast this machine is.

use std::time::Duration;

use serde_json::Value;

use super::command::Place;
use crate::support::{
    scripted_ollama::{Pulled, Script, ScriptedOllama},
    scripted_voice::{self, ScriptedVoice},
};

const ANSWER: &str =
    "I slept long today. Then I walked through the park. It was rather warm. Now I talk with you.";

#[tokio::test]
async fn model_voice_and_what_they_carry_are_measured_and_no_trace_is_left() {
    let ollama = ScriptedOllama::start().await;
    ollama.pull([Pulled::named("qwen3:4b").loaded_with(8192)]);
    ollama.always(Script::say(ANSWER).paced(Duration::from_millis(100), Duration::from_millis(10)));
    let place = Place::new(&ollama);
    let said = place.run(&["bench", "--turns", "3", "--json"], "").await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let report = said.json();
    let ms = |stage: &str| report["answers"][stage]["median"].as_u64().unwrap();
    assert!(ms("firstToken") >= 100, "{report:#}");
    assert!(ms("firstToken") <= ms("firstChunk") && ms("firstChunk") <= ms("firstAudio"));
    assert_eq!(report["answers"]["turns"], 3);
    let pace = report["model"]["tokensPerSecond"].as_f64().unwrap();
    assert!((20.0..=110.0).contains(&pace), "{pace} tokens a second, one each 10 ms");
    let espeak = &report["voices"][0];
    assert_eq!((&espeak["name"], &espeak["slots"]), (&"espeak".into(), &1.into()));
    assert!(espeak["pace"].as_f64().unwrap() < 1.0, "{report:#}");
    assert!(report["conversations"].as_u64().unwrap() > 1);
    assert_eq!(report["load"], Value::Null);
    let left = std::fs::read_dir(place.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["prompts"], "learners' data is elsewhere");
}

#[tokio::test]
async fn under_load_the_number_of_turns_that_are_admitted_is_found() {
    let ollama = ScriptedOllama::start().await;
    ollama.always(Script::say(ANSWER).paced(Duration::from_millis(300), Duration::from_millis(20)));
    let place = Place::new(&ollama).environment("PARLA_MAX_TURNS", "3");
    let arguments = ["bench", "--turns", "1", "--json", "--load", "--bound", "20000"];
    let said = place.run(&arguments, "").await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let load = &said.json()["load"];
    assert_eq!(load["carried"], 3, "{load:#}");
    let tried = load["steps"].as_array().unwrap();
    let tried: Vec<u64> =
        tried.iter().map(|step| step["conversations"].as_u64().unwrap()).collect();
    assert_eq!(tried, [1, 2, 4, 3]);
    assert_eq!(load["steps"][2]["refused"], 1);
}

#[tokio::test]
async fn a_voice_that_does_not_speak_is_told_and_the_others_are_measured() {
    let voice = ScriptedVoice::start(scripted_voice::Script {
        key: Some("right"),
        ..scripted_voice::Script::default()
    });
    let voice = voice.await.unwrap();
    let ollama = ScriptedOllama::start().await;
    let place = Place::new(&ollama).environment("PARLA_MODEL", "practice");
    let settings = format!(
        "tts = [\"own\", \"espeak\"]\n[providers.own]\nurl = {:?}\nmodel = \"tts-1\"\nvoice = \"alloy\"\nkey = \"sk-canary\"\n",
        voice.url()
    );
    place.write("parla.toml", settings);
    let said = place.run(&["bench", "--turns", "1"], "").await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("voice own") && said.out.contains("401"), "{said:?}");
    assert!(said.out.contains("voice espeak") && said.out.contains("as fast as it is heard"));
    assert!(!said.out.contains("tokens a second"), "prepared lessons are not written");
    assert!(!format!("{said:?}").contains("canary"), "{said:?}");
}
