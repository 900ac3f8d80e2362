//! Looks things up in the source: codes, routes, variants. It reads text and understands no Rust.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Every code of a refusal or a failure that a client can meet.
pub(crate) fn error_codes() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for (path, text) in product_files() {
        codes.extend(literals_after(&text, "code: \""));
        codes.extend(literals_after(&text, "failure(\""));
        codes.extend(text.split("::new(").skip(1).filter_map(code_of_problem));
        match path.as_str() {
            "src/dialect/json.rs" => codes.extend(literals_after(&text, "=> \"")),
            "src/providers.rs" => codes.extend(literals_after(&text, "=> (\"")),
            "src/storage/sqlite/writes.rs" => {
                codes.extend(literals_after(&text, "INTERRUPTED: &str = \""));
            }
            _ => {}
        }
    }
    codes
}

/// Every code of a notice.
pub(crate) fn notice_codes() -> BTreeSet<String> {
    let files = product_files().into_iter();
    files.flat_map(|(_, text)| literals_after(&text, "Notice::new(\"")).collect()
}

/// The name of the HTTP status with which a code goes out, for the codes whose status the source names.
pub(crate) fn statuses() -> BTreeMap<String, String> {
    let mut statuses = BTreeMap::new();
    for (path, text) in product_files() {
        let problems = text.split("::new(").skip(1).filter_map(|arguments| {
            let arguments = arguments.trim_start().strip_prefix("StatusCode::")?;
            let code = arguments.split_once(", \"")?.1.split('"').next()?;
            Some((code.to_owned(), leading_name(arguments)))
        });
        statuses.extend(problems);
        if path == "src/providers.rs" {
            // What the table of failures does not name is the upstream's fault.
            let codes = literals_after(&text, "=> (\"").into_iter();
            statuses.extend(codes.map(|code| (code, "BAD_GATEWAY".to_owned())));
        }
    }
    let errors = read("src/transport/error.rs");
    let (_, table) = errors.split_once("match code {").unwrap();
    let arms: Vec<&str> = table.split("StatusCode::").collect();
    for arm in arms.windows(2).take_while(|arm| !arm[0].contains("_ =>")) {
        let codes = arm[0].split('"').skip(1).step_by(2);
        statuses.extend(codes.map(|code| (code.to_owned(), leading_name(arm[1]))));
    }
    statuses
}

/// The codes with which a socket is closed.
pub(crate) fn close_codes() -> BTreeSet<String> {
    let text = ["src/transport/socket/wire.rs", "src/transport/listen/connection.rs"].map(read);
    let after = text.iter().flat_map(|text| text.split("With(").skip(1));
    let codes = after.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    codes.filter(|code| !code.is_empty()).collect()
}

/// Every address of the public listener.
pub(crate) fn routes() -> BTreeSet<String> {
    let text = read("src/transport/http.rs");
    let (api, rest) = text.split_once(".nest(").unwrap();
    let prefix = literals_after(&format!(".nest({rest}"), ".nest(\"").remove(0);
    let inside = literals_after(api, ".route(\"").into_iter();
    let inside = inside.map(|route| format!("{prefix}{route}"));
    inside.chain(literals_after(rest, ".route(\"")).collect()
}

/// Every address of the management listener.
pub(crate) fn management_routes() -> BTreeSet<String> {
    literals_after(&read("src/transport/management.rs"), ".route(\"").into_iter().collect()
}

/// The names of an enum's variants.
pub(crate) fn variants(path: &str, name: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(path)).unwrap();
    let (_, body) = text.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let body = body.split("\n}").next().unwrap();
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    lines.filter(|line| line.starts_with(char::is_uppercase)).map(leading_name).collect()
}

/// The name at the beginning of the text.
fn leading_name(text: &str) -> String {
    text.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect()
}

/// `Problem::new(StatusCode::…, "code", …)`, read from behind its bracket.
fn code_of_problem(arguments: &str) -> Option<String> {
    let (status, rest) = arguments.split_once(',')?;
    let status = status.trim();
    let is_problem = status.starts_with("StatusCode::") || status == "status";
    let code = rest.trim_start().strip_prefix('"').filter(|_| is_problem)?;
    code.split('"').next().map(str::to_owned)
}

fn literals_after(text: &str, opening: &str) -> Vec<String> {
    let literals = text.split(opening).skip(1).filter_map(|rest| rest.split('"').next());
    literals.filter(|literal| !literal.contains(' ')).map(str::to_owned).collect()
}

/// All files but tests, every run of white space as one space.
fn product_files() -> Vec<(String, String)> {
    let mut folders = vec![PathBuf::from("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            let shown = path.to_str().unwrap().to_owned();
            if root().join(&path).is_dir() {
                folders.push(path);
            } else if shown.ends_with(".rs") && !shown.contains("test") {
                files.push((shown.clone(), read(&shown)));
            }
        }
    }
    assert!(files.len() > 20, "the sources were not found");
    files
}

fn read(path: &str) -> String {
    let text = fs::read_to_string(root().join(path)).unwrap();
    let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    product.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
