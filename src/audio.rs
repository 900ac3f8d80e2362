//! Sound: reading what people send, other rates, Opus, WAV. It knows formats, not where sound comes from.

pub mod intake;
pub mod opus;
pub mod outgoing;
pub mod packed;
pub mod recording;
pub mod wav;

mod pcm;
mod resample;

#[cfg(test)]
mod likeness;
