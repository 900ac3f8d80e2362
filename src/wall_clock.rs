//! The one place that reads the time of day, for what is stored and shown. Nothing is ever measured with it.

use std::time::{SystemTime, UNIX_EPOCH};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Milliseconds since 1970, UTC.
pub type UnixMillis = i64;

/// The present moment.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
#[must_use]
pub fn now() -> UnixMillis {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis::try_from(elapsed.as_millis()).unwrap_or(UnixMillis::MAX)
}

/// RFC 3339 in UTC with milliseconds, as every frame carries it.
#[must_use]
pub fn rfc3339(at: UnixMillis) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc() {
        assert_eq!(rfc3339(1_734_774_896_789), "2024-12-21T09:54:56.789Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
    }
}
