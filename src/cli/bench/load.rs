//! More and more conversations at once, until the first sound comes too late or there is no room. Each step begins with
//! new conversations, so that none is measured twice.

use futures_util::future::try_join_all;
use indicatif::ProgressBar;
use parla::domain::Language;

use super::{
    Learner,
    report::{Load, Samples, Step},
};
use crate::cli::visit::Doorway;

/// More are for `cargo bench`, which keeps server and learners apart.
const MOST: usize = 1024;

/// The first sound of 95 of 100 answers may come `bound` milliseconds after the question.
pub(super) async fn measure(
    doorway: &Doorway,
    language: &Language,
    bound: u64,
    bar: &ProgressBar,
) -> anyhow::Result<Load> {
    let mut search = Search::default();
    let mut steps = Vec::new();
    while let Some(size) = search.next() {
        bar.set_message(format!("{size} conversations"));
        bar.set_position(0);
        bar.set_length(size as u64);
        let step = step(doorway, language, size, bar).await?;
        search
            .note(size, step.refused == 0 && step.first_audio_p95.is_some_and(|p95| p95 <= bound));
        steps.push(step);
    }
    Ok(Load { bound, carried: search.carried, steps })
}

async fn step(
    doorway: &Doorway,
    language: &Language,
    size: usize,
    bar: &ProgressBar,
) -> anyhow::Result<Step> {
    let joining = (0..size).map(|_| Learner::join(doorway, language));
    let mut learners = try_join_all(joining).await?;
    let asking = learners.iter_mut().map(async |learner| {
        let times = learner.ask(bar).await?;
        bar.inc(1);
        anyhow::Ok(times)
    });
    let outcomes = try_join_all(asking).await?;
    let refused = outcomes.iter().filter(|times| times.is_none()).count();
    let first_audio = outcomes.iter().flatten().filter_map(|times| times.first_audio);
    let first_audio = Samples::new(first_audio.collect());
    Ok(Step { conversations: size, first_audio_p95: first_audio.p95(), refused })
}

/// Doubles until it is too much, then closes in to an eighth.
#[derive(Debug, Default)]
struct Search {
    carried: usize,
    too_many: Option<usize>,
}

impl Search {
    fn next(&self) -> Option<usize> {
        match self.too_many {
            None if self.carried >= MOST => None,
            None => Some((self.carried * 2).max(1)),
            Some(too_many) if too_many - self.carried <= (self.carried / 8).max(1) => None,
            Some(too_many) => Some(self.carried.midpoint(too_many)),
        }
    }

    fn note(&mut self, size: usize, is_carried: bool) {
        if is_carried {
            self.carried = size;
        } else {
            self.too_many = Some(size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is tried, and what is found, on a machine that carries so many.
    fn search(carries: usize) -> (Vec<usize>, usize) {
        let (mut search, mut tried) = (Search::default(), Vec::new());
        while let Some(size) = search.next() {
            tried.push(size);
            search.note(size, size <= carries);
        }
        (tried, search.carried)
    }

    #[test]
    fn the_number_is_closed_in_on_with_few_steps() {
        assert_eq!(search(0), (vec![1], 0));
        assert_eq!(search(1), (vec![1, 2], 1));
        assert_eq!(search(5), (vec![1, 2, 4, 8, 6, 5], 5));
        assert_eq!(search(100), (vec![1, 2, 4, 8, 16, 32, 64, 128, 96, 112, 104], 96));
        assert_eq!(search(usize::MAX).1, MOST);
    }
}
