//! The sounds of a response, which are ready in any order and go out in theirs. It makes and sends none.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{items::Stretch, session::SoundFormat};

/// What is ready and waits for those before it.
#[derive(Debug, Default)]
pub(super) struct Sounds {
    pauses: BTreeMap<usize, u32>,
    ready: BTreeMap<usize, Option<Bytes>>,
    next: usize,
}

impl Sounds {
    /// The chunk is followed by so much silence, in milliseconds.
    pub(super) fn pause(&mut self, chunk: usize, ms: u32) {
        self.pauses.insert(chunk, ms);
    }

    /// A chunk's sound, or that it has none; all that can go out with it.
    pub(super) fn ready(
        &mut self,
        chunk: usize,
        sound: Option<Bytes>,
        format: SoundFormat,
    ) -> Vec<(Stretch, Bytes)> {
        if chunk >= self.next {
            self.ready.insert(chunk, sound);
        }
        let mut out = Vec::new();
        while let Some(sound) = self.ready.remove(&self.next) {
            if let Some(sound) = sound {
                out.push(self.stretch(&sound, format));
            }
            self.next += 1;
        }
        out
    }

    /// Whether that many have gone out.
    pub(super) fn are_out(&self, chunks: usize) -> bool {
        self.next >= chunks
    }

    fn stretch(&self, sound: &Bytes, format: SoundFormat) -> (Stretch, Bytes) {
        let pause = self.pauses.get(&self.next).copied().unwrap_or_default();
        let sound_ms = (sound.len() / format.bytes_per_ms()) as u64;
        let stretch = Stretch { chunk: self.next, sound_ms, pause_ms: u64::from(pause) };
        (stretch, [&sound[..], &format.silence(pause)].concat().into())
    }
}
