//! Reads JSON one character at a time, as forgiving as a model is careless. It gives no meaning to what it reads.

/// Containers within each other.
const MAX_DEPTH: usize = 32;
/// Longest key that is told apart, in bytes; what is behind it is dropped.
const MAX_KEY: usize = 64;
/// Longest number or word, in bytes.
const MAX_SCALAR: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum JsonEvent {
    Open,
    Close,
    Key(String),
    StringChar(char),
    StringEnd,
    /// A number, `true`, `false`, `null`, as written.
    Scalar(String),
}

/// The text is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotJson;

/// One JSON value; what stands behind it is ignored.
#[derive(Debug, Default)]
pub(super) struct JsonReader {
    /// What closes the containers that are open.
    closers: Vec<char>,
    expected: Expected,
    escape: Escape,
    /// The first half of a character that is written as two escapes.
    high_surrogate: Option<u32>,
    /// The key or scalar that is being read.
    held: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expected {
    #[default]
    Value,
    Key,
    KeyChar,
    Colon,
    StringChar,
    ScalarChar,
    /// A comma, or the end of the container.
    Comma,
    Nothing,
}

#[derive(Clone, Copy, Debug, Default)]
enum Escape {
    #[default]
    None,
    Backslash,
    Hex {
        value: u32,
        digits: u8,
    },
}

impl JsonReader {
    pub(super) fn push(&mut self, c: char, out: &mut Vec<JsonEvent>) -> Result<(), NotJson> {
        match self.expected {
            Expected::KeyChar | Expected::StringChar => self.string_char(c, out),
            Expected::ScalarChar => return self.scalar_char(c, out),
            Expected::Nothing => {}
            _ if c.is_whitespace() => {}
            Expected::Value => return self.value(c, out),
            Expected::Key if c == '"' => {
                self.held.clear();
                self.expected = Expected::KeyChar;
            }
            Expected::Colon if c == ':' => self.expected = Expected::Value,
            Expected::Comma if c == ',' => {
                let in_object = self.closers.last() == Some(&'}');
                self.expected = if in_object { Expected::Key } else { Expected::Value };
            }
            Expected::Key | Expected::Comma => return self.close(c, out),
            Expected::Colon => return Err(NotJson),
        }
        Ok(())
    }

    fn value(&mut self, c: char, out: &mut Vec<JsonEvent>) -> Result<(), NotJson> {
        match c {
            '{' => return self.open('}', Expected::Key, out),
            '[' => return self.open(']', Expected::Value, out),
            '"' => self.expected = Expected::StringChar,
            '-' | '0'..='9' | 'a'..='z' => {
                self.held.clear();
                self.held.push(c);
                self.expected = Expected::ScalarChar;
            }
            // Behind a bracket, or behind the comma that models leave at the end of a list.
            ']' => return self.close(c, out),
            _ => return Err(NotJson),
        }
        Ok(())
    }

    fn open(
        &mut self,
        closer: char,
        expected: Expected,
        out: &mut Vec<JsonEvent>,
    ) -> Result<(), NotJson> {
        if self.closers.len() >= MAX_DEPTH {
            return Err(NotJson);
        }
        self.closers.push(closer);
        self.expected = expected;
        out.push(JsonEvent::Open);
        Ok(())
    }

    fn close(&mut self, c: char, out: &mut Vec<JsonEvent>) -> Result<(), NotJson> {
        if self.closers.last() != Some(&c) {
            return Err(NotJson);
        }
        self.closers.pop();
        self.expected = if self.closers.is_empty() { Expected::Nothing } else { Expected::Comma };
        out.push(JsonEvent::Close);
        Ok(())
    }

    fn scalar_char(&mut self, c: char, out: &mut Vec<JsonEvent>) -> Result<(), NotJson> {
        if c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.') {
            self.held.push(c);
            return if self.held.len() > MAX_SCALAR { Err(NotJson) } else { Ok(()) };
        }
        out.push(JsonEvent::Scalar(std::mem::take(&mut self.held)));
        self.expected = Expected::Comma;
        self.push(c, out)
    }

