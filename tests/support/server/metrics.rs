//! The operators' listener as a scraper reads it. It knows no metric's meaning.

use reqwest::Method;

use super::{Answer, Server};

/// One reading of all metrics.
#[derive(Debug)]
pub struct Metrics(pub String);

impl Server {
    /// The address of the metrics, and the key when one is needed.
    pub fn operators(&self) -> (&str, Option<&str>) {
        match self.operators.split_once(" (Authorization: Bearer ") {
            Some((address, key)) => (address, Some(key.trim_end_matches(')'))),
            None => (&self.operators, None),
        }
    }

    /// An address beside the metrics, such as `/readyz`.
    pub async fn ask_operators(&self, path: &str, token: Option<&str>) -> Answer {
        let base = self.operators().0.strip_suffix("/metrics").unwrap();
        let request = self.http.request(Method::GET, format!("{base}{path}"));
        Answer::of(token.iter().fold(request, |request, token| request.bearer_auth(token))).await
    }

    pub async fn metrics(&self) -> Metrics {
        let answer = self.ask_operators("/metrics", self.operators().1).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Metrics(String::from_utf8(answer.body.to_vec()).unwrap())
    }
}

impl Metrics {
    /// The value of one series, such as `parla_turns_total{outcome="complete"}`; 0 when it is not there.
    pub fn value(&self, series: &str) -> f64 {
        let values = self.0.lines().filter_map(|line| line.rsplit_once(' '));
        let found = values.into_iter().find(|(name, _)| *name == series);
        found.map_or(0.0, |(_, value)| value.parse().unwrap())
    }

    /// The names of all metrics, as queries use them.
    pub fn names(&self) -> Vec<String> {
        let kinds = self.0.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let names = kinds.map(|kind| match kind.split_once(' ').unwrap() {
            (name, "counter") => format!("{name}_total"),
            (name, "info") => format!("{name}_info"),
            (name, _) => name.to_owned(),
        });
        names.collect()
    }
}
