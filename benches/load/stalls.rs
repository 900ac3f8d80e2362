//! When the machine did not let a core get on, which nobody on it can help. On each core a thread that goes before
//! everything else notices that it is late. It judges nothing.

use std::{
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::{Pid, gettid},
};

use super::{
    ms, ms_between,
    server::{CORE, OTHERS_CORE},
};

/// How often a thread looks.
const LOOK: Duration = Duration::from_micros(250);
/// So late it is where nothing is wrong.
const USUAL: Duration = Duration::from_micros(200);

/// The stalls while this handle lives.
#[derive(Default)]
pub(crate) struct Stalls(Arc<Seen>);

type Seen = Mutex<Vec<Stall>>;

/// From when a thread was to get on until it did.
#[derive(Clone, Copy)]
struct Stall {
    from: Instant,
    to: Instant,
}

impl Stalls {
    /// Where the system does not let a thread go first there are no stalls: it would take the work of others for one.
    pub(crate) fn watch() -> anyhow::Result<Self> {
        let stalls = Self::default();
        for core in [CORE, OTHERS_CORE] {
            let seen = Arc::downgrade(&stalls.0);
            thread::Builder::new().name("stalls".to_owned()).spawn(move || watch(core, &seen))?;
        }
        Ok(stalls)
    }

    /// Milliseconds between the two moments, without those in which one of the cores stood still.
    pub(crate) fn ms_between(&self, early: Instant, late: Instant) -> f64 {
        let mut stalls = lock(&self.0).clone();
        stalls.sort_unstable_by_key(|stall| stall.from);
        let (mut lost, mut counted_to) = (Duration::ZERO, early);
        for stall in stalls {
            let to = stall.to.min(late);
            lost += to.saturating_duration_since(stall.from.max(counted_to));
            counted_to = counted_to.max(to);
        }
        ms_between(early, late) - ms(lost)
    }
}

/// Looks until the handle is gone.
fn watch(core: usize, seen: &Weak<Seen>) {
    let mut only = CpuSet::new();
    let is_there = only.set(core).and_then(|()| sched_setaffinity(Pid::from_raw(0), &only)).is_ok();
    if !is_there || !goes_first(gettid()) {
        return;
    }
    while let Some(seen) = seen.upgrade() {
        let from = Instant::now() + LOOK;
        thread::park_timeout(LOOK);
        let to = Instant::now();
        if to > from + USUAL {
            lock(&seen).push(Stall { from, to });
        }
    }
}

fn goes_first(thread: Pid) -> bool {
    let mut command = Command::new("chrt");
    command.args(["--fifo", "--pid", "50", &thread.to_string()]).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn lock(seen: &Seen) -> MutexGuard<'_, Vec<Stall>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
