//! The audio files of turns that are younger than their rows. A file's own name says nothing; this says what it is.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use lru::LruCache;

use crate::{
    domain::{AudioFileId, ConversationId, UserId},
    providers::SpeechRequest,
    storage::{Storage, StorageError, StoredAudio},
};

/// Files that are known without asking the store: those of the newest thousand turns or so.
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
        self.remember(id.clone(), Arc::new(file));
        id
    }

    /// What the file is; `None` when there is no such file.
    ///
    /// # Errors
    /// When the store does not work.
    pub async fn find(&self, id: &AudioFileId) -> Result<Option<Arc<AudioFile>>, StorageError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let stored = self.storage.audio(id).await?.and_then(AudioFile::from_stored);
        let Some(file) = stored.map(Arc::new) else { return Ok(None) };
        self.remember(id.clone(), Arc::clone(&file));
        Ok(Some(file))
    }

    fn remember(&self, id: AudioFileId, file: Arc<AudioFile>) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).put(id, file);
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
