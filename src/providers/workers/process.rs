//! One worker process as parla sees it. After any fault it must be dropped, which kills it: it never resynchronises.

use std::{io, path::Path, process::Stdio, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::{
    Trade,
    frames::{self, Frame, Greeting},
};

/// A running worker that waits for a job.
pub(super) struct Process<T: Trade> {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// Known once the worker has greeted.
    catalogue: Option<Arc<T::Catalogue>>,
    /// How many jobs it has done.
    pub(super) jobs: u32,
}

/// What a worker can do wrong.
#[derive(Debug, thiserror::Error)]
pub(in crate::providers) enum Fault {
    #[error("the worker cannot be started: {0}")]
    NotStarted(io::Error),
    #[error("{0}")]
    NoLibrary(String),
    #[error("the worker broke off: {0}")]
    BrokeOff(io::Error),
    #[error("the worker did not answer in time")]
    Late,
}

impl<T: Trade> Process<T> {
    /// Starts a worker without waiting for it.
    pub(super) fn start(program: &Path) -> Result<Self, Fault> {
        let mut command = Command::new(program);
        command
            .arg(T::COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Libraries chatter there.
            .stderr(Stdio::null())
            .kill_on_drop(true);
        // A group of its own: Ctrl-C is parla's to handle, while answers are still being spoken.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(Fault::NotStarted)?;
        let stdin = child.stdin.take().expect("invariant: stdin is piped");
        let stdout = child.stdout.take().expect("invariant: stdout is piped");
        Ok(Self { child, stdin, stdout: BufReader::new(stdout), catalogue: None, jobs: 0 })
    }

    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What the worker can do; waits for its greeting the first time.
    pub(super) async fn catalogue(
        &mut self,
        patience: Duration,
    ) -> Result<Arc<T::Catalogue>, Fault> {
        if let Some(catalogue) = &self.catalogue {
            return Ok(catalogue.clone());
        }
        let greeting = timeout(patience, frames::receive(&mut self.stdout)).await;
        let greeting: Frame<Greeting<T::Catalogue>> =
            greeting.map_err(|_| Fault::Late)?.map_err(Fault::BrokeOff)?;
        let catalogue = match greeting.head {
            Greeting::Ready(catalogue) => Arc::new(catalogue),
            Greeting::Missing { reason } => return Err(Fault::NoLibrary(reason)),
        };
        self.catalogue = Some(catalogue.clone());
        Ok(catalogue)
    }

    /// Has one job done.
    pub(super) async fn perform(
        &mut self,
        job: &T::Job,
        body: &[u8],
        patience: Duration,
    ) -> Result<Frame<T::Answer>, Fault> {
        self.jobs += 1;
        let exchange = async {
            self.stdin.write_all(&frames::encode(job, body.len())?).await?;
            self.stdin.write_all(body).await?;
            frames::receive(&mut self.stdout).await
        };
        timeout(patience, exchange).await.map_err(|_| Fault::Late)?.map_err(Fault::BrokeOff)
    }
}
