//! What goes wrong with the model: the turn fails once with a code, the message stays, what was said is spoken.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    scripted_ollama::{Pulled, Script, ScriptedOllama, Step},
    server::{Server, Setup},
};

const SAID: &str = "This sentence is whole. And this one is not ";

/// What a streamed turn comes to.
struct Turn {
    frames: Vec<Value>,
    stored: Vec<Value>,
}

impl Turn {
    async fn of(server: &Server) -> Self {
        let mut socket = server.join("c").await;
        server.say("c", "Hello").await;
        let frames = socket.turn().await;
        assert!(server.present("c", &mut socket).await.is_empty(), "a turn ends once");
        Self { frames, stored: server.messages("c").await }
    }

    fn end(&self) -> &Value {
        self.frames.last().unwrap()
    }

    /// Checks that it failed, that the message is kept, and gives the code.
    fn failure(&self) -> &str {
        assert_eq!(self.end()["type"], "conversation-failed", "{:?}", self.frames);
        let code = self.end()["data"]["code"].as_str().unwrap();
        assert_eq!(self.stored[0]["text"], "Hello");
        assert_eq!(self.stored[0]["turnState"], "failed");
        assert_eq!(self.stored[0]["turnCode"], code);
        code
    }

    /// Checks that of `SAID` the finished sentence was spoken and that all of it is kept.
    fn is_said_as_far_as_it_came(&self) -> bool {
        let spoken = self.frames.iter().filter(|frame| frame["type"] == "chunk-complete");
        let spoken: Vec<_> = spoken.map(|frame| &frame["data"]["chunk"]["text"]).collect();
        spoken == ["This sentence is whole."] && self.stored[1]["text"] == SAID.trim_end()
    }
}

/// A server that waits for half a second only.
async fn impatient(model: &ScriptedOllama) -> Server {
    let settings = "[patience]\nfirst_text = 0.5\nbetween_texts = 0.5\nwhole_answer = 2\n";
    Setup::new(model).settings(settings).start().await
}

/// A turn of which the model says that much before the step.
async fn turn_that(text: &str, step: Step) -> Turn {
    let model = ScriptedOllama::start().await;
    let server = impatient(&model).await;
    model.script(Script::say_then(text, step));
    Turn::of(&server).await
}

#[tokio::test]
async fn a_model_that_is_not_there_is_told_within_two_seconds() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    assert_eq!(server.get("/readyz").await.status, 200);
    model.stop().await;
    let began = Instant::now();
    let turn = Turn::of(&server).await;
    assert_eq!(turn.failure(), "llm_unreachable");
    assert_eq!(turn.end()["data"]["retryable"], true);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let ready = server.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["model"]["ok"]), (503, &json!(false)));
    assert_eq!(server.get("/healthz").await.status, 200);
    let waited = server.chat(json!({"message": "Hello"})).await;
    assert_eq!(waited.refusal(), (502, "llm_unreachable".to_owned()));
    model.start_again().await;
    assert_eq!(server.chat(json!({"message": "Hello"})).await.status, 200);
}

#[tokio::test]
async fn a_model_that_never_answers_is_given_up() {
    let model = ScriptedOllama::start().await;
    let server = impatient(&model).await;
    model.script(Script::silence());
    assert_eq!(Turn::of(&server).await.failure(), "llm_timeout");
    model.dropped(1).await;
    assert_eq!(model.requests("/api/chat").len(), 1);
}

#[tokio::test]
async fn a_model_that_stalls_or_is_cut_off_has_said_what_it_said() {
    for (step, code) in
        [(Step::Hang, "llm_stalled"), (Step::Cut, "llm_cut"), (Step::Reset, "llm_cut")]
    {
        let turn = turn_that(SAID, step).await;
        assert_eq!(turn.failure(), code);
        assert!(turn.is_said_as_far_as_it_came(), "{code}: {:?}", turn.frames);
    }
}

#[tokio::test]
async fn a_model_that_never_ends_is_ended_politely() {
    let model = ScriptedOllama::start().await;
    let server = impatient(&model).await;
    let pause = Duration::from_millis(20);
    let again = Script::new([Step::Token("And so on. ".to_owned()), Step::Repeat]);
    model.script(again.paced(pause, pause));
    let turn = Turn::of(&server).await;
    assert_eq!(turn.end()["type"], "conversation-complete");
    assert!(turn.end()["data"]["text"].as_str().unwrap().len() > 100);
    model.dropped(1).await;
}

#[tokio::test]
async fn an_answer_split_within_its_characters_is_whole() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let text = "¡Olé, niño! 你好吗？ Ça va 👩‍👩‍👧?";
    for bytes in [1, 3] {
        model.script(Script::say(text).with_carriage_returns().split_every(bytes));
        let turn = server.chat(json!({"message": "Hola"})).await.json();
        assert_eq!(turn["text"], text);
    }
}

