//! The commands of `parla` and their flags.

mod bench;
mod chat;
mod doctor;
mod lessons;
mod models;
mod pace;
mod running;
mod say;
mod serve;
mod show;
mod signals;
mod tutor;
mod visit;

use std::{io::Write, path::PathBuf};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use parla::{
    config::{Environment, Flags, Settings},
    providers::{espeak, pocketsphinx},
};

/// A voice tutor server: the answer is spoken, sentence by sentence, while the model is still writing it.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    common: Common,
}

/// Flags that every command takes; each has an environment variable and a line of parla.toml behind it.
#[derive(Args)]
struct Common {
    /// Settings file [default: parla.toml, when there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Addresses to listen on, comma-separated [env `PARLA_LISTEN`, default: 127.0.0.1:11200]
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Folder of the database and the server's key [env `PARLA_DATA`, default: data]
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Who writes the answers: auto, practice, ollama, ollama:NAME [env `PARLA_MODEL`, default: auto]
    #[arg(long, global = true, value_name = "MODEL")]
    model: Option<String>,
    /// Who speaks, in the order in which they are tried [env `PARLA_TTS`, default: espeak]
    #[arg(long, global = true, value_name = "NAMES")]
    tts: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server (what happens without a command, too)
    Serve,
    /// Talk with the tutor at the terminal
    Chat(chat::ChatArguments),
    /// Speak a text into a WAV file
    Say(say::SayArguments),
    /// List the voices of all engines
    Voices {
        /// Only voices of this language, such as es
        #[arg(long)]
        language: Option<String>,
    },
    /// See to the lessons of the practice tutor
    #[command(subcommand)]
    Lessons(lessons::LessonsCommand),
    /// List the models that Ollama has, or fetch one
    Models {
        #[command(subcommand)]
        command: Option<models::ModelsCommand>,
    },
    /// Show the settings in force, secrets left out
    Config,
    /// Measure how fast this machine answers, and how many conversations it carries
    Bench(bench::BenchArguments),
    /// Look for what would keep parla from working here; fails when there is anything
    Doctor(doctor::DoctorArguments),
    /// Speak for the server; started by it
    #[command(name = espeak::worker::COMMAND, hide = true)]
    EspeakWorker,
    /// Hear for the server; started by it
    #[command(name = pocketsphinx::worker::COMMAND, hide = true)]
    PocketsphinxWorker,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { command, common } = arguments;
    match command {
        Some(Command::EspeakWorker) => {
            return espeak::worker::run().context("the eSpeak NG worker ended");
        }
        Some(Command::PocketsphinxWorker) => {
            return pocketsphinx::worker::run().context("the PocketSphinx worker ended");
        }
        _ => {}
    }
    let flags = Flags {
        file: common.config,
        listen: common.listen,
        data: common.data,
        model: common.model,
        tts: common.tts,
    };
    let settings = Settings::load(&flags, &Environment::of_process());
    if let Some(Command::Doctor(doctor)) = command {
        let file = flags.file.unwrap_or_else(|| Settings::DEFAULT_FILE.into());
        return in_runtime(doctor::doctor(settings, file, doctor));
    }
    let settings = settings?;
    match command.unwrap_or(Command::Serve) {
        Command::Serve => in_runtime(serve::serve(settings)),
        Command::Bench(bench) => in_runtime(bench::bench(settings, bench)),
        Command::Chat(chat) => in_runtime(chat::chat(settings, chat)),
        Command::Say(say) => in_runtime(say::say(settings, say)),
        Command::Voices { language } => in_runtime(show::voices(settings, language)),
        Command::Lessons(command) => lessons::lessons(&settings, command),
        Command::Models { command } => in_runtime(models::models(settings, command)),
        Command::Config => show::config(&settings),
        Command::Doctor(_) | Command::EspeakWorker | Command::PocketsphinxWorker => Ok(()),
    }
}

/// The last word of a command that failed.
pub(crate) fn complain(error: &anyhow::Error) {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    // There is nowhere left to report that the terminal is gone.
    drop(writeln!(std::io::stderr(), "parla: {}", causes.join(": ")));
}

fn in_runtime(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?
        .block_on(work)
}
