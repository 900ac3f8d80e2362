//! Ollama's answers, whole and broken, from a strict stand-in on a real socket. It never needs a real Ollama.

// The formatter looks for modules of this file in the folder of its name: hence the paths.
#[path = "support"]
mod support {
    pub mod exchange;
    pub mod scripted_ollama;
}

/// The tests by theme.
#[path = "ollama"]
mod ollama {
    mod tools;
}

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use expect_test::{Expect, expect};
use futures_util::{StreamExt, future::join_all};
use parla::providers::{
    ChatModel, ChatRequest, ModelPart, ProviderError,
    patience::{Patience, PatientModel},
};
use serde_json::{Value, json};
use support::{
    exchange::{CIAO, client, ollama, request, trace},
    scripted_ollama::{Pulled, Script, ScriptedOllama, Step},
};

/// Spanish, Chinese and a family of emoji: bytes that must not be cut apart.
const TEXT: &str = "¿Qué tal, niño? 你好！👩‍👩‍👧 Ça va.";

/// What comes of one scripted answer.
async fn check(script: Script, expected: Expect) {
    let server = ScriptedOllama::start().await;
    server.script(script);
    expected.assert_eq(&trace(ollama(&server.base_url(), None).reply(request())).await);
}

#[tokio::test]
async fn an_answer_arrives_whole_however_its_bytes_are_split() {
    for size in [1, 2, 3, 5, 7, 64, 1000] {
        let marked = Step::Raw(b"\xef\xbb\xbf\r\n\n".to_vec());
        let text = Step::Line(json!({"message": {"content": TEXT}}).to_string());
        let scripts = [
            Script::say(TEXT),
            Script::say(TEXT).with_carriage_returns(),
            Script::say_then(TEXT, Step::DoneUnended),
            Script::new([marked, text, Step::Done]),
        ];
        for script in scripts {
            let server = ScriptedOllama::start().await;
            server.script(script.split_every(size));
            let trace = trace(ollama(&server.base_url(), None).reply(request())).await;
            let (text, end) = trace.split_once('\n').unwrap();
            assert_eq!(text, TEXT, "split every {size} bytes");
            assert!(end.starts_with("(done Some"), "{end}");
        }
    }
}

