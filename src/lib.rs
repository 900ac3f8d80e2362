//! parla: a voice tutor server. A model's answer is cut into chunks while it is being written, the chunks are
//! spoken in parallel, and every client learns what became of each.
//!
//! The modules stand in the order of `docs/ARCHITECTURE.md`: each imports only from those above it.

pub mod domain;
pub mod heap;
pub mod shutdown;
pub mod wall_clock;

pub mod telemetry;

pub mod audio;
pub mod prompts;

pub mod providers;
pub mod storage;

pub mod hub;
pub mod limits;

pub mod auth;

pub mod recognition;
pub mod synthesis;

pub mod conversation;

pub mod session;

pub mod dialect;
pub mod realtime;

pub mod config;

pub mod app;

pub mod transport;
