//! The fuzzer's beginnings and what it has found before, through the same oracles; `scripts/fuzz` looks for more.

use std::{fs, path::Path};

/// What holds for all bytes, by what reads them.
#[path = "../fuzz/oracles"]
mod oracles {
    pub(crate) mod lesson;
    pub(crate) mod lines;
    pub(crate) mod offer;
    pub(crate) mod parser;
    pub(crate) mod pattern;
    pub(crate) mod practice;
    pub(crate) mod realtime;
    pub(crate) mod tutor;
    pub(crate) mod wav;
}

/// Panics when something does not hold.
type Oracle = fn(&[u8]);

const ORACLES: &[(&str, Oracle)] = &[
    ("lesson", oracles::lesson::check),
    ("lines", oracles::lines::check),
    ("offer", oracles::offer::check),
    ("parser", oracles::parser::check),
    ("pattern", oracles::pattern::check),
    ("practice", oracles::practice::check),
    ("realtime", oracles::realtime::check),
    ("tutor", oracles::tutor::check),
    ("wav", oracles::wav::check),
];

#[test]
fn what_the_fuzzer_begins_with_and_has_found_holds() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).expect("the fuzzer's manifest");
    assert_eq!(manifest.matches("[[bin]]").count(), ORACLES.len());
    for (target, check) in ORACLES {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is not fuzzed");
        let seeds: Vec<_> = fs::read_dir(fuzz.join("seeds").join(target))
            .expect("a folder of seeds")
            .map(|seed| seed.expect("a seed").path())
            .collect();
        assert!(!seeds.is_empty(), "{target} has no seeds");
        for seed in seeds {
            // The path is what a failure is found by.
            println!("{}", seed.display());
            check(&fs::read(seed).expect("a seed"));
        }
    }
}
