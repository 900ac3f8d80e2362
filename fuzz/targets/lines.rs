//! Feeds `oracles/lines.rs`.
#![no_main]

#[path = "../oracles/lines.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracle::check(bytes));
