//! One conversation: who may speak, what the tutor answers, and what becomes of each chunk.

pub mod parser;
pub mod turn_machine;
pub mod turn_taking;
//! One conversation of a learner with the tutor. It holds no provider by name.

pub mod prompt;
