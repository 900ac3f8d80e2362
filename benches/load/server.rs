//! The server as it is released, in a folder of its own, seen from outside. It is ended with this handle.

use std::{
    fs,
    net::SocketAddr,
    ops::Deref,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::Context;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
    time::{sleep, timeout},
};

use super::stand_ins::StandIns;

/// The server has one core, everybody else another.
pub(crate) const CORE: usize = 0;
pub(crate) const OTHERS_CORE: usize = 1;
/// What the kernel counts processor time in, to a second, on every platform that Linux has.
const TICKS_PER_SECOND: f64 = 100.0;
/// The place of the four times of a process and its children, counted behind its name.
const TIMES: std::ops::Range<usize> = 11..15;
/// A server that has not begun by then never will.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks whether the server is ready.
const LOOK: Duration = Duration::from_millis(1);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// From the start of the process until `/readyz` says so.
    pub(crate) time_to_ready: Duration,
    process: Process,
    _folder: TempDir,
}

/// A process that serves, seen from outside. It is ended with this handle.
pub(crate) struct Process {
    id: u32,
    _child: Child,
}

/// What a server is given.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place {
    /// How many sentences its voice may make at once, when that is limited.
    pub(crate) slots: Option<usize>,
    /// Where the service is that hears learners, when they are heard.
    pub(crate) ear: Option<SocketAddr>,
    /// It shares both cores with everybody else.
    pub(crate) has_both_cores: bool,
}

impl Server {
    pub(crate) async fn start(stand_ins: &StandIns, place: Place) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("parla.toml"), settings(stand_ins.voice.url(), place))?;
        let client = parla::providers::http::client()?;
        let began = Instant::now();
        let mut child = command(folder.path(), place, &stand_ins.model.base_url())?.spawn()?;
        let stdout = child.stdout.take().context("invariant: its output is a pipe")?;
        let address = timeout(PATIENCE, announced(stdout)).await.context("it says nothing")??;
        let url = format!("http://{address}/readyz");
        timeout(PATIENCE, async {
            while !client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                sleep(LOOK).await;
            }
        })
        .await
        .context("the server does not become ready")?;
        let time_to_ready = began.elapsed();
        Ok(Self { address, time_to_ready, process: Process::of(child)?, _folder: folder })
    }
}

impl Deref for Server {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl Process {
    pub(crate) fn of(child: Child) -> anyhow::Result<Self> {
        Ok(Self { id: child.id().context("the server has ended")?, _child: child })
    }

    /// Processor time of the process and of the children it has ended, so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id))?;
        let (_, behind_name) = stat.rsplit_once(") ").context("no process")?;
        let times = behind_name.split(' ').skip(TIMES.start).take(TIMES.len());
        let ticks: f64 = times.filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        Ok(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
    }

    /// Resident memory, in megabytes.
    pub(crate) fn memory(&self) -> anyhow::Result<f64> {
        self.status("VmRSS:")
    }

    /// The most that it has been since the start or [`Server::forget_peak`], in megabytes.
    pub(crate) fn peak_memory(&self) -> anyhow::Result<f64> {
        self.status("VmHWM:")
    }

    pub(crate) fn forget_peak(&self) -> anyhow::Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.id), "5")?)
    }

    fn status(&self, name: &str) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes =
            line.and_then(|line| line.split_whitespace().next()).context("no memory")?;
        Ok(kilobytes.parse::<f64>()? * 1024.0 / 1e6)
    }
}

/// Keeps the present process off the server's core.
pub(crate) fn keep_off() -> anyhow::Result<()> {
    let process = std::process::id().to_string();
    let arguments = ["--all-tasks", "--pid", "--cpu-list", &OTHERS_CORE.to_string(), &process];
    let told = std::process::Command::new("taskset").args(arguments).output();
    let told = told.context("taskset of util-linux is missing")?;
    anyhow::ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    Ok(())
}

fn settings(voice: &str, place: Place) -> String {
    let slots = place.slots.map(|slots| format!("slots = {slots}\n")).unwrap_or_default();
    let (stt, ear) = place.ear.map_or(("none", String::new()), |ear| {
        ("deepgram", format!("[providers.deepgram]\nurl = \"ws://{ear}\"\nkey = \"key\"\n"))
    });
    format!(
        "tts = [\"scripted\"]\nstt = [\"{stt}\"]\n{ear}\
         [providers.scripted]\nkind = \"openai\"\nurl = \"{voice}\"\nmodel = \"tts-1\"\nvoice = \"alloy\"\n{slots}"
    )
}

fn command(folder: &Path, place: Place, model: &str) -> anyhow::Result<Command> {
    let program = Path::new(env!("CARGO_BIN_EXE_parla"));
    let mut command = match place.has_both_cores {
        true => on_cores(&format!("{CORE},{OTHERS_CORE}"), program),
        false => on_its_core(program),
    };
    command
        .args(["--listen", "127.0.0.1:0", "--model", "ollama"])
        .current_dir(folder)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("OLLAMA_HOST", model)
        .env("PARLA_MANAGEMENT_LISTEN", "off")
        .stderr(fs::File::create(folder.join("log"))?);
    Ok(command)
}

/// A program on the core of servers, ended with its handle.
pub(crate) fn on_its_core(program: &Path) -> Command {
    on_cores(&CORE.to_string(), program)
}

fn on_cores(cores: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", cores]).arg(program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

/// The address in the line that the server greets with.
async fn announced(stdout: ChildStdout) -> anyhow::Result<SocketAddr> {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).await?;
    let (_, address) = line.split_once("http://").context("the server did not start")?;
    let (address, _) = address.split_once('/').context("no address")?;
    Ok(address.parse()?)
}
