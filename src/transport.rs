//! Everything on the wire: HTTP, sockets, Server-Sent Events, the page. The only place that knows axum.

mod error;
mod gate;
mod health;
mod http;
mod management;
mod page;
mod read;
mod server;
mod socket;
mod watch;

pub use server::{Listeners, serve};
