//! How many turns may speak at once. It decides by numbers alone and makes nobody wait.

use std::sync::{Arc, Mutex, PoisonError};

/// The part of an engine's slots that turns may take up together; the rest absorbs what is not even.
const FULL: f64 = 0.9;

/// How many turns an engine supplies without a pause, `most` at most; a slow engine supplies one.
///
/// Each takes up `pace` of a slot (synthesis time ÷ audio time): what is heard has to be made.
#[must_use]
pub fn carried(slots: usize, pace: f64, most: usize) -> usize {
    // What is more than all numbers, for an engine that needs no time, is the largest of them.
    let supplied = (FULL * slots as f64 / pace) as usize;
    supplied.max(1).min(most)
}

/// The turns that are being spoken; clones count together.
#[derive(Clone, Default)]
pub(super) struct Speaking(Arc<Mutex<usize>>);

/// A turn that the voices have taken on; dropping it makes room for another.
#[must_use]
pub struct Admitted(Speaking);

impl Speaking {
    /// Takes on one more turn, if listeners of all of them will then still be supplied: see [`carried`].
    pub(super) fn admit(&self, slots: usize, pace: f64, most: usize) -> Option<Admitted> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *turns >= carried(slots, pace, most) {
            return None;
        }
        *turns += 1;
        Some(Admitted(self.clone()))
    }

    /// How many turns there are.
    pub(super) fn turns(&self) -> usize {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(slots: usize, pace: f64, most: usize) -> usize {
        let speaking = Speaking::default();
        let turns: Vec<_> = std::iter::from_fn(|| speaking.admit(slots, pace, most)).collect();
        turns.len()
    }

    #[test]
    fn turns_share_what_the_slots_can_make() {
        assert_eq!(admitted(1, 0.1, usize::MAX), 9);
        assert_eq!(admitted(4, 0.25, usize::MAX), 14);
        assert_eq!(admitted(512, 0.065, 300), 300);
    }

    #[test]
    fn an_engine_slower_than_its_listener_speaks_for_one() {
        assert_eq!(admitted(1, 3.0, usize::MAX), 1);
        assert_eq!(admitted(1, 3.0, 0), 0);
    }

    #[test]
    fn a_turn_that_ends_makes_room() {
        let speaking = Speaking::default();
        let first = speaking.admit(1, 0.9, usize::MAX);
        assert!(speaking.admit(1, 0.9, usize::MAX).is_none());
        drop(first);
        assert_eq!(speaking.turns(), 0);
        assert!(speaking.admit(1, 0.9, usize::MAX).is_some());
    }
}