#[tokio::test]
async fn several_objects_in_one_read_are_several_parts() {
    let line = |text: &str| format!("{}\n", json!({"message": {"content": text}}));
    let together = format!("{}{}{}", line("Ciao"), line(", "), line("Ada!"));
    check(
        Script::new([Step::Raw(together.into_bytes()), Step::Done]),
        expect![[r#"
        Ciao, Ada!
        (done Some((26, 0)))
    "#]],
    )
    .await;
}

#[tokio::test]
async fn two_bad_lines_are_skipped_and_a_third_ends_the_answer() {
    let garbage = || Step::Line("<html>502</html>".to_owned());
    let token = |text: &str| Step::Token(text.to_owned());
    check(
        Script::new([garbage(), token("Ciao"), garbage(), token("!"), Step::Done]),
        expect![[r#"
        Ciao!
        (done Some((26, 2)))
    "#]],
    )
    .await;
    check(
        Script::new([garbage(), token("Ciao"), garbage(), garbage(), token("!"), Step::Done]),
        expect![[r#"
            Ciao
            (llm_bad_frame: ollama sent something unusable: 3 lines of its answer cannot be read)
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_token_of_ten_megabytes_is_refused() {
    let flood = Step::Raw(vec![b'a'; 64 * 1024]);
    check(
        Script::new(vec![flood; 160]),
        expect![[r#"
        (llm_bad_frame: ollama sent something unusable: line too long)
    "#]],
    )
    .await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_was_cut() {
    for step in [Step::Cut, Step::Reset] {
        let server = ScriptedOllama::start().await;
        server.script(Script::say_then("Ciao", step.clone()));
        let trace = trace(ollama(&server.base_url(), None).reply(request())).await;
        assert!(trace.contains("\n(llm_cut: ollama was cut off"), "{step:?}: {trace}");
    }
    check(
        Script::say_then("Ciao", Step::Line(String::new())),
        expect![[r#"
        Ciao
        (llm_cut: ollama was cut off: the body ended before the answer)
    "#]],
    )
    .await;
}

#[tokio::test]
async fn an_error_within_the_answer_ends_it() {
    let error = json!({"error": "llama runner process has terminated"}).to_string();
    check(
        Script::say_then("Ciao", Step::Line(error)),
        expect![[r#"
        Ciao
        (llm_bad_frame: ollama sent something unusable: llama runner process has terminated)
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_refusal_says_whether_to_come_back() {
    let busy = r#"{"error":"server busy"}"#;
    let server = ScriptedOllama::start().await;
    server.script(Script::refusal(503, &["retry-after: 7"], busy));
    let mut parts = ollama(&server.base_url(), None).reply(request());
    let retry_after = Some(Duration::from_secs(7));
    let provider = "ollama".to_owned();
    let expected = Err(ProviderError::AtCapacity { provider, retry_after });
    assert_eq!(parts.next().await, Some(expected));
    assert_eq!(parts.next().await, None);

    check(
        Script::refusal(500, &[], r#"{"error":"CUDA error"}"#),
        expect![[r#"
        (llm_bad_frame: ollama sent something unusable: 500 Internal Server Error: CUDA error)
    "#]],
    )
    .await;
    check(
        Script::refusal(400, &[], r#"{"error":"invalid options"}"#),
        expect![[r#"
        (llm_rejected: ollama refused: 400 Bad Request: invalid options)
    "#]],
    )
    .await;
}

#[tokio::test]
async fn nobody_there_is_told_with_what_to_start() {
    let server = ScriptedOllama::start().await;
    server.stop().await;
    let started = Instant::now();
    let error = ollama(&server.base_url(), None).reply(request()).next().await.unwrap();
    let message = error.unwrap_err().failure().message.replace(&server.base_url(), "ADDRESS");
    let expected = expect![[r#"
        ollama cannot be reached:
         nothing answers at ADDRESS, where `ollama serve` would;
         check that it runs and that its address is right"#]];
    expected.assert_eq(&message.replace(": ", ":\n ").replace("; ", ";\n "));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_request_says_all_that_ollama_needs_and_no_more() {
    let server = ScriptedOllama::start().await;
    trace(ollama(&server.base_url(), None).reply(request())).await;
    let chats = server.requests("/api/chat");
    expect![[r#"
        {
          "model": "llama3.2:latest",
          "messages": [
            {
              "role": "system",
              "content": "You are a tutor."
            },
            {
              "role": "user",
              "content": "Hola"
            },
            {
              "role": "assistant",
              "content": "¡Hola!"
            },
            {
              "role": "user",
              "content": "¿Qué tal?"
            }
          ],
          "options": {
            "num_predict": 4096
          },
          "keep_alive": "30m",
          "stream": true
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&chats[0].body).unwrap());
}

#[tokio::test]
async fn a_model_that_can_think_is_told_not_to() {
    let server = ScriptedOllama::start().await;
    server.pull([Pulled::named("qwen3:8b").able_to(&["completion", "thinking"])]);
    let ollama = ollama(&server.base_url(), None).with_context(8192);
    trace(ollama.reply(request())).await;
    let body = &server.requests("/api/chat")[0].body;
    assert_eq!(body["think"], false);
    assert_eq!(body["options"], json!({"num_ctx": 8192, "num_predict": 4096}));
    assert_eq!(ollama.info().context_tokens, Some(8192));
}

#[tokio::test]
async fn a_server_that_cannot_be_told_not_to_think_is_asked_once_more_and_remembered() {
    let server = ScriptedOllama::start().await;
    server.pull([Pulled::named("qwen3:8b").able_to(&["completion", "thinking"])]);
    server.script(Script::refusal(400, &[], r#"{"error":"think value false is not supported"}"#));
    let ollama = ollama(&server.base_url(), None);
    assert_eq!(trace(ollama.reply(request())).await, CIAO);
    ollama.check().await.unwrap();
    trace(ollama.reply(request())).await;
    let told: Vec<_> =
        server.requests("/api/chat").iter().map(|chat| chat.body.get("think").is_some()).collect();
    assert_eq!(told, [true, false, false]);
}

#[tokio::test]
async fn an_answer_is_no_longer_than_it_may_be_and_says_so() {
    let server = ScriptedOllama::start().await;
    server.always(Script::say("molto, molto, molto"));
    let ollama = ollama(&server.base_url(), None);
    for (limit, expected) in [
        (Some(3), "molto, molto\n(cut short Some((26, 3)))\n"),
        (Some(5), "molto, molto, molto\n(done Some((26, 5)))\n"),
        (None, "molto, molto, molto\n(done Some((26, 5)))\n"),
    ] {
        let request = ChatRequest { max_tokens: limit, ..request() };
        assert_eq!(trace(ollama.reply(request)).await, expected);
    }
}

#[tokio::test]
async fn one_connection_serves_answer_after_answer() {
    let server = ScriptedOllama::start().await;
    let ollama = ollama(&server.base_url(), None);
    for _ in 0..3 {
        trace(ollama.reply(request())).await;
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_reply_asks_nothing_before_it_is_polled() {
    let server = ScriptedOllama::start().await;
    let ollama = ollama(&server.base_url(), None);
    ollama.refresh().await.unwrap();
    drop(ollama.reply(request()));
    trace(ollama.reply(request())).await;
    assert_eq!(server.requests("/api/chat").len(), 1);
}

#[tokio::test]
async fn a_dropped_answer_closes_the_upstream_within_100_ms() {
    let server = ScriptedOllama::start().await;
    let ollama = ollama(&server.base_url(), None);
    server.script(Script::silence());
    server.script(Script::say_then("Ciao", Step::Hang));
    for (dropped, begins) in [(1, false), (2, true)] {
        let mut parts = ollama.reply(request());
        if begins {
            assert!(matches!(parts.next().await, Some(Ok(ModelPart::Text(_)))));
        } else {
            let waiting = parts.next();
            tokio::select! {
                part = waiting => panic!("the server is silent, yet {part:?} came"),
                () = server.requested("/api/chat", 1) => {}
            }
        }
        let left = Instant::now();
        drop(parts);
        let seen = *server.dropped(dropped).await.last().unwrap();
        assert!(seen - left < Duration::from_millis(100), "{:?}", seen - left);
        assert_eq!(server.open_answers(), 0);
    }
}

#[tokio::test]
async fn an_answer_for_ever_ends_politely_and_stops_the_upstream() {
    let server = ScriptedOllama::start().await;
    server.script(Script::new([Step::Token("molto ".to_owned()), Step::Repeat]));
    let patience = Patience { characters: 600, ..Patience::default() };
    let model = PatientModel::new(Arc::new(ollama(&server.base_url(), None)), patience);
    let mut parts = model.reply(request());
    let mut text = String::new();
    while let Some(Ok(ModelPart::Text(part))) = parts.next().await {
        text += &part;
    }
    assert_eq!(text, "molto ".repeat(100));
    server.dropped(1).await;
}

#[tokio::test]
async fn the_stand_in_is_as_strict_as_ollama() {
    let server = ScriptedOllama::start().await;
    server
        .pull([Pulled::named("llama3.2:latest"), Pulled::named("bge-m3").able_to(&["embedding"])]);
    let client = client();
    let address = |path: &str| format!("{}/api/{path}", server.base_url());
    let post = |path: &str, body: Value| client.post(address(path)).json(&body);
    let hi = || json!([{"role": "user", "content": "hi"}]);
    let chat = |model: &str| json!({"model": model, "messages": hi()});
    let thinking = json!({"model": "llama3.2", "messages": hi(), "think": true});
    let nobody = json!({"model": "llama3.2", "messages": [{"content": "hi"}]});
    let mut statuses = String::new();
    for (what, request) in [
        ("chat by GET", client.get(address("chat"))),
        ("tags by POST", client.post(address("tags"))),
        ("unknown path", client.get(address("chats"))),
        ("no JSON", client.post(address("chat")).body("hi")),
        ("no model", post("chat", json!({"messages": hi()}))),
        ("no messages", post("chat", json!({"model": "llama3.2"}))),
        ("a message of nobody", post("chat", nobody)),
        ("unknown model", post("chat", chat("x"))),
        ("embedder", post("chat", chat("bge-m3"))),
        ("told to think", post("chat", thinking)),
        ("show of nothing", post("show", json!({}))),
        ("show by the old field", post("show", json!({"name": "llama3.2"}))),
        ("load of an unknown model", post("generate", json!({"model": "x"}))),
        ("pull by GET", client.get(address("pull"))),
    ] {
        let status = request.send().await.unwrap().status().as_u16();
        statuses += &format!("{what}: {status}\n");
    }
    expect![[r#"
        chat by GET: 405
        tags by POST: 405
        unknown path: 404
        no JSON: 400
        no model: 400
        no messages: 400
        a message of nobody: 400
        unknown model: 404
        embedder: 400
        told to think: 400
        show of nothing: 400
        show by the old field: 200
        load of an unknown model: 404
        pull by GET: 405
    "#]]
    .assert_eq(&statuses);
}

#[tokio::test]
async fn five_hundred_answers_run_at_once() {
    let server = ScriptedOllama::start().await;
    let pace = (Duration::from_secs(1), Duration::from_millis(20));
    server.always(Script::say(TEXT).paced(pace.0, pace.1));
    let ollama = ollama(&server.base_url(), None);
    ollama.refresh().await.unwrap();
    let answers = join_all((0..500).map(|_| trace(ollama.reply(request()))));
    let most_open = async {
        server.requested("/api/chat", 500).await;
        server.open_answers()
    };
    let (answers, open) = tokio::join!(answers, most_open);
    assert!(answers.iter().all(|answer| answer.starts_with(TEXT) && answer.contains("(done")));
    assert!(open > 400, "{open}");
}
