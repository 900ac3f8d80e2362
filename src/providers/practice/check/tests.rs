//! What a report says of the house's own lessons and of bad ones.

use expect_test::{Expect, expect};

use super::*;
use crate::prompts::lessons::FOLDER;

#[test]
fn the_lessons_of_the_house_have_no_problem() {
    let report = check(&Prompts::embedded(), FOLDER);
    let problems: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

const GOOD: &str = r#"title = "T"
goal = "G"
order = 1
role = "R"
situation = "S"
opening = "[happy] Hi!"
closing = "Bye, {Name}!"
glossary = { name = "what people call you" }
[[steps]]
say = "[curious] Name?"
answers = ["I am {name}"]
praise = ["Hello, {Name}!"]
hints = ["Say: I am…"]
model = "I am Ana."
[[steps.mistakes]]
says = ["I {name}"]
better = "I am {name}"
why = "am"
"#;

/// What is said of a folder with this file, in which some texts are replaced, beside one that is good.
fn report(path: &str, edits: &[(&str, &str)], expected: Expect) {
    let folder = tempfile::tempdir().unwrap();
    let wording = Prompts::embedded().read("lessons/en/wording.toml").unwrap();
    let mut source = GOOD.replace("order = 1", "order = 2");
    for (old, new) in edits {
        assert!(source.contains(old), "{old}");
        source = source.replace(old, new);
    }
    for (path, text) in [("en/a1/good.toml", GOOD), (path, &source), ("en/wording.toml", &wording)]
    {
        let file = folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let report = check(&Prompts::new(folder.path().to_owned()), "");
    let problems = report.problems.iter().map(|problem| format!("{problem}\n"));
    let shelves = report.shelves.iter().map(|shelf| {
        format!("{} {} lessons, {} problems\n", shelf.folder, shelf.lessons, shelf.problems)
    });
    expected.assert_eq(&problems.chain(shelves).collect::<String>());
}

#[test]
fn every_fault_of_a_file_is_named_at_once_with_its_line() {
    report(
        "en/a1/x.toml",
        &[
            ("[happy]", "[furious]"),
            ("Name?", "<en>{Pet}"),
            ("Hello, {Name}", "Hello, {Pet}"),
            ("\"I am Ana.\"", "\"It is Ana.\""),
            ("\"am\"", "\"a|m\""),
            ("\"I {name}\"", "\"I {name\""),
        ],
        expect![[r#"
            en/a1/x.toml:6: opening: `[furious]` is no tag: expected emphasis, pause:0 to pause:5000, or one of neutral, happy, excited, encouraging, proud, curious, thoughtful, surprised, sad, empathetic, confused, serious, playful, calm
            en/a1/x.toml:10: step 1: say: `<en>` is never closed
            en/a1/x.toml:12: step 1: praise: nobody has asked for {pet} yet
            en/a1/x.toml:14: step 1: model: `It is Ana.` is none of the answers
            en/a1/x.toml:16: step 1: mistakes.says: `{` is never closed by `}`
            en/a1/x.toml:18: step 1: mistakes.why: `a|m` is not one line of plain text without [ ] < > |
            en/a1 2 lessons, 6 problems
        "#]],
    );
    report(
        "en/a1/x.toml",
        &[("closing", "clsoing")],
        expect![[r#"
        en/a1/x.toml:7: unknown field `clsoing`, expected one of `title`, `goal`, `order`, `role`, `situation`, `opening`, `closing`, `glossary`, `steps`
        en/a1 2 lessons, 1 problems
    "#]],
    );
    report(
        "en/a1/x.toml",
        &[("\"T\"", "\"T")],
        expect![[r#"
        en/a1/x.toml:1: invalid basic string, expected `"`
        en/a1 2 lessons, 1 problems
    "#]],
    );
}

#[test]
fn what_learners_would_stumble_over_is_named() {
    report(
        "en/a1/x.toml",
        &[
            ("order = 2", "order = 1"),
            ("glossary = { name = \"what people call you\" }", ""),
            ("[\"Say: I am…\"]", "[\"Say: I am Ana.\", \"Who?\", \"Who?\"]"),
            ("Name?", &"What is your name? ".repeat(9)),
            ("\"I {name}\"", "\"I am {name}\", \"what is {name}\", \"name {name}\""),
            ("\"I am {name}\"\nwhy", "\"name {name}\"\nwhy"),
        ],
        expect![[r#"
            en/a1/x.toml: glossary: it is empty; write at least the words that are new
            en/a1/x.toml: order: 1 is the place of en/a1/good.toml, too; give each lesson its own
            en/a1/x.toml:9: step 1: hints: two are the same; each should help a little more
            en/a1/x.toml:9: step 1: hints: only the last one may give away the model sentence
            en/a1/x.toml:9: step 1: say: `What is your name? What is your name? What is your name? What is your name? What is your name? What is your name? What is your name? What is your name? What is your name?` has 170 letters; 140 are enough at this level
            en/a1/x.toml:9: step 1: model: `I am Ana.` is corrected as the mistake of line 15; narrow its `says`
            en/a1/x.toml:9: step 1: answers: `I am Ana` is corrected as the mistake of line 15; narrow its `says`
            en/a1/x.toml:15: step 1: mistakes.better: `name Ana` is a mistake itself
            en/a1 2 lessons, 8 problems
        "#]],
    );
    report(
        "en/a1/x.toml",
        &[("[\"Say: I am…\"]", "[]")],
        expect![[r#"
        en/a1/x.toml:9: step 1: hints: at least one is needed
        en/a1 2 lessons, 1 problems
    "#]],
    );
}

#[test]
fn a_file_in_the_wrong_place_is_named() {
    for (path, expected) in [
        (
            "fr/a1/x.toml",
            expect![[r#"
            fr/a1/x.toml: fr/wording.toml is missing or unusable
            en/a1 1 lessons, 0 problems
            fr/a1 1 lessons, 1 problems
        "#]],
        ),
        (
            "en/A1/x.toml",
            expect![[r#"
            en/A1/x.toml: `A1` is no level: expected a1 to c2
            en/A1 1 lessons, 1 problems
            en/a1 1 lessons, 0 problems
        "#]],
        ),
        (
            "EN/a1/x.toml",
            expect![[r#"
            EN/a1/x.toml: `EN` is no language tag such as es or pt-BR
            EN/a1 1 lessons, 1 problems
            en/a1 1 lessons, 0 problems
        "#]],
        ),
        (
            "en/x.toml",
            expect![[r#"
            en/x.toml: expected a path such as es/a1/cafe.toml
            en/a1 1 lessons, 0 problems
        "#]],
        ),
        (
            "en/a1/x.tml",
            expect![[r#"
            en/a1/x.tml: nobody reads this file: expected a name that ends in .toml
            en/a1 1 lessons, 0 problems
        "#]],
        ),
    ] {
        report(path, &[], expected);
    }
}
