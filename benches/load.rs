//! What the server costs, alone and under load: the server on one core, everybody else on another, beside a client that
//! needs no server. It judges nothing but the bars it prints.

// The formatter looks for modules of this file in the folder of its name: hence the paths.
#[path = "load"]
mod load {
    pub(crate) mod alone;
    pub(crate) mod bare;
    pub(crate) mod bare_tutor;
    pub(crate) mod calls;
    pub(crate) mod crowd;
    mod direct;
    pub(crate) mod ears;
    mod learner;
    mod parsing;
    mod prose;
    pub(crate) mod report;
    mod script;
    pub(crate) mod server;
    pub(crate) mod sockets;
    mod speaker;
    mod stalls;
    mod stand_ins;
    #[path = "../../tests/support"]
    mod support {
        #![allow(dead_code, unreachable_pub, reason = "the stand-ins can do more than is measured")]

        pub(crate) mod caller;
        pub(crate) mod scripted_deepgram;
        pub(crate) mod scripted_hearing;
        pub(crate) mod scripted_ollama;
        pub(crate) mod scripted_voice;
    }

    use std::time::{Duration, Instant};

    fn ms(duration: Duration) -> f64 {
        duration.as_secs_f64() * 1000.0
    }

    /// Negative when `late` is before `early`.
    fn ms_between(early: Instant, late: Instant) -> f64 {
        ms(late.saturating_duration_since(early)) - ms(early.saturating_duration_since(late))
    }
}

use std::{io::Write, process::ExitCode};

use clap::{Parser, ValueEnum};

use load::{alone, bare, bare_tutor, calls, crowd, ears, report::Report, server, sockets};

/// Measures the server beside clients without one.
#[derive(Parser)]
struct Arguments {
    /// How many turns of one conversation are counted
    #[arg(long, default_value_t = 60)]
    pairs: usize,
    /// How many speak at once, one crowd after another
    #[arg(long, value_delimiter = ',', default_values_t = [200, 500])]
    crowds: Vec<usize>,
    /// Counts ten turns of one conversation
    #[arg(long)]
    quick: bool,
    /// Measures nothing else
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Serves as what the sockets of the server are compared with
    #[arg(long, hide = true)]
    bare: bool,
    /// Serves as what the work of the server is compared with: the addresses of a model and a voice
    #[arg(long, hide = true, num_args = 2)]
    bare_tutor: Vec<String>,
    /// Said by `cargo bench`; without it nothing is measured
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// One conversation
    Alone,
    /// Hundreds of conversations
    Crowd,
    /// Voices that are slow or have too much to say
    Voices,
    /// Thousands of sockets
    Sockets,
    /// Learners who speak
    Ears,
    /// Learners who call
    Calls,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if !arguments.bench {
        return Ok(ExitCode::SUCCESS);
    }
    // Two crypto providers may be compiled in; the first client panics unless one is chosen.
    drop(rustls::crypto::ring::default_provider().install_default());
    if arguments.bare || !arguments.bare_tutor.is_empty() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return runtime.block_on(serve(&arguments)).map(|()| ExitCode::SUCCESS);
    }
    server::keep_off()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(measure(&arguments))?;
    write!(std::io::stdout(), "{report}")?;
    Ok(if report.is_passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the server is compared with.
async fn serve(arguments: &Arguments) -> anyhow::Result<()> {
    match arguments.bare_tutor.as_slice() {
        [model, voice] => bare_tutor::serve(model, voice).await,
        _ => bare::serve().await,
    }
}

async fn measure(arguments: &Arguments) -> anyhow::Result<Report> {
    let wanted = |part| arguments.only.is_empty() || arguments.only.contains(&part);
    let mut report = Report::default();
    if wanted(Part::Alone) {
        let pairs = if arguments.quick { 10 } else { arguments.pairs };
        alone::measure(&mut report, pairs).await?;
    }
    if wanted(Part::Crowd) {
        crowd::measure(&mut report, &arguments.crowds).await?;
    }
    if wanted(Part::Voices) {
        crowd::measure_voices(&mut report).await?;
    }
    if wanted(Part::Sockets) {
        sockets::measure(&mut report).await?;
    }
    if wanted(Part::Ears) {
        ears::measure(&mut report).await?;
    }
    if wanted(Part::Calls) {
        calls::measure(&mut report).await?;
    }
    Ok(report)
}
