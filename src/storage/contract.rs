//! What every store must do, whichever database is behind it.

use std::sync::Arc;

use crate::{
    domain::{
        AudioFileId, Chunk, ChunkAudio, ChunkId, ConversationId, Correction, Emotion,
        EmotionApplied, Language, Level, Message, MessageId, Role, SpeechState, SpokenSpan,
        TextForm, Timings, TurnId, TurnMetadata, TurnSnapshot, Usage, UserId, WordTime,
    },
    shutdown::Shutdown,
    telemetry::metrics::Metrics,
};

use super::{
    Choices, EndedTurn, HeardTurn, NewTurn, Page, Sqlite, Storage, TurnState, TurnSummary,
};

const ALL: Page = Page { before: None, limit: 100 };

const SUMMARY: TurnSummary = TurnSummary {
    form: TextForm::Tagged,
    usage: Some(Usage { prompt_tokens: 1, completion_tokens: 2 }),
    timings: Timings {
        first_token_ms: Some(1),
        first_chunk_ms: Some(2),
        first_audio_ms: None,
        total_ms: 4,
    },
};

async fn store(folder: &tempfile::TempDir) -> Sqlite {
    Sqlite::open(&folder.path().join("parla.db"), Metrics::default().storage, &Shutdown::new())
        .await
        .unwrap()
}

fn conversation() -> ConversationId {
    ConversationId::parse("conversation").unwrap()
}

fn ana() -> UserId {
    UserId::parse("ana").unwrap()
}

fn metadata() -> Arc<TurnMetadata> {
    Arc::new(TurnMetadata {
        model: "m".to_owned(),
        provider: "p".to_owned(),
        language: Language::parse("es").unwrap(),
        level: Level::A1,
        voice: Some("es+f3".to_owned()),
        scenario: Some("cafe".to_owned()),
        speed: crate::domain::Speed::default(),
    })
}

fn new_turn(name: &str, text: Option<&str>) -> NewTurn {
    let turn = TurnId::parse(name).unwrap();
    let message = text.map(|text| {
        Arc::new(Message {
            id: MessageId::parse(&format!("said-{name}")).unwrap(),
            role: Role::User,
            sender: Some(ana()),
            text: text.to_owned(),
            verbatim: Some(format!("um, {text}")),
            client_id: Some(format!("client-{name}")),
            turn: turn.clone(),
        })
    });
    NewTurn {
        conversation: conversation(),
        owner: ana(),
        name: "my-conversation".to_owned(),
        settings: Choices::default(),
        answer: MessageId::parse(&format!("answer-{name}")).unwrap(),
        turn,
        metadata: metadata(),
        message,
        fingerprint: Some("f".to_owned()),
        at: 1000,
    }
}

fn chunk(file: &str) -> Chunk {
    let language = Language::parse("es").unwrap();
    Chunk {
        id: ChunkId::parse("k").unwrap(),
        text: "¡Hola! 你好 👋".to_owned(),
        spoken: vec![SpokenSpan { text: "¡Hola!".to_owned(), language: language.clone() }],
        emotion: Emotion::Happy,
        pause_ms: 400,
        emphasis: true,
        language,
        speech: SpeechState::Ready(ChunkAudio {
            file: AudioFileId::parse(file).unwrap(),
            cache_key: "key".to_owned(),
            duration_ms: 900,
            words: vec![WordTime { text: "Hola".to_owned(), start_ms: 0, end_ms: 900 }],
            emotion: EmotionApplied::Prosody,
        }),
    }
}

fn ended(name: &str, text: &str, state: TurnState) -> EndedTurn {
    EndedTurn {
        conversation: conversation(),
        snapshot: Arc::new(TurnSnapshot {
            turn: TurnId::parse(name).unwrap(),
            message: MessageId::parse(&format!("answer-{name}")).unwrap(),
            chunks: vec![Arc::new(chunk(&format!("file-{name}")))],
            metadata: metadata(),
            form: TextForm::Tagged,
            complete: true,
        }),
        text: text.to_owned(),
        corrections: vec![Correction {
            original: "I goed".to_owned(),
            suggestion: "I went".to_owned(),
            explanation: "past tense".to_owned(),
        }],
        summary: SUMMARY,
        state,
        at: 2000,
    }
}

#[tokio::test]
async fn a_turn_is_found_again_whole_after_the_store_was_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(&folder).await;
    first.begin_turn(new_turn("t1", Some("Hola, \u{202e}señora 👩‍🏫"))).await.unwrap();
    first.end_turn(ended("t1", "¡Hola! 你好 👋", TurnState::Complete)).await.unwrap();
    drop(first);

    let again = store(&folder).await;
    let messages = again.messages(&conversation(), ALL).await.unwrap();
    let [said, answered] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(said.message.text, "Hola, \u{202e}señora 👩‍🏫");
    assert_eq!(said.message.client_id.as_deref(), Some("client-t1"));
    assert_eq!(said.message.verbatim, Some(format!("um, {}", said.message.text)));
    assert_eq!(said.fingerprint.as_deref(), Some("f"));
    assert_eq!(said.corrections.len(), 1);
    assert_eq!(answered.message.role, Role::Assistant);
    assert_eq!(answered.chunks, [chunk("file-t1")]);
    assert_eq!(answered.state, TurnState::Complete);
    assert_eq!(answered.metadata, *metadata());
    let turn = again.turn(&TurnId::parse("t1").unwrap()).await.unwrap().unwrap();
    assert_eq!((turn.state, turn.answer.as_ref()), (TurnState::Complete, Some(answered)));
    assert!(again.turn(&TurnId::parse("t2").unwrap()).await.unwrap().is_none());
    assert_eq!(answered.summary, Some(SUMMARY));
}

