//! How much threads of calls are worth to the system beside others. It starts none.

/// A tenth of a processor that others want, and any that is idle.
const AFTER_OTHERS: i32 = 10;
/// Nine tenths of one: sound is due, and little work. Most systems allow that only to whoever may do everything, and to
/// services that are told so.
const BEFORE_OTHERS: i32 = -10;

/// For the present thread: what else there is may wait for it.
pub(super) fn go_first() {
    change(BEFORE_OTHERS);
}

/// For the present thread: it can wait for what else there is.
pub(super) fn give_way() {
    change(AFTER_OTHERS);
}

/// Elsewhere than on Linux a priority is that of the whole process.
fn change(niceness: i32) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(niceness) {
        tracing::debug!(%error, niceness, "this thread of calls is worth as much as others");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = niceness;
}
