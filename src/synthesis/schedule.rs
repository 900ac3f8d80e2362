//! Who is spoken next: first chunks of turns, then whoever runs out of sound soonest. It decides; it starts nothing.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, Weak,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use crate::{domain::Millis, providers::Urgency};

/// How long a chunk is held to be heard before it is made. Without it all that waits for one listener would be made at
/// once, before what another one needs sooner.
const CHUNK_MS: Millis = 3000;

/// When one listener runs out of sound; clones share it, and whoever plays moves it on.
#[derive(Clone, Debug, Default)]
pub struct Listener(Arc<Sound>);

/// What a listener has; both change together, but a moment between is of no harm.
#[derive(Debug, Default)]
struct Sound {
    until: AtomicU64,
    chunks: AtomicUsize,
}

impl Listener {
    /// A listener that has sound until then, in milliseconds of the monotonic clock.
    #[must_use]
    pub fn new(until: Millis) -> Self {
        let listener = Self::default();
        listener.set_sound_until(until, 0);
        listener
    }

    /// Moves the end of the sound, in milliseconds of the monotonic clock; so many chunks from the turn's beginning are
    /// made.
    pub fn set_sound_until(&self, until: Millis, chunks: usize) {
        self.0.until.store(until, Ordering::Relaxed);
        self.0.chunks.store(chunks, Ordering::Relaxed);
    }

    /// When that chunk of the turn has to be there.
    fn needs(&self, index: usize) -> Millis {
        let before = index.saturating_sub(self.0.chunks.load(Ordering::Relaxed)) as Millis;
        self.0.until.load(Ordering::Relaxed).saturating_add(before.saturating_mul(CHUNK_MS))
    }
}

/// Where a chunk stands in its turn.
#[derive(Clone, Debug)]
pub struct Place {
    /// The turn is silent until this chunk is heard.
    pub first: bool,
    pub listener: Listener,
    /// The chunk's number in its turn, from 0.
    pub index: usize,
}

/// Less is sooner: later chunks after first ones, then due time, place in the turn, arrival.
type Rank = (bool, Millis, usize, u64);

/// The places for which one job is made. The job is as urgent as the most urgent of those still held.
#[derive(Debug)]
pub(super) struct Claims {
    arrival: u64,
    places: Mutex<Vec<Weak<Place>>>,
}

impl Claims {
    pub(super) fn new(arrival: u64) -> Self {
        Self { arrival, places: Mutex::default() }
    }

    /// Counts the place for as long as the caller holds it.
    pub(super) fn join(&self, place: &Arc<Place>) {
        let mut places = self.places();
        places.retain(|place| place.strong_count() > 0);
        places.push(Arc::downgrade(place));
    }

    /// How soon the sound is wanted at this moment.
    pub(super) fn wanted(&self) -> Urgency {
        let (is_later, ..) = self.rank();
        if is_later { Urgency::Later } else { Urgency::Now }
    }

    /// Reckoned from where the listeners are at this moment.
    fn rank(&self) -> Rank {
        let places = self.places();
        let held = places.iter().filter_map(Weak::upgrade);
        held.map(|place| {
            (!place.first, place.listener.needs(place.index), place.index, self.arrival)
        })
        .min()
        .unwrap_or((true, Millis::MAX, usize::MAX, self.arrival))
    }

    fn places(&self) -> MutexGuard<'_, Vec<Weak<Place>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Jobs that wait for a slot. The pool bounds their number; a scan over a few hundred is fast enough.
#[derive(Debug)]
pub(super) struct Queue<J> {
    waiting: Vec<(Arc<Claims>, J)>,
}

impl<J> Default for Queue<J> {
    fn default() -> Self {
        Self { waiting: Vec::new() }
    }
}

impl<J> Queue<J> {
    pub(super) fn push(&mut self, claims: Arc<Claims>, job: J) {
        self.waiting.push((claims, job));
    }

    /// Takes out the most urgent job.
    pub(super) fn pick(&mut self) -> Option<J> {
        let ranks = self.waiting.iter().map(|(claims, _)| claims.rank());
        let (next, _) = ranks.enumerate().min_by_key(|(_, rank)| *rank)?;
        Some(self.waiting.swap_remove(next).1)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&J) -> bool) {
        self.waiting.retain(|(_, job)| keep(job));
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, fmt::Write};

    use expect_test::{Expect, expect};

    use super::*;

    /// Plays lines of `first|later LISTENER INDEX as JOB`, `join JOB first|later LISTENER INDEX`, `leave JOB`
    /// (its first claim), `LISTENER until MS by CHUNKS`, `pick`, `wanted JOB`; the trace is what was picked, and how
    /// soon that is wanted.
    fn check(script: &str, expected: Expect) {
        let mut stage = Stage::default();
        for line in script.lines() {
            stage.play(&line.split_whitespace().collect::<Vec<_>>());
        }
        expected.assert_eq(&stage.trace);
    }

