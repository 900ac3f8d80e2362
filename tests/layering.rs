//! Modules import downwards only: the table of `docs/ARCHITECTURE.md`, held against the source. It compiles nothing.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A module may import from rows above its own, and from itself.
const ROWS: &[&[&str]] = &[
    &["domain", "heap", "shutdown", "wall_clock"],
    &["telemetry"],
    &["audio", "prompts"],
    &["providers", "storage"],
    &["hub", "limits"],
    &["auth"],
    &["synthesis", "recognition"],
    &["conversation"],
    &["session"],
    &["dialect", "realtime"],
    &["config"],
    &["app"],
    &["transport"],
    &["cli", "main"],
];

/// Who alone may know a crate.
const PRIVATE: &[(&str, &[&str])] = &[
    ("axum", &["transport"]),
    ("sqlx", &["storage"]),
    ("reqwest", &["providers", "telemetry"]),
    ("tokio_tungstenite", &["providers", "transport", "cli"]),
    ("ollama_rs", &["providers"]),
    ("libloading", &["providers"]),
    ("clap", &["cli", "main"]),
    ("indicatif", &["cli"]),
    ("anyhow", &["app", "cli", "main"]),
    ("minijinja", &["conversation"]),
    ("hound", &["audio"]),
    ("earshot", &["recognition"]),
    ("opus_pure", &["audio"]),
    ("str0m", &["transport"]),
    ("dimpl", &["transport"]),
    ("rcgen", &["transport"]),
    ("aes", &["transport"]),
    ("ctr", &["transport"]),
    ("symphonia", &["audio"]),
    ("governor", &["limits"]),
    ("hyper", &["providers", "transport"]),
    ("hyper_util", &["providers", "transport"]),
    ("utoipa", &["dialect", "transport"]),
    ("prometheus_client", &["telemetry"]),
];

/// The machines and what they are made of: no runtime, no clock, no channel, no randomness.
const PURE: &[&str] = &[
    "src/conversation/parser",
    "src/conversation/turn_machine",
    "src/conversation/turn_taking",
    "src/dialect",
    "src/providers/assemblyai/wire",
    "src/realtime",
    "src/providers/breaker",
    "src/providers/deepgram/wire",
    "src/providers/dictation/last_words",
    "src/providers/succession/",
    "src/providers/timeline",
    "src/recognition/voice",
    "src/synthesis/schedule",
    "src/auth/origin",
    "src/transport/listen/frames",
    "src/transport/listen/relay",
    "src/transport/listen/wanted",
    "src/transport/socket/framing",
    "src/transport/calls/ear",
    "src/transport/calls/mouth",
    "src/transport/calls/offer",
    "src/transport/calls/peer",
    "src/transport/calls/stun",
];
const IMPURE: &[&str] =
    &["tokio", "Instant::now", "SystemTime", "std::fs", "std::net::Tcp", "::random()"];

