//! The process is killed at any moment, again and again: what was acknowledged is there, and nothing is there twice.
//!
//! `PARLA_TEST_KILLS` says how often, `PARLA_TEST_SEED` repeats a run.

use std::{
    collections::HashSet,
    io::Write,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    dice::{Dice, given},
    scripted_ollama::{Script, ScriptedOllama},
    server::{Server, Setup, Socket},
};

const KILLS: u64 = 20;
const LEARNERS: usize = 4;
/// The process is killed before this time is over; turns last about as long.
const LIFE: Duration = Duration::from_millis(350);
/// From the start of the process to its being ready.
const READY_IN: Duration = Duration::from_secs(2);

/// Writes down what was sent, and what the server has said of it.
struct Learner {
    conversation: String,
    /// Of those who talk over one; the others talk over HTTP.
    socket: Option<Socket>,
    sent: Vec<String>,
    acknowledged: HashSet<String>,
}

/// What a run has seen, so that it cannot pass by having tried nothing.
#[derive(Debug, Default)]
struct Seen {
    acknowledged: usize,
    interrupted: usize,
    slowest_start: Duration,
}

#[tokio::test]
async fn what_was_acknowledged_survives_every_kill_and_nothing_is_there_twice() {
    let kills = given("PARLA_TEST_KILLS").unwrap_or(KILLS);
    let mut dice = Dice::new(given("PARLA_TEST_SEED").unwrap_or(7));
    let model = ScriptedOllama::start().await;
    let (mut setup, mut seen, mut everyone) = (Setup::new(&model), Seen::default(), Vec::new());
    for round in 0..kills {
        let began = Instant::now();
        let server = setup.start().await;
        let ready = server.get("/readyz").await;
        assert_eq!(ready.status, 200, "{ready:?}");
        seen.slowest_start = seen.slowest_start.max(began.elapsed());

        let arriving = (0..LEARNERS).map(|number| Learner::arrive(&server, round, number));
        let mut learners = join_all(arriving).await;
        let pace = dice.moment(Duration::from_millis(12));
        let text = format!("This is round {round}. It has a second sentence. And a third one.");
        model.always(Script::say(&text).paced(pace, pace));
        let moment = dice.moment(LIFE);
        let workers = server.children().await;
        let speaking = join_all(learners.iter_mut().map(|learner| learner.speak(&server)));
        tokio::join!(speaking, server.die_after(moment));

        let server = server.kill().await.start().await;
        check_leftovers(&server, workers).await;
        for learner in &learners {
            learner.check(&server, &mut seen).await;
            learner.send_again(&server).await;
        }
        everyone.extend(learners);
        setup = server.kill().await;
    }
    let server = setup.start().await;
    for learner in &everyone {
        learner.check_once(&server).await;
    }
    drop(writeln!(std::io::stderr(), "{kills} kills: {seen:?}"));
    assert!(seen.acknowledged > 0 && seen.interrupted > 0, "{seen:?}");
    assert!(seen.slowest_start < READY_IN, "{seen:?}");
}

impl Learner {
    async fn arrive(server: &Server, round: u64, number: usize) -> Self {
        let conversation = format!("round-{round}-learner-{number}");
        let by_socket = number % 2 == 1;
        let socket = if by_socket { Some(server.join(&conversation).await) } else { None };
        Self { conversation, socket, sent: Vec::new(), acknowledged: HashSet::new() }
    }

    /// Talks until the server is gone.
    async fn speak(&mut self, server: &Server) {
        match self.socket.take() {
            Some(socket) => self.speak_by_socket(socket).await,
            None => self.speak_by_http(server).await,
        }
    }

    /// Several messages at once, which interrupt each other.
    async fn speak_by_socket(&mut self, mut socket: Socket) {
        for _ in 0..3 {
            let text = self.next_message();
            let chat = json!({"message": text, "clientId": text, "stream": true});
            if !socket.try_send("chat", chat).await {
                break;
            }
        }
        let told = socket.rest().await;
        let messages = told.iter().filter(|frame| frame["type"] == "message");
        self.acknowledged.extend(messages.map(|frame| text_of(&frame["data"])));
    }

