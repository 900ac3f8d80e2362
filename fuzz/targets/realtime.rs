//! Feeds `oracles/realtime.rs`.
#![no_main]

#[path = "../oracles/realtime.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracle::check(bytes));
