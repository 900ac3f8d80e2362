//! How a model gets ready: pulled, loaded, given room, and reading a prompt beforehand. It never needs a real Ollama.

mod support {
    pub mod exchange;
    pub mod scripted_ollama;
}

use std::time::Duration;

use expect_test::expect;
use futures_util::{StreamExt, future::join_all};
use parla::{
    domain::Aside,
    providers::{ChatModel, ChatRequest, ollama::Ollama},
    shutdown::Shutdown,
};
use serde_json::json;
use support::{
    exchange::{ollama, request, trace},
    scripted_ollama::{Pulled, Script, ScriptedOllama, Step},
};

const SOON: Duration = Duration::from_millis(50);

fn preparing(server: &ScriptedOllama, wanted: Option<&str>) -> Ollama {
    ollama(&server.base_url(), wanted).preparing(&Shutdown::new())
}

/// What is told while the model reads the request beforehand.
async fn warm(model: &Ollama, request: ChatRequest) -> Vec<String> {
    let told = model.warm(request).map(|aside| match aside {
        Aside::Progress(progress) => progress.kind.name().to_owned(),
        Aside::Notice(notice) => notice.code.to_owned(),
    });
    told.collect().await
}

#[tokio::test]
async fn a_model_that_is_named_and_missing_is_pulled_once_for_all_who_wait() {
    let server = ScriptedOllama::start().await;
    server.offer("gemma3:4b", Script::pull(Duration::from_millis(150)));
    let model = preparing(&server, Some("gemma3:4b"));
    let answers = join_all((0..3).map(|_| trace(model.reply(request())))).await;
    for answer in answers {
        assert!(answer.starts_with("(model-pull)\n"), "{answer}");
        assert!(answer.contains("Ciao!"), "{answer}");
    }
    assert_eq!(server.requests("/api/pull").len(), 1);
}

