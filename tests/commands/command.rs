//! One command in a folder: what goes in, what comes out. It knows no command by name.

use std::{path::Path, process::Stdio, time::Duration};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
    time::timeout,
};

use crate::support::scripted_ollama::ScriptedOllama;

/// The longest that a command takes on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder, and the environment of what runs in it.
pub(super) struct Place {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
}

/// What a command has said for good.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Place {
    /// With that model and a port that nobody has.
    pub(super) fn new(model: &ScriptedOllama) -> Self {
        let environment = vec![
            ("OLLAMA_HOST", model.base_url()),
            ("PARLA_MODEL", "ollama".to_owned()),
            ("PARLA_LISTEN", "127.0.0.1:0".to_owned()),
            ("PARLA_MANAGEMENT_LISTEN", "127.0.0.1:0".to_owned()),
        ];
        let folder = tempfile::tempdir().unwrap();
        // To check all the lessons of the binary takes seconds.
        std::fs::create_dir_all(folder.path().join("prompts/lessons")).unwrap();
        Self { folder, environment }
    }

    /// A value that was given before is replaced.
    pub(super) fn environment(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(file), text).unwrap();
    }

    /// Runs a command to its end, with that as its input.
    pub(super) async fn run(&self, arguments: &[&str], input: &str) -> Said {
        let mut child = self.start(arguments);
        let mut stdin = child.stdin.take().unwrap();
        // Whoever does not read its input may be gone.
        drop(stdin.write_all(input.as_bytes()).await);
        drop(stdin);
        Said::of(child).await
    }

    pub(super) fn start(&self, arguments: &[&str]) -> Child {
        self.start_program(env!("CARGO_BIN_EXE_parla"), arguments)
    }

    /// The same for another program, which finds its way from there.
    pub(super) fn start_program(&self, program: &str, arguments: &[&str]) -> Child {
        Command::new(program)
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .envs(self.environment.clone())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }
}

impl Said {
    /// Waits for the end.
    pub(super) async fn of(child: Child) -> Self {
        let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
