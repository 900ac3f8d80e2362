//! `parla bench`: how fast this machine answers with the configured model and voices, and how many conversations it
//! carries. Its server has a folder of its own, so that no learner's data is touched and no sound is made already.

mod load;
mod report;
mod turns;
mod voices;

use std::{io::Write, path::PathBuf, time::Duration};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use parla::{
    app::App,
    config::Settings,
    domain::{Language, TurnMetadata, random_token},
};

use super::{
    pace,
    say::language,
    visit::{self, Doorway},
};
use report::{Report, Samples, Writer};
use turns::Learner;

/// What is done and how far it has come, in one line.
const STYLE: &str = "{msg} [{bar:30}] {pos}/{len}";
/// How long the model is listened to for its pace.
const LISTEN: Duration = Duration::from_secs(10);

#[derive(Args)]
pub(super) struct BenchArguments {
    /// How many answers are measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    turns: u32,
    /// The language that is spoken
    #[arg(long, default_value = "en", value_parser = language)]
    language: Language,
    /// Really hold more and more conversations at once, until the first sound comes too late
    #[arg(long)]
    load: bool,
    /// How late the first sound may come with --load, in milliseconds [default: a second later than alone]
    #[arg(long, value_name = "MS")]
    bound: Option<u64>,
    /// For programs
    #[arg(long)]
    json: bool,
}

pub(super) async fn bench(settings: Settings, arguments: BenchArguments) -> anyhow::Result<()> {
    let folder = Folder::make()?;
    let settings = Settings {
        data: folder.0.join("data"),
        audio_cache: folder.0.join("audio_cache"),
        traces: None,
        ..settings
    };
    let most = settings.max_turns.map_or(usize::MAX, |turns| turns as usize);
    let report = visit::own(&settings, async |doorway, app| {
        measured(&doorway, &app, &arguments, most).await
    });
    let report = report.await?;
    let text = if arguments.json { report.json()? } else { report.text() };
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

async fn measured(
    doorway: &Doorway,
    app: &App,
    arguments: &BenchArguments,
    most: usize,
) -> anyhow::Result<Report> {
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(STYLE)?);
    let answers = turns::measure(doorway, arguments, &bar).await?;
    let writer = writer(app).await;
    let voices = voices::measure(&app.engines, &arguments.language, most, &bar).await;
    let load = if arguments.load {
        let alone = answers.first_audio.p95().unwrap_or_default();
        let bound = arguments.bound.unwrap_or(alone + 1000);
        Some(load::measure(doorway, &arguments.language, bound, &bar).await?)
    } else {
        None
    };
    bar.finish_and_clear();
    Ok(Report { writer, answers, voices, load })
}

async fn writer(app: &App) -> Writer {
    let info = app.model.info();
    // Prepared lessons are not written at all.
    let is_practice = info.provider == TurnMetadata::PRACTICE;
    let pace =
        if is_practice { None } else { pace::listen(&*app.model, LISTEN).await.per_second() };
    Writer { name: info.name, provider: info.provider, tokens_per_second: pace }
}

/// A folder that goes with this handle.
struct Folder(PathBuf);

impl Folder {
    fn make() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("parla-bench-{}", random_token()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is the system's to clear away.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
