//! `GET /v1/listen`: the configured ears in Deepgram's wire shape. What is heard is decided elsewhere.

mod connection;
mod frames;
mod refusal;
mod relay;
pub(super) mod upgrade;
mod wanted;

pub(super) use refusal::reshape;
