//! `parla lessons check`: what is wrong with a folder of lessons, for the teacher who writes them.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{bail, ensure};
use clap::Subcommand;
use parla::{
    config::Settings,
    prompts::{Prompts, lessons::FOLDER},
    providers::practice::check::{Report, Shelf, check},
};

#[derive(Subcommand)]
pub(super) enum LessonsCommand {
    /// Name all that is wrong with the lessons of a folder; fails when there is anything
    Check {
        /// Folder with languages in it, or with lessons/ [default: the lessons in use]
        folder: Option<PathBuf>,
    },
}

pub(super) fn lessons(settings: &Settings, command: LessonsCommand) -> anyhow::Result<()> {
    let LessonsCommand::Check { folder } = command;
    let report = match folder {
        Some(folder) => check_folder(&folder)?,
        None => check(&Prompts::new(settings.prompts.clone()), FOLDER),
    };
    show(&report)?;
    match report.problems.len() {
        0 => Ok(()),
        1 => bail!("there is a problem"),
        count => bail!("there are {count} problems"),
    }
}

fn check_folder(folder: &Path) -> anyhow::Result<Report> {
    ensure!(folder.is_dir(), "{} is no folder", folder.display());
    let root = if folder.join(FOLDER).is_dir() { FOLDER } else { "" };
    let report = check(&Prompts::new(folder.to_owned()), root);
    ensure!(
        !report.shelves.is_empty(),
        "{} has no lessons such as es/a1/cafe.toml",
        folder.display()
    );
    Ok(report)
}

fn show(report: &Report) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    for problem in &report.problems {
        writeln!(out, "{problem}")?;
    }
    for shelf in &report.shelves {
        let Shelf { folder, lessons, problems } = shelf;
        writeln!(out, "{folder:<12} lessons {lessons:>3}  problems {problems:>3}")?;
    }
    Ok(())
}
