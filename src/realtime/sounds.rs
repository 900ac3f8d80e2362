//! The sounds of a response, which are ready in any order and go out in theirs. It makes and sends none.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use super::{items::Stretch, session::SoundFormat};
use crate::domain::{AudioFileId, Chunk};

/// What is ready and waits for those before it.
#[derive(Debug, Default)]
pub(super) struct Sounds {
    chunks: BTreeMap<usize, Arc<Chunk>>,
    ready: BTreeMap<usize, Option<Bytes>>,
    next: usize,
    /// Sounds that are to be fetched when it is time.
    files: BTreeMap<usize, AudioFileId>,
    /// The one that is being fetched of them.
    fetching: Option<usize>,
}

impl Sounds {
    /// The sound will be of that chunk.
    pub(super) fn expect(&mut self, index: usize, chunk: Arc<Chunk>) {
        self.chunks.insert(index, chunk);
    }

    /// Where the chunk's sound is, for when it is time.
    pub(super) fn keep(&mut self, index: usize, file: AudioFileId) {
        self.files.insert(index, file);
    }

    /// Whether the sound that goes out next can be fetched.
    pub(super) fn may_fetch(&self) -> bool {
        self.fetching.is_none() && self.files.contains_key(&self.next)
    }

    /// The sound that goes out next, which is fetched from now on.
    pub(super) fn fetch(&mut self) -> Option<(usize, AudioFileId)> {
        let file = self.may_fetch().then(|| self.files.remove(&self.next))??;
        self.fetching = Some(self.next);
        Some((self.next, file))
    }

    /// A chunk's sound, or that it has none; all that can go out with it.
    pub(super) fn ready(
        &mut self,
        chunk: usize,
        sound: Option<Bytes>,
        format: SoundFormat,
    ) -> Vec<(Stretch, Bytes)> {
        self.fetching = self.fetching.filter(|&fetching| fetching != chunk);
        if chunk >= self.next {
            self.ready.insert(chunk, sound);
        }
        let mut out = Vec::new();
        while let Some(sound) = self.ready.remove(&self.next) {
            let chunk = self.chunks.remove(&self.next);
            if let (Some(chunk), Some(sound)) = (chunk, sound) {
                out.push(stretch((self.next, chunk), sound, format));
            }
            self.next += 1;
        }
        out
    }

    /// Whether that many have gone out.
    pub(super) fn are_out(&self, chunks: usize) -> bool {
        self.next >= chunks
    }
}

/// The chunk's sound with its silence; one that has none is not copied.
fn stretch(
    (index, chunk): (usize, Arc<Chunk>),
    sound: Bytes,
    format: SoundFormat,
) -> (Stretch, Bytes) {
    let sound_ms = (sound.len() / format.bytes_per_ms()) as u64;
    let silence = format.silence(chunk.pause_ms);
    let stretch = Stretch { index, sound_ms, pause_ms: u64::from(chunk.pause_ms), chunk };
    let whole = if silence.is_empty() { sound } else { [&sound[..], &silence].concat().into() };
    (stretch, whole)
}
