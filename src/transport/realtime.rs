//! OpenAI's Realtime protocol on the wire: `/v1/realtime` and the secrets for it. What events mean is decided elsewhere.

pub(super) mod call;
pub(super) mod connection;
mod ears;
pub(super) mod grant;
pub(super) mod refusal;
pub(super) mod secrets;
pub(super) mod upgrade;
