//! Sound files: writing and reading WAV. It knows formats, not where sound comes from.

pub mod wav;
