//! `parla models`: what Ollama has, and fetching more, for a person at a terminal. It chooses nothing.

use std::io::Write;

use anyhow::Context;
use clap::Subcommand;
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use parla::{app, config::Settings, domain::Progress, providers::ollama::Ollama};

/// Name, bar, bytes, speed and what is left, in one line.
const STYLE: &str = "{prefix} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";

#[derive(Subcommand)]
pub(super) enum ModelsCommand {
    /// Fetch a model; what is interrupted goes on from there the next time
    Pull {
        /// Such as llama3.2 or qwen3:4b
        name: String,
    },
}

pub(super) async fn models(
    settings: Settings,
    command: Option<ModelsCommand>,
) -> anyhow::Result<()> {
    let ollama = app::ollama(&settings, None)?;
    match command {
        None => list(&ollama).await,
        Some(ModelsCommand::Pull { name }) => {
            pull(&ollama, &name).await.with_context(|| format!("{name} could not be pulled"))
        }
    }
}

async fn list(ollama: &Ollama) -> anyhow::Result<()> {
    let names = ollama.names().await?;
    if names.is_empty() {
        writeln!(std::io::stderr(), "none yet; `parla models pull llama3.2` fetches one")?;
    }
    for name in names {
        writeln!(std::io::stdout(), "{name}")?;
    }
    Ok(())
}

/// The bar shows itself only where there is a terminal.
async fn pull(ollama: &Ollama, name: &str) -> anyhow::Result<()> {
    let bar = ProgressBar::no_length().with_style(ProgressStyle::with_template(STYLE)?);
    bar.set_prefix(name.to_owned());
    let mut parts = ollama.pull(name);
    while let Some(part) = parts.next().await {
        let Progress { done, total, .. } = part?;
        if let (Some(done), Some(total)) = (done, total) {
            bar.set_length(total);
            bar.set_position(done);
        }
    }
    bar.finish_and_clear();
    writeln!(std::io::stdout(), "{name} is there; `parla --model ollama:{name}` uses it")?;
    Ok(())
}
