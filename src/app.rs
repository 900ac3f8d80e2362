//! Puts the house together: the only place that names concrete providers. It serves nothing by itself.

mod models;
mod voices;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::time::Instant;

use crate::{
    auth::{Auth, Doors, Secret},
    config::Settings,
    conversation::{
        AudioFiles, ConversationParts, ConversationSettings, Conversations, prompt::Prompter,
    },
    hub::Hub,
    limits::Limits,
    prompts::{Prompts, lessons::Lessons},
    providers::{ChatModel, Synthesizer},
    shutdown::Shutdown,
    storage::{Sqlite, Storage, StorageError},
    synthesis::{AudioCache, CacheSettings, PoolSettings, SpeechPool},
};

pub use models::ollama;
pub use voices::engines;

/// How often the hub forgets logs that nobody needs.
const SWEEP: Duration = Duration::from_secs(30);
/// Bytes of finished audio in memory.
const AUDIO_MEMORY: u64 = 8 * 1024 * 1024;
/// Bytes of finished audio on disk.
const AUDIO_DISK: u64 = 512 * 1024 * 1024;

/// Everything that a request may need; clones share it.
#[derive(Clone)]
pub struct App {
    pub auth: Auth,
    pub doors: Arc<Doors>,
    pub limits: Limits,
    pub conversations: Conversations,
    pub audio_files: AudioFiles,
    pub storage: Arc<dyn Storage>,
    pub speech: SpeechPool,
    pub engines: Arc<[Arc<dyn Synthesizer>]>,
    pub model: Arc<dyn ChatModel>,
    pub lessons: Arc<Lessons>,
    pub shutdown: Shutdown,
}

impl App {
    /// Opens the store, finds the providers, and settles what an earlier crash has left.
    ///
    /// # Errors
    /// When the data folder, the store or the prompts cannot be used.
    pub async fn start(settings: &Settings, shutdown: &Shutdown) -> anyhow::Result<Self> {
        let auth = Auth::new(open_secret(&settings.data)?, settings.is_loopback());
        let limits = Limits::new(settings.max_connections, auth.is_required());
        let storage: Arc<dyn Storage> = Arc::new(open_storage(settings, shutdown).await?);
        let hub = Hub::new();
        sweep(hub.clone(), shutdown);
        let prompts = Prompts::new(settings.prompts.clone());
        let lessons = Arc::new(Lessons::load(&prompts));
        for problem in lessons.problems() {
            tracing::warn!(%problem, "a lesson is left out");
        }
        let engines = engines(settings)?;
        warm(&engines, shutdown);
        let cache = AudioCache::open(
            CacheSettings {
                folder: settings.audio_cache.clone(),
                memory_bytes: AUDIO_MEMORY,
                disk_bytes: AUDIO_DISK,
            },
            shutdown,
        );
        let mut pool = PoolSettings::default();
        if let Some(turns) = settings.max_turns {
            pool.turns = turns as usize;
        }
        let speech = SpeechPool::new(engines.clone(), cache, pool, shutdown.clone());
        let model = models::model(settings, &lessons, shutdown).await?;
        let audio_files = AudioFiles::new(Arc::clone(&storage));
        let conversations = Conversations::new(ConversationParts {
            hub,
            storage: Arc::clone(&storage),
            model: Arc::clone(&model),
            speech: speech.clone(),
            lessons: Arc::clone(&lessons),
            prompter: Prompter::new(&prompts).context("the prompt templates cannot be used")?,
            audio_files: audio_files.clone(),
            turns: limits.turns.clone(),
            settings: ConversationSettings {
                history_messages: settings.history_messages,
                ..ConversationSettings::default()
            },
            shutdown: shutdown.clone(),
            began: Instant::now(),
        });
        Ok(Self {
            auth,
            doors: Arc::new(Doors {
                origins: settings.origins.clone(),
                is_loopback: settings.is_loopback(),
            }),
            limits,
            conversations,
            audio_files,
            storage,
            speech,
            engines: engines.into(),
            model,
            lessons,
            shutdown: shutdown.clone(),
        })
    }
}

fn open_secret(data: &Path) -> anyhow::Result<Secret> {
    std::fs::create_dir_all(data)
        .with_context(|| format!("the data folder {} cannot be made", data.display()))?;
    Secret::load(&data.join("secret"))
        .with_context(|| format!("the key in {} cannot be used", data.display()))
}

async fn open_storage(settings: &Settings, shutdown: &Shutdown) -> anyhow::Result<Sqlite> {
    let file = settings.data.join("parla.db");
    let storage = Sqlite::open(&file, shutdown).await.map_err(|error| {
        let hint = match error {
            StorageError::Damaged(_) => {
                "; put back a copy of its folder, or move the folder away to begin anew"
            }
            _ => "",
        };
        let what = format!("the database {} cannot be used{hint}", file.display());
        anyhow::Error::new(error).context(what)
    })?;
    let interrupted = storage.fail_interrupted().await?;
    if interrupted > 0 {
        tracing::warn!(interrupted, "turns that the last run left unfinished are marked as failed");
    }
    Ok(storage)
}

/// The first learner does not wait for a voice to wake up. One that does not is told of with the first chunk.
fn warm(engines: &[Arc<dyn Synthesizer>], shutdown: &Shutdown) {
    for engine in engines {
        let voices = engine.voices();
        shutdown.spawn("voice warm-up", async move { drop(voices.await) });
    }
}

fn sweep(hub: Hub, shutdown: &Shutdown) {
    let draining = shutdown.clone();
    shutdown.spawn("hub sweep", async move {
        let mut every = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                _ = every.tick() => {
                    hub.sweep(Instant::now());
                    tracing::debug!(tasks = draining.running(), "the hub is swept");
                }
                () = draining.draining() => return,
            }
        }
    });
}
