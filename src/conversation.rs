//! One conversation: who may speak, what the tutor answers, and what becomes of each chunk.

pub mod parser;
pub mod turn_machine;
pub mod turn_taking;
