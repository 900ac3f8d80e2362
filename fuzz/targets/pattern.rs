//! Feeds `oracles/pattern.rs`.
#![no_main]

#[path = "../oracles/pattern.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracle::check(bytes));
