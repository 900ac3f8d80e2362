//! The server goes down politely, with a crowd on it: who may stay stays, and nobody is sent away with the others.
//!
//! `PARLA_TEST_SOCKETS` and `PARLA_TEST_TURNS` say how many there are.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::net::TcpStream;

use crate::support::{
    dice::given,
    scripted_ollama::{Script, ScriptedOllama},
    server::{Server, Socket, signal},
};

const SOCKETS: u64 = 100;
const TURNS: u64 = 5;
/// Sockets are sent away over this time.
const FAREWELL: Duration = Duration::from_secs(3);
/// From the signal to the end of the process.
const GONE_IN: Duration = Duration::from_secs(15);

#[tokio::test]
async fn a_crowd_is_sent_away_bit_by_bit_and_what_is_being_said_is_said_to_its_end() {
    let model = ScriptedOllama::start().await;
    let mut server = Server::start(&model).await;
    let sockets = given("PARLA_TEST_SOCKETS").unwrap_or(SOCKETS);
    let turns = given("PARLA_TEST_TURNS").unwrap_or(TURNS);
    let mut crowd = Vec::new();
    for number in 0..sockets {
        crowd.push(server.join(&format!("c{}", number % turns)).await);
    }
    let pace = Duration::from_millis(60);
    model.always(Script::say(&"This sentence is said to its end. ".repeat(5)).paced(pace, pace));
    let names: Vec<_> = (0..turns).map(|turn| format!("c{turn}")).collect();
    join_all(names.iter().map(|name| server.say(name, "Hello"))).await;

    server.terminate().await;
    let asked = Instant::now();
    let closings = join_all(crowd.iter_mut().map(|socket| closing(socket, asked)));
    let (closed, refused) = tokio::join!(closings, refuses_after(&server, asked));
    assert!(refused < Duration::from_secs(1), "{refused:?}");
    let thirds: Vec<_> = (0..3).map(|third| FAREWELL * third / 3).collect();
    for (place, from) in thirds.iter().enumerate() {
        let until = thirds.get(place + 1).map_or(FAREWELL * 2, |next| *next);
        let share = closed.iter().filter(|after| (*from..until).contains(*after)).count();
        assert!(share > closed.len() / 7, "{share} in the {place}. third of {closed:?}");
    }
    assert!(server.ended().await.success());
    assert!(asked.elapsed() < GONE_IN, "{:?}", asked.elapsed());
    let server = server.kill().await.start().await;
    assert!(asked.elapsed() < GONE_IN, "{:?}", asked.elapsed());
    for name in names {
        let stored = server.messages(&name).await;
        assert_eq!(stored[0]["turnState"], "complete", "{stored:#?}");
    }
}

/// When the socket was sent away, counted from the signal.
async fn closing(socket: &mut Socket, asked: Instant) -> Duration {
    assert_eq!(socket.closed().await.0, 3001);
    asked.elapsed()
}

/// When the listener was closed, counted from the signal.
async fn refuses_after(server: &Server, asked: Instant) -> Duration {
    while TcpStream::connect(server.authority()).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    asked.elapsed()
}

#[tokio::test]
async fn a_hangup_ends_no_service() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    for _ in 0..2 {
        signal("-HUP", &server.process_id().to_string()).await;
    }
    server.log_says("SIGHUP changes nothing").await;
    assert_eq!(server.chat(json!({"message": "Hello"})).await.status, 200);
}
