//! A fixed number of places for each key. What nobody holds is not remembered.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Places, the same number for each key; clones share them. A std mutex: it guards counting, never an await.
#[derive(Clone)]
pub struct Places<K: Clone + Eq + Hash> {
    taken: Arc<Mutex<HashMap<K, usize>>>,
    each: usize,
}

/// A place; dropping it gives it back.
pub struct Place<K: Clone + Eq + Hash> {
    places: Places<K>,
    key: K,
}

impl<K: Clone + Eq + Hash> Places<K> {
    #[must_use]
    pub fn new(each: usize) -> Self {
        Self { taken: Arc::default(), each }
    }

    /// `None` when the key has all of its places.
    #[must_use]
    pub fn take(&self, key: K) -> Option<Place<K>> {
        let mut taken = self.taken();
        let count = taken.get(&key).copied().unwrap_or(0);
        if count >= self.each {
            return None;
        }
        taken.insert(key.clone(), count + 1);
        Some(Place { places: self.clone(), key })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        match taken.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_places_and_nothing_is_left_of_one_that_holds_none() {
        let places = Places::new(2);
        let held = [places.take("ana"), places.take("ana"), places.take("bea")];
        assert!(held.iter().all(Option::is_some));
        assert!(places.take("ana").is_none());
        drop(held);
        assert!(places.taken().is_empty());
    }
}
