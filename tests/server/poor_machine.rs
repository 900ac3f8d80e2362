//! A machine that is short of everything: of processors, of memory, of a clock that can be trusted.

use std::{
    fs,
    process::{Child, Command},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    scripted_ollama::{Script, ScriptedOllama},
    scripted_voice::{self, ScriptedVoice},
    server::{Setup, is_audible},
};

/// After this time without a pong a connection is taken for dead.
const PONG_IN: Duration = Duration::from_secs(8);

/// A process that takes all that it gets of a processor, until it is dropped.
struct Glutton(Child);

impl Glutton {
    fn start() -> Self {
        // Should nobody be left to end it, it ends when it has had enough.
        Self(Command::new("sh").args(["-c", "ulimit -t 20; while :; do :; done"]).spawn().unwrap())
    }
}

impl Drop for Glutton {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn with_starved_processors_pings_are_answered_in_time_and_turns_are_spoken() {
    let model = ScriptedOllama::start().await;
    // It gets a tenth of what others take: so few of them starve it, and not the tests that run beside this one.
    let server = Setup::new(&model).through(&["nice", "-n", "10"]).start().await;
    let mut socket = server.join("c").await;
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let _gluttons: Vec<_> = (0..cores).map(|_| Glutton::start()).collect();
    model.always(Script::say("This is spoken by a real voice. And so is this sentence of it."));
    let speaking = join_all((0..4).map(|number| {
        server.chat(json!({"message": "Hello", "conversationId": number.to_string()}))
    }));
    let pinging = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..10 {
            let asked = Instant::now();
            socket.send("ping", json!({})).await;
            socket.until("pong").await;
            slowest = slowest.max(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        slowest
    };
    let (turns, slowest) = tokio::join!(speaking, pinging);
    assert!(slowest < PONG_IN, "{slowest:?}");
    for turn in turns {
        assert_eq!(turn.json()["chunks"][0]["ttsStatus"], "completed", "{turn:?}");
    }
}

#[tokio::test]
#[ignore = "needs a control group: scripts/faults"]
async fn within_256_megabytes_a_crowd_is_served_or_refused_and_the_server_lives() {
    let model = ScriptedOllama::start().await;
    let voice = ScriptedVoice::start(scripted_voice::Script::default()).await.unwrap();
    let setup = Setup::new(&model).voice(&voice, "scripted,espeak").within_memory("256M");
    let server = setup.start().await;
    let names: Vec<_> = (0..500).map(|number| format!("c{number}")).collect();
    // Nobody reads from these: what they are sent has to wait somewhere.
    let _crowd = join_all(names.iter().map(|name| server.join(name))).await;
    for round in 0..3 {
        let text =
            format!("Here is round {round}, which is long enough to have a sound. ").repeat(20);
        model.always(Script::say(&text));
        let answers = join_all(names.iter().map(|name| {
            server.chat(json!({"message": "Hello", "conversationId": name, "useWebSocket": true}))
        }));
        for answer in answers.await {
            assert!([202, 429, 503].contains(&answer.status), "{answer:?}");
        }
    }
    assert!(server.memory_kib().await < 256 * 1024);
    model.scene("Are you there?", Script::say("The server lives."));
    let after = server.chat(json!({"message": "Are you there?", "conversationId": "after"})).await;
    assert_eq!(after.json()["text"], "The server lives.");
}

#[tokio::test]
#[ignore = "needs libfaketime: scripts/faults"]
async fn a_clock_that_jumps_hurries_nobody_and_changes_no_order() {
    let model = ScriptedOllama::start().await;
    let server = Setup::new(&model).with_a_clock_to_set().start().await;
    let pace = Duration::from_millis(30);
    model.always(Script::say("This is the beginning. And here it ends.").paced(pace, pace));
    let mut links = Vec::new();
    for (name, shift) in [("a", "+1h"), ("b", "-1h"), ("c", "+1d"), ("d", "-1d")] {
        let mut socket = server.join(name).await;
        let began = Instant::now();
        server.say(name, "Hello").await;
        socket.until("conversation-start").await;
        fs::write(server.folder().join("clock"), shift).unwrap();
        let frames = socket.turn().await;
        assert_eq!(frames.last().unwrap()["type"], "conversation-complete", "{frames:#?}");
        assert!(began.elapsed() < Duration::from_secs(5));
        socket.send("ping", json!({})).await;
        socket.until("pong").await;
        let stored = server.messages(name).await;
        assert_eq!(roles(&stored), ["user", "assistant"]);
        links.push(stored[1]["chunks"][0]["audioUrl"].as_str().unwrap().to_owned());
    }
    let listed = server.get("/api/v1/conversations").await.json();
    let newest_first: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    assert_eq!(newest_first, ["d", "c", "b", "a"]);
    for link in links {
        assert!(is_audible(&server.get(&link).await.body));
    }
    assert!(jumped(&listed), "the clock was never set: {listed}");
}

fn roles(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["role"].as_str().unwrap()).collect()
}

/// Whether the times that are shown lie hours apart, as the clock had it.
fn jumped(listed: &Value) -> bool {
    let days =
        |item: &Value| item["createdAt"].as_str().unwrap().split('T').next().unwrap().to_owned();
    let days: Vec<_> = listed["items"].as_array().unwrap().iter().map(days).collect();
    days.windows(2).any(|pair| pair[0] != pair[1])
}
