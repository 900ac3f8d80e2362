//! How long the store takes to put changes on disk. It knows no table.

use std::time::Duration;

use prometheus_client::{
    metrics::{counter::Counter, histogram::Histogram},
    registry::Registry,
};

use super::seconds;

/// Changes and their way to the disk.
#[derive(Clone)]
pub struct StorageMetrics {
    writes: Histogram,
    failures: Counter,
}

impl StorageMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let storage = Self { writes: seconds(), failures: Counter::default() };
        let help = "Seconds from a change to its commit, failed ones included";
        registry.register("storage_write_seconds", help, storage.writes.clone());
        registry.register("storage_failures", "Changes not saved", storage.failures.clone());
        storage
    }

    pub fn written(&self, took: Duration, is_saved: bool) {
        self.writes.observe(took.as_secs_f64());
        if !is_saved {
            self.failures.inc();
        }
    }
}
