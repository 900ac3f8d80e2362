//! Ids for sessions, items, responses and events: a seed that nobody can guess, and a count. It makes no seed itself.

/// Names of one session.
#[derive(Debug)]
pub(super) struct Names {
    seed: String,
    made: u64,
    events: u64,
}

impl Names {
    pub(super) fn new(seed: &str) -> Self {
        Self { seed: seed.to_owned(), made: 0, events: 0 }
    }

    /// A new name such as `item_…`.
    pub(super) fn next(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}_{}{}", self.seed, self.made)
    }

    pub(super) fn next_event(&mut self) -> String {
        self.events += 1;
        format!("event_{}{}", self.seed, self.events)
    }

    /// Whether a name of that kind was made here.
    pub(super) fn is_own(&self, kind: &str, name: &str) -> bool {
        let rest = name.strip_prefix(kind).and_then(|rest| rest.strip_prefix('_'));
        rest.is_some_and(|rest| rest.starts_with(&self.seed))
    }
}
