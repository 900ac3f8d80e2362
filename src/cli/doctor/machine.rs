//! Whether the machine gives what a server needs: open files and a clock. It raises and sets nothing.

use parla::{
    config::Settings,
    wall_clock::{self, UnixMillis},
};

use super::{Finding, Pending, pending, pending_on_thread};

/// A clock that differs less is set by hand.
const TOLERANCE_MS: UnixMillis = 24 * 3_600_000;

pub(super) fn checks(settings: &Settings) -> Vec<Pending> {
    let files = open_files(allowed_files(), settings.max_connections);
    let database = settings.database();
    let clock = move || {
        // Both were written when the clock was right, or wrong in the same way.
        let program = std::env::current_exe().ok();
        let written = [program, Some(database)].into_iter().flatten();
        clock(wall_clock::now(), written.filter_map(|file| modified(&file)).max())
    };
    vec![pending("open files", async move { files }), pending_on_thread("clock", clock)]
}

/// `None` for no limit. The server raises its own limit as far as that.
#[cfg(unix)]
fn allowed_files() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum
}

#[cfg(not(unix))]
fn allowed_files() -> Option<u64> {
    None
}

fn open_files(allowed: Option<u64>, connections: u32) -> Finding {
    match allowed {
        Some(allowed) if allowed < u64::from(connections) => Finding::warn(
            format!("the system allows {allowed}, fewer than {connections} connections"),
            "raise it with `ulimit -Hn` or LimitNOFILE=, or set PARLA_MAX_CONNECTIONS lower",
        ),
        Some(allowed) => Finding::ok(format!("{allowed} for {connections} connections")),
        None => Finding::ok(format!("any number for {connections} connections")),
    }
}

fn modified(file: &std::path::Path) -> Option<UnixMillis> {
    let modified = file.metadata().ok()?.modified().ok()?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    UnixMillis::try_from(since.as_millis()).ok()
}

/// A file that was written in the future tells that the clock goes wrong.
fn clock(now: UnixMillis, written: Option<UnixMillis>) -> Finding {
    let shown = wall_clock::rfc3339(now);
    match written.filter(|written| *written > now + TOLERANCE_MS) {
        Some(written) => Finding::warn(
            format!("it says {shown}, but files were written at {}", wall_clock::rfc3339(written)),
            "set it, or let NTP do so: links to sounds and certificates of voices depend on it",
        ),
        None => Finding::ok(shown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::State;

    #[test]
    fn fewer_files_than_connections_are_too_few() {
        assert_eq!(open_files(Some(1024), 12_000).state, State::Warn);
        assert_eq!(open_files(Some(12_000), 12_000).state, State::Ok);
        assert_eq!(open_files(None, 12_000).state, State::Ok);
    }

    #[test]
    fn a_clock_behind_what_was_written_is_wrong() {
        let now = 1_800_000_000_000;
        assert_eq!(clock(now, Some(now + TOLERANCE_MS + 1)).state, State::Warn);
        assert_eq!(clock(now, Some(now + 3_600_000)).state, State::Ok);
        assert_eq!(clock(now, None).state, State::Ok);
    }
}
