//! A metric for each value of one label, all made beforehand: to count is a look at a short list and an addition.

use std::{fmt, sync::Arc};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder},
    metrics::MetricType,
};

/// Where a value goes that the list does not know.
const OTHER: &str = "other";

/// One metric a name; clones share them.
#[derive(Clone, Debug)]
pub(super) struct ByName<M> {
    label: &'static str,
    names: &'static [&'static str],
    /// In the order of the names, and one for all others.
    metrics: Arc<[M]>,
}

impl<M: Default> ByName<M> {
    pub(super) fn new(label: &'static str, names: &'static [&'static str]) -> Self {
        let metrics = (0..=names.len()).map(|_| M::default()).collect();
        Self { label, names, metrics }
    }

    /// The metric of that name, or the one of all names that are not listed.
    pub(super) fn of(&self, name: &str) -> &M {
        let place = self.names.iter().position(|known| *known == name);
        &self.metrics[place.unwrap_or(self.names.len())]
    }
}

impl<M: EncodeMetric + fmt::Debug> EncodeMetric for ByName<M> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let names = self.names.iter().copied().chain([OTHER]);
        for (name, metric) in names.zip(self.metrics.iter()) {
            metric.encode(encoder.encode_family(&[(self.label, name)])?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        self.metrics.first().map_or(MetricType::Unknown, EncodeMetric::metric_type)
    }
}
