//! Whether a parla serves an address already, for commands that would rather use it. It starts none.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use parla::providers::http;
use serde_json::Value;

/// A server on this machine answers at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// The version of the parla that serves that address; `None` when another program does, or nobody.
pub(super) async fn version_at(address: SocketAddr) -> Option<String> {
    let url = format!("http://{}/version", connectable(address));
    let answer = http::client().ok()?.get(url).timeout(PATIENCE).send().await.ok()?;
    let told: Value = answer.json().await.ok()?;
    (told["name"] == "parla").then(|| told["version"].as_str().map(str::to_owned))?
}

/// Where to reach what listens there: an address that stands for all stands for this machine as well.
pub(super) fn connectable(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listening.port())
}