#[test]
fn modules_import_only_from_rows_above_them() {
    let mut wrong = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.ends_with("lib.rs")) {
        let module = top_module(&path);
        let own = row(&module).unwrap_or_else(|| panic!("{module} stands in no row of the table"));
        for used in imports(&text) {
            let Some(other) = row(&used) else { continue };
            if used != module && other >= own {
                wrong.push(format!("{}: {module} imports {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_of_the_crate_stands_in_the_table() {
    let found: BTreeSet<String> = sources().iter().map(|(path, _)| top_module(path)).collect();
    let listed: BTreeSet<String> =
        ROWS.iter().flat_map(|row| row.iter()).map(|name| (*name).to_owned()).collect();
    let found: BTreeSet<String> = found.into_iter().filter(|name| name != "lib").collect();
    assert_eq!(found, listed);
}

#[test]
fn a_crate_with_one_owner_is_known_to_nobody_else() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let module = top_module(&path);
        for (name, owners) in PRIVATE {
            let knows = code_lines(&text).any(|line| mentions(line, name));
            if knows && !owners.contains(&module.as_str()) {
                wrong.push(format!("{}: {module} knows {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_machines_do_no_io_and_read_no_clock() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let shown = path.display().to_string();
        let is_pure = PURE.iter().any(|pure| shown.starts_with(pure)) && !shown.contains("tests");
        for impure in IMPURE.iter().filter(|_| is_pure) {
            if product_lines(&text).any(|line| line.contains(impure)) {
                wrong.push(format!("{shown} knows {impure}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A clock that is set must move nothing: everything is timed by the monotonic one.
#[test]
fn the_time_of_day_is_read_in_one_place() {
    let readers = ["SystemTime::now", "DateTime::now", "CURRENT_TIME", "unixepoch", "('now'"];
    let reads = |text: &str| {
        product_lines(text).any(|line| readers.iter().any(|reader| line.contains(reader)))
    };
    let found = sources().into_iter().filter(|(_, text)| reads(text)).map(|(path, _)| path);
    assert_eq!(found.collect::<Vec<_>>(), [Path::new("src/wall_clock.rs")]);
}

#[test]
fn every_file_opens_with_a_sentence_and_stays_small() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if !text.starts_with("//! ") {
            wrong.push(format!("{} does not say what it is", path.display()));
        }
        let lines = text.lines().count();
        if lines > 400 && !path.to_string_lossy().contains("tests") {
            wrong.push(format!("{} has {lines} lines", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One library for TLS, and one for its ciphers: a second one builds longer, weighs more and has holes of its own.
#[test]
fn no_second_tls_library_is_built_in() {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock"));
    let lock = lock.unwrap();
    let others = ["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls", "boring-sys"];
    let is_there = |name: &str| lock.lines().any(|line| line == format!("name = \"{name}\""));
    assert!(["rustls", "ring"].into_iter().all(is_there));
    let found: Vec<&str> = others.into_iter().filter(|name| is_there(name)).collect();
    assert!(found.is_empty(), "{found:?}");
}

/// All source files, by their paths from the root of the project.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root).unwrap().to_owned(), text));
            }
        }
    }
    assert!(found.len() > 20, "the sources were not found");
    found
}

/// `src/hub/log.rs` and `src/hub.rs` both belong to `hub`.
fn top_module(path: &Path) -> String {
    let first = path.components().nth(1).unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn row(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

/// The modules that a file names after `crate::` or, from the binary, after `parla::`, in any grouping.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = code_lines(text).flat_map(|line| [line, "\n"]).collect();
    let mut found = BTreeSet::new();
    for root in ["crate::", "parla::"] {
        for (start, _) in code.match_indices(root) {
            let rest = code.get(start + root.len()..).unwrap_or_default();
            match rest.strip_prefix('{') {
                Some(group) => found.extend(group_heads(group)),
                None => found.extend(head(rest)),
            }
        }
    }
    found
}

/// The first names of `{a, b::c, d::{e, f}}`, read from behind its opening brace.
fn group_heads(group: &str) -> Vec<String> {
    let (mut depth, mut heads, mut item) = (0, Vec::new(), String::new());
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.extend(head(std::mem::take(&mut item).trim())),
            _ => {}
        }
        if depth == 0 && letter != ',' {
            item.push(letter);
        }
    }
    heads.extend(head(item.trim()));
    heads
}

fn head(path: &str) -> Option<String> {
    let name: String =
        path.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    (!name.is_empty()).then_some(name)
}

fn mentions(line: &str, name: &str) -> bool {
    line.contains(&format!("{name}::")) || line.contains(&format!("use {name}"))
}

fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// Without the tests at the end of a file.
fn product_lines(text: &str) -> impl Iterator<Item = &str> {
    code_lines(text).take_while(|line| !line.starts_with("#[cfg(test)]"))
}

#[test]
fn the_reader_of_imports_sees_every_form() {
    let text = "use crate::hub::Hub;\nuse crate::{\n    auth::{User, Auth},\n    domain,\n};\n// crate::app\nlet x = crate::session::open();";
    let found: Vec<String> = imports(text).into_iter().collect();
    assert_eq!(found, ["auth", "domain", "hub", "session"]);
}
