//! Feeds `oracles/parser.rs`.
#![no_main]

#[path = "../oracles/parser.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracle::check(bytes));
