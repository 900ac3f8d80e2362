//! A map that holds so many bytes and lets go of what was used least recently. It knows nothing of files.

use lru::LruCache;

use crate::synthesis::CacheKey;

/// Values by key, each with a weight in bytes.
pub(super) struct Bounded<V> {
    entries: LruCache<CacheKey, (V, u64)>,
    held: u64,
    limit: u64,
}

impl<V> Bounded<V> {
    pub(super) fn new(limit: u64) -> Self {
        Self { entries: LruCache::unbounded(), held: 0, limit }
    }

    /// The weight of all values, in bytes.
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// Counts as a use.
    pub(super) fn get(&mut self, key: &CacheKey) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(value, _)| value)
    }

    /// Returns what had to go: older entries, or this one when it alone is beyond the limit.
    pub(super) fn insert(&mut self, key: CacheKey, value: V, bytes: u64) -> Vec<(CacheKey, V)> {
        drop(self.remove(&key));
        if !self.can_hold(bytes) {
            return vec![(key, value)];
        }
        let gone = self.make_room(bytes);
        self.entries.put(key, (value, bytes));
        self.held += bytes;
        gone
    }

    /// Whether so many bytes are within the limit at all.
    pub(super) fn can_hold(&self, bytes: u64) -> bool {
        bytes <= self.limit
    }

    /// Lets go of so much that `bytes` more stay within the limit, and returns it.
    pub(super) fn make_room(&mut self, bytes: u64) -> Vec<(CacheKey, V)> {
        self.release((self.held + bytes).saturating_sub(self.limit))
    }

    /// Lets go of at least so many bytes, and returns them. None go when all of them would not be enough.
    pub(super) fn release(&mut self, bytes: u64) -> Vec<(CacheKey, V)> {
        let mut gone = Vec::new();
        let Some(target) = self.held.checked_sub(bytes) else { return gone };
        while self.held > target
            && let Some((key, (value, freed))) = self.entries.pop_lru()
        {
            self.held -= freed;
            gone.push((key, value));
        }
        gone
    }

    pub(super) fn remove(&mut self, key: &CacheKey) -> Option<V> {
        let (value, freed) = self.entries.pop(key)?;
        self.held -= freed;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(number: u8) -> CacheKey {
        CacheKey::parse(&format!("{number:064x}")).unwrap()
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut bounded = Bounded::new(30);
        for number in 0..3 {
            assert_eq!(bounded.insert(key(number), number, 10), []);
        }
        assert_eq!(bounded.get(&key(0)), Some(&mut 0));
        assert_eq!(bounded.insert(key(3), 3, 11), [(key(1), 1), (key(2), 2)]);
        assert_eq!(bounded.get(&key(0)), Some(&mut 0));
    }

    #[test]
    fn what_is_too_large_pushes_nothing_out() {
        let mut bounded = Bounded::new(30);
        bounded.insert(key(0), 0, 30);
        assert_eq!(bounded.insert(key(1), 1, 31), [(key(1), 1)]);
        assert_eq!(bounded.make_room(31), []);
        assert_eq!(bounded.release(31), []);
        assert_eq!(bounded.get(&key(0)), Some(&mut 0));
    }

    proptest! {
        #[test]
        fn it_never_holds_more_than_its_limit(steps in prop::collection::vec((0u8..6, 0u64..50), 1..60)) {
            let mut bounded = Bounded::new(100);
            for (number, bytes) in steps {
                if bytes == 0 {
                    bounded.remove(&key(number));
                } else {
                    bounded.insert(key(number), (), bytes);
                }
                let sum: u64 = bounded.entries.iter().map(|(_, (_, bytes))| bytes).sum();
                prop_assert_eq!(bounded.held, sum);
                prop_assert!(sum <= 100);
            }
        }
    }
}
