//! OpenAI's Realtime protocol on the wire: `/v1/realtime` and the secrets for it. What events mean is decided elsewhere.

mod call;
mod connection;
mod ears;
mod grant;
pub(super) mod refusal;
pub(super) mod secrets;
pub(super) mod upgrade;