#[tokio::test]
async fn a_pull_tells_how_many_bytes_have_come() {
    let server = ScriptedOllama::start().await;
    server.offer("gemma3:4b", Script::pull(Duration::from_millis(5)));
    let told = ollama(&server.base_url(), None).pull("gemma3:4b").map(|progress| {
        let progress = progress.unwrap();
        format!("{:?} of {:?}", progress.done, progress.total)
    });
    expect![[r#"
        None of None
        Some(0) of Some(600)
        Some(300) of Some(600)
        Some(599) of Some(600)
        Some(999) of Some(1000)
        Some(999) of Some(1000)
        Some(999) of Some(1000)
        Some(1000) of Some(1000)"#]]
    .assert_eq(&told.collect::<Vec<_>>().await.join("\n"));
    assert!(
        ollama(&server.base_url(), None).names().await.unwrap().contains(&"gemma3:4b".to_owned())
    );
}

#[tokio::test]
async fn a_name_that_nobody_offers_and_a_pull_that_breaks_off_are_failures() {
    let server = ScriptedOllama::start().await;
    server.offer("broken", Script::new([Step::Line(json!({"status": "pulling"}).to_string())]));
    for (name, reason) in
        [("typo", "file does not exist"), ("broken", "before the model was there")]
    {
        let last = ollama(&server.base_url(), None).pull(name).collect::<Vec<_>>().await.pop();
        let error = last.unwrap().unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    let told = trace(preparing(&server, Some("typo")).reply(request())).await;
    expect![[r#"
        (llm_rejected: ollama refused: the model typo is not pulled; `ollama pull typo` fetches it)
    "#]]
    .assert_eq(&told);
}

#[tokio::test]
async fn nothing_is_pulled_that_the_operator_has_not_named() {
    let server = ScriptedOllama::start().await;
    server.offer("gemma3:4b", Script::pull(SOON));
    let naming = ChatRequest { model: Some("gemma3:4b".to_owned()), ..request() };
    let told = trace(preparing(&server, None).reply(naming.clone())).await;
    assert!(told.contains("not pulled"), "{told}");
    assert!(warm(&preparing(&server, None), naming).await.is_empty());
    server.pull([]);
    trace(preparing(&server, None).reply(request())).await;
    assert_eq!(server.requests("/api/pull").len(), 0);
}

#[tokio::test]
async fn a_cold_model_tells_that_it_is_loaded_and_a_warm_one_is_not_asked_about_it() {
    let server = ScriptedOllama::start().await;
    server.load_takes(Duration::from_secs(1));
    let model = preparing(&server, None);
    let told = trace(model.reply(request())).await;
    assert!(told.starts_with("(model-load)\n") && told.contains("Ciao!"), "{told}");
    let asked = server.requests("/api/ps").len();
    assert!(trace(model.reply(request())).await.starts_with("Ciao!"));
    assert_eq!(
        (server.requests("/api/generate").len(), server.requests("/api/ps").len()),
        (1, asked)
    );
}

#[tokio::test]
async fn a_learner_who_leaves_does_not_stop_the_loading() {
    let server = ScriptedOllama::start().await;
    server.load_takes(Duration::from_secs(1));
    let model = preparing(&server, None);
    let mut parts = model.reply(request());
    assert!(parts.next().await.unwrap().is_ok());
    drop(parts);
    assert!(trace(model.reply(request())).await.contains("Ciao!"));
    assert_eq!(server.requests("/api/generate").len(), 1);
}

#[tokio::test]
async fn the_work_ends_with_the_process() {
    let server = ScriptedOllama::start().await;
    server.load_takes(Duration::from_secs(3600));
    let shutdown = Shutdown::new();
    let model = ollama(&server.base_url(), None).preparing(&shutdown);
    let mut parts = model.reply(request());
    assert!(parts.next().await.unwrap().is_ok());
    drop(parts);
    tokio::time::timeout(Duration::from_secs(1), shutdown.finish(Duration::from_secs(10)))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_prompt_is_read_once_with_a_single_token_and_not_for_a_model_without_preparation() {
    let server = ScriptedOllama::start().await;
    let model = preparing(&server, None);
    for _ in 0..2 {
        assert!(warm(&model, request()).await.is_empty());
    }
    let chats = server.requests("/api/chat");
    assert_eq!(chats.len(), 1);
    assert_eq!(chats[0].body["options"]["num_predict"], 1);
    assert_eq!(chats[0].body["messages"][0]["content"], "You are a tutor.");
    assert_eq!(chats[0].body["keep_alive"], "30m");
    warm(&ollama(&server.base_url(), None), request()).await;
    assert_eq!(server.requests("/api/chat").len(), 1);
}

#[tokio::test]
async fn an_answer_goes_before_what_is_only_read() {
    let server = ScriptedOllama::start().await;
    server.script(Script::silence());
    let model = preparing(&server, None);
    let reading = warm(&model, request());
    let answering = async {
        server.requested("/api/chat", 1).await;
        // While one prompt is read no other is.
        assert!(
            warm(&model, ChatRequest { system: "Another.".to_owned(), ..request() })
                .await
                .is_empty()
        );
        let answer = trace(model.reply(request())).await;
        server.dropped(1).await;
        answer
    };
    let (_, answer) = tokio::join!(reading, answering);
    assert!(answer.starts_with("Ciao!"), "{answer}");
    assert_eq!(server.requests("/api/chat").len(), 2);
}

#[tokio::test]
async fn a_prompt_that_does_not_fit_gets_a_wider_context_and_keeps_it() {
    let server = ScriptedOllama::start().await;
    let model = preparing(&server, None);
    let long = ChatRequest { system: "word ".repeat(4000), ..request() };
    trace(model.reply(long)).await;
    trace(model.reply(request())).await;
    let asked: Vec<_> = server
        .requests("/api/chat")
        .iter()
        .map(|chat| chat.body["options"]["num_ctx"].clone())
        .collect();
    assert_eq!(asked, [json!(8192), json!(8192)]);
    assert_eq!(server.requests("/api/generate")[0].body["options"]["num_ctx"], 8192);
    assert_eq!(model.info().context_tokens, Some(8192));
}

#[tokio::test]
async fn a_model_that_cannot_hold_the_prompt_is_told_of() {
    let server = ScriptedOllama::start().await;
    server.pull([Pulled::named("tiny:1b").trained_for(2048)]);
    let long = ChatRequest { system: "word ".repeat(2000), ..request() };
    let told = trace(preparing(&server, None).reply(long)).await;
    expect![[r#"
        Ciao!
        (notice context_small: tiny:1b sees 2048 tokens at once and the lesson needs about 2938: it forgets its instructions; choose a model with a larger context)
        (done Some((26, 2)))
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn a_model_slower_than_speech_is_told_of() {
    let server = ScriptedOllama::start().await;
    let tokens = (0..20).map(|_| Step::Token("molto ".to_owned()));
    let end = json!({"done": true, "eval_count": 20, "eval_duration": 10_000_000_000_u64});
    server.script(Script::new(tokens.chain([Step::Line(end.to_string())])));
    let told = trace(ollama(&server.base_url(), None).reply(request())).await;
    assert!(
        told.contains("(notice model_slow: llama3.2:latest writes 2.0 tokens a second"),
        "{told}"
    );
}

#[tokio::test]
async fn the_command_line_pulls_and_lists() {
    let server = ScriptedOllama::start().await;
    server.offer("gemma3:4b", Script::pull(SOON));
    let parla = async |arguments: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_parla"));
        let command = command.args(arguments).env("OLLAMA_HOST", server.base_url());
        let output = command.output().await.unwrap();
        let told = [output.stdout, output.stderr].map(|told| String::from_utf8(told).unwrap());
        (output.status.success(), told.concat())
    };
    let (pulled, told) = parla(&["models", "pull", "gemma3:4b"]).await;
    assert!(pulled && told.contains("gemma3:4b is there"), "{told}");
    assert_eq!(parla(&["models"]).await, (true, "llama3.2:latest\ngemma3:4b\n".to_owned()));
    let (pulled, told) = parla(&["models", "pull", "typo"]).await;
    assert!(!pulled && told.contains("file does not exist"), "{told}");
}