#[tokio::test]
async fn a_turn_that_a_crash_left_unfinished_is_failed_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    store.begin_turn(new_turn("t1", Some("Hello"))).await.unwrap();
    assert_eq!(store.fail_interrupted().await.unwrap(), 1);
    assert_eq!(store.fail_interrupted().await.unwrap(), 0);
    let messages = store.messages(&conversation(), ALL).await.unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].state, TurnState::Failed("interrupted".to_owned()));
}

#[tokio::test]
async fn a_turn_can_begin_without_a_message_and_end_without_words() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    store.begin_turn(new_turn("t1", None)).await.unwrap();
    store.end_turn(ended("t1", "", TurnState::Failed("llm_unreachable".to_owned()))).await.unwrap();
    assert!(store.messages(&conversation(), ALL).await.unwrap().is_empty());
    assert!(store.conversation(&conversation()).await.unwrap().is_some());
}

#[tokio::test]
async fn what_was_heard_stands_beside_the_whole_text() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    store.begin_turn(new_turn("t1", Some("Hello"))).await.unwrap();
    store.end_turn(ended("t1", "One. Two.", TurnState::Stopped)).await.unwrap();
    let turn = TurnId::parse("t1").unwrap();
    store.mark_heard(HeardTurn { turn, chunks: 1, ms: 20, text: "One.".into() }).await.unwrap();
    let messages = store.messages(&conversation(), ALL).await.unwrap();
    assert_eq!(messages[1].message.text, "One. Two.");
    assert_eq!(messages[1].heard.as_deref(), Some("One."));
    assert_eq!(messages[0].heard, None);
}

#[tokio::test]
async fn an_audio_file_leads_to_its_chunk_and_owner() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    store.begin_turn(new_turn("t1", Some("Hello"))).await.unwrap();
    store.end_turn(ended("t1", "¡Hola!", TurnState::Complete)).await.unwrap();
    let found = store.audio(&AudioFileId::parse("file-t1").unwrap()).await.unwrap().unwrap();
    assert_eq!((found.owner, found.voice.as_deref()), (ana(), Some("es+f3")));
    assert_eq!(found.chunk.spoken[0].text, "¡Hola!");
    assert!(store.audio(&AudioFileId::parse("other").unwrap()).await.unwrap().is_none());
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    for place in 0..5 {
        let mut turn = new_turn(&format!("t{place}"), Some("Hello"));
        if place == 4 {
            turn.conversation = ConversationId::parse("other").unwrap();
            turn.name = "other".to_owned();
        }
        store.begin_turn(turn).await.unwrap();
    }
    let newest = store.messages(&conversation(), Page { before: None, limit: 2 }).await.unwrap();
    let ids = |list: &[super::StoredMessage]| {
        list.iter().map(|found| found.message.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&newest), ["said-t2", "said-t3"]);
    let page = Page { before: Some(newest[0].number), limit: 2 };
    assert_eq!(ids(&store.messages(&conversation(), page).await.unwrap()), ["said-t0", "said-t1"]);

    let rows = store.conversations(&ana(), ALL).await.unwrap();
    let names: Vec<(&str, i64)> = rows.iter().map(|row| (row.name.as_str(), row.number)).collect();
    assert_eq!(names, [("other", 2), ("my-conversation", 1)]);
    let page = Page { before: Some(rows[0].updated_at), limit: 9 };
    assert_eq!(store.conversations(&ana(), page).await.unwrap().len(), 1);
}

#[tokio::test]
async fn conversations_that_were_used_in_one_moment_are_all_listed_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    for (place, name) in ["a", "b", "c", "a"].into_iter().enumerate() {
        let mut turn = new_turn(&format!("t{place}"), Some("Hello"));
        turn.conversation = ConversationId::parse(name).unwrap();
        turn.name = name.to_owned();
        store.begin_turn(turn).await.unwrap();
    }
    let mut names = Vec::new();
    let mut page = Page { before: None, limit: 1 };
    while let [row] = store.conversations(&ana(), page).await.unwrap().as_slice() {
        names.push(row.name.clone());
        page.before = Some(row.updated_at);
    }
    assert_eq!(names, ["a", "c", "b"]);
}

#[tokio::test]
async fn one_bad_change_does_not_take_its_neighbours_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let good = store.begin_turn(new_turn("t1", Some("One")));
    let twice = store.begin_turn(new_turn("t1", Some("One again")));
    let other = store.begin_turn(new_turn("t2", Some("Two")));
    let (good, twice, other) = tokio::join!(good, twice, other);
    assert!(good.is_ok() && twice.is_err() && other.is_ok());
    assert_eq!(store.messages(&conversation(), ALL).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("parla.db"), "this is not a database at all").unwrap();
    let opened =
        Sqlite::open(&folder.path().join("parla.db"), Metrics::default().storage, &Shutdown::new())
            .await;
    assert!(opened.is_err());
}
