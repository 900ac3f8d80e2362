//! `parla doctor` in houses that are in order, and in others. It tells each fault by its name and leaves it as it is.

use serde_json::Value;

use super::command::{Place, Said};
use crate::support::{
    scripted_ollama::{Pulled, Script, ScriptedOllama},
    scripted_voice::{self, ScriptedVoice},
    server::Server,
};

async fn examine(place: &Place) -> (Said, Value) {
    let said = place.run(&["doctor", "--json"], "").await;
    let report = said.json();
    (said, report)
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut checks = report["checks"].as_array().unwrap().iter();
    checks.find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

fn text<'a>(check: &'a Value, field: &str) -> &'a str {
    check[field].as_str().unwrap_or_else(|| panic!("no {field} in {check:#}"))
}

#[tokio::test]
async fn a_house_in_order_is_told_so_and_left_as_it_was() {
    let ollama = ScriptedOllama::start().await;
    let place = Place::new(&ollama);
    let (said, report) = examine(&place).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let left = std::fs::read_dir(place.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["prompts"]);
    for name in ["settings", "data folder", "database", "audio cache", "keys", "doors", "clock"] {
        assert_eq!(check(&report, name)["state"], "ok", "{report:#}");
    }
    let espeak = text(check(&report, "voice espeak"), "cause");
    assert!(espeak.contains("eSpeak NG 1.") && espeak.contains("a word of"), "{espeak}");
    let model = text(check(&report, "model"), "cause");
    assert!(model.contains("llama3.2:latest answers, of 1 pulled"), "{model}");
}

#[tokio::test]
async fn a_loaded_model_is_listened_to_for_its_pace() {
    let ollama = ScriptedOllama::start().await;
    ollama.pull([Pulled::named("qwen3:4b").loaded_with(8192)]);
    ollama.script(Script::say("one two three four five six seven eight nine ten eleven twelve"));
    let (_, report) = examine(&Place::new(&ollama)).await;
    let model = text(check(&report, "model"), "cause");
    assert!(model.contains("qwen3:4b answers") && model.contains("tokens a second"), "{model}");
}

#[tokio::test]
async fn a_model_that_is_missing_comes_with_the_one_command_that_helps() {
    let ollama = ScriptedOllama::start().await;
    ollama.pull([]);
    let (said, report) = examine(&Place::new(&ollama)).await;
    assert_eq!(text(check(&report, "model"), "fix"), "ollama pull llama3.2");
    assert_eq!(said.err, "parla: a check fails\n");
    assert_eq!((said.code, &report["state"]), (Some(1), &"fail".into()));
    let place = Place::new(&ollama).environment("PARLA_MODEL", "auto");
    let (said, report) = examine(&place).await;
    assert_eq!(check(&report, "model")["state"], "warn", "the practice tutor can teach");
    assert_eq!(said.code, Some(0));
}

#[tokio::test]
async fn an_ollama_that_is_not_there_is_told_with_its_address() {
    let ollama = ScriptedOllama::start().await;
    let place = Place::new(&ollama).environment("OLLAMA_HOST", "127.0.0.1:9");
    let (said, report) = examine(&place).await;
    assert_eq!(said.code, Some(1));
    let model = check(&report, "model");
    assert!(text(model, "cause").contains("http://127.0.0.1:9"), "{model}");
    assert!(text(model, "fix").contains("ollama serve"), "{model}");
}

#[tokio::test]
async fn an_address_is_taken_by_a_parla_or_by_somebody_else() {
    let ollama = ScriptedOllama::start().await;
    let server = Server::start(&ollama).await;
    let listen = |address: &str| Place::new(&ollama).environment("PARLA_LISTEN", address);
    let address = server.authority();
    let (_, report) = examine(&listen(address)).await;
    let found = check(&report, &format!("listen {address}"));
    assert_eq!(found["state"], "ok", "{found}");
    assert!(text(found, "cause").contains(env!("CARGO_PKG_VERSION")), "{found}");

    let base = ollama.base_url();
    let address = base.strip_prefix("http://").unwrap();
    let (said, report) = examine(&listen(address)).await;
    assert_eq!(check(&report, &format!("listen {address}"))["state"], "fail");
    assert_eq!(said.code, Some(1));
}

