//! A piece of text as clients get it: whoever sends it shares it, and counts it without reading it. It knows no dialect.

use std::str;

use bytes::Bytes;

use crate::telemetry::metrics::FrameKind;

/// Clones share their text.
#[derive(Clone, Debug)]
pub struct Frame {
    /// UTF-8.
    bytes: Bytes,
    kind: FrameKind,
}

impl Frame {
    #[must_use]
    pub fn new(kind: FrameKind, text: String) -> Self {
        Self { bytes: text.into(), kind }
    }

    #[must_use]
    pub fn text(&self) -> &str {
        str::from_utf8(&self.bytes).expect("invariant: it was made of a string")
    }

    /// The same as UTF-8.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    #[must_use]
    pub fn kind(&self) -> FrameKind {
        self.kind
    }
}
