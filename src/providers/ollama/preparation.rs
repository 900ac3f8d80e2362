//! Gets models ready, once for all who wait: pulls them, loads them into memory. It decides not which and not when.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{
    StreamExt,
    stream::{self, Stream},
};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use super::{KEEP_ALIVE_FOR, pull, server::Server};
use crate::{
    domain::{Aside, Progress, ProgressKind},
    shutdown::Shutdown,
};

/// Ollama reports several times a second; whoever hears nothing for so long waits for nothing.
const PULL_STALL: Duration = Duration::from_secs(60);
/// The largest models take minutes from a slow disk.
const LOAD_LIMIT: Duration = Duration::from_secs(600);
/// What is over so soon is not worth a word.
const LOAD_UNTOLD: Duration = Duration::from_millis(700);
/// A pull is told of no more often than this, for people,
const LEAST_BETWEEN: Duration = Duration::from_millis(250);
/// and what is under way no more rarely than this, so that whoever waits knows that there is something to wait for.
const MOST_BETWEEN: Duration = Duration::from_secs(1);
/// Parts of a pull that the log tells of.
const LOGGED_PARTS: u64 = 10;

/// What is under way on a server, and what is known to be in its memory; clones share it.
#[derive(Clone)]
pub(super) struct Preparation {
    server: Server,
    shutdown: Shutdown,
    shared: Arc<Shared>,
}

/// Plain data, never held over an await: std mutexes. Only models that the operator has named or the server has are
/// in it.
#[derive(Default)]
struct Shared {
    under_way: Mutex<HashMap<Work, Watched>>,
    /// When a model was last seen in memory.
    seen: Mutex<HashMap<String, Instant>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Work {
    Pull(String),
    Load(String),
}

/// How far something has come; the other end is dropped when it is over.
type Watched = watch::Receiver<Option<Progress>>;
type Telling = watch::Sender<Option<Progress>>;

impl Preparation {
    pub(super) fn new(server: Server, shutdown: Shutdown) -> Self {
        Self { server, shutdown, shared: Arc::default() }
    }

    /// Pulls the model and tells how far it has come; whoever leaves does not end it.
    pub(super) fn pull(&self, model: &str) -> impl Stream<Item = Aside> + Send + use<> {
        let (server, name) = (self.server.clone(), model.to_owned());
        told(self.join(Work::Pull(name.clone()), |tell| pull_model(server, name, tell)))
    }

    /// Loads the model with that context, when it is not in memory.
    pub(super) fn load(
        &self,
        model: &str,
        context: Option<u32>,
    ) -> impl Stream<Item = Aside> + Send + use<> {
        let (this, name) = (self.clone(), model.to_owned());
        told(self.join(Work::Load(name.clone()), |tell| this.load_model(name, context, tell)))
    }

    /// Whether the model can answer without being loaded first, as far as can be known.
    pub(super) async fn is_loaded(&self, model: &str) -> bool {
        let seen = self.seen().get(model).copied();
        if seen.is_some_and(|seen| seen.elapsed() < KEEP_ALIVE_FOR) {
            return true;
        }
        self.server.has_loaded(model).await
    }

    /// The model has answered from memory.
    pub(super) fn has_answered(&self, model: &str) {
        self.seen().insert(model.to_owned(), Instant::now());
    }

    /// The model is being asked: until it answers nobody knows.
    pub(super) fn is_asked(&self, model: &str) {
        self.seen().remove(model);
    }

    fn join<F>(&self, work: Work, begin: impl FnOnce(Telling) -> F) -> Watched
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut under_way = self.shared.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|_, watched| watched.has_changed().is_ok());
        if let Some(watched) = under_way.get(&work) {
            return watched.clone();
        }
        let (tell, watched) = watch::channel(None);
        under_way.insert(work, watched.clone());
        let (task, draining) = (begin(tell), self.shutdown.clone());
        self.shutdown.spawn("model preparation", async move {
            tokio::select! {
                () = draining.draining() => {}
                () = task => {}
            }
        });
        watched
    }

    /// A failure is told by the answer that needs the model.
    async fn load_model(self, model: String, context: Option<u32>, tell: Telling) {
        let loading = timeout(LOAD_LIMIT, self.server.load(&model, context));
        tokio::pin!(loading);
        let loaded = if let Ok(loaded) = timeout(LOAD_UNTOLD, &mut loading).await {
            loaded
        } else {
            let text = format!("the model {model} is being loaded into memory");
            let kind = ProgressKind::Load;
            tell.send_replace(Some(Progress { kind, text, done: None, total: None }));
            loading.await
        };
        if let Ok(Ok(())) = loaded {
            self.has_answered(&model);
            tell.send_if_modified(|told| told.as_mut().map(loaded_now).is_some());
        }
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn pull_model(server: Server, model: String, tell: Telling) {
    tracing::info!(model, "the model is not there yet and is being pulled");
    let mut parts = pull::progress(server, model.clone());
    let (mut logged, mut told_at) = (0, None::<Instant>);
    loop {
        match timeout(PULL_STALL, parts.next()).await {
            Ok(Some(Ok(progress))) => {
                logged = logged.max(log_part(&model, logged, &progress));
                let is_whole = progress.total.is_some() && progress.done == progress.total;
                if is_whole || told_at.is_none_or(|at| at.elapsed() >= LEAST_BETWEEN) {
                    told_at = Some(Instant::now());
                    tell.send_replace(Some(progress));
                }
            }
            Ok(None) => return tracing::info!(model, "the model has been pulled"),
            Ok(Some(Err(error))) => {
                return tracing::error!(model, %error, code = "pull_failed", "the model could not be pulled");
            }
            Err(_) => {
                return tracing::error!(model, code = "pull_failed", "the pull has come to a halt");
            }
        }
    }
}

fn loaded_now(progress: &mut Progress) {
    "the model is in memory".clone_into(&mut progress.text);
    (progress.done, progress.total) = (Some(1), Some(1));
}

/// Logs each tenth once; answers with the tenth that is reached.
fn log_part(model: &str, logged: u64, progress: &Progress) -> u64 {
    let (Some(done), Some(total)) = (progress.done, progress.total) else { return 0 };
    let part = done.saturating_mul(LOGGED_PARTS) / total.max(1);
    if part > logged {
        tracing::info!(model, percent = part * 100 / LOGGED_PARTS, "the model is being pulled");
    }
    part
}

/// What is under way, until it is over.
fn told(watched: Watched) -> impl Stream<Item = Aside> + Send {
    stream::unfold(watched, |mut watched| async move {
        loop {
            if let Ok(Err(_)) = timeout(MOST_BETWEEN, watched.changed()).await {
                return None;
            }
            let progress = watched.borrow_and_update().clone();
            if let Some(progress) = progress {
                return Some((Aside::Progress(progress), watched));
            }
        }
    })
}
