//! How clients of different origin say the same things: frames become commands, events become frames. Pure.
//!
//! A new dialect is a module beside `tutor` with the same two halves, and a slot of its own in
//! [`crate::hub::Published::frame`]; `docs/PROTOCOL.md` holds its samples.

pub mod json;
pub mod tutor;

/// The slots of the hub's frame cache, one a dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    Tutor = 0,
}
