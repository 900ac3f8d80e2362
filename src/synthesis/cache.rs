//! Sounds that are made already: recent ones in memory, those in demand on disk. Losing one costs only making it again.

mod bounded;
mod disk;
mod file;
mod memory;

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::mpsc, task::spawn_blocking, time::timeout};

use self::{disk::Disk, memory::Memory};
use super::{CacheKey, Spoken};
use crate::{shutdown::Shutdown, telemetry::metrics::CacheMetrics};

/// Sounds that wait to be written; when there are more, the newest is not written.
const WRITES: usize = 64;
/// A local file is read within milliseconds; a disk that hangs must not hold up a learner.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// Where finished sounds are kept and how much of them.
#[derive(Clone, Debug)]
pub struct CacheSettings {
    pub folder: PathBuf,
    /// For sounds that have been fetched, in memory.
    pub memory_bytes: u64,
    /// For sounds that wait to be fetched, in memory.
    pub awaited_bytes: u64,
    pub disk_bytes: u64,
}

impl Default for CacheSettings {
    fn default() -> Self {
        let folder = PathBuf::from("audio_cache");
        Self { folder, memory_bytes: 8 << 20, awaited_bytes: 32 << 20, disk_bytes: 512 << 20 }
    }
}

/// The finished sounds of all conversations; clones share them.
///
/// A sound goes to disk when it is wanted a second time, or has to leave memory before anybody has fetched it. What a
/// model writes is hardly ever said again, and a file for each of its sentences would cost as much processor time as
/// all the rest of a turn.
#[derive(Clone)]
pub struct AudioCache {
    /// Plain data, never held over an await: a std mutex.
    memory: Arc<Mutex<Memory>>,
    disk: Arc<Disk>,
    writes: mpsc::Sender<Arc<Spoken>>,
    metrics: CacheMetrics,
    trouble: Trouble,
}

/// Why the folder took no sound the last time; plain data in a std mutex.
type Trouble = Arc<Mutex<Option<String>>>;

impl AudioCache {
    /// Starts the task that looks through the folder and then writes; a folder out of order is no error.
    #[must_use]
    pub fn open(settings: CacheSettings, metrics: CacheMetrics, shutdown: &Shutdown) -> Self {
        let disk = Disk::new(settings.folder, settings.disk_bytes, metrics.clone());
        let disk = Arc::new(disk);
        let (writes, to_write) = mpsc::channel(WRITES);
        let trouble = Trouble::default();
        let health = Health { trouble: trouble.clone() };
        let writer = write_behind(disk.clone(), to_write, health, shutdown.clone());
        // Nobody waits for the writer: it ends with the drain or with the last handle.
        drop(shutdown.spawn("audio cache writer", writer));
        let memory = Memory::new(settings.awaited_bytes, settings.memory_bytes, metrics.clone());
        let memory = Arc::new(Mutex::new(memory));
        Self { memory, disk, writes, metrics, trouble }
    }

    /// The sound for somebody who says the same again, if it is in memory. Its file counts as used too, or the best known
    /// would leave the disk first.
    pub(super) fn again(&self, key: &CacheKey) -> Option<Arc<Spoken>> {
        let spoken = self.memory().get(key)?;
        self.metrics.looked_up("memory");
        self.write(&spoken);
        Some(spoken)
    }

    /// The sound for somebody who listens to it.
    pub(super) async fn fetch(&self, key: CacheKey) -> Option<Arc<Spoken>> {
        let recent = self.memory().fetch(&key);
        match recent {
            Some(spoken) => {
                self.metrics.looked_up("memory");
                Some(spoken)
            }
            None => self.load(key).await,
        }
    }

    /// The same from memory or disk, whole and verified.
    pub(super) async fn get(&self, key: CacheKey) -> Option<Arc<Spoken>> {
        match self.again(&key) {
            Some(spoken) => Some(spoken),
            None => self.load(key).await,
        }
    }

    /// Keeps a sound that has just been made.
    pub(super) fn put(&self, spoken: &Arc<Spoken>) {
        let unheard = self.memory().insert(spoken);
        unheard.iter().for_each(|spoken| self.write(spoken));
        let was_made = self.memory().note_made(spoken.key);
        if was_made {
            self.write(spoken);
        }
    }

    /// Bytes held in memory and on disk.
    pub(super) fn held(&self) -> (u64, u64) {
        let memory = self.memory().held();
        (memory, self.disk.held_bytes())
    }

    /// Why the folder took no sound the last time.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn load(&self, key: CacheKey) -> Option<Arc<Spoken>> {
        let spoken = self.load_from_disk(key).await;
        self.metrics.looked_up(if spoken.is_some() { "disk" } else { "nowhere" });
        spoken
    }

    async fn load_from_disk(&self, key: CacheKey) -> Option<Arc<Spoken>> {
        if !self.disk.may_have(&key) {
            return None;
        }
        let disk = self.disk.clone();
        let read = timeout(READ_TIMEOUT, spawn_blocking(move || disk.load(key))).await;
        let Some(spoken) = read.ok().and_then(Result::ok).flatten().map(Arc::new) else {
            // It was in demand once: made again, it is written again.
            self.memory().note_made(key);
            return None;
        };
        self.memory().keep(&spoken);
        Some(spoken)
    }

    fn write(&self, spoken: &Arc<Spoken>) {
        if !self.disk.has(&spoken.key) && self.writes.try_send(spoken.clone()).is_err() {
            tracing::debug!(key = %spoken.key, "the sound is not written, the disk is behind");
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The only one who writes to the folder.
async fn write_behind(
    disk: Arc<Disk>,
    mut to_write: mpsc::Receiver<Arc<Spoken>>,
    health: Health,
    shutdown: Shutdown,
) {
    health.note(&on_disk(&disk, Disk::take_stock).await);
    while let Some(spoken) = next(&mut to_write, &shutdown).await {
        health.note(&on_disk(&disk, move |disk| disk.store(&spoken)).await);
    }
}

/// The next sound to write; none after the drain, once the queue is empty.
async fn next(
    to_write: &mut mpsc::Receiver<Arc<Spoken>>,
    shutdown: &Shutdown,
) -> Option<Arc<Spoken>> {
    tokio::select! {
        biased;
        spoken = to_write.recv() => spoken,
        () = shutdown.draining() => None,
    }
}

async fn on_disk(
    disk: &Arc<Disk>,
    work: impl FnOnce(&Disk) -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    let disk = disk.clone();
    spawn_blocking(move || work(&disk)).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Whether the folder takes sounds; tells of changes only, not of each failure.
struct Health {
    trouble: Trouble,
}

impl Health {
    fn note(&self, outcome: &io::Result<()>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let is_well = trouble.is_none();
        match outcome {
            Err(error) if is_well => {
                tracing::warn!(code = "audio_cache_unwritable", %error, "sounds are kept in memory only");
            }
            Ok(()) if !is_well => {
                tracing::info!(code = "audio_cache_writable", "sounds are written to disk again");
            }
            Ok(()) | Err(_) => {}
        }
        *trouble = outcome.as_ref().err().map(ToString::to_string);
    }
}

#[cfg(test)]
mod tests;
