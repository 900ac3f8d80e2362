//! Stand-ins for the services that parla talks to: strict where the real ones are. No test is in here.
#![allow(dead_code, unreachable_pub, reason = "each test uses its own part of the stand-ins")]

// Cargo also takes this file for a test of its own, whose modules would lie beside it: hence the paths.
#[path = "support/scripted_voice.rs"]
pub(crate) mod scripted_voice;
