//! Reads `docs/PROTOCOL.md`: its samples, its tables, the words in its code spans. It judges nothing.

use serde_json::Value;

const TEXT: &str = include_str!("../../docs/PROTOCOL.md");

/// The samples of one kind, such as `server` for the blocks that open with "json server".
pub(crate) fn samples(kind: &str) -> Vec<Value> {
    let opening = format!("```json {kind}");
    let mut lines = TEXT.lines();
    let mut found = Vec::new();
    while lines.any(|line| line == opening) {
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let body = body.join("\n");
        let value = serde_json::from_str(&body);
        found.push(value.unwrap_or_else(|error| panic!("{error} in this sample:\n{body}")));
    }
    assert!(!found.is_empty(), "there is no {kind} sample");
    found
}

/// The rows of the first table under a heading, cell by cell, without the head.
pub(crate) fn table(heading: &str) -> Vec<Vec<String>> {
    let mut lines = section(heading).lines().skip_while(|line| !line.starts_with('|'));
    let head = (lines.next(), lines.next());
    assert!(head.1.is_some(), "there is no table under {heading}");
    let rows = lines.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// What stands in backticks.
pub(crate) fn code_spans(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// From a heading to the next one of any level.
pub(crate) fn section(heading: &str) -> &'static str {
    let (_, rest) = TEXT
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("there is no heading {heading}"));
    rest.split("\n## ").next().and_then(|rest| rest.split("\n### ").next()).unwrap_or(rest)
}

/// The targets of links inside the page.
pub(crate) fn anchors() -> Vec<&'static str> {
    TEXT.split("](#").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// All headings, as a link names them.
pub(crate) fn headings() -> Vec<String> {
    let mut is_code = false;
    let lines = TEXT.lines().filter(|line| {
        is_code ^= line.starts_with("```");
        !is_code && line.starts_with('#')
    });
    lines.map(|line| line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-")).collect()
}