    /// In turns: one message whose answer is waited for, one that is told over sockets.
    async fn speak_by_http(&mut self, server: &Server) {
        // As many as one look into the history shows.
        for _ in 0..20 {
            let text = self.next_message();
            let request = server.request(Method::POST, "/api/v1/chat").json(&self.body(&text));
            let Ok(answer) = request.send().await else { return };
            assert!(answer.status().is_success(), "{answer:?}");
            self.acknowledged.insert(text);
        }
    }

    fn next_message(&mut self) -> String {
        let text = format!("{} says {}", self.conversation, self.sent.len());
        self.sent.push(text.clone());
        text
    }

    fn body(&self, text: &str) -> Value {
        let over_sockets = self.sent.len().is_multiple_of(2);
        json!({
            "message": text, "clientId": text, "conversationId": self.conversation,
            "useWebSocket": over_sockets, "stream": over_sockets,
        })
    }

    /// As a client does that has not heard an answer.
    async fn send_again(&self, server: &Server) {
        for text in self.sent.iter().filter(|text| !self.acknowledged.contains(*text)) {
            let mut body = self.body(text);
            // A body is the same when all of it is; how its answer is told is no part of that.
            body["useWebSocket"] = json!(true);
            server.chat(body).await;
        }
    }

    async fn check(&self, server: &Server, seen: &mut Seen) {
        let stored = server.messages(&self.conversation).await;
        let said: Vec<_> = stored.iter().filter(|m| m["role"] == "user").collect();
        for text in &self.acknowledged {
            let found = said.iter().filter(|message| message["text"] == text.as_str()).count();
            assert_eq!(found, 1, "{text} was acknowledged: {stored:#?}");
        }
        let turns: HashSet<_> = said.iter().map(|message| message["turnId"].to_string()).collect();
        assert_eq!(turns.len(), said.len(), "{stored:#?}");
        for message in said {
            let of_turn = |other: &&Value| other["turnId"] == message["turnId"];
            let answers = stored.iter().filter(of_turn).count() - 1;
            match (text_of_field(message, "turnState").as_str(), answers) {
                ("complete", 1) | ("stopped", 0 | 1) => {}
                ("failed", 0) => {
                    assert_eq!(message["turnCode"], "interrupted");
                    seen.interrupted += 1;
                }
                _ => panic!("{stored:#?}"),
            }
        }
        seen.acknowledged += self.acknowledged.len();
    }

    /// All that was ever sent has been sent again if need be: it is there, and only once.
    async fn check_once(&self, server: &Server) {
        let stored = server.messages(&self.conversation).await;
        let said = stored.iter().filter(|message| message["role"] == "user").map(text_of);
        let mut said: Vec<_> = said.collect();
        let mut sent = self.sent.clone();
        said.sort_unstable();
        sent.sort_unstable();
        assert_eq!(said, sent);
    }
}

/// Nothing of the dead process is left: no half-written sound, no voice.
async fn check_leftovers(server: &Server, workers: Vec<String>) {
    let cache = server.folder().join("audio_cache");
    let is_clean = || {
        let entries = std::fs::read_dir(&cache).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let no_half_file = names.into_iter().all(|name| name.ends_with(".sound"));
        no_half_file && !workers.iter().any(|id| is_running(id))
    };
    let began = Instant::now();
    while !is_clean() {
        assert!(began.elapsed() < READY_IN, "something of the dead process is left");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A dead process may be listed until somebody has taken notice of its end.
fn is_running(id: &str) -> bool {
    let told = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    !told.is_empty() && !told.contains(") Z ")
}

fn text_of(message: &Value) -> String {
    text_of_field(message, "text")
}

fn text_of_field(message: &Value, field: &str) -> String {
    message[field].as_str().unwrap_or_default().to_owned()
}
