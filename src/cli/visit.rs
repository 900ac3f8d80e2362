//! The server that a command talks to: the running one, or one of its own for as long as it needs it. It asks nothing.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, bail};
use parla::{
    app::App,
    auth::{Auth, Secret},
    config::Settings,
    shutdown::Shutdown,
    telemetry::metrics::Metrics,
    transport::{self, Listeners},
};
use tokio::net::TcpListener;

use super::running;

/// How to come in.
#[derive(Clone, Debug)]
pub(super) struct Doorway {
    pub(super) address: SocketAddr,
    /// `None` where none is asked for.
    pub(super) key: Option<String>,
}

/// Works with the server at the configured address, or where none runs with one of its own on the same data.
pub(super) async fn running_or_own<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(Doorway) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    for &address in &settings.listen {
        if running::version_at(address).await.is_some() {
            let doorway = Doorway { address: running::connectable(address), key: key(settings)? };
            return work(doorway).await;
        }
    }
    own(settings, async |doorway, _| work(doorway).await).await
}

/// Works with a server that nobody else finds; it ends with the work.
pub(super) async fn own<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(Doorway, App) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let doorway = Doorway { address: listener.local_addr()?, key: None };
    let settings = Settings { listen: vec![doorway.address], ..settings.clone() };
    let shutdown = Shutdown::new();
    let app = App::start(&settings, Metrics::default(), &shutdown).await?;
    let listeners = Listeners { public: vec![listener], management: Vec::new(), calls: None };
    let serving = transport::serve(app.clone(), listeners);
    tokio::pin!(serving);
    let worked = tokio::select! {
        () = &mut serving => bail!("the server has ended"),
        worked = work(doorway, app) => worked,
    };
    shutdown.drain();
    serving.await;
    worked
}

/// What a server that is open to others asks for: its own files prove who runs it.
fn key(settings: &Settings) -> anyhow::Result<Option<String>> {
    if settings.is_loopback() {
        return Ok(None);
    }
    let file = settings.secret();
    let missing = "that server's key is not here; --data names its folder";
    anyhow::ensure!(file.exists(), missing);
    let secret = Secret::load(&file).context(missing)?;
    Ok(Auth::new(secret, false).key())
}
