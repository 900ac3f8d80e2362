//! Ends the process in two phases: first nothing new begins, then what runs is cut off. Every task is spawned here.

use std::{future::Future, time::Duration};

use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// A cheap handle to the process's end; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    draining: CancellationToken,
    over: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a task under a name until it ends or the process does.
    pub fn spawn<F>(&self, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawn_on(&Handle::current(), name, task)
    }

    /// The same in another runtime than the present one.
    pub fn spawn_on<F>(&self, runtime: &Handle, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let over = self.over.clone();
        // Unboxed it would lie in the task's memory twice: as it came, and where it is waited for.
        let task = Box::pin(task);
        let task = async move {
            tokio::select! {
                biased;
                () = task => {}
                () = over.cancelled() => {}
            }
        };
        self.tasks.spawn_on(task.instrument(tracing::debug_span!("task", name)), runtime)
    }

    /// How many tasks have not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        self.tasks.len()
    }

    /// Resolves when nothing new may begin.
    pub async fn draining(&self) {
        self.draining.cancelled().await;
    }

    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// First phase: refuse new work.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Second phase: gives running tasks `grace` to end by themselves, then cuts them off.
    pub async fn finish(&self, grace: Duration) {
        self.drain();
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            self.over.cancel();
            self.tasks.wait().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_end_is_cut_off_after_the_grace() {
        let shutdown = Shutdown::new();
        let task = shutdown.spawn("endless", std::future::pending());
        shutdown.finish(Duration::from_secs(10)).await;
        assert!(task.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_learns_of_the_drain_and_ends_by_itself() {
        let shutdown = Shutdown::new();
        let seen = shutdown.clone();
        shutdown.spawn("polite", async move { seen.draining().await });
        let started = tokio::time::Instant::now();
        shutdown.finish(Duration::from_secs(10)).await;
        assert!(started.elapsed() < Duration::from_secs(1));
    }
}
