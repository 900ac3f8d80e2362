//! What checks have found, and how it is told to people and to programs. It looks at nothing itself.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    #[default]
    Ok,
    /// It works, but not as it might be meant.
    Warn,
    /// Something that is wanted does not work.
    Fail,
}

/// What a look has found, each text in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) state: State,
    pub(super) cause: String,
    /// What to do; `None` when there is nothing to be done.
    pub(super) fix: Option<String>,
}

/// A finding with its name and how long it took to find, in milliseconds.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) finding: Finding,
    pub(super) ms: u64,
}

pub(super) struct Report {
    pub(super) checks: Vec<Check>,
}

/// As programs read it.
#[derive(Serialize)]
struct ShownReport<'a> {
    checks: Vec<ShownCheck<'a>>,
    state: State,
}

#[derive(Serialize)]
struct ShownCheck<'a> {
    name: &'a str,
    #[serde(flatten)]
    finding: &'a Finding,
    ms: u64,
}

impl Finding {
    pub(super) fn ok(cause: impl AsRef<str>) -> Self {
        Self { state: State::Ok, cause: in_one_line(cause.as_ref()), fix: None }
    }

    pub(super) fn warn(cause: impl AsRef<str>, fix: impl AsRef<str>) -> Self {
        Self { state: State::Warn, ..Self::ok(cause) }.with_fix(fix)
    }

    pub(super) fn fail(cause: impl AsRef<str>, fix: impl AsRef<str>) -> Self {
        Self { state: State::Fail, ..Self::ok(cause) }.with_fix(fix)
    }

    /// Something that could be done all the same.
    pub(super) fn with_fix(self, fix: impl AsRef<str>) -> Self {
        Self { fix: Some(in_one_line(fix.as_ref())), ..self }
    }
}

impl Report {
    pub(super) fn failures(&self) -> usize {
        self.checks.iter().filter(|check| check.finding.state == State::Fail).count()
    }

    /// For a person at a terminal.
    pub(super) fn text(&self) -> String {
        let width = self.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
        self.checks.iter().map(|check| check.text(width)).collect()
    }

    /// For programs, the worst state last.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        let state = self.checks.iter().map(|check| check.finding.state).max().unwrap_or_default();
        let checks = self.checks.iter().map(|Check { name, finding, ms }| ShownCheck {
            name,
            finding,
            ms: *ms,
        });
        let checks = checks.collect();
        Ok(serde_json::to_string_pretty(&ShownReport { checks, state })? + "\n")
    }
}

impl Check {
    fn text(&self, width: usize) -> String {
        let Self { name, finding: Finding { state, cause, fix }, ms } = self;
        let state = match state {
            State::Ok => "ok  ",
            State::Warn => "warn",
            State::Fail => "FAIL",
        };
        let line = format!("{state}  {name:<width$}  {cause} ({ms} ms)\n");
        // Under the cause.
        let fix = fix.as_ref().map(|fix| format!("{:indent$}→ {fix}\n", "", indent = width + 8));
        line + &fix.unwrap_or_default()
    }
}

fn in_one_line(text: &str) -> String {
    let words = text.split(|char: char| char.is_whitespace() || char.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn report() -> Report {
        let check = |name: &str, finding, ms| Check { name: name.to_owned(), finding, ms };
        Report {
            checks: vec![
                check("settings", Finding::ok("all are\n  understood\u{1b}[31m"), 0),
                check("model", Finding::warn("Ollama is not there", "ollama serve"), 12),
                check("voice espeak", Finding::fail("it is missing", "apt install espeak-ng"), 3),
            ],
        }
    }

    #[test]
    fn people_read_a_line_for_each_cause_and_one_for_its_fix() {
        expect![[r#"
            ok    settings      all are understood [31m (0 ms)
            warn  model         Ollama is not there (12 ms)
                                → ollama serve
            FAIL  voice espeak  it is missing (3 ms)
                                → apt install espeak-ng
        "#]]
        .assert_eq(&report().text());
    }

    #[test]
    fn programs_read_the_same_and_the_worst_state() {
        expect![[r#"
            {
              "checks": [
                {
                  "name": "settings",
                  "state": "ok",
                  "cause": "all are understood [31m",
                  "fix": null,
                  "ms": 0
                },
                {
                  "name": "model",
                  "state": "warn",
                  "cause": "Ollama is not there",
                  "fix": "ollama serve",
                  "ms": 12
                },
                {
                  "name": "voice espeak",
                  "state": "fail",
                  "cause": "it is missing",
                  "fix": "apt install espeak-ng",
                  "ms": 3
                }
              ],
              "state": "fail"
            }
        "#]]
        .assert_eq(&report().json().unwrap());
        assert_eq!(report().failures(), 1);
    }
}
