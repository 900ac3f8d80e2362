//! In which order the sounds of a turn are heard, though they are made in any order. It plays none.

use std::collections::BTreeMap;

use serde_json::Value;

/// One chunk that can be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sound {
    pub(super) turn: String,
    pub(super) chunk: u64,
    pub(super) url: String,
    pub(super) ms: u64,
}

/// The sounds of one turn that are still to come.
#[derive(Debug, Default)]
pub(super) struct Playlist {
    /// `None` where there is nothing to be heard.
    sounds: BTreeMap<u64, Option<Sound>>,
    next: u64,
}

impl Playlist {
    /// Takes in a chunk that is spoken, or never will be.
    pub(super) fn add(&mut self, turn: &str, data: &Value) {
        let Some(chunk) = data["chunkIndex"].as_u64() else { return };
        let seconds = data["chunk"]["duration"].as_f64().unwrap_or_default();
        let sound = data["chunk"]["audioUrl"].as_str().map(|url| Sound {
            turn: turn.to_owned(),
            chunk,
            url: url.to_owned(),
            ms: (seconds * 1000.0) as u64,
        });
        if chunk >= self.next {
            self.sounds.insert(chunk, sound);
        }
    }

    /// The next one, if it is there already.
    pub(super) fn next(&mut self) -> Option<Sound> {
        while let Some(sound) = self.sounds.remove(&self.next) {
            self.next += 1;
            if sound.is_some() {
                return sound;
            }
        }
        None
    }

    /// Puts one back that could not be heard.
    pub(super) fn put_back(&mut self, sound: Sound) {
        self.next = sound.chunk;
        self.sounds.insert(sound.chunk, Some(sound));
    }

    /// For another turn.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn add(playlist: &mut Playlist, chunk: u64, url: Option<&str>) {
        let chunk = json!({"chunkIndex": chunk, "chunk": {"audioUrl": url, "duration": 0.759}});
        playlist.add("t", &chunk);
    }

    fn heard(playlist: &mut Playlist) -> Vec<u64> {
        std::iter::from_fn(|| playlist.next()).map(|sound| sound.chunk).collect()
    }

    #[test]
    fn sounds_are_heard_in_their_order_and_silent_chunks_are_passed_over() {
        let mut playlist = Playlist::default();
        add(&mut playlist, 2, Some("/c"));
        assert_eq!(heard(&mut playlist).len(), 0);
        add(&mut playlist, 0, Some("/a"));
        add(&mut playlist, 1, None);
        assert_eq!(heard(&mut playlist), [0, 2]);
        add(&mut playlist, 0, Some("/a"));
        assert_eq!(heard(&mut playlist).len(), 0, "nothing is heard twice");
    }

    #[test]
    fn what_could_not_be_heard_comes_again_and_a_new_turn_begins_anew() {
        let mut playlist = Playlist::default();
        add(&mut playlist, 0, Some("/a"));
        add(&mut playlist, 1, Some("/b"));
        let first = playlist.next().unwrap();
        assert_eq!((first.url.as_str(), first.ms), ("/a", 759));
        playlist.put_back(first);
        assert_eq!(heard(&mut playlist), [0, 1]);
        playlist.clear();
        add(&mut playlist, 0, Some("/c"));
        assert_eq!(heard(&mut playlist), [0]);
    }
}
