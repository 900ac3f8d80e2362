//! The table that is printed: figures, their bars, and whether all were met. It measures nothing.

use std::fmt;

/// Measurements of one kind, in order of size.
pub(crate) struct Samples(Vec<f64>);

/// What a figure has to reach.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    AtMost(f64),
    AtLeast(f64),
}

/// Lines of the table in the order in which they were added.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<String>,
    missed: Vec<String>,
}

impl Samples {
    pub(crate) fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    pub(crate) fn minus(&self, value: f64) -> Self {
        Self(self.0.iter().map(|sample| sample - value).collect())
    }

    pub(crate) fn median(&self) -> f64 {
        self.percentile(50)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The smallest sample that is not below so many per cent of them.
    pub(crate) fn percentile(&self, per_cent: usize) -> f64 {
        let rank = (self.0.len() * per_cent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or(f64::NAN)
    }
}

impl Bar {
    /// A figure that is not a number meets no bar.
    fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtMost(bar) => figure <= bar,
            Self::AtLeast(bar) => figure >= bar,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bar) => write!(out, "≤ {bar}"),
            Self::AtLeast(bar) => write!(out, "≥ {bar}"),
        }
    }
}

impl Report {
    pub(crate) fn figure(&mut self, name: &str, figure: f64, unit: &str, bar: Option<Bar>) {
        let cell = self.cell(name, figure, bar);
        self.lines.push(format!("{name:<32}{cell} {unit}"));
    }

    pub(crate) fn title(&mut self, title: &str) {
        let [median, p95, p99, max] = ["median", "p95", "p99", "max"];
        self.lines.push(String::new());
        self.lines.push(format!("{title:<32}{median:>8}{:8}{p95:>8}{p99:>8}{:8}{max:>8}", "", ""));
    }

    /// How the samples lie, with bars for their median and their 99th percentile.
    pub(crate) fn spread(&mut self, name: &str, samples: &Samples, bars: Option<(f64, f64)>) {
        let median = self.cell(name, samples.median(), bars.map(|(bar, _)| Bar::AtMost(bar)));
        let p99 = self.cell(name, samples.percentile(99), bars.map(|(_, bar)| Bar::AtMost(bar)));
        let (p95, max) = (samples.percentile(95), samples.percentile(100));
        self.lines.push(format!("{name:<32}{median}{p95:8.1}{p99}{max:8.1}"));
    }

    /// How steady the machine was, told by the client that has no server.
    pub(crate) fn noise(&mut self, no_server: &Samples) {
        let (median, most) = (no_server.median(), no_server.percentile(99));
        self.lines.push(String::new());
        self.lines.push(format!(
            "noise of the machine: with no server the first sound came {median:.1} ms after its script, \
             at p99 {most:.1} ms"
        ));
    }

    pub(crate) fn is_passed(&self) -> bool {
        self.missed.is_empty()
    }

    /// The figure with its bar beside it.
    fn cell(&mut self, name: &str, figure: f64, bar: Option<Bar>) -> String {
        let Some(bar) = bar else { return format!("{figure:8.1}{:8}", "") };
        if !bar.is_met(figure) {
            self.missed.push(format!("{name}: {figure:.1} is not {bar}"));
        }
        format!("{figure:8.1} {:<7}", format!("({bar})"))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(out, "{}", line.trim_end()))?;
        match self.missed.as_slice() {
            [] => writeln!(out, "every bar is met"),
            missed => missed.iter().try_for_each(|missed| writeln!(out, "MISSED  {missed}")),
        }
    }
}
