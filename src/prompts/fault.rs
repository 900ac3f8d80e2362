//! What is wrong in a file that a teacher has written, and where. It does not know which file.

use std::ops::Range;

/// One thing to put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1; `None` when it is the file as a whole.
    pub line: Option<usize>,
    /// What is wrong and what is expected instead.
    pub reason: String,
}

impl Fault {
    #[must_use]
    pub fn of_file(reason: impl Into<String>) -> Self {
        Self { line: None, reason: reason.into() }
    }

    #[must_use]
    pub fn at(line: usize, reason: impl Into<String>) -> Self {
        Self { line: Some(line), reason: reason.into() }
    }

    /// What keeps `source` from being read at all.
    #[must_use]
    pub fn of_toml(error: &toml::de::Error, source: &str) -> Self {
        let line = error.span().map(|span| line_of(source, &span));
        Self { line, reason: error.message().trim_end().to_owned() }
    }
}

/// The line of `source` in which `span`, counted in bytes, begins.
#[must_use]
pub fn line_of(source: &str, span: &Range<usize>) -> usize {
    source.bytes().take(span.start).filter(|&byte| byte == b'\n').count() + 1
}
