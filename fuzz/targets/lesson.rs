//! Feeds `oracles/lesson.rs`.
#![no_main]

#[path = "../oracles/lesson.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracle::check(bytes));
