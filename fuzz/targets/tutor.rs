//! Feeds `oracles/tutor.rs`.
#![no_main]

#[path = "../oracles/tutor.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracle::check(bytes));
