//! What the process takes of its machine, under the names of Prometheus's conventions. Only Linux tells.

use std::{fmt, fs, path::Path};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

/// Linux counts processor time for programs in hundredths of a second, whatever its own clock does.
const TICKS_PER_SECOND: f64 = 100.0;

/// Looks when it is asked.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(seconds) = cpu_seconds() {
            let help = "Processor time taken, in seconds.";
            let to = encoder.encode_descriptor(
                "process_cpu_seconds",
                help,
                None,
                MetricType::Counter,
            )?;
            ConstCounter::new(seconds).encode(to)?;
        }
        let gauges = [
            ("process_resident_memory_bytes", "Memory in use, in bytes.", status_kib("VmRSS:")),
            ("process_virtual_memory_bytes", "Address space, in bytes.", status_kib("VmSize:")),
            ("process_open_fds", "Open file descriptors.", open_files()),
            ("process_max_fds", "File descriptors there may be.", max_files()),
            ("process_threads", "Threads.", status("Threads:")),
            ("process_start_time_seconds", "When it began, in Unix seconds.", started_at()),
        ];
        for (name, help, value) in gauges {
            let Some(value) = value else { continue };
            let to = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(to)?;
        }
        Ok(())
    }
}

fn cpu_seconds() -> Option<f64> {
    // User and system time are the 14th and 15th field of proc(5)'s `stat`.
    let ticks = stat_field(14)? + stat_field(15)?;
    Some(ticks as f64 / TICKS_PER_SECOND)
}

fn started_at() -> Option<i64> {
    let system = fs::read_to_string("/proc/stat").ok()?;
    let booted: i64 = value_of(&system, "btime")?;
    Some(booted + stat_field(22)? / TICKS_PER_SECOND as i64)
}

/// A numbered field of the process's `stat`, from 1; only those behind the name, which may hold blanks.
fn stat_field(number: usize) -> Option<i64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().nth(number - 3)?.parse().ok()
}

fn status_kib(name: &str) -> Option<i64> {
    status(name).map(|kib| kib * 1024)
}

fn status(name: &str) -> Option<i64> {
    value_of(&fs::read_to_string("/proc/self/status").ok()?, name)
}

fn max_files() -> Option<i64> {
    value_of(&fs::read_to_string("/proc/self/limits").ok()?, "Max open files")
}

fn open_files() -> Option<i64> {
    let files = fs::read_dir(Path::new("/proc/self/fd")).ok()?;
    // The one that lists them is not counted.
    i64::try_from(files.count()).ok().map(|count| count - 1)
}

/// The number behind a name at the beginning of a line.
fn value_of(text: &str, name: &str) -> Option<i64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}
