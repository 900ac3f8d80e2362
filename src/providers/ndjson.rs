//! Cuts a stream of bytes into the lines of NDJSON, however it was split. It never looks at what a line says.

use bytes::{Bytes, BytesMut};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line is longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line too long")]
pub struct LineTooLong;

/// Bytes on their way to becoming lines; holds at most the limit and one read.
#[derive(Debug)]
pub struct Lines {
    buffer: BytesMut,
    /// How much of the buffer is known to hold no line end.
    searched: usize,
    limit: usize,
    is_first: bool,
}

impl Lines {
    /// Lines of at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { buffer: BytesMut::new(), searched: 0, limit, is_first: true }
    }

    /// Takes in what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next line that is not blank, without its line end; `None` until more bytes arrive.
    ///
    /// # Errors
    /// When a line is longer than the limit, whether its end has arrived or not.
    pub fn next_line(&mut self) -> Result<Option<Bytes>, LineTooLong> {
        loop {
            let end = self.line_end();
            if end.unwrap_or(self.buffer.len()) > self.limit {
                return Err(LineTooLong);
            }
            let Some(end) = end else { return Ok(None) };
            let raw = self.buffer.split_to(end + 1).freeze();
            self.searched = 0;
            if let Some(line) = self.trimmed(&raw) {
                return Ok(Some(line));
            }
        }
    }

    /// The last line, which may lack its line end, once the stream is over and [`Self::next_line`] has no more.
    pub fn last_line(&mut self) -> Option<Bytes> {
        let raw = self.buffer.split().freeze();
        self.searched = 0;
        self.trimmed(&raw)
    }

    fn line_end(&mut self) -> Option<usize> {
        let found = memchr::memchr(b'\n', &self.buffer[self.searched..]);
        let end = found.map(|offset| self.searched + offset);
        self.searched = end.unwrap_or(self.buffer.len());
        end
    }

    /// Without white space around it, and at the very beginning without a byte order mark; `None` when blank.
    fn trimmed(&mut self, raw: &Bytes) -> Option<Bytes> {
        let marked = std::mem::take(&mut self.is_first);
        let line = raw.strip_prefix(BYTE_ORDER_MARK).filter(|_| marked).unwrap_or(raw);
        let line = line.trim_ascii();
        (!line.is_empty()).then(|| raw.slice_ref(line))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines_of(reads: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::new(64);
        let mut found = Vec::new();
        for read in reads {
            lines.push(read);
            while let Some(line) = lines.next_line().unwrap() {
                found.push(String::from_utf8(line.to_vec()).unwrap());
            }
        }
        found.extend(lines.last_line().map(|line| String::from_utf8(line.to_vec()).unwrap()));
        found
    }

    #[test]
    fn blank_lines_carriage_returns_and_the_byte_order_mark_are_no_text() {
        assert_eq!(
            lines_of(&[b"\xef\xbb\xbfone\r\n\r\n \ntwo\r", b"\nthree"]),
            ["one", "two", "three"]
        );
    }

    #[test]
    fn a_byte_order_mark_is_one_only_at_the_beginning() {
        assert_eq!(lines_of(&[b"one\n\xef\xbb\xbftwo\n"]), ["one", "\u{feff}two"]);
    }

    #[test]
    fn a_line_without_an_end_is_refused_as_soon_as_it_is_too_long() {
        let mut lines = Lines::new(4);
        lines.push(b"1234");
        assert_eq!(lines.next_line(), Ok(None));
        lines.push(b"5");
        assert_eq!(lines.next_line(), Err(LineTooLong));
    }

    #[test]
    fn a_long_line_is_refused_even_when_it_arrives_whole() {
        let mut lines = Lines::new(4);
        lines.push(b"1234\n12345\n");
        assert_eq!(lines.next_line().unwrap().as_deref(), Some(&b"1234"[..]));
        assert_eq!(lines.next_line(), Err(LineTooLong));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_lines(cuts in proptest::collection::vec(0_usize..60, 0..8)) {
            let text = "\u{feff}{\"a\":\"¿Qué?\"}\r\n\n{\"b\":\"你好👋\"}\r\n{\"c\":1}".as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let reads: Vec<_> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            prop_assert_eq!(lines_of(&reads), lines_of(&[text]));
        }
    }
}
