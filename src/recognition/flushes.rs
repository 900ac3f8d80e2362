//! Which questions for the last words wait for their answer, and for how long. It reads no clock.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The questions of one ear, oldest first.
pub(super) struct Flushes {
    patience: Duration,
    waiting: VecDeque<Instant>,
    /// Answers that nobody waits for any more.
    late: usize,
}

impl Flushes {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, waiting: VecDeque::new(), late: 0 }
    }

    pub(super) fn ask(&mut self, now: Instant) {
        self.waiting.push_back(now + self.patience);
    }

    /// When the oldest question is given up.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.front().copied()
    }

    /// Whether somebody still waits for this answer.
    pub(super) fn answered(&mut self) -> bool {
        if self.late > 0 {
            self.late -= 1;
            return false;
        }
        self.waiting.pop_front().is_some()
    }

    /// The oldest question has waited for long enough; its answer may still come.
    pub(super) fn give_up(&mut self) {
        self.late += usize::from(self.waiting.pop_front().is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_comes_too_late_is_not_taken_for_the_next_one() {
        let mut flushes = Flushes::new(Duration::from_secs(10));
        assert!(!flushes.answered(), "nobody has asked");
        flushes.ask(Instant::now());
        flushes.ask(Instant::now());
        assert_eq!(flushes.due(), Some(Instant::now() + Duration::from_secs(10)));
        flushes.give_up();
        assert_eq!([flushes.answered(), flushes.answered()], [false, true]);
        assert_eq!(flushes.due(), None);
    }
}
