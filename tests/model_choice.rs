//! Which model answers, and what is told when none can. It never needs a real Ollama.

mod support {
    pub mod exchange;
    pub mod scripted_ollama;
}

use std::sync::Arc;

use expect_test::expect;
use parla::{
    providers::{ChatModel, ChatRequest, choice::AutoModel},
    shutdown::Shutdown,
};
use support::{
    exchange::{CIAO, ollama, request, trace},
    scripted_ollama::{Pulled, ScriptedOllama},
};

#[tokio::test]
async fn the_loaded_model_answers_before_the_newest_and_an_embedder_never() {
    let server = ScriptedOllama::start().await;
    let ollama = ollama(&server.base_url(), None);
    let embedder = || Pulled::named("bge-m3").able_to(&["embedding"]).loaded_with(8192);
    let newest = || Pulled::named("new:1b").pulled_at("2026-05-01T10:00:00Z");
    let older = || Pulled::named("old:1b").pulled_at("2025-05-01T10:00:00Z");
    server.pull([embedder(), older(), newest()]);
    assert_eq!(ollama.refresh().await.unwrap().name, "new:1b");
    server.pull([embedder(), older().loaded_with(2048), newest()]);
    assert_eq!(ollama.refresh().await.unwrap().name, "old:1b");
    assert_eq!(ollama.info().context_tokens, Some(2048));
}

#[tokio::test]
async fn an_old_server_without_abilities_still_works() {
    let server = ScriptedOllama::start().await;
    let embedder = Pulled::named("all-minilm").on_an_old_server("bert");
    let model = Pulled::named("mistral").on_an_old_server("llama");
    server.pull([
        embedder.pulled_at("2026-05-01T10:00:00Z"),
        model.with_parameters("num_ctx       32768").trained_for(16384),
    ]);
    let ollama = ollama(&server.base_url(), None);
    assert_eq!(trace(ollama.reply(request())).await, CIAO);
    assert_eq!(ollama.info().name, "mistral");
    assert_eq!(ollama.info().context_tokens, Some(16384));
    assert_eq!(server.requests("/api/chat")[0].body.get("think"), None);
}

#[tokio::test]
async fn a_wanted_model_is_never_replaced_by_another() {
    let server = ScriptedOllama::start().await;
    let ollama = ollama(&server.base_url(), Some("gemma3"));
    let told = trace(ollama.reply(request())).await;
    expect![[r#"
        (llm_rejected: ollama refused: the model gemma3 is not pulled; `ollama pull gemma3` fetches it)
    "#]].assert_eq(&told);
    assert_eq!(server.requests("/api/chat").len(), 0);
    server.pull([Pulled::named("gemma3:latest"), Pulled::named("other").loaded_with(4096)]);
    trace(ollama.reply(request())).await;
    assert_eq!(server.requests("/api/chat")[0].body["model"], "gemma3");
}

#[tokio::test]
async fn a_request_may_name_another_model() {
    let server = ScriptedOllama::start().await;
    server.pull([Pulled::named("llama3.2:latest"), Pulled::named("qwen3:8b")]);
    let ollama = ollama(&server.base_url(), Some("llama3.2"));
    let naming = |model: &str| ChatRequest { model: Some(model.to_owned()), ..request() };
    trace(ollama.reply(naming("qwen3:8b"))).await;
    assert_eq!(server.requests("/api/chat")[0].body["model"], "qwen3:8b");
    let told = trace(ollama.reply(naming("x\ny"))).await;
    expect![[r#"
        (llm_rejected: ollama refused: the model x\ny is not pulled; `ollama pull x\ny` fetches it)
    "#]]
    .assert_eq(&told);
}

#[tokio::test]
async fn what_was_discovered_is_not_asked_again() {
    let server = ScriptedOllama::start().await;
    let ollama = ollama(&server.base_url(), None);
    for _ in 0..3 {
        trace(ollama.reply(request())).await;
    }
    let count = |path| server.requests(path).len();
    assert_eq!([count("/api/tags"), count("/api/show"), count("/api/chat")], [1, 1, 3]);
}

#[tokio::test]
async fn a_model_in_use_is_kept_until_it_is_gone() {
    let server = ScriptedOllama::start().await;
    let ollama = ollama(&server.base_url(), None);
    ollama.check().await.unwrap();
    let other = || Pulled::named("other:1b").loaded_with(8192);
    server.pull([Pulled::named("llama3.2:latest"), other()]);
    ollama.check().await.unwrap();
    assert_eq!(ollama.info().name, "llama3.2:latest");
    server.pull([other()]);
    ollama.check().await.unwrap();
    assert_eq!(ollama.info().name, "other:1b");
    server.pull([]);
    let error = ollama.check().await.unwrap_err();
    expect!["ollama refused: no model is pulled; `ollama pull llama3.2` fetches one"]
        .assert_eq(&error.to_string());
}

#[tokio::test]
async fn the_practice_tutor_teaches_until_ollama_has_a_model() {
    let (server, practice) = (ScriptedOllama::start().await, ScriptedOllama::start().await);
    practice.pull([Pulled::named("practice")]);
    server.pull([]);
    let choose = async || {
        let preferred = Arc::new(ollama(&server.base_url(), None));
        let other = Arc::new(ollama(&practice.base_url(), Some("practice")));
        AutoModel::start(preferred, other, &Shutdown::new()).await
    };
    assert_eq!(choose().await.info().name, "practice");
    server.pull([Pulled::named("llama3.2:latest")]);
    let model = choose().await;
    assert_eq!(model.info().name, "llama3.2:latest");
    server.stop().await;
    let refused = trace(model.reply(request())).await;
    assert!(refused.contains("llm_unreachable"), "{refused}");
    assert_eq!(model.info().name, "practice");
    server.start_again().await;
    assert_eq!(choose().await.info().name, "llama3.2:latest");
}
