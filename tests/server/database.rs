//! The database is held by somebody else, damaged, or taken away: nothing is promised that is not kept.

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::Path,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, SqliteConnection, query, sqlite::SqliteConnectOptions};
use tokio::time::sleep;

use crate::support::{
    dice::given,
    scripted_ollama::{Script, ScriptedOllama},
    server::{PATIENCE, Server},
};

/// Longer than one try to write, shorter than a test should take; `PARLA_TEST_HELD` says another number of seconds.
const HELD: u64 = 3;

/// Another process, as far as SQLite can tell.
async fn somebody_else(folder: &Path) -> SqliteConnection {
    let file = folder.join("data/parla.db");
    SqliteConnectOptions::new().filename(file).connect().await.unwrap()
}

/// Waits for the answer as long as it takes.
async fn say_patiently(server: &Server) -> u16 {
    let body = json!({"message": "Meanwhile", "conversationId": "d", "useWebSocket": true});
    let request = server.request(Method::POST, "/api/v1/chat").json(&body);
    request.send().await.unwrap().status().as_u16()
}

fn said(messages: &[Value]) -> Vec<&str> {
    let by_learner = messages.iter().filter(|message| message["role"] == "user");
    by_learner.map(|message| message["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn while_another_process_holds_the_database_turns_go_on_and_messages_wait_for_their_place() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    let pace = Duration::from_millis(20);
    model
        .script(Script::say("This is the beginning. And this is the end of it.").paced(pace, pace));
    let turn = server.say("c", "Before").await;
    let mut other = somebody_else(server.folder()).await;
    query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let (began, held) =
        (Instant::now(), Duration::from_secs(given("PARLA_TEST_HELD").unwrap_or(HELD)));

    let meanwhile = async {
        let frames = socket.turn().await;
        assert_eq!(frames.last().unwrap()["type"], "conversation-complete");
        // What is there can be read, though the turn's end is not there yet.
        assert_eq!(said(&server.messages("c").await), ["Before"]);
        sleep(held.saturating_sub(began.elapsed())).await;
        query("ROLLBACK").execute(&mut other).await.unwrap();
        Instant::now()
    };
    let waiting = async { (say_patiently(&server).await, Instant::now()) };
    let (released, (status, acknowledged)) = tokio::join!(meanwhile, waiting);
    assert_eq!(status, 202);
    assert!(acknowledged > released, "nothing is acknowledged before it is saved");
    assert!(acknowledged - released < Duration::from_secs(2));
    server.log_says("storage_held").await;
    assert_eq!(said(&server.messages("d").await), ["Meanwhile"]);
    let stored = server.messages("c").await;
    assert_eq!(json!([stored[1]["turnId"], stored[1]["turnState"]]), json!([turn, "complete"]));
}

#[tokio::test]
#[ignore = "takes most of a minute: scripts/faults"]
async fn a_message_that_has_waited_long_for_another_process_is_refused() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut other = somebody_else(server.folder()).await;
    query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let began = Instant::now();
    assert_eq!(say_patiently(&server).await, 503);
    assert!(began.elapsed().abs_diff(Duration::from_secs(40)) < Duration::from_secs(3));
    query("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(say_patiently(&server).await, 202);
    assert_eq!(said(&server.messages("d").await), ["Meanwhile"]);
}

#[tokio::test]
async fn a_damaged_database_is_refused_with_a_way_out_and_left_as_it_is() {
    let model = ScriptedOllama::start().await;
    let mut server = Server::start(&model).await;
    for number in 0..20 {
        let body = json!({"message": "Hello ".repeat(100), "conversationId": number.to_string()});
        server.chat(body).await;
    }
    server.terminate().await;
    assert!(server.ended().await.success());
    let setup = server.kill().await;
    let file = setup.folder().join("data/parla.db");
    // A polite end leaves nothing beside the file that would take the damage's place.
    let beside = file.with_extension("db-wal").metadata().map_or(0, |found| found.len());
    assert_eq!(beside, 0);
    let whole = std::fs::read(&file).unwrap();
    for page in [0, whole.len() as u64 / 4096 / 2] {
        let mut damaged = File::options().write(true).open(&file).unwrap();
        damaged.seek(SeekFrom::Start(page * 4096)).unwrap();
        damaged.write_all(&[0x55; 4096]).unwrap();
        let before = std::fs::read(&file).unwrap();
        let reason = setup.refuses_to_start().await;
        for word in ["data/parla.db", "damaged", "put back a copy"] {
            assert!(reason.contains(word), "{reason}");
        }
        assert!(std::fs::read(&file).unwrap() == before);
        std::fs::write(&file, &whole).unwrap();
    }
    assert_eq!(setup.start().await.messages("7").await.len(), 2);
}

/// The writer does that by itself, long before SQLite would have somebody's message wait for it.
#[tokio::test]
async fn what_is_saved_comes_into_the_file_while_nobody_waits() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let file = server.folder().join("data/parla.db");
    let length = || file.metadata().unwrap().len();
    let before = length();
    for number in 0..40 {
        server.chat(json!({"message": "Hello", "conversationId": number.to_string()})).await;
    }
    let began = Instant::now();
    while length() == before {
        assert!(began.elapsed() < PATIENCE, "all of it still stands beside the file");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_data_folder_that_is_taken_away_is_noticed_and_welcome_back() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let chat = |text: &str| server.chat(json!({"message": text, "conversationId": "c"}));
    assert_eq!(chat("Before").await.status, 200);
    assert_eq!(server.get("/readyz").await.status, 200);
    let (data, elsewhere) = (server.folder().join("data"), server.folder().join("elsewhere"));
    std::fs::rename(&data, &elsewhere).unwrap();
    for _ in 0..2 {
        assert_eq!(chat("Lost").await.refusal(), (503, "storage_unavailable".to_owned()));
        let ready = server.get("/readyz").await;
        assert_eq!((ready.status, &ready.json()["storage"]["ok"]), (503, &json!(false)));
        assert!(ready.json()["storage"]["reason"].as_str().unwrap().contains("moved or deleted"));
        // A new folder in its place is another one.
        std::fs::create_dir_all(&data).unwrap();
        std::fs::write(data.join("parla.db"), "").unwrap();
    }
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::rename(&elsewhere, &data).unwrap();
    assert_eq!(server.get("/readyz").await.status, 200);
    assert_eq!(chat("After").await.status, 200);
    let server = server.restart().await;
    assert_eq!(said(&server.messages("c").await), ["Before", "After"]);
}

#[tokio::test]
async fn what_a_refused_message_chose_holds_for_nothing() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let chosen = json!({"message": "Hola", "conversationId": "c", "language": "es", "level": "B1"});
    assert_eq!(server.chat(chosen).await.status, 200);
    let (data, elsewhere) = (server.folder().join("data"), server.folder().join("elsewhere"));
    std::fs::rename(&data, &elsewhere).unwrap();
    let refused = json!({
        "message": "Bonjour", "conversationId": "c", "language": "fr", "level": "A1",
        "scenario": "cafe", "clientId": "m",
    });
    assert_eq!(server.chat(refused).await.status, 503);
    std::fs::rename(&elsewhere, &data).unwrap();
    let after = json!({"message": "Buenas", "conversationId": "c"});
    assert_eq!(server.chat(after).await.status, 200);
    let stored = server.messages("c").await;
    let setting = |place: usize| {
        ["language", "level", "scenario"].map(|field| stored[place]["metadata"][field].clone())
    };
    assert_eq!(said(&stored), ["Hola", "Buenas"]);
    assert_eq!(setting(2), [json!("es"), json!("B1"), Value::Null]);
}
