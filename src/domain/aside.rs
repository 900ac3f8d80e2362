//! What is told beside an answer: that something takes its time, and what people should know. It is never spoken.

/// A word to the learner's client that is part of no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aside {
    Progress(Progress),
    Notice(Notice),
}

/// How far something has come that an answer waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub kind: ProgressKind,
    /// For people.
    pub text: String,
    /// Of `total`, in bytes; `None` when nobody can say.
    pub done: Option<u64>,
    pub total: Option<u64>,
}

/// What an answer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressKind {
    /// A model comes over the network.
    Pull,
    /// A model comes from the disk into memory.
    Load,
}

/// Something that people should know and that is no failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Stable, for programs; a conversation is told each code once.
    pub code: &'static str,
    pub text: String,
}

impl ProgressKind {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pull => "model-pull",
            Self::Load => "model-load",
        }
    }
}

impl Notice {
    #[must_use]
    pub fn new(code: &'static str, text: String) -> Self {
        Self { code, text }
    }
}
