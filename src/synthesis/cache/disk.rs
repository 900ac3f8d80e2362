//! The folder of cached sounds, one file each. It blocks, and never shows half a file under a sound's name.

use std::{
    fs::{self, DirEntry, File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use super::{bounded::Bounded, file};
use crate::{
    domain::random_token,
    synthesis::{CacheKey, Spoken},
    telemetry::metrics::CacheMetrics,
};

const SUFFIX: &str = "sound";
const TEMPORARY_SUFFIX: &str = "partial";
/// The pool makes nothing larger, so whatever is larger is not ours, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// The folder and what is in it, in the order of use.
pub(super) struct Disk {
    folder: PathBuf,
    /// Plain data, never held while a file is read or written.
    held: Mutex<Bounded<()>>,
    /// What an earlier run left is in `held`.
    is_counted: AtomicBool,
    metrics: CacheMetrics,
}

impl Disk {
    pub(super) fn new(folder: PathBuf, limit_bytes: u64, metrics: CacheMetrics) -> Self {
        let held = Mutex::new(Bounded::new(limit_bytes));
        Self { folder, held, is_counted: AtomicBool::new(false), metrics }
    }

    /// Bytes of all sounds that are counted.
    pub(super) fn held_bytes(&self) -> u64 {
        self.held().held()
    }

    /// Counts what an earlier run left, oldest first, and removes what it left unfinished.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub(super) fn take_stock(&self) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut sounds = Vec::new();
        for entry in fs::read_dir(&self.folder)?.flatten() {
            match Name::of(&entry) {
                Some(Name::Partial) => remove(&entry.path()),
                Some(Name::Sound(key)) => sounds.extend(age_and_size(&entry, key)),
                None => {}
            }
        }
        sounds.sort_unstable();
        for (_, key, bytes) in sounds {
            let gone = self.held().insert(key, (), bytes);
            self.evict(&gone);
        }
        self.is_counted.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether the sound is among the files counted or written so far. Counts as a use, though nothing is read.
    pub(super) fn has(&self, key: &CacheKey) -> bool {
        self.held().get(key).is_some()
    }

    /// Whether it is worth looking: the folder's own count knows all files once it has been taken.
    pub(super) fn may_have(&self, key: &CacheKey) -> bool {
        !self.is_counted.load(Ordering::Acquire) || self.has(key)
    }

    /// The sound under that key; a file that fails the check is deleted.
    pub(super) fn load(&self, key: CacheKey) -> Option<Spoken> {
        let Ok(content) = self.read(key) else {
            self.held().remove(&key);
            return None;
        };
        let spoken = file::decode(key, content.into());
        if spoken.is_none() {
            tracing::warn!(code = "audio_cache_damaged", %key, "a damaged sound is deleted");
            self.held().remove(&key);
            remove(&self.path(key));
        }
        spoken
    }

    /// Writes the sound, after older ones have made room; one beyond the limit is let be.
    ///
    /// # Errors
    /// When the folder does not take it; nothing of it is left then.
    pub(super) fn store(&self, spoken: &Spoken) -> io::Result<()> {
        // Several who said the same may have asked for it.
        if self.has(&spoken.key) {
            return Ok(());
        }
        let head = file::head(spoken)?;
        let bytes = (head.len() + spoken.sound.pcm.len()) as u64;
        if !self.held().can_hold(bytes) {
            return Ok(());
        }
        let gone = self.held().make_room(bytes);
        self.evict(&gone);
        fs::create_dir_all(&self.folder)?;
        let parts = [head.as_slice(), &spoken.sound.pcm];
        self.write(spoken.key, parts).or_else(|error| {
            if !matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
                return Err(error);
            }
            let gone = self.held().release(bytes);
            self.evict(&gone);
            self.write(spoken.key, parts)
        })?;
        self.held().insert(spoken.key, (), bytes);
        Ok(())
    }

    fn read(&self, key: CacheKey) -> io::Result<Vec<u8>> {
        let file = open_to_read(&self.path(key))?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(io::Error::from(ErrorKind::InvalidInput));
        }
        let mut content = Vec::with_capacity(about.len().min(MAX_FILE_BYTES) as usize);
        file.take(MAX_FILE_BYTES).read_to_end(&mut content)?;
        Ok(content)
    }

    /// A reader sees the whole file or none: it gets its name when it is complete.
    fn write(&self, key: CacheKey, parts: [&[u8]; 2]) -> io::Result<()> {
        let temporary = self.folder.join(format!("{key}.{}.{TEMPORARY_SUFFIX}", random_token()));
        let written =
            write_new(&temporary, parts).and_then(|()| fs::rename(&temporary, self.path(key)));
        if written.is_err() {
            remove(&temporary);
        }
        written
    }

    fn evict(&self, gone: &[(CacheKey, ())]) {
        self.metrics.evicted("disk", gone.len());
        self.delete(gone);
    }

    fn delete(&self, gone: &[(CacheKey, ())]) {
        for &(key, ()) in gone {
            remove(&self.path(key));
        }
    }

    fn path(&self, key: CacheKey) -> PathBuf {
        self.folder.join(format!("{key}.{SUFFIX}"))
    }

    fn held(&self) -> MutexGuard<'_, Bounded<()>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a file of ours is; the folder may hold files of others, which are left alone.
enum Name {
    Sound(CacheKey),
    Partial,
}

impl Name {
    fn of(entry: &DirEntry) -> Option<Self> {
        let name = entry.file_name().into_string().ok()?;
        let (key, suffix) = name.split_once('.')?;
        let key = CacheKey::parse(key)?;
        match suffix.rsplit('.').next()? {
            SUFFIX => Some(Self::Sound(key)),
            TEMPORARY_SUFFIX => Some(Self::Partial),
            _ => None,
        }
    }
}

fn age_and_size(entry: &DirEntry, key: CacheKey) -> Option<(SystemTime, CacheKey, u64)> {
    let about = entry.metadata().ok().filter(fs::Metadata::is_file)?;
    Some((about.modified().ok()?, key, about.len()))
}

/// A file that cannot be removed is as good as absent: it is checked before use and replaced by renaming.
fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::debug!(path = %path.display(), %error, "a cached sound cannot be removed");
    }
}

fn write_new(path: &Path, parts: [&[u8]; 2]) -> io::Result<()> {
    let mut file = open_to_write(path)?;
    parts.into_iter().try_for_each(|part| file.write_all(part))
}

/// Follows no link out of the folder and does not wait at a pipe.
#[cfg(unix)]
fn open_to_read(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

#[cfg(not(unix))]
fn open_to_read(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

/// Only for the server's own eyes: rights hang on the names that clients know, not on these.
#[cfg(unix)]
fn open_to_write(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn open_to_write(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}
