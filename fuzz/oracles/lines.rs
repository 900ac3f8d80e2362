//! The lines of NDJSON: however the bytes are split, they are the same, and none is longer than the limit.

use bytes::Bytes;
use parla::providers::ndjson::{LineTooLong, Lines};

const LIMIT: usize = 64;

/// The first byte says how long the pieces are.
pub(crate) fn check(bytes: &[u8]) {
    let Some((length, bytes)) = bytes.split_first() else { return };
    let whole = lines(std::iter::once(bytes));
    for line in whole.iter().flatten() {
        assert!(!line.is_empty() && !line.contains(&b'\n'), "{line:?}");
        assert_eq!(line.trim_ascii(), line);
    }
    for length in [1, usize::from(*length).max(2)] {
        assert_eq!(lines(bytes.chunks(length)), whole, "in pieces of {length}");
    }
}

/// Up to the first line that is too long.
fn lines<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Vec<Result<Bytes, LineTooLong>> {
    let (mut lines, mut found) = (Lines::new(LIMIT), Vec::new());
    for part in parts {
        lines.push(part);
        while let Some(line) = lines.next_line().transpose() {
            let is_last = line.is_err();
            found.push(line);
            if is_last {
                return found;
            }
        }
    }
    found.extend(lines.last_line().map(Ok));
    found
}
