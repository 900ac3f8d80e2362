//! The built server for clients that are programs of their own: an address, and nothing known of what is said there.
#![allow(unreachable_pub, reason = "the tests beside it use it")]

use std::process::Stdio;

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// A server in a folder of its own; both end with it.
pub struct Serving {
    /// With a final slash.
    pub url: String,
    _process: Child,
    _folder: TempDir,
}

impl Serving {
    /// With that model, and that environment beside the test's own.
    pub async fn start(model: &str, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_parla"))
            .args(["serve", "--listen", "127.0.0.1:0", "--tts", "espeak", "--model", model])
            .current_dir(folder.path())
            .env("PARLA_MANAGEMENT_LISTEN", "off")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let url = line.strip_prefix("parla is listening: ").unwrap().to_owned();
        Self { url, _process: process, _folder: folder }
    }
}
