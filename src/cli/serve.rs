//! `parla serve`: from settings to a running server and back to silence.

use std::{
    convert::Infallible,
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

use anyhow::Context;
use parla::{
    app::App,
    config::{RtcListen, Settings},
    shutdown::Shutdown,
    telemetry::{self, metrics::Metrics},
    transport::{self, CallPort, Listeners},
};
use tokio::net::TcpListener;

use super::signals::Signals;

pub(super) async fn serve(settings: Settings) -> anyhow::Result<()> {
    telemetry::start(&settings.log, settings.log_format)?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let signals = Signals::hold().context("signals cannot be held")?;
    allow_many_connections(settings.max_connections);
    let metrics = Metrics::default();
    metrics.watch_panics();
    let public = bind(&settings.listen).await?;
    let management = bind_for_operators(&settings.management_listen).await;
    let calls = bind_for_calls(&settings, &public).await;
    let listeners = Listeners { public, management, calls };
    let shutdown = Shutdown::new();
    let app = App::start(&settings, metrics, &shutdown).await?;
    announce(&app, &listeners)?;
    tokio::select! {
        () = transport::serve(app, listeners) => Ok(()),
        never = end_on_signal(signals, &shutdown) => match never {},
    }
}

/// Each connection is an open file, of which a process may have few unless it asks for more.
#[cfg(unix)]
fn allow_many_connections(most: u32) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    // As many plain connections again, and files besides.
    let wanted = u64::from(most) * 2 + 1024;
    let limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if limit.current.is_some_and(|current| current < allowed) {
        let raised = rustix::process::Rlimit { current: Some(allowed), ..limit };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the system allows no more open files than it did");
        }
    }
    if allowed < u64::from(most) {
        tracing::warn!(allowed, most, "the system allows fewer open files than connections");
    }
}

#[cfg(not(unix))]
fn allow_many_connections(_: u32) {}

async fn bind(addresses: &[SocketAddr]) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen on {address}; another address can be chosen with --listen")
        })?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// Learners come first: a taken port, of another parla for instance, leaves them a server that nobody can watch.
async fn bind_for_operators(addresses: &[SocketAddr]) -> Vec<TcpListener> {
    let mut listeners = Vec::new();
    for address in addresses {
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            Err(error) => tracing::warn!(
                code = "management_unavailable",
                %error,
                "no metrics at {address}; PARLA_MANAGEMENT_LISTEN chooses another address, or off"
            ),
        }
    }
    listeners
}

/// Calls come without a port of their own where the learners are. A taken port leaves them everything but calls.
async fn bind_for_calls(settings: &Settings, public: &[TcpListener]) -> Option<CallPort> {
    let at = match settings.rtc_listen {
        RtcListen::Off => return None,
        RtcListen::At(address) => address,
        RtcListen::WithLearners => public.first()?.local_addr().ok()?,
    };
    let socket = match tokio::net::UdpSocket::bind(at).await {
        Ok(socket) => socket,
        Err(error) => {
            tracing::warn!(
                code = "calls_unavailable",
                %error,
                "no calls at {at} (UDP); PARLA_RTC_LISTEN chooses another address, or off"
            );
            return None;
        }
    };
    let port = socket.local_addr().ok()?.port();
    let told = settings.rtc_addresses.iter().map(|ip| SocketAddr::new(*ip, port));
    let mut addresses: Vec<SocketAddr> = told.collect();
    if addresses.is_empty() {
        // The address that others see comes first: a browser on this machine reaches that, too.
        addresses = reachable(SocketAddr::new(at.ip(), port), outward);
        addresses.reverse();
    }
    Some(CallPort { socket, addresses })
}

/// Where to go, for the person at the terminal.
fn announce(app: &App, listeners: &Listeners) -> anyhow::Result<()> {
    let key = app.auth.key().map_or_else(String::new, |key| format!("?key={key}"));
    let mut lines = String::new();
    for listener in &listeners.public {
        for address in reachable(listener.local_addr()?, outward) {
            lines += &format!("parla is listening: http://{address}/{key}\n");
        }
    }
    let key = app.for_operators().auth.key();
    let key = key.map_or_else(String::new, |key| format!(" (Authorization: Bearer {key})"));
    for listener in &listeners.management {
        for address in reachable(listener.local_addr()?, outward) {
            lines += &format!("for operators: http://{address}/metrics{key}\n");
        }
    }
    // In one piece: whoever reads the first line alone may be gone before another one.
    let mut out = std::io::stdout();
    out.write_all(lines.as_bytes())?;
    Ok(out.flush()?)
}

/// Where a browser finds the listener: an address that stands for all is none to open, so this machine's loopback
/// and the one that others see take its place.
fn reachable(
    listening: SocketAddr,
    outward: impl FnOnce(IpAddr) -> Option<IpAddr>,
) -> Vec<SocketAddr> {
    let ip = listening.ip();
    if !ip.is_unspecified() {
        return vec![listening];
    }
    let loopback = if ip.is_ipv4() {
        IpAddr::from(Ipv4Addr::LOCALHOST)
    } else {
        IpAddr::from(Ipv6Addr::LOCALHOST)
    };
    let others = outward(ip).filter(|address| *address != loopback);
    let found = [Some(loopback), others].into_iter().flatten();
    found.map(|ip| SocketAddr::new(ip, listening.port())).collect()
}

/// The address with which this machine would go out, in the family of `any`; nothing is sent. `None` without a network.
fn outward(any: IpAddr) -> Option<IpAddr> {
    // Addresses for documentation: nobody has them, and the route to them is the one to everybody.
    let elsewhere = if any.is_ipv4() {
        IpAddr::from(Ipv4Addr::new(192, 0, 2, 1))
    } else {
        IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((elsewhere, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The first signal drains; a second one ends the process at once.
async fn end_on_signal(mut signals: Signals, shutdown: &Shutdown) -> Infallible {
    signals.next().await;
    tracing::info!("going down; a second signal ends the server at once");
    shutdown.drain();
    signals.next().await;
    end_at_once()
}

#[expect(clippy::exit, reason = "a second signal asks for exactly this")]
fn end_at_once() -> ! {
    std::process::exit(130);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(listening: &str, outward: Option<&str>) -> Vec<String> {
        let outward = outward.map(|address| address.parse().unwrap());
        let found = reachable(listening.parse().unwrap(), |_| outward);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_address_that_stands_for_all_is_shown_as_those_that_can_be_opened() {
        assert_eq!(shown("0.0.0.0:80", Some("192.168.1.7")), ["127.0.0.1:80", "192.168.1.7:80"]);
        assert_eq!(shown("[::]:80", Some("fd00::7")), ["[::1]:80", "[fd00::7]:80"]);
        assert_eq!(shown("0.0.0.0:80", None), ["127.0.0.1:80"]);
        assert_eq!(shown("192.168.1.7:80", Some("10.0.0.1")), ["192.168.1.7:80"]);
    }
}
