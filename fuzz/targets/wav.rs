//! Feeds `oracles/wav.rs`.
#![no_main]

#[path = "../oracles/wav.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracle::check(bytes));
