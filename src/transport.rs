//! Everything on the wire: HTTP, sockets, Server-Sent Events, the page. The only place that knows axum.

mod calls;
mod error;
mod gate;
mod health;
mod http;
mod listen;
mod management;
mod page;
mod read;
mod realtime;
mod server;
mod socket;
mod sound;
mod watch;

pub use calls::{CallPort, answer_to, ciphers};
pub use server::{Listeners, serve};
