//! Sound that waits to be taken by the transcriber. Putting it in never waits: what is too much drops the oldest.

use std::{
    collections::VecDeque,
    future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures_util::Stream;

use super::{Sound, timeline::Timeline};
use crate::domain::Transcript;

/// Bytes a millisecond, at 16 kHz.
const BYTES_PER_MS: u64 = 32;
/// Ten seconds: older sound would be answered too late to be of use.
const MOST_BYTES: u64 = 10_000 * BYTES_PER_MS;
/// Two seconds: whoever can wait puts in no more.
const ROOM_BYTES: u64 = 2_000 * BYTES_PER_MS;
/// Marks without sound that wait; one more is dropped with the oldest sound.
const MOST_PARTS: usize = 1_024;

/// The end that is put into; dropping it ends the sound.
pub struct Outlet(Arc<Mutex<Waiting>>);

/// The end that a transcriber takes from.
pub struct Taken(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    parts: VecDeque<Sound>,
    bytes: u64,
    /// What has been taken already.
    taken_bytes: u64,
    /// What was dropped, in the sound as it is taken.
    timeline: Timeline,
    is_over: bool,
    taker: Option<Waker>,
    giver: Option<Waker>,
}

/// Both ends of an empty one.
#[must_use]
pub fn outlet() -> (Outlet, Taken) {
    let waiting = Arc::default();
    (Outlet(Arc::clone(&waiting)), Taken(waiting))
}

impl Outlet {
    /// The milliseconds that had to be dropped for it.
    pub fn put(&self, sound: Sound) -> u64 {
        let mut waiting = lock(&self.0);
        let dropped = waiting.put(sound);
        let taker = waiting.taker.take();
        drop(waiting);
        taker.into_iter().for_each(Waker::wake);
        dropped
    }

    /// Waits until so little is there that nothing has to be dropped. Giving up the wait loses nothing.
    pub async fn room(&self) {
        future::poll_fn(|context| {
            let mut waiting = lock(&self.0);
            if waiting.has_room() {
                return Poll::Ready(());
            }
            waiting.giver = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Whether [`Self::room`] would not wait.
    #[must_use]
    pub fn has_room(&self) -> bool {
        lock(&self.0).has_room()
    }

    /// So much is left out before what is put next.
    pub fn skip(&self, missing_ms: u64) {
        let mut waiting = lock(&self.0);
        let at_ms = (waiting.taken_bytes + waiting.bytes) / BYTES_PER_MS;
        waiting.timeline.cut(at_ms, missing_ms);
    }

    /// The milliseconds that wait to be taken.
    #[must_use]
    pub fn waiting_ms(&self) -> u64 {
        lock(&self.0).bytes / BYTES_PER_MS
    }

    /// Words with their places in the microphone's sound, of which some was dropped.
    #[must_use]
    pub fn placed(&self, transcript: Transcript) -> Transcript {
        lock(&self.0).timeline.placed(transcript)
    }

    /// No more sound.
    pub fn close(&self) {
        let mut waiting = lock(&self.0);
        waiting.is_over = true;
        waiting.taker.take().into_iter().for_each(Waker::wake);
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.close();
    }
}

impl Waiting {
    fn has_room(&self) -> bool {
        self.bytes < ROOM_BYTES
    }

    fn put(&mut self, sound: Sound) -> u64 {
        self.bytes += bytes(&sound);
        self.parts.push_back(sound);
        let mut dropped = 0;
        while self.bytes > MOST_BYTES || self.parts.len() > MOST_PARTS {
            let is_frame = |part: &Sound| matches!(part, Sound::Frame(_));
            let oldest = self.parts.iter().position(is_frame).unwrap_or(0);
            let bytes = self.parts.remove(oldest).as_ref().map_or(0, bytes);
            self.bytes -= bytes;
            dropped += bytes;
        }
        if dropped > 0 {
            self.timeline.cut(self.taken_bytes / BYTES_PER_MS, dropped / BYTES_PER_MS);
        }
        dropped / BYTES_PER_MS
    }
}

impl Stream for Taken {
    type Item = Sound;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Sound>> {
        let mut waiting = lock(&self.0);
        if let Some(sound) = waiting.parts.pop_front() {
            let bytes = bytes(&sound);
            waiting.bytes -= bytes;
            waiting.taken_bytes += bytes;
            if waiting.has_room() {
                waiting.giver.take().into_iter().for_each(Waker::wake);
            }
            return Poll::Ready(Some(sound));
        }
        if waiting.is_over {
            return Poll::Ready(None);
        }
        waiting.taker = Some(context.waker().clone());
        Poll::Pending
    }
}

fn bytes(sound: &Sound) -> u64 {
    match sound {
        Sound::Frame(frame) => frame.pcm.len() as u64,
        _ => 0,
    }
}

/// Plain data, never held over an await: a std mutex.
fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::{FutureExt, StreamExt};

    use super::*;
    use crate::domain::{AudioFrame, HeardWord};

    fn second() -> Sound {
        Sound::Frame(AudioFrame { sample_rate: 16_000, pcm: Bytes::from(vec![0; 32_000]) })
    }

    #[tokio::test]
    async fn whoever_can_wait_loses_nothing() {
        let (outlet, taken) = outlet();
        let give = async move {
            for _ in 0..30 {
                outlet.room().await;
                assert_eq!(outlet.put(second()), 0);
            }
        };
        let ((), left) = tokio::join!(give, taken.collect::<Vec<Sound>>());
        assert_eq!(left.len(), 30);
    }

    #[test]
    fn what_nobody_takes_is_dropped_after_ten_seconds_and_words_keep_their_places() {
        let (outlet, mut taken) = outlet();
        assert_eq!(outlet.put(second()), 0);
        assert!(taken.next().now_or_never().is_some());
        outlet.put(Sound::VoiceOn);
        let dropped: u64 = (0..13).map(|_| outlet.put(second())).sum();
        assert_eq!(dropped, 3_000);
        let word = |start_ms| HeardWord {
            text: "eco".to_owned(),
            start_ms,
            end_ms: start_ms + 100,
            confidence: None,
        };
        let words = vec![word(500), word(1_500)];
        let placed = outlet.placed(Transcript { words, ..Transcript::default() });
        assert_eq!((placed.words[0].start_ms, placed.words[1].start_ms), (500, 4_500));
        drop(outlet);
        let left: Vec<Sound> = taken.collect().now_or_never().unwrap();
        assert_eq!((left.len(), &left[0]), (11, &Sound::VoiceOn), "marks are not dropped");
    }
}
