//! A metric for each value of one label, all made beforehand: to count is a look at a short list and an addition.

use std::{fmt, sync::Arc};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder},
    metrics::MetricType,
};

/// One metric a name; clones share them. The last name is also that of whatever is not listed.
#[derive(Clone, Debug)]
pub(super) struct ByName<M> {
    label: &'static str,
    names: &'static [&'static str],
    /// In the order of the names.
    metrics: Arc<[M]>,
}

impl<M: Default> ByName<M> {
    pub(super) fn new(label: &'static str, names: &'static [&'static str]) -> Self {
        Self::made(label, names, M::default)
    }
}

impl<M> ByName<M> {
    /// Of metrics that have to be made in a certain way.
    pub(super) fn made(
        label: &'static str,
        names: &'static [&'static str],
        make: impl Fn() -> M,
    ) -> Self {
        let metrics = names.iter().map(|_| make()).collect();
        Self { label, names, metrics }
    }

    pub(super) fn of(&self, name: &str) -> &M {
        &self.metrics[place(self.names, name)]
    }

    /// Of what [`place`] has found in the same names.
    pub(super) fn at(&self, place: usize) -> &M {
        &self.metrics[place]
    }
}

/// Where a name stands among them.
pub(super) fn place(names: &[&str], name: &str) -> usize {
    names.iter().position(|known| *known == name).unwrap_or(names.len() - 1)
}

impl<M: EncodeMetric + fmt::Debug> EncodeMetric for ByName<M> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (name, metric) in self.names.iter().zip(self.metrics.iter()) {
            metric.encode(encoder.encode_family(&[(self.label, *name)])?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        self.metrics.first().map_or(MetricType::Unknown, EncodeMetric::metric_type)
    }
}
