//! Where a server lives and how it is started. It serves nothing.

use std::{fs::OpenOptions, path::Path, process::Stdio};

use reqwest::Client;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::support::{scripted_ollama::ScriptedOllama, scripted_voice::ScriptedVoice};

use super::{PATIENCE, Server};

/// A folder with settings, in which servers can be started one after the other.
pub struct Setup {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
    /// A command that becomes the server, with its arguments; empty for none.
    launcher: Vec<&'static str>,
}

impl Setup {
    /// A private server whose tutor is that model and whose voice is eSpeak NG.
    pub fn new(model: &ScriptedOllama) -> Self {
        let environment = vec![
            ("OLLAMA_HOST", model.base_url()),
            ("PARLA_MODEL", "ollama".to_owned()),
            ("PARLA_LISTEN", "127.0.0.1:0".to_owned()),
            ("PARLA_MANAGEMENT_LISTEN", "127.0.0.1:0".to_owned()),
        ];
        Self { folder: tempfile::tempdir().unwrap(), environment, launcher: Vec::new() }
    }

    pub fn environment(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Has the server started by a command that takes its command line and replaces itself by it.
    pub fn through(mut self, launcher: &[&'static str]) -> Self {
        self.launcher = launcher.to_vec();
        self
    }

    /// The text of `parla.toml`.
    pub fn settings(self, toml: &str) -> Self {
        std::fs::write(self.folder.path().join("parla.toml"), toml).unwrap();
        self
    }

    /// The scripted voice as `scripted`, and the order in which voices are tried.
    pub fn voice(self, voice: &ScriptedVoice, order: &str) -> Self {
        let settings = format!(
            "[providers.scripted]\nurl = \"{}\"\nmodel = \"tts-1\"\nvoice = \"alloy\"\n\
             voices = {{ es = \"pablo\" }}\ntimeout = 2\n",
            voice.url()
        );
        self.settings(&settings).environment("PARLA_TTS", order)
    }

    /// Ears that hear what the Deepgram at `ws://…` is told to.
    pub fn ears(self, deepgram: &str) -> Self {
        let settings = format!("[providers.deepgram]\nurl = \"{deepgram}\"\n");
        let key = self.settings(&settings).environment("DEEPGRAM_API_KEY", "dg-canary-4711");
        key.environment("PARLA_STT", "deepgram")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command of parla's, with these settings.
    pub fn command(&self, name: &str) -> Command {
        let mut words = self.launcher.iter().chain(&[env!("CARGO_BIN_EXE_parla")]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).arg(name).current_dir(self.folder());
        command.env_clear().envs(self.environment.clone()).stdin(Stdio::null());
        command
    }

    pub async fn start(self) -> Server {
        let mut process = self.spawn();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut next =
            async || timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let line = next().await;
        let link = line.strip_prefix("parla is listening: ").unwrap().to_owned();
        let operators = loop {
            if let Some(link) = next().await.strip_prefix("for operators: ") {
                break link.to_owned();
            }
        };
        let (base, key) = match link.split_once("/?key=") {
            Some((base, key)) => (base.to_owned(), Some(key.to_owned())),
            None => (link.trim_end_matches('/').to_owned(), None),
        };
        Server { setup: Some(self), process, base, key, operators, http: client() }
    }

    /// What the server says for its end, when it has to end before it serves.
    pub async fn refuses_to_start(&self) -> String {
        let mut process = self.spawn();
        let status = timeout(PATIENCE, process.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(1));
        let log = std::fs::read_to_string(self.folder().join("log")).unwrap();
        log.lines().last().unwrap_or_default().to_owned()
    }

    fn spawn(&self) -> Child {
        let log = self.folder().join("log");
        let log = OpenOptions::new().create(true).append(true).open(log).unwrap();
        self.command("serve").stdout(Stdio::piped()).stderr(log).kill_on_drop(true).spawn().unwrap()
    }
}

fn client() -> Client {
    // A second installation is refused, which is as good: the process has one.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}
