//! Feeds `oracles/practice.rs`.
#![no_main]

#[path = "../oracles/practice.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracle::check(bytes));
