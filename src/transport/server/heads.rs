//! Follows what comes in from one request's head to the next, to notice one that says in two ways how long its body is.
//! It changes no byte and refuses none.
//!
//! The HTTP library reads such a request by its chunks and does not tell; a proxy before parla may have read it by the
//! length, and taken the rest for a request of its own (RFC 9112, section 11.2).

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Of longer lines the rest says nothing about a length.
const LINE: usize = 64;

/// A connection's requests as far as they have come in.
#[derive(Debug, Default)]
pub(super) struct Heads {
    place: Place,
    /// What has come of the present line, no more of it than may matter.
    line: Vec<u8>,
    has_begun: bool,
    length: Option<u64>,
    is_chunked: bool,
    /// Where the next head begins is not known when a length cannot be read, nor when the connection may be about to change its
    /// protocol, nor behind a body in chunks; but that is the connection's last.
    ends_here: bool,
    is_ambiguous: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Head,
    /// So many bytes before the next head.
    Body(u64),
    Unknown,
}

impl Heads {
    /// Whether a head has come in by which there are two lengths.
    pub(super) fn is_ambiguous(&self) -> Arc<AtomicBool> {
        self.is_ambiguous.clone()
    }

    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match self.place {
                Place::Head => self.follow_line(bytes),
                Place::Body(left) => self.skip(bytes, left),
                Place::Unknown => return,
            };
        }
    }

    fn skip<'bytes>(&mut self, bytes: &'bytes [u8], left: u64) -> &'bytes [u8] {
        let skipped = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let left = left - skipped as u64;
        self.place = if left == 0 { Place::Head } else { Place::Body(left) };
        &bytes[skipped..]
    }

    /// What is behind the first end of a line.
    fn follow_line<'bytes>(&mut self, bytes: &'bytes [u8]) -> &'bytes [u8] {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (line, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        let room = LINE - self.line.len();
        self.line.extend(line.iter().take(room));
        if end.is_some() {
            let mut line = mem::take(&mut self.line);
            self.end_line(line.trim_ascii());
            line.clear();
            self.line = line;
        }
        rest
    }

    fn end_line(&mut self, line: &[u8]) {
        match line {
            // Before a request there may be empty lines (RFC 9112, section 2.2).
            [] if self.has_begun => self.end_head(),
            [] => {}
            _ if !self.has_begun => self.has_begun = true,
            _ => self.read(line),
        }
    }

    fn read(&mut self, line: &[u8]) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("content-length") {
            let length = str::from_utf8(value.trim_ascii()).ok().and_then(|text| text.parse().ok());
            // What is no number the library refuses; of one behind that many spaces it knows better.
            self.ends_here |= length.is_none();
            self.length = length.or(Some(0));
        } else if is("transfer-encoding") {
            (self.is_chunked, self.ends_here) = (true, true);
        } else if is("upgrade") {
            self.ends_here = true;
        }
    }

    fn end_head(&mut self) {
        if self.is_chunked && self.length.is_some() {
            self.is_ambiguous.store(true, Ordering::Relaxed);
        }
        self.place = match self.length {
            _ if self.ends_here => Place::Unknown,
            Some(length) => Place::Body(length),
            None => Place::Head,
        };
        (self.has_begun, self.length) = (false, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "POST /a HTTP/1.1\r\nhost: a\r\n";

    fn is_ambiguous(bytes: &str, step: usize) -> bool {
        let mut heads = Heads::default();
        bytes.as_bytes().chunks(step).for_each(|bytes| heads.follow(bytes));
        heads.is_ambiguous().load(Ordering::Relaxed)
    }

    #[test]
    fn two_lengths_are_noticed_in_any_order_request_and_pieces() {
        let (length, chunks) = ("Content-Length: 5\r\n", "TRANSFER-ENCODING:chunked\r\n");
        let before = format!("\r\n{HEAD}content-length:9\r\n\r\n\r\n\r\nGET \n{HEAD}\n");
        for both in [[length, chunks].concat(), [chunks, length].concat()] {
            let request = format!("{before}{HEAD}{both}\r\n");
            for step in [1, 7, 1000] {
                assert!(is_ambiguous(&request, step), "{request:?}");
                assert!(!is_ambiguous(request.trim_end(), step), "its head is not whole");
            }
        }
    }

    #[test]
    fn one_length_and_what_only_looks_like_another_are_not() {
        let long = "a".repeat(100);
        for request in [
            format!("{HEAD}content-length: 5\r\n\r\n"),
            format!("{HEAD}transfer-encoding: chunked\r\n\r\n{HEAD}content-length: 5\r\n\r\n"),
            format!("{HEAD}content-length: 27\r\n\r\ntransfer-encoding: chunked\r\n{HEAD}\r\n"),
            format!(
                "{HEAD}content-length: {}90\r\n\r\n{HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
                " ".repeat(100)
            ),
            format!("{HEAD}{long}-content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"),
            format!(
                "{HEAD}upgrade: websocket\r\n\r\n{HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"
            ),
        ] {
            assert!(!is_ambiguous(&request, 1000), "{request:?}");
        }
    }
}
