//! The audio files of turns that are younger than their rows. A file's own name says nothing; this says what it is.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;

use crate::{
    domain::{AudioFileId, ConversationId, UserId},
    providers::SpeechRequest,
    storage::{Storage, StorageError, StoredAudio},
};

/// Files that can wait for their rows: those of a thousand turns or so, when nothing can be written for a while.
const KNOWN: NonZeroUsize = NonZeroUsize::new(8192).unwrap();

/// What an audio file is: whose, and how to make it again.
#[derive(Debug)]
pub struct AudioFile {
    pub conversation: ConversationId,
    pub owner: UserId,
    pub cache_key: String,
    pub request: SpeechRequest,
}

/// All audio files; clones share them.
#[derive(Clone)]
pub struct AudioFiles {
    known: Arc<Mutex<LruCache<AudioFileId, Arc<AudioFile>>>>,
    storage: Arc<dyn Storage>,
}

impl AudioFiles {
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>) -> Self {
        Self { known: Arc::new(Mutex::new(LruCache::new(KNOWN))), storage }
    }

    /// Gives a finished piece of sound a name of its own.
    #[must_use]
    pub fn name(&self, file: AudioFile) -> AudioFileId {
        let id = AudioFileId::random();
        self.lock().put(id.clone(), Arc::new(file));
        id
    }

    /// From now on the store knows them. Kept any longer they would hold on to what a crowd has left: each lies in
    /// another page of memory.
    pub fn forget<'id>(&self, stored: impl IntoIterator<Item = &'id AudioFileId>) {
        let mut known = self.lock();
        for id in stored {
            known.pop(id);
        }
    }

    /// What the file is; `None` when there is no such file.
    ///
    /// # Errors
    /// When the store does not work.
    pub async fn find(&self, id: &AudioFileId) -> Result<Option<Arc<AudioFile>>, StorageError> {
        let known = self.lock().get(id).cloned();
        if known.is_some() {
            return Ok(known);
        }
        Ok(self.storage.audio(id).await?.and_then(AudioFile::from_stored).map(Arc::new))
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<AudioFileId, Arc<AudioFile>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AudioFile {
    fn from_stored(stored: StoredAudio) -> Option<Self> {
        let crate::domain::SpeechState::Ready(audio) = &stored.chunk.speech else { return None };
        Some(Self {
            conversation: stored.conversation,
            owner: stored.owner,
            cache_key: audio.cache_key.clone(),
            request: SpeechRequest {
                spans: stored.chunk.spoken,
                voice: stored.voice,
                speed: stored.speed,
                emotion: stored.chunk.emotion,
                emphasis: stored.chunk.emphasis,
            },
        })
    }
}
