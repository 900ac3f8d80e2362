//! `parla doctor`: what would keep parla from working here, and the way out of each. It mends nothing by itself.

mod ears;
mod finding;
mod machine;
mod model;
mod network;
mod places;
mod voices;

use std::{io::Write, path::PathBuf, sync::Arc, time::Duration};

use anyhow::bail;
use clap::Args;
use futures_util::future::{BoxFuture, join_all};
use parla::config::{SettingError, Settings};
use tokio::{sync::oneshot, time::Instant};

use finding::{Check, Finding, Report};

/// How long a check may take. A voice or a model on a slow computer takes some seconds to wake up.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Args)]
pub(super) struct DoctorArguments {
    /// For programs
    #[arg(long)]
    json: bool,
}

/// Fails when a check does; `file` is where settings were looked for.
pub(super) async fn doctor(
    settings: Result<Settings, SettingError>,
    file: PathBuf,
    arguments: DoctorArguments,
) -> anyhow::Result<()> {
    let report = Report { checks: checks(settings, file).await };
    let text = if arguments.json { report.json()? } else { report.text() };
    std::io::stdout().write_all(text.as_bytes())?;
    match report.failures() {
        0 => Ok(()),
        1 => bail!("a check fails"),
        count => bail!("{count} checks fail"),
    }
}

/// All checks at once, in the order in which they are told. Nothing else can be looked at without settings.
async fn checks(settings: Result<Settings, SettingError>, file: PathBuf) -> Vec<Check> {
    let told = settings_in_force(&settings);
    let mut checks = vec![pending("settings", async { told })];
    if let Ok(settings) = settings {
        checks.extend(with_settings(Arc::new(settings), file));
    }
    join_all(checks).await.into_iter().flatten().collect()
}

fn with_settings(settings: Arc<Settings>, file: PathBuf) -> Vec<Pending> {
    let mut checks = Vec::new();
    checks.extend(network::checks(&settings));
    checks.extend(places::checks(&settings, file));
    checks.extend(model::checks(&settings));
    checks.extend(voices::checks(&settings));
    checks.extend(ears::checks(&settings));
    checks.extend(machine::checks(&settings));
    checks
}

/// `None` for a check of which there is nothing to tell.
type Pending = BoxFuture<'static, Option<Check>>;

/// A check that does not hold up the others.
fn pending(
    name: impl Into<String>,
    look: impl Future<Output = Finding> + Send + 'static,
) -> Pending {
    Box::pin(timed(name.into(), async { Some(look.await) }))
}

/// The same for work that may block: a folder may lie on a disk that does not answer.
fn pending_on_thread(
    name: impl Into<String>,
    look: impl FnOnce() -> Finding + Send + 'static,
) -> Pending {
    let (tell, told) = oneshot::channel();
    // The runtime would wait for its own blocking threads at the end; this one is left behind.
    std::thread::spawn(move || tell.send(look()).ok());
    let gone = |_| Finding::fail("the check broke off", "report this with what stands above");
    pending(name, async move { told.await.unwrap_or_else(gone) })
}

async fn timed(name: String, look: impl Future<Output = Option<Finding>>) -> Option<Check> {
    let began = Instant::now();
    let finding = tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| {
        let cause = format!("no answer within {} seconds", PATIENCE.as_secs());
        Some(Finding::fail(cause, "see why it hangs: a disk, a network, a program that is stopped"))
    })?;
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Some(Check { name, finding, ms })
}

fn settings_in_force(settings: &Result<Settings, SettingError>) -> Finding {
    match settings {
        Err(error) => Finding::fail(error.to_string(), "correct this setting, or take it out"),
        Ok(settings) if settings.warnings.is_empty() => {
            Finding::ok("all are understood; `parla config` shows those in force")
        }
        Ok(settings) => {
            Finding::warn(settings.warnings.join("; "), "correct the names, or unset them")
        }
    }
}
