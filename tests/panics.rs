//! A fault in one conversation ends that conversation's task and nothing else, and is counted. In a process of its
//! own, because the watch over panics is the process's.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use parla::{
    conversation::prompt::Prompter,
    conversation::{
        AudioFiles, Conversation, ConversationParts, ConversationSettings, Conversations,
    },
    domain::{ChatCommand, ConversationId, Ending, Event, UserId},
    hub::{Hub, Interest},
    prompts::{Prompts, cues::CueTables, lessons::Lessons},
    providers::{ChatModel, ChatRequest, ModelInfo, ModelPart, ProviderError},
    recognition::Ears,
    shutdown::Shutdown,
    storage::Sqlite,
    synthesis::{AudioCache, CacheSettings, PoolSettings, SpeechPool},
    telemetry::{self, LogFormat, metrics::Metrics},
};
use tokio::time::{Instant, timeout};

/// Answers everything, and breaks down when it is asked to.
struct FaultyModel;

impl ChatModel for FaultyModel {
    fn info(&self) -> ModelInfo {
        let (name, provider) = ("faulty".to_owned(), "test".to_owned());
        ModelInfo { name, provider, context_tokens: None }
    }

    fn reply(&self, request: ChatRequest) -> BoxStream<'static, Result<ModelPart, ProviderError>> {
        let asked = request.messages.last().map(|message| message.text.clone());
        stream::iter([ModelPart::Text("I am well.".to_owned()), ModelPart::Done(Ending::default())])
            .map(move |part| {
                assert_ne!(asked.as_deref(), Some("Break down!"), "as it was asked to");
                Ok(part)
            })
            .boxed()
    }

    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
        async { Ok(()) }.boxed()
    }
}

async fn conversations(folder: PathBuf, metrics: &Metrics) -> Conversations {
    let shutdown = Shutdown::new();
    let file = folder.join("parla.db");
    let storage = Sqlite::open(&file, metrics.storage.clone(), &shutdown).await.unwrap();
    let storage = Arc::new(storage);
    let settings = CacheSettings { folder: folder.join("audio"), ..CacheSettings::default() };
    let cache = AudioCache::open(settings, metrics.cache.clone(), &shutdown);
    let (pool, voices) = (metrics.pool.clone(), Vec::new());
    let speech = SpeechPool::new(voices, cache, PoolSettings::default(), pool, shutdown.clone());
    let prompts = Prompts::new(folder.join("prompts"));
    Conversations::new(ConversationParts {
        hub: Hub::new(),
        audio_files: AudioFiles::new(storage.clone()),
        storage,
        model: Arc::new(FaultyModel),
        speech,
        ears: Ears::new(None, metrics.hearing.clone(), shutdown.clone()),
        lessons: Arc::new(Lessons::load(&prompts)),
        prompter: Prompter::new(&prompts).unwrap(),
        cues: CueTables::read(&prompts).unwrap(),
        settings: ConversationSettings::default(),
        turns: None,
        metrics: metrics.turns.clone(),
        traces: None,
        shutdown,
        began: Instant::now(),
    })
}

/// Says something; whether it was answered to the end.
async fn is_answered(conversation: &Conversation, text: &str) -> bool {
    let mut cursor = conversation.join(Interest::default()).await.cursor;
    let command = ChatCommand { text: text.to_owned(), ..ChatCommand::default() };
    drop(conversation.say(UserId::parse("ana").unwrap(), command).await.await);
    let ended = async {
        loop {
            let events = cursor.next().await.unwrap();
            let is_end = |event: &Event| matches!(event, Event::ConversationComplete(_));
            if events.iter().any(|published| is_end(&published.event)) {
                return;
            }
        }
    };
    timeout(Duration::from_secs(1), ended).await.is_ok()
}

#[tokio::test]
async fn a_panic_ends_one_conversations_task_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = Metrics::default();
    // The watch leaves it to the log to say what has panicked, a failing test included.
    telemetry::start("error", LogFormat::Text).unwrap();
    metrics.watch_panics();
    let all = conversations(folder.path().to_owned(), &metrics).await;
    let open = |name| all.open(ConversationId::random(), UserId::parse("ana").unwrap(), name);
    let (broken, other) = (open("broken"), open("other"));
    assert!(is_answered(&other, "How are you?").await);
    assert!(!is_answered(&broken, "Break down!").await);
    assert!(metrics.text().contains("parla_panics_total 1\n"), "{}", metrics.text());
    assert!(is_answered(&other, "And now?").await);
    // The next message wakes it anew.
    assert!(is_answered(&broken, "Are you well again?").await);
    assert!(metrics.text().contains("parla_panics_total 1\n"), "{}", metrics.text());
}