    #[derive(Default)]
    struct Stage {
        queue: Queue<String>,
        listeners: HashMap<String, Listener>,
        jobs: HashMap<String, (Arc<Claims>, Vec<Arc<Place>>)>,
        trace: String,
    }

    impl Stage {
        fn play(&mut self, words: &[&str]) {
            match *words {
                ["pick"] => {
                    let job = self.queue.pick().unwrap_or_else(|| "nothing".to_owned());
                    writeln!(self.trace, "{job}").unwrap();
                }
                ["wanted", job] => {
                    let wanted = self.jobs[job].0.wanted();
                    writeln!(self.trace, "{job} is wanted {wanted:?}").unwrap();
                }
                ["leave", job] => drop(self.jobs.get_mut(job).unwrap().1.remove(0)),
                ["join", job, rank, listener, index] => self.claim(job, rank, listener, index),
                [listener, "until", ms, "by", chunks] => {
                    let (ms, chunks) = (ms.parse().unwrap(), chunks.parse().unwrap());
                    self.listener(listener).set_sound_until(ms, chunks);
                }
                [rank, listener, index, "as", job] => {
                    let claims = Arc::new(Claims::new(self.jobs.len() as u64));
                    self.queue.push(claims.clone(), job.to_owned());
                    self.jobs.insert(job.to_owned(), (claims, Vec::new()));
                    self.claim(job, rank, listener, index);
                }
                _ => panic!("no such line: {words:?}"),
            }
        }

        fn claim(&mut self, job: &str, rank: &str, listener: &str, index: &str) {
            let listener = self.listener(listener);
            let index = index.parse().unwrap();
            let place = Arc::new(Place { first: rank == "first", listener, index });
            let (claims, places) = self.jobs.get_mut(job).unwrap();
            claims.join(&place);
            places.push(place);
        }

        fn listener(&mut self, name: &str) -> Listener {
            self.listeners.entry(name.to_owned()).or_default().clone()
        }
    }

    #[test]
    fn first_chunks_go_before_all_others_however_late_they_come() {
        check(
            "ana until 0 by 1\nben until 9000 by 0\nlater ana 1 as a1\nfirst ben 0 as b0\npick\npick\npick",
            expect![[r#"
                b0
                a1
                nothing
            "#]],
        );
    }

    #[test]
    fn whoever_runs_out_of_sound_soonest_is_next() {
        check(
            "ana until 5000 by 1\nben until 3000 by 4\nlater ana 1 as a1\nlater ben 4 as b4\npick\npick",
            expect![[r#"
                b4
                a1
            "#]],
        );
    }

    #[test]
    fn due_times_are_reckoned_anew_at_each_pick() {
        check(
            "ana until 5000 by 1\nben until 3000 by 1\nlater ana 1 as a1\nlater ben 1 as b1\nlater ben 2 as b2\n\
             pick\nben until 4000 by 2\npick\npick",
            expect![[r#"
                b1
                b2
                a1
            "#]],
        );
    }

    #[test]
    fn what_one_needs_much_later_waits_for_what_another_needs_soon() {
        check(
            "ana until 0 by 1\nben until 1000 by 1\nlater ana 1 as a1\nlater ana 2 as a2\nlater ben 1 as b1\n\
             pick\npick\npick",
            expect![[r#"
                a1
                b1
                a2
            "#]],
        );
    }

    #[test]
    fn ties_go_by_place_in_the_turn_then_by_arrival() {
        check(
            "later ana 2 as a2\nlater ben 1 as b1\nlater ana 1 as a1\npick\npick\npick",
            expect![[r#"
                b1
                a1
                a2
            "#]],
        );
    }

    #[test]
    fn a_shared_job_is_as_urgent_as_its_most_urgent_waiter() {
        check(
            "ana until 100 by 1\nben until 9000 by 1\nlater ana 1 as a1\nlater ben 1 as hello\n\
             wanted hello\njoin hello first cleo 0\nwanted hello\npick\npick",
            expect![[r#"
                hello is wanted Later
                hello is wanted Now
                hello
                a1
            "#]],
        );
    }

    #[test]
    fn a_waiter_that_has_left_lends_no_urgency() {
        check(
            "ana until 100 by 1\nben until 9000 by 1\nlater ana 1 as a1\nfirst cleo 0 as hello\n\
             join hello later ben 1\nleave hello\nwanted hello\npick\npick",
            expect![[r#"
                hello is wanted Later
                a1
                hello
            "#]],
        );
    }
}