#[tokio::test]
async fn a_line_of_garbage_is_left_out_and_nothing_but_garbage_fails() {
    let garbage = || Step::Line("{\"message\": <html>".to_owned());
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let token = |text: &str| Step::Token(text.to_owned());
    model.script(Script::new([token("Good "), garbage(), token("morning!"), Step::Done]));
    let turn = server.chat(json!({"message": "Hi"})).await.json();
    assert_eq!(turn["text"], "Good morning!");
    model.always(Script::new([garbage(), garbage(), garbage(), Step::Hang]));
    assert_eq!(Turn::of(&server).await.failure(), "llm_bad_frame");
}

#[tokio::test]
async fn an_answer_without_words_is_made_up_for_by_the_tutor_s_own_and_fails() {
    for empty in
        ["", " \n ", "[happy] [pause:300]", "<think>What shall I say?", "<think>No.</think>"]
    {
        let turn = turn_that(empty, Step::Done).await;
        assert_eq!(turn.failure(), "empty_reply", "{empty:?}");
        let spoken: Vec<_> =
            turn.frames.iter().filter(|frame| frame["type"] == "chunk-complete").collect();
        assert_eq!(spoken[0]["data"]["chunk"]["text"], "Sorry, I lost my words.", "{empty:?}");
        assert!(spoken.iter().all(|frame| frame["data"]["chunk"]["audioUrl"].is_string()));
        let said = turn.stored[1]["text"].as_str().unwrap().trim();
        assert_eq!(said, "Sorry, I lost my words. Could you say that again?", "{empty:?}");
    }
    let call = json!({"message": {"content": "", "tool_calls": [{"function": {"name": "x"}}]}});
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    model.script(Script::new([Step::Line(call.to_string()), Step::Done]));
    assert_eq!(Turn::of(&server).await.failure(), "empty_reply");
    let mut socket = server.join("spanish").await;
    model.script(Script::say(" "));
    socket.send("chat", json!({"message": "Hola", "language": "es", "stream": true})).await;
    let frames = socket.turn().await;
    let chunk =
        &frames.iter().find(|frame| frame["type"] == "chunk-complete").unwrap()["data"]["chunk"];
    assert_eq!((&chunk["language"], &chunk["emotion"]), (&json!("es"), &json!("empathetic")));
    assert!(chunk["text"].as_str().unwrap().contains("sin palabras"), "{chunk}");
}

#[tokio::test]
async fn the_server_s_own_limit_on_tokens_is_sent_along() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    server.chat(json!({"message": "Hello"})).await;
    let options = &model.requests("/api/chat")[0].body["options"];
    assert!(options["num_predict"].as_u64().is_some_and(|tokens| tokens <= 4096), "{options}");
}

#[tokio::test]
async fn a_million_tokens_are_cut_off_at_the_limit_of_characters() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    model.script(Script::new([Step::Token("And so on. ".to_owned()), Step::Repeat]));
    let mut socket = server.join("c").await;
    server.say("c", "Hello").await;
    let end = socket.turn().await.pop().unwrap();
    model.dropped(1).await;
    assert_eq!(end["type"], "conversation-complete");
    let length = end["data"]["text"].as_str().unwrap().chars().count();
    assert!((19_000..=20_000).contains(&length), "{length}");
}

#[tokio::test]
async fn a_line_without_an_end_is_refused_and_costs_no_memory() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let flood = Step::Raw(vec![b'a'; 64 * 1024]);
    model.always(Script::new(vec![flood; 160]));
    // The first one brings the server to its usual size.
    assert_eq!(Turn::of(&server).await.failure(), "llm_bad_frame");
    let before = server.memory_kib().await;
    for _ in 0..2 {
        let turn = server.chat(json!({"message": "Hello"})).await;
        assert_eq!(turn.refusal(), (502, "llm_bad_frame".to_owned()));
    }
    let grown = server.memory_kib().await - before;
    assert!(grown < 8 * 1024, "{grown} KiB for six floods of 10 MB each");
}

#[tokio::test]
async fn a_refusal_of_the_model_is_told_in_words_and_without_its_key() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let body = r#"{"error": "key sk-canary-123 is not allowed"}"#;
    model.script(Script::refusal(400, &["content-type: application/json"], body));
    let turn = Turn::of(&server).await;
    assert_eq!(turn.failure(), "llm_rejected");
    let told = turn.end()["data"]["message"].as_str().unwrap();
    assert!(told.contains("not allowed") && !told.contains("canary"), "{told}");
}

/// How often the model was asked for an answer.
fn asked(model: &ScriptedOllama) -> usize {
    model.requests("/api/chat").len()
}

