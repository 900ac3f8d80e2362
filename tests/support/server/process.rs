//! The server as a process: signals, ends, memory, and the log that tells of a panic.

use std::{io::Write, process::ExitStatus, thread, time::Duration};

use tokio::{process::Command, time::timeout};

use super::{PATIENCE, Server, Setup};

impl Server {
    pub fn process_id(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// The processes that it has started.
    pub async fn children(&self) -> Vec<String> {
        let list = told_by("pgrep", &["-P", &self.process_id().to_string()]).await;
        list.split_whitespace().map(str::to_owned).collect()
    }

    /// Resident memory, in KiB.
    pub async fn memory_kib(&self) -> i64 {
        let told = told_by("ps", &["-o", "rss=", "-p", &self.process_id().to_string()]).await;
        told.trim().parse().unwrap()
    }

    /// How many entries the system lists for the process: open files under `fd`, threads under `task`.
    pub fn held(&self, what: &str) -> i64 {
        let folder = format!("/proc/{}/{what}", self.process_id());
        i64::try_from(std::fs::read_dir(folder).unwrap().count()).unwrap()
    }

    /// How many tasks it had, each time it has counted them: every half minute where `parla::app` logs what it does.
    pub fn tasks(&self) -> Vec<i64> {
        let count =
            |line: &str| serde_json::from_str::<serde_json::Value>(line).ok()?["tasks"].as_i64();
        self.log().lines().filter_map(count).collect()
    }

    /// Lets the process open no more than so many files and sockets.
    #[cfg(target_os = "linux")]
    pub async fn limit_open_files(&self, most: i64) {
        let (process, limit) = (self.process_id().to_string(), format!("--nofile={most}"));
        told_by("prlimit", &["--pid", &process, &limit]).await;
    }

    /// Asks the process to end.
    pub async fn terminate(&self) {
        signal("-TERM", &self.process_id().to_string()).await;
    }

    /// Waits for the process to end by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap()
    }

    /// Ends the process politely and starts another one in the same folder.
    pub async fn restart(mut self) -> Self {
        self.terminate().await;
        assert!(self.ended().await.success());
        self.take_setup().start().await
    }

    /// Ends the process without a warning, if it has not ended by itself; its folder stays.
    pub async fn kill(mut self) -> Setup {
        drop(self.process.start_kill());
        self.ended().await;
        self.take_setup()
    }

    /// Kills the process after some time; that it is gone is for [`Self::kill`] to see.
    pub async fn die_after(&self, moment: Duration) {
        tokio::time::sleep(moment).await;
        signal("-KILL", &self.process_id().to_string()).await;
    }

    fn take_setup(&mut self) -> Setup {
        self.fail_if_panicked();
        self.setup.take().unwrap()
    }

    /// Waits until the log has the word.
    pub async fn log_says(&self, word: &str) {
        let said = async {
            while !self.log().contains(word) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, said).await.unwrap_or_else(|_| panic!("{word} is not in the log"));
    }

    /// What the server has logged, on all of its lives.
    pub fn log(&self) -> String {
        let Some(setup) = &self.setup else { return String::new() };
        std::fs::read_to_string(setup.folder().join("log")).unwrap_or_default()
    }

    fn fail_if_panicked(&self) {
        let log = self.log();
        assert!(!log.contains("panicked at"), "{log}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            // What the server had to say helps to understand the failure.
            drop(writeln!(std::io::stderr(), "{}", self.log()));
        } else {
            self.fail_if_panicked();
        }
    }
}

/// Sends a signal to one process.
pub async fn signal(name: &str, process: &str) {
    told_by("kill", &[name, process]).await;
}

pub(super) async fn told_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().await.unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
