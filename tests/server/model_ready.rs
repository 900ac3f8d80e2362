//! What a learner sees while the model gets ready, and what it has done by then. A stand-in plays Ollama.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    scripted_ollama::{Script, ScriptedOllama, Step},
    server::{Server, Setup, Socket},
};

/// The requests for one token, which are those that only let a prompt be read.
fn read_beforehand(model: &ScriptedOllama) -> Vec<Value> {
    let chats = model.requests("/api/chat").into_iter().map(|request| request.body);
    chats.filter(|body| body["options"]["num_predict"] == 1).collect()
}

async fn prepare(socket: &mut Socket) {
    socket.send("prepare", json!({"language": "es", "level": "A1", "scenario": "cafe"})).await;
}

fn told_of(frames: &[Value], kind: &str) -> Vec<Value> {
    let of_kind = frames.iter().filter(|frame| frame["data"]["kind"] == kind);
    of_kind.map(|frame| frame["data"].clone()).collect()
}

#[tokio::test]
async fn the_prompt_of_the_first_message_is_read_before_it_is_written() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    for _ in 0..3 {
        prepare(&mut socket).await;
    }
    model.requested("/api/chat", 1).await;
    assert!(server.present("c", &mut socket).await.is_empty(), "no turn has begun");
    let opening =
        json!({"message": "", "scenario": "cafe", "language": "es", "level": "A1", "stream": true});
    socket.send("chat", opening).await;
    socket.turn().await;
    let read = read_beforehand(&model);
    assert_eq!(read.len(), 1);
    let asked = model.requests("/api/chat").pop().unwrap().body;
    assert_eq!(read[0]["messages"], asked["messages"], "the answer finds its prompt read");
    assert_ne!(asked["options"]["num_predict"], 1);
}

#[tokio::test]
async fn a_message_goes_before_the_reading() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    model.script(Script::silence());
    prepare(&mut socket).await;
    model.requested("/api/chat", 1).await;
    server.say("c", "Hola").await;
    model.dropped(1).await;
    assert_eq!(socket.turn().await.last().unwrap()["data"]["text"], "Ciao!");
}

#[tokio::test]
async fn the_practice_tutor_needs_no_preparation() {
    let model = ScriptedOllama::start().await;
    let server = Setup::new(&model).environment("PARLA_MODEL", "practice").start().await;
    let mut socket = server.join("c").await;
    prepare(&mut socket).await;
    assert!(server.present("c", &mut socket).await.is_empty());
    assert!(model.requests("/api/chat").is_empty() && model.requests("/api/generate").is_empty());
}

#[tokio::test]
async fn who_connects_sees_the_model_being_loaded() {
    let model = ScriptedOllama::start().await;
    model.load_takes(Duration::from_secs(2));
    let server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    prepare(&mut socket).await;
    let whole = |frame: &Value| frame["data"]["done"] == 1;
    let frames = socket.take_until(whole).await;
    let told = told_of(&frames, "model-load");
    assert!(told.len() >= 2 && told.len() == frames.len(), "{frames:?}");
    assert_eq!((&told[0]["done"], &told[0]["total"]), (&Value::Null, &Value::Null));
    assert!(told[0]["text"].as_str().unwrap().contains("llama3.2"), "{told:?}");
    assert!(frames.iter().all(|frame| frame.get("seq").is_none()));
}

#[tokio::test]
async fn a_cold_model_is_waited_for_longer_than_a_silent_one() {
    let model = ScriptedOllama::start().await;
    model.load_takes(Duration::from_secs(4));
    let setup = Setup::new(&model).settings("[patience]\nfirst_text = 1.5\n");
    let server = setup.start().await;
    let mut socket = server.join("c").await;
    server.say("c", "Hello").await;
    let frames = socket.turn().await;
    assert_eq!(frames.last().unwrap()["type"], "conversation-complete", "{frames:?}");
    assert!(told_of(&frames, "model-load").len() >= 3, "{frames:?}");
}

#[tokio::test]
async fn a_model_that_the_operator_names_is_pulled_and_the_learner_sees_how_far_it_is() {
    let model = ScriptedOllama::start().await;
    model.offer("gemma3:4b", Script::pull(Duration::from_millis(300)));
    let server = Setup::new(&model).environment("PARLA_MODEL", "ollama:gemma3:4b").start().await;
    let mut socket = server.join("c").await;
    server.say("c", "Hello").await;
    let frames = socket.turn().await;
    assert_eq!(frames.last().unwrap()["data"]["text"], "Ciao!", "{frames:?}");
    let told = told_of(&frames, "model-pull");
    assert!(told.iter().any(|told| told["done"] == 300 && told["total"] == 600), "{told:?}");
    assert_eq!(
        (&told.last().unwrap()["done"], &told.last().unwrap()["total"]),
        (&json!(1000), &json!(1000))
    );
    assert_eq!(model.requests("/api/pull").len(), 1);
}

#[tokio::test]
async fn while_a_model_is_pulled_the_fallback_model_answers() {
    let model = ScriptedOllama::start().await;
    model.offer("gemma3:4b", Script::pull(Duration::from_secs(600)));
    let setup = Setup::new(&model).environment("PARLA_MODEL", "ollama:gemma3:4b");
    let server = setup.environment("PARLA_FALLBACK_MODEL", "ollama:llama3.2").start().await;
    let turn = server.chat(json!({"message": "Hello"})).await;
    assert_eq!(turn.json()["text"], "Ciao!", "{turn:?}");
    assert_eq!(model.requests("/api/chat")[0].body["model"], "llama3.2");
}

#[tokio::test]
async fn a_model_slower_than_speech_is_told_of_once() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let tokens = (0..20).map(|_| Step::Token("Good morning. ".to_owned()));
    let end = json!({"done": true, "eval_count": 20, "eval_duration": 10_000_000_000_u64});
    model.always(Script::new(tokens.chain([Step::Line(end.to_string())])));
    let mut socket = server.join("c").await;
    for round in 0..2 {
        server.say("c", "Hello").await;
        let frames = socket.turn().await;
        let notices: Vec<_> = frames.iter().filter(|frame| frame["type"] == "notice").collect();
        assert_eq!(notices.len(), 1 - round, "{frames:?}");
        if let [notice] = notices.as_slice() {
            assert_eq!(notice["data"]["code"], "model_slow");
            assert!(notice["data"]["text"].as_str().unwrap().contains("2.0 tokens"), "{notice}");
        }
    }
}
