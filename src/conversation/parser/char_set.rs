//! Sets of characters that a text is read by, whole runs in one go. They know nothing of what stands around a run.

use super::characters::is_plain_letter;

/// Nearly every character of a text is ASCII, and those are looked up in a table.
pub(super) struct CharSet {
    /// By byte; the bytes of other characters are never among them.
    ascii: [bool; 256],
    has_other: fn(char) -> bool,
}

/// Opens, closes, ends and separates nothing, wherever it stands in a sentence.
pub(super) static INERT: CharSet = CharSet {
    ascii: all_but(b"\t\n!\"(),./:;?@[]`"),
    has_other: |c| match c {
        'À'..='\u{55f}' | '\u{620}'..='\u{6d3}' | '\u{900}'..='\u{963}' | '\u{966}'..='\u{dff}' => {
            true
        }
        _ => is_plain_letter(c),
    },
};

/// No part of a tag, a link or a picture.
pub(super) static UNTAGGED: CharSet = CharSet {
    ascii: all_but(b"!<[]"),
    has_other: |c| match c {
        '¡'..='\u{1fff}' | '‐'..='‧' | '、'..='〇' | '！'..='／' => true,
        _ => is_plain_letter(c),
    },
};

/// Said wherever it stands, unless it belongs to an address; a space, however long, is one space.
pub(super) static SAID: CharSet = CharSet {
    ascii: all_but(b"\t\n(*]_`|~"),
    has_other: |c| match c {
        '（' => false,
        '¡'..='\u{167f}' | '‐'..='‧' | '、'..='〟' | '！'..='～' => true,
        _ => is_plain_letter(c),
    },
};

impl CharSet {
    pub(super) fn contains(&self, c: char) -> bool {
        match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() => self.ascii[usize::from(byte)],
            _ => (self.has_other)(c),
        }
    }

    /// Length in bytes of the beginning of `text` that is in the set, `most` at most.
    pub(super) fn run_length(&self, text: &str, most: usize) -> usize {
        let bytes = text.as_bytes();
        let most = most.min(bytes.len());
        let mut at = 0;
        loop {
            let run = bytes.iter().take(most).skip(at);
            at += run.take_while(|&&byte| self.ascii[usize::from(byte)]).count();
            let other = text.get(at..).and_then(|rest| rest.chars().next());
            let other = other.filter(|&c| !c.is_ascii() && (self.has_other)(c));
            match other {
                Some(c) if at + c.len_utf8() <= most => at += c.len_utf8(),
                _ => return at,
            }
        }
    }
}

/// Printable ASCII, tabs and line breaks without `marks`.
const fn all_but(marks: &[u8]) -> [bool; 256] {
    let mut set = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        set[byte as usize] = true;
        byte += 1;
    }
    set[b'\t' as usize] = true;
    set[b'\n' as usize] = true;
    let mut index = 0;
    while index < marks.len() {
        set[marks[index] as usize] = false;
        index += 1;
    }
    set
}
