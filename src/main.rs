//! The command line: reads arguments and starts what they ask for. It decides nothing else.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // Two crypto providers may be compiled in; the first use of TLS panics unless one is chosen.
    drop(rustls::crypto::ring::default_provider().install_default());
    match cli::run(cli::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cli::complain(&error);
            ExitCode::FAILURE
        }
    }
}
