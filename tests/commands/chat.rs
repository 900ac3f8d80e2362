//! `parla chat` with its input piped in: the same socket, screen and players as at a terminal.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::ChildStdout,
    time::timeout,
};

use super::command::{PATIENCE, Place, Said};
use crate::support::{
    scripted_ollama::{Script, ScriptedOllama, Step},
    server::{Setup, signal},
};

/// A player that takes a moment and remembers when it began and that it came to its end.
const PLAYER: &str =
    "#!/bin/sh\n/bin/head -c 4 \"$2\" >> heard\n/bin/sleep 0.1\necho ' to the end' >> heard\n";

fn put_player(place: &Place, name: &str, script: &str) {
    place.write(name, script);
    let file = place.path().join(name);
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn read(place: &Place, file: &str) -> String {
    std::fs::read_to_string(place.path().join(file)).unwrap_or_default()
}

#[tokio::test]
async fn each_line_is_answered_and_the_end_of_the_input_waits_for_the_last_answer() {
    let ollama = ScriptedOllama::start().await;
    ollama.say("[happy] ¡Qué rico! [curious] ¿Dónde comiste? [fix: yo comió -> yo comí | past]");
    ollama.say("[calm] Muy bien, hasta luego.");
    let place = Place::new(&ollama);
    let arguments = ["chat", "--language", "es", "--level", "A2", "--no-audio"];
    let said = place.run(&arguments, "Ayer yo comió paella.\nEn casa.\n").await;
    assert_eq!(said.code, Some(0), "{said:?}");
    for line in [
        "😊 ¡Qué rico!",
        "🤔 ¿Dónde comiste?",
        "✎ yo comió → yo comí (past)",
        "😌 Muy bien, hasta luego.",
    ] {
        assert!(said.out.lines().any(|shown| shown == line), "{line} is not in {said:?}");
    }
    assert_eq!(said.err, "");
    let asked = ollama.requests("/api/chat");
    let told = format!("{:?}", asked.last().unwrap());
    assert!(told.contains("paella") && told.contains("A2"), "{told}");
    assert!(place.path().join("data/parla.db").exists(), "the conversation is kept");
}

#[tokio::test]
async fn every_sentence_is_played_to_its_end_in_its_order() {
    let ollama = ScriptedOllama::start().await;
    ollama.say("This is the first sentence. This is the second one. And this is the third.");
    let place = Place::new(&ollama);
    put_player(&place, "aplay", PLAYER);
    // It comes first and cannot play.
    put_player(&place, "paplay", "#!/bin/sh\nexit 1\n");
    let path = place.path().to_str().unwrap().to_owned();
    let place = place.environment("PATH", path);
    let said = place.run(&["chat"], "Hello\n").await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(read(&place, "heard"), "RIFF to the end\n".repeat(3));
}

#[tokio::test]
async fn a_running_server_is_joined_also_when_it_asks_for_its_key() {
    let ollama = ScriptedOllama::start().await;
    let server = Setup::new(&ollama).environment("PARLA_LISTEN", "0.0.0.0:0").start().await;
    let data = server.folder().join("data");
    let (_, port) = server.authority().rsplit_once(':').unwrap();
    let place = Place::new(&ollama)
        .environment("PARLA_LISTEN", format!("0.0.0.0:{port}"))
        .environment("PARLA_DATA", data.to_str().unwrap());
    let said = place.run(&["chat", "--no-audio", "--conversation", "evening"], "Buenas\n").await;
    assert_eq!((said.code, said.out.as_str()), (Some(0), "🙂 Ciao!\n"), "{said:?}");
    let stored = server
        .request(reqwest::Method::GET, "/api/v1/conversations/evening/messages")
        .bearer_auth(server.key())
        .send()
        .await
        .unwrap();
    assert!(stored.text().await.unwrap().contains("Buenas"));
}

#[tokio::test]
async fn the_first_ctrl_c_stops_the_tutor_and_the_second_one_leaves() {
    let ollama = ScriptedOllama::start().await;
    ollama.script(Script::new([Step::Token("I talk without an end. ".to_owned()), Step::Hang]));
    let place = Place::new(&ollama);
    let mut child = place.start(&["chat", "--no-audio"]);
    let process = child.id().unwrap().to_string();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"Hello\n").await.unwrap();
    let mut out = child.stdout.take().unwrap();
    until(&mut out, "🙂 I talk without an end.").await;
    signal("-INT", &process).await;
    until(&mut out, "· stopped").await;
    signal("-INT", &process).await;
    assert_eq!(Said::of(child).await.code, Some(0));
    drop(stdin);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn whoever_types_at_a_terminal_interrupts_the_tutor_and_silences_the_player() {
    let ollama = ScriptedOllama::start().await;
    let endless = Step::Token("I talk and I talk without an end. ".to_owned());
    ollama.script(Script::new([endless, Step::Hang]));
    ollama.say("As you like.");
    let place = Place::new(&ollama);
    put_player(&place, "aplay", "#!/bin/sh\necho begun >> heard\nexec /bin/sleep 600\n");
    let path = place.path().to_str().unwrap().to_owned();
    let place = place.environment("PATH", path);
    // A terminal of its own.
    let talk = format!("exec {} chat", env!("CARGO_BIN_EXE_parla"));
    let mut child = place.start_program("/usr/bin/script", &["-qec", &talk, "/dev/null"]);
    let (mut stdin, mut out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    until(&mut out, "> ").await;
    stdin.write_all(b"Hello\n").await.unwrap();
    until(&mut out, "without an end.").await;
    until_heard(&place, "begun\n").await;
    stdin.write_all(b"Wait!\n").await.unwrap();
    until(&mut out, "As you like.").await;
    until_heard(&place, "begun\nbegun\n").await;
    // Ctrl-C: once while it is heard, once more.
    stdin.write_all(b"\x03").await.unwrap();
    until(&mut out, "> ").await;
    stdin.write_all(b"\x03").await.unwrap();
    assert_eq!(Said::of(child).await.code, Some(0));
    drop((stdin, out));
}

#[tokio::test]
async fn a_model_that_fails_is_told_without_its_keys_and_the_talk_goes_on() {
    let ollama = ScriptedOllama::start().await;
    ollama.script(Script::refusal(401, &[], r#"{"error": "the key sk-canary is wrong"}"#));
    ollama.say("Here I am again.");
    let said = Place::new(&ollama).run(&["chat", "--no-audio"], "Hello\nAgain\n").await;
    assert_eq!(said.code, Some(0));
    assert!(said.out.contains("· ollama refused: 401"), "{said:?}");
    assert!(said.out.contains("Here I am again."), "{said:?}");
    assert!(!format!("{said:?}").contains("canary"), "{said:?}");
}

#[tokio::test]
async fn a_scene_is_opened_by_the_tutor() {
    let ollama = ScriptedOllama::start().await;
    let place = Place::new(&ollama).environment("PARLA_MODEL", "practice");
    std::fs::remove_dir_all(place.path().join("prompts")).unwrap();
    let arguments = ["chat", "--no-audio", "--language", "es", "--scenario", "cafe"];
    let said = place.run(&arguments, "").await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("¡Hola!") && said.out.contains("practice tutor"), "{said:?}");
}

/// Reads until the text has come; a line may not have ended yet.
async fn until(out: &mut ChildStdout, text: &str) {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(text) {
        let byte = timeout(PATIENCE, out.read_u8()).await;
        read.push(byte.unwrap_or_else(|_| panic!("no {text}")).unwrap());
    }
}

async fn until_heard(place: &Place, text: &str) {
    let heard = async {
        while read(place, "heard") != text {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, heard).await.unwrap_or_else(|_| panic!("{:?}", read(place, "heard")));
}
