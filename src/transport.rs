//! Everything on the wire: HTTP, sockets, Server-Sent Events, the page. The only place that knows axum.

mod error;
mod gate;
mod http;
mod page;
mod read;
mod server;
mod socket;

pub use server::serve;
