//! `parla serve`: from settings to a running server and back to silence.

use std::{convert::Infallible, io::Write, net::SocketAddr};

use anyhow::Context;
use parla::{app::App, config::Settings, shutdown::Shutdown, telemetry, transport};
use tokio::net::TcpListener;

pub(super) async fn serve(settings: Settings) -> anyhow::Result<()> {
    telemetry::start(&settings.log, settings.log_format)?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let listeners = bind(&settings.listen).await?;
    let shutdown = Shutdown::new();
    let app = App::start(&settings, &shutdown).await?;
    announce(&app, &listeners)?;
    tokio::select! {
        served = transport::serve(app, listeners) => served.context("a listener broke"),
        never = end_on_signal(&shutdown) => match never {},
    }
}

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

/// Where to go, for the person at the terminal.
fn announce(app: &App, listeners: &[TcpListener]) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    for listener in listeners {
        let address = listener.local_addr()?;
        let key = app.auth.key().map_or_else(String::new, |key| format!("?key={key}"));
        writeln!(out, "parla is listening: http://{address}/{key}")?;
    }
    Ok(out.flush()?)
}

/// The first signal drains; a second one ends the process at once.
async fn end_on_signal(shutdown: &Shutdown) -> Infallible {
    signal().await;
    tracing::info!("going down; a second signal ends the server at once");
    shutdown.drain();
    signal().await;
    end_at_once()
}

#[expect(clippy::exit, reason = "a second signal asks for exactly this")]
fn end_at_once() -> ! {
    std::process::exit(130);
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return drop(tokio::signal::ctrl_c().await);
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    drop(tokio::signal::ctrl_c().await);
}
