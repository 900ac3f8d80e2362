//! What goes wrong with the model: the turn fails once with a code, the message stays, what was said is spoken.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    scripted_ollama::{Script, ScriptedOllama, Step},
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
    let server = impatient(&model).await;
    let token = |text: &str| Step::Token(text.to_owned());
    model.script(Script::new([token("Good "), garbage(), token("morning!"), Step::Done]));
    let turn = server.chat(json!({"message": "Hi"})).await.json();
    assert_eq!(turn["text"], "Good morning!");
    model.script(Script::new([garbage(), garbage(), garbage(), Step::Hang]));
    assert_eq!(Turn::of(&server).await.failure(), "llm_bad_frame");
}

#[tokio::test]
async fn an_answer_without_words_fails_with_a_sentence_to_show() {
    for empty in
        ["", " \n ", "[happy] [pause:300]", "<think>What shall I say?", "<think>No.</think>"]
    {
        let turn = turn_that(empty, Step::Done).await;
        assert_eq!(turn.failure(), "empty_reply", "{empty:?}");
        assert!(turn.end()["data"]["message"].as_str().unwrap().len() > 10);
        assert_eq!(turn.stored.len(), 1, "{empty:?}");
    }
    let call = json!({"message": {"content": "", "tool_calls": [{"function": {"name": "x"}}]}});
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    model.script(Script::new([Step::Line(call.to_string()), Step::Done]));
    assert_eq!(Turn::of(&server).await.failure(), "empty_reply");
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
