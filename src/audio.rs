//! Sound: reading what people send, WAV. It knows formats, not where sound comes from.

pub mod intake;
pub mod wav;
