//! The command line. It reads arguments and starts things; it decides nothing else.

use parla::providers::espeak::worker;

fn main() -> std::io::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some(worker::COMMAND) => worker::run(),
        _ => Ok(()),
    }
}