#[tokio::test]
async fn the_database_of_a_running_server_is_whole_and_a_damaged_one_is_not() {
    let ollama = ScriptedOllama::start().await;
    let server = Server::start(&ollama).await;
    server.say("lesson", "Hola").await;
    let data = server.folder().join("data");
    let place = Place::new(&ollama).environment("PARLA_DATA", data.to_str().unwrap());
    let (_, report) = examine(&place).await;
    assert_eq!(check(&report, "database")["state"], "ok", "{report:#}");
    assert!(text(check(&report, "database"), "cause").contains("is whole"));
    assert_eq!(check(&report, "keys")["state"], "ok");
    server.say("lesson", "Adiós").await;

    let place = Place::new(&ollama);
    std::fs::create_dir(place.path().join("data")).unwrap();
    place.write("data/parla.db", "this was a database once ".repeat(200));
    let (said, report) = examine(&place).await;
    assert_eq!(check(&report, "database")["state"], "fail");
    assert_eq!(said.code, Some(1));
}

#[tokio::test]
async fn without_espeak_its_check_alone_fails() {
    let ollama = ScriptedOllama::start().await;
    let place = Place::new(&ollama);
    // What is no library takes the place of the system's.
    for name in ["libespeak-ng.so.1", "libespeak-ng.so", "libespeak-ng.1.dylib"] {
        place.write(name, "no library");
    }
    let folder = place.path().to_str().unwrap().to_owned();
    let (said, report) = examine(&place.environment("LD_LIBRARY_PATH", folder)).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    let states = report["checks"].as_array().unwrap().iter();
    let failed: Vec<&Value> = states.filter(|check| check["state"] == "fail").collect();
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert_eq!(failed[0]["name"], "voice espeak");
    assert!(text(failed[0], "fix").contains("espeak-ng"), "{failed:?}");
}

#[tokio::test]
async fn a_voice_that_refuses_its_key_is_told_without_it() {
    let voice = ScriptedVoice::start(scripted_voice::Script {
        key: Some("right"),
        lists_voices: true,
        ..scripted_voice::Script::default()
    })
    .await
    .unwrap();
    let settings = |key: &str| {
        format!(
            "tts = [\"own\"]\n[providers.own]\nurl = {:?}\nmodel = \"tts-1\"\nvoice = \"alloy\"\nkey = {key:?}\n",
            voice.url()
        )
    };
    let ollama = ScriptedOllama::start().await;
    let place = Place::new(&ollama);
    place.write("parla.toml", settings("canary-in-a-mine"));
    let (said, report) = examine(&place).await;
    assert_eq!(said.code, Some(1));
    let found = check(&report, "voice own");
    assert!(text(found, "fix").contains("[providers.own]"), "{found}");
    assert!(!format!("{said:?}").contains("canary-in-a-mine"), "{said:?}");
    place.write("parla.toml", settings("right"));
    let (_, report) = examine(&place).await;
    let cause = text(check(&report, "voice own"), "cause");
    assert!(cause.starts_with("own has 3 voices; a word of"), "{cause}");
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_the_only_finding() {
    let ollama = ScriptedOllama::start().await;
    let place = Place::new(&ollama);
    place.write("parla.toml", "volume = 11\n");
    let (said, report) = examine(&place).await;
    assert_eq!(said.code, Some(1));
    assert_eq!(report["checks"].as_array().unwrap().len(), 1);
    let cause = text(check(&report, "settings"), "cause");
    assert!(cause.contains("parla.toml") && cause.contains("volume"), "{cause}");
}

#[tokio::test]
async fn people_are_told_in_lines_and_a_slip_is_pointed_out() {
    let ollama = ScriptedOllama::start().await;
    let place = Place::new(&ollama).environment("PARLA_LISTN", "x");
    let said = place.run(&["doctor"], "").await;
    assert_eq!(said.code, Some(0));
    let first = said.out.lines().next().unwrap();
    assert!(first.starts_with("warn  settings") && first.contains("PARLA_LISTEN?"), "{first}");
}