#[tokio::test]
async fn a_model_that_cannot_begin_is_asked_again_and_the_learner_notices_nothing() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    model.script(Script::refusal(503, &["retry-after: 1"], r#"{"error": "server busy"}"#));
    model.script(Script::refusal(500, &[], r#"{"error": "llama runner has terminated"}"#));
    let began = Instant::now();
    let turn = server.chat(json!({"message": "Hello"})).await;
    assert_eq!((turn.status, &turn.json()["text"]), (200, &json!("Ciao!")));
    assert!(began.elapsed() >= Duration::from_secs(1), "it comes back when it was asked to");
    assert_eq!(asked(&model), 3);
}

#[tokio::test]
async fn a_model_that_stays_overloaded_is_given_up_after_three_times() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    model.always(Script::refusal(529, &[], "{}"));
    assert_eq!(Turn::of(&server).await.failure(), "at_capacity");
    assert_eq!(asked(&model), 3);
    model.always(Script::refusal(429, &["retry-after: 3600"], "{}"));
    let turn = server.chat(json!({"message": "Hello"})).await;
    assert_eq!(turn.refusal(), (503, "at_capacity".to_owned()));
    assert_eq!(asked(&model), 4, "nobody waits an hour");
}

#[tokio::test]
async fn a_refusal_is_final_and_says_what_to_do() {
    for (status, hint) in
        [(401, "check the key"), (404, "`ollama pull llama3.2:latest`"), (400, "bad")]
    {
        let model = ScriptedOllama::start().await;
        let server = Server::start(&model).await;
        model.script(Script::refusal(status, &[], r#"{"error": "bad AIzaSyCanary gsk_canary"}"#));
        let turn = Turn::of(&server).await;
        assert_eq!(turn.failure(), "llm_rejected");
        let told = turn.end()["data"]["message"].as_str().unwrap();
        assert!(told.contains(hint) && !told.contains("anary"), "{told}");
        assert_eq!(asked(&model), 1, "{status}");
        let log = std::fs::read_to_string(server.folder().join("log")).unwrap();
        assert!(!log.contains("anary"), "{log}");
    }
}

#[tokio::test]
async fn a_model_that_keeps_failing_is_left_alone_until_it_is_back() {
    let model = ScriptedOllama::start().await;
    let server = impatient(&model).await;
    model.always(Script::silence());
    for _ in 0..3 {
        let turn = server.chat(json!({"message": "Hello"})).await;
        assert_eq!(turn.refusal(), (504, "llm_timeout".to_owned()));
    }
    model.always(Script::say("Back again."));
    let asked_before = asked(&model);
    let began = Instant::now();
    let turn = Turn::of(&server).await;
    assert_eq!(turn.failure(), "llm_unreachable");
    assert!(turn.end()["data"]["message"].as_str().unwrap().contains("asked again in"));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(asked(&model), asked_before);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(server.chat(json!({"message": "Hello"})).await.json()["text"], "Back again.");
}

#[tokio::test]
async fn a_second_model_answers_while_the_first_cannot_and_the_learner_is_told_once() {
    let model = ScriptedOllama::start().await;
    let big = Pulled::named("big:70b").pulled_at("2026-05-01T10:00:00Z");
    model.pull([big, Pulled::named("small:1b")]);
    let setup = Setup::new(&model).environment("PARLA_MODEL", "ollama:big:70b");
    let server = setup.environment("PARLA_FALLBACK_MODEL", "ollama:small:1b").start().await;
    let mut socket = server.join("c").await;
    model.model_always("big:70b", Script::refusal(429, &["retry-after: 60"], "{}"));
    model.model_always("small:1b", Script::say("I can help as well."));
    for round in 0..2 {
        server.say("c", "Hello").await;
        let frames = socket.turn().await;
        assert_eq!(frames.last().unwrap()["data"]["text"], "I can help as well.");
        let notices: Vec<_> = frames.iter().filter(|frame| frame["type"] == "notice").collect();
        assert_eq!(notices.len(), 1 - round, "{frames:?}");
        if let Some(notice) = notices.first() {
            assert_eq!(notice["data"]["code"], "model_fallback");
            let text = notice["data"]["text"].as_str().unwrap();
            assert!(text.contains("big:70b") && text.contains("small:1b"), "{text}");
            assert!(notice.get("seq").is_none());
        }
    }
}

#[tokio::test]
async fn the_practice_tutor_can_stand_in_as_well() {
    let model = ScriptedOllama::start().await;
    let setup = Setup::new(&model).environment("PARLA_FALLBACK_MODEL", "practice");
    let server = setup.start().await;
    model.stop().await;
    let turn = server.chat(json!({"message": "Hello"})).await;
    assert_eq!(turn.status, 200, "{turn:?}");
}

#[tokio::test]
async fn a_first_model_that_does_not_begin_in_time_is_left_and_let_go() {
    let model = ScriptedOllama::start().await;
    model.pull([Pulled::named("big:70b"), Pulled::named("small:1b")]);
    model.model_always("big:70b", Script::silence());
    let setup = Setup::new(&model).settings("[patience]\nfirst_text = 0.5\n");
    let setup = setup.environment("PARLA_MODEL", "ollama:big:70b");
    let server = setup.environment("PARLA_FALLBACK_MODEL", "ollama:small:1b").start().await;
    let turn = server.chat(json!({"message": "Hello"})).await;
    assert_eq!(turn.json()["text"], "Ciao!", "{turn:?}");
    model.dropped(1).await;
    model.model_always("big:70b", Script::say_then("Too late to change ", Step::Cut));
    assert_eq!(Turn::of(&server).await.failure(), "llm_cut");
    assert_eq!(asked(&model), 3);
}
