//! Feeds `oracles/offer.rs`.
#![no_main]

#[path = "../oracles/offer.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracle::check(bytes));