    fn string_char(&mut self, c: char, out: &mut Vec<JsonEvent>) {
        match self.escape {
            Escape::None if c == '"' => self.end_string(out),
            Escape::None if c == '\\' => self.escape = Escape::Backslash,
            Escape::None => self.put(c, out),
            Escape::Backslash => self.escaped(c, out),
            Escape::Hex { value, digits } => self.hex_digit(value, digits, c, out),
        }
    }

    fn end_string(&mut self, out: &mut Vec<JsonEvent>) {
        self.high_surrogate = None;
        if self.expected == Expected::KeyChar {
            out.push(JsonEvent::Key(std::mem::take(&mut self.held)));
            self.expected = Expected::Colon;
        } else {
            out.push(JsonEvent::StringEnd);
            self.expected = Expected::Comma;
        }
    }

    fn escaped(&mut self, c: char, out: &mut Vec<JsonEvent>) {
        self.escape = Escape::None;
        match c {
            'u' => self.escape = Escape::Hex { value: 0, digits: 0 },
            'n' => self.put('\n', out),
            't' => self.put('\t', out),
            'b' | 'f' | 'r' => {}
            _ => self.put(c, out),
        }
    }

    fn hex_digit(&mut self, value: u32, digits: u8, c: char, out: &mut Vec<JsonEvent>) {
        let Some(digit) = c.to_digit(16) else {
            self.escape = Escape::None;
            return self.string_char(c, out);
        };
        let (value, digits) = (value * 16 + digit, digits + 1);
        self.escape = Escape::Hex { value, digits };
        if digits == 4 {
            self.escape = Escape::None;
            self.code_unit(value, out);
        }
    }

    /// Half a surrogate pair without the other half is dropped.
    fn code_unit(&mut self, unit: u32, out: &mut Vec<JsonEvent>) {
        match (self.high_surrogate.take(), unit) {
            (_, 0xd800..=0xdbff) => self.high_surrogate = Some(unit),
            (Some(high), 0xdc00..=0xdfff) => {
                let c = 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
                char::from_u32(c).into_iter().for_each(|c| self.put(c, out));
            }
            _ => char::from_u32(unit).into_iter().for_each(|c| self.put(c, out)),
        }
    }

    fn put(&mut self, c: char, out: &mut Vec<JsonEvent>) {
        self.high_surrogate = None;
        if self.expected == Expected::StringChar {
            out.push(JsonEvent::StringChar(c));
        } else if self.held.len() < MAX_KEY {
            self.held.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let (mut reader, mut events, mut trace) =
            (JsonReader::default(), Vec::new(), String::new());
        let failed = text.chars().any(|c| reader.push(c, &mut events).is_err());
        for event in events {
            match event {
                JsonEvent::Open => trace.push('('),
                JsonEvent::Close => trace.push(')'),
                JsonEvent::Key(key) => trace.push_str(&format!("{key}=")),
                JsonEvent::StringChar(c) => trace.push(c),
                JsonEvent::StringEnd => trace.push(';'),
                JsonEvent::Scalar(scalar) => trace.push_str(&format!("<{scalar}>")),
            }
        }
        trace + if failed { "!" } else { "" }
    }

    #[test]
    fn values_are_told_as_they_arrive() {
        assert_eq!(read(r#"{"a": [1, true, "x\ny"], "b": {}}"#), "(a=(<1><true>x\ny;)b=())");
        assert_eq!(read(r#"["\u00e9\ud83d\ude00\ud83d!\u12"]"#), "(é😀!;)");
    }

    #[test]
    fn a_comma_at_the_end_of_a_list_is_forgiven_and_other_faults_are_told() {
        assert_eq!(read(r#"{"a":["b",],}"#), "(a=(b;))");
        assert_eq!(read("{hello"), "(!");
        assert_eq!(read(r#"{"a" 1"#), "(a=!");
        assert_eq!(read("[}"), "(!");
        assert!(read(&"[".repeat(100)).ends_with('!'));
    }
}
