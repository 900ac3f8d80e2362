//! Puts the house together: the only place that names concrete providers. It serves nothing by itself.

pub mod ears;
mod models;
mod voices;

use std::{ops::Deref, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{task::spawn_blocking, time::Instant};

use crate::{
    auth::{Auth, Doors, Secret},
    config::Settings,
    conversation::{
        AudioFiles, ConversationParts, ConversationSettings, Conversations, prompt::Prompter,
    },
    heap::{self, Crowd},
    hub::Hub,
    limits::Limits,
    prompts::{Prompts, cues::CueTables, lessons::Lessons},
    providers::{ChatModel, Synthesizer, succession::Succession},
    recognition::Ears,
    shutdown::Shutdown,
    storage::{Sqlite, Storage, StorageError},
    synthesis::{AudioCache, CacheSettings, EngineLoad, PoolSettings, SpeechPool},
    telemetry::{metrics::Metrics, traces::Traces},
};

pub use models::ollama;
pub use voices::{engines, espeak};

/// How often the hub forgets logs that nobody needs.
const SWEEP: Duration = Duration::from_secs(30);

/// Everything that a request may need; clones share it. It is one pointer, for each of thousands of sockets holds it.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] consists of.
#[derive(Clone)]
pub struct Parts {
    pub auth: Auth,
    pub doors: Arc<Doors>,
    pub limits: Limits,
    pub conversations: Conversations,
    pub audio_files: AudioFiles,
    pub storage: Arc<dyn Storage>,
    pub speech: SpeechPool,
    pub ears: Ears,
    pub engines: Arc<[Arc<dyn Synthesizer>]>,
    pub model: Arc<dyn ChatModel>,
    pub lessons: Arc<Lessons>,
    pub metrics: Metrics,
    pub shutdown: Shutdown,
    management_is_loopback: bool,
}

impl App {
    /// Opens the store, finds the providers, and settles what an earlier crash has left.
    ///
    /// # Errors
    /// When the data folder, the store or the prompts cannot be used.
    pub async fn start(
        settings: &Settings,
        metrics: Metrics,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Self> {
        let auth = Auth::new(open_secret(settings)?, settings.is_loopback());
        let limits = Limits::new(settings.max_connections, auth.is_required());
        let storage: Arc<dyn Storage> = Arc::new(open_storage(settings, &metrics, shutdown).await?);
        let hub = Hub::new();
        sweep(hub.clone(), shutdown);
        let prompts = Prompts::new(settings.prompts.clone());
        let lessons = Arc::new(Lessons::load(&prompts));
        for problem in lessons.problems() {
            tracing::warn!(%problem, "a lesson is left out");
        }
        let engines = engines(settings)?;
        warm(&engines, shutdown);
        let speech = speech_pool(settings, engines.clone(), &metrics, shutdown);
        let model = models::model(settings, &lessons, shutdown).await?;
        let hearing = metrics.hearing.clone();
        let ears = Succession::new(ears::transcribers(settings).await?, hearing.clone());
        let ears = Ears::new(ears.map(|ears| Arc::new(ears) as _), hearing, shutdown.clone());
        let audio_files = AudioFiles::new(Arc::clone(&storage));
        let conversations = Conversations::new(ConversationParts {
            hub,
            storage: Arc::clone(&storage),
            model: Arc::clone(&model),
            speech: speech.clone(),
            ears: ears.clone(),
            lessons: Arc::clone(&lessons),
            prompter: Prompter::new(&prompts).context("the prompt templates cannot be used")?,
            cues: CueTables::read(&prompts).context("a prompt file cannot be used")?,
            audio_files: audio_files.clone(),
            turns: limits.turns.clone(),
            settings: ConversationSettings {
                history_messages: settings.history_messages,
                ..ConversationSettings::default()
            },
            metrics: metrics.turns.clone(),
            traces: traces(settings, shutdown)?,
            shutdown: shutdown.clone(),
            began: Instant::now(),
        });
        Ok(Self(Arc::new(Parts {
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
            ears,
            engines: engines.into(),
            model,
            lessons,
            metrics,
            shutdown: shutdown.clone(),
            management_is_loopback: settings.management_is_loopback(),
        })))
    }

    /// The same house behind the operators' doors, which have a key of their own.
    #[must_use]
    pub fn for_operators(&self) -> Self {
        let is_loopback = self.management_is_loopback;
        let doors = Doors { origins: self.doors.origins.clone(), is_loopback };
        let auth = self.auth.for_operators(is_loopback);
        Self(Arc::new(Parts { auth, doors: Arc::new(doors), ..Parts::clone(self) }))
    }

    /// All metrics as they stand at this moment.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        for EngineLoad { engine, slots, busy, waiting, .. } in self.speech.load() {
            self.metrics.pool.set_load(&engine, slots, busy, waiting);
        }
        let (memory, disk) = self.speech.cached_bytes();
        self.metrics.cache.set_bytes("memory", memory);
        self.metrics.cache.set_bytes("disk", disk);
        let awake = i64::try_from(self.conversations.awake()).unwrap_or(i64::MAX);
        self.metrics.conversations.set(awake);
        self.metrics.text()
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

fn open_secret(settings: &Settings) -> anyhow::Result<Secret> {
    let data = &settings.data;
    std::fs::create_dir_all(data)
        .with_context(|| format!("the data folder {} cannot be made", data.display()))?;
    Secret::load(&settings.secret())
        .with_context(|| format!("the key in {} cannot be used", data.display()))
}

async fn open_storage(
    settings: &Settings,
    metrics: &Metrics,
    shutdown: &Shutdown,
) -> anyhow::Result<Sqlite> {
    let file = settings.database();
    let storage =
        Sqlite::open(&file, metrics.storage.clone(), shutdown).await.map_err(|error| {
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

fn traces(settings: &Settings, shutdown: &Shutdown) -> anyhow::Result<Option<Traces>> {
    let Some(settings) = settings.traces.clone() else { return Ok(None) };
    let (traces, export) = Traces::start(settings).context("no HTTP client can be made")?;
    shutdown.spawn("traces", export);
    Ok(Some(traces))
}

fn speech_pool(
    settings: &Settings,
    engines: Vec<Arc<dyn Synthesizer>>,
    metrics: &Metrics,
    shutdown: &Shutdown,
) -> SpeechPool {
    let places = CacheSettings { folder: settings.audio_cache.clone(), ..CacheSettings::default() };
    let cache = AudioCache::open(places, metrics.cache.clone(), shutdown);
    let mut pool = PoolSettings::default();
    if let Some(turns) = settings.max_turns {
        pool.turns = turns as usize;
    }
    SpeechPool::new(engines, cache, pool, metrics.pool.clone(), shutdown.clone())
}

/// The first learner does not wait for a voice to wake up. One that does not is told of with the first chunk.
fn warm(engines: &[Arc<dyn Synthesizer>], shutdown: &Shutdown) {
    for engine in engines {
        let voices = engine.voices();
        shutdown.spawn("voice warm-up", async move { drop(voices.await) });
    }
}

/// Lets go of what nobody comes back for.
fn sweep(hub: Hub, shutdown: &Shutdown) {
    let draining = shutdown.clone();
    shutdown.spawn("sweep", async move {
        let (mut every, mut crowd) = (tokio::time::interval(SWEEP), Crowd::default());
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = draining.draining() => return,
            }
            hub.sweep(Instant::now());
            let (tasks, topics) = (draining.running(), hub.len());
            if crowd.has_gone(tasks + topics) {
                drop(spawn_blocking(heap::give_back).await);
            }
            tracing::debug!(tasks, topics, "the hub is swept");
        }
    });
}
