//! `parla lessons check` as a teacher runs it. What it finds is tested where it is found.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// The lessons of the house, to be copied and spoiled.
const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/lessons");

#[test]
fn the_lessons_in_use_are_those_that_are_built_in() {
    let folder = tempfile::tempdir().unwrap();
    let output = check(folder.path(), &[]);
    let report = text(&output.stdout);
    assert!(output.status.success(), "{report}");
    assert!(
        report.lines().any(|line| line.starts_with("en/a1") && line.ends_with("problems   0")),
        "{report}"
    );
}

#[test]
fn a_teachers_folder_is_checked_and_a_problem_fails_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let lesson = folder.path().join("en/a1/cafe.toml");
    fs::create_dir_all(lesson.parent().unwrap()).unwrap();
    fs::copy(format!("{OWN}/en/wording.toml"), folder.path().join("en/wording.toml")).unwrap();
    let good = fs::read_to_string(format!("{OWN}/en/a1/cafe.toml")).unwrap();

    fs::write(&lesson, &good).unwrap();
    let output = check(folder.path(), &["."]);
    assert_eq!((output.status.code(), text(&output.stdout).lines().count()), (Some(0), 1));

    fs::write(&lesson, good.replace("opening = \"[happy]", "opening = \"[hapy]")).unwrap();
    let output = check(folder.path(), &["."]);
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stdout);
    assert!(report.starts_with("en/a1/cafe.toml:7: opening: `[hapy]` is no tag"), "{report}");
    assert!(report.ends_with("lessons   1  problems   1\n"), "{report}");
}

#[test]
fn a_folder_without_lessons_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    for (argument, part) in [(".", "has no lessons"), ("missing", "is no folder")] {
        let output = check(folder.path(), &[argument]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(part), "{}", text(&output.stderr));
    }
}

fn check(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_parla"))
        .args(["lessons", "check"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
