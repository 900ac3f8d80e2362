//! What the server adds to a conversation, in time and in work, beside the same turns with no server between. It
//! measures one conversation at a time and judges nothing but the bars it prints.

#[path = "conversation/direct.rs"]
mod direct;
#[path = "conversation/learner.rs"]
mod learner;
#[path = "conversation/parsing.rs"]
mod parsing;
#[path = "conversation/prose.rs"]
mod prose;
#[path = "conversation/report.rs"]
mod report;
#[path = "conversation/script.rs"]
mod script;
#[path = "conversation/server.rs"]
mod server;
#[path = "conversation/stand_ins.rs"]
mod stand_ins;
#[path = "../tests/support"]
mod support {
    #![allow(dead_code, unreachable_pub, reason = "the stand-ins can do more than is measured")]

    pub(crate) mod scripted_ollama;
    pub(crate) mod scripted_voice;
}

use std::{
    io::Write,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Parser;
use futures_util::future::try_join_all;

use direct::Direct;
use learner::Learner;
use prose::Author;
use report::{Bar, Report, Samples};
use server::Server;
use stand_ins::StandIns;
use support::scripted_ollama::TOKEN_CHARS;

/// Pairs of turns that are played and not counted: connections open and caches fill.
const WARM_UP: usize = 5;
/// Turns of one conversation; then the learner begins another.
const TURNS_PER_CONVERSATION: usize = 10;
/// Conversations that speak at the same time, once.
const CROWD: usize = 50;
/// Where their numbers begin, so that they are conversations of their own.
const CROWD_NUMBERS: usize = 1_000_000;

/// Measures the server beside a client without one.
#[derive(Parser)]
struct Arguments {
    /// How many pairs of turns are counted
    #[arg(long, default_value_t = 60)]
    pairs: usize,
    /// Counts ten pairs
    #[arg(long)]
    quick: bool,
    /// Said by `cargo bench`; without it nothing is measured
    #[arg(long, hide = true)]
    bench: bool,
}

/// The same answer of the model, once without the server and once with it; durations from the learner's message.
struct Pair {
    /// How long the stand-ins need until the first sound, by their scripts.
    scripted: Duration,
    no_server: Duration,
    /// The same client when it cuts at the end of a sentence only.
    by_sentence: Duration,
    /// Processor time of the client without a server: what the machine takes for the waiting and reading alone.
    no_server_cpu: Duration,
    parla: Duration,
    /// How much later than [`StandIns::due`] the last chunk was ready, in milliseconds.
    lateness: f64,
}

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { pairs, quick, bench } = Arguments::parse();
    if !bench {
        return Ok(ExitCode::SUCCESS);
    }
    // Two crypto providers may be compiled in; the first client panics unless one is chosen.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(measure(if quick { 10 } else { pairs }))?;
    write!(std::io::stdout(), "{report}")?;
    Ok(if report.is_passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(pairs: usize) -> anyhow::Result<Report> {
    let mut report = Report::default();
    report.figure(
        "parser, prose in kilobytes",
        parsing::speed(1000),
        "MB/s",
        Some(Bar::AtLeast(50.0)),
    );
    report.figure("parser, prose in tokens", parsing::speed(TOKEN_CHARS), "MB/s", None);
    let stand_ins = StandIns::start()?;
    let server = Server::start(&stand_ins).await?;
    report.figure("start to ready", ms(server.time_to_ready), "ms", None);
    report.figure("memory at rest", server.memory()?, "MB", None);
    let mut bench = Bench::new(&stand_ins, &server)?;
    bench.play(WARM_UP).await?;
    let before = server.cpu()?;
    let played = bench.play(pairs).await?;
    let cpu = ms(server.cpu()? - before) / pairs as f64;
    report.figure("CPU per turn, server", cpu, "ms", Some(Bar::AtMost(5.0)));
    let no_server = Samples::new(played.iter().map(|pair| ms(pair.no_server_cpu)).collect());
    report.figure("CPU per turn, no server", no_server.median(), "ms", None);
    let before = server.cpu()?;
    bench.crowd(CROWD).await?;
    let cpu = ms(server.cpu()? - before) / CROWD as f64;
    report.figure("CPU per turn, server, 50 at once", cpu, "ms", None);
    compare(&mut report, &played);
    Ok(report)
}

/// Plays turns one after another.
struct Bench<'a> {
    stand_ins: &'a StandIns,
    server: &'a Server,
    direct: Direct,
    author: Author,
    learner: Option<Learner>,
    turns: usize,
}

impl<'a> Bench<'a> {
    fn new(stand_ins: &'a StandIns, server: &'a Server) -> anyhow::Result<Self> {
        let direct = Direct::new(stand_ins)?;
        let author = Author::new(1);
        Ok(Self { stand_ins, server, direct, author, learner: None, turns: 0 })
    }

    async fn play(&mut self, pairs: usize) -> anyhow::Result<Vec<Pair>> {
        let mut played = Vec::with_capacity(pairs);
        for number in 1..=pairs {
            write!(std::io::stderr(), "\rpair {number} of {pairs} ")?;
            played.push(self.pair().await?);
        }
        writeln!(std::io::stderr())?;
        Ok(played)
    }

    async fn pair(&mut self) -> anyhow::Result<Pair> {
        let text = self.author.answer();
        self.stand_ins.model.script(script::answer(&text));
        let heard = self.direct.turn().await.context("the turn without a server failed")?;
        self.stand_ins.model.script(script::answer(&text));
        drop(self.stand_ins.voice.take_syntheses());
        let learner = self.learner().await?;
        let spoken = learner.turn().await.context("the turn with the server failed")?;
        let due = self.stand_ins.due().context("the model has not spoken")?;
        Ok(Pair {
            scripted: script::first_audio(&text),
            no_server: heard.first_audio,
            by_sentence: heard.first_sentence,
            no_server_cpu: heard.cpu,
            parla: spoken.first_audio,
            lateness: ms_between(due, spoken.ready),
        })
    }

    /// One turn in each of so many conversations at the same time: a processor that is busy anyway pays less for
    /// each waking than one that has to be woken for every token.
    async fn crowd(&mut self, size: usize) -> anyhow::Result<()> {
        let mut learners = Vec::with_capacity(size);
        for number in 0..size {
            self.stand_ins.model.script(script::answer(&self.author.answer()));
            learners.push(Learner::connect(self.server.address, CROWD_NUMBERS + number).await?);
        }
        let turns = learners.iter_mut().map(Learner::turn);
        try_join_all(turns).await.context("a turn in the crowd failed")?;
        Ok(())
    }

    async fn learner(&mut self) -> anyhow::Result<&mut Learner> {
        if self.turns.is_multiple_of(TURNS_PER_CONVERSATION) {
            self.learner = Some(Learner::connect(self.server.address, self.turns).await?);
        }
        self.turns += 1;
        self.learner.as_mut().context("invariant: the first turn connects")
    }
}

/// The rows of the report that both kinds of turns make together.
fn compare(report: &mut Report, pairs: &[Pair]) {
    let of = |value: fn(&Pair) -> f64| Samples::new(pairs.iter().map(value).collect());
    let no_server = of(|pair| ms(pair.no_server) - ms(pair.scripted));
    let usual = no_server.median();
    let parla = of(|pair| ms(pair.parla) - ms(pair.scripted));
    report.title("time to first audio, ms");
    report.spread("no server − its script", &no_server, None);
    report.spread("parla − no server's median", &parla.minus(usual), Some((2.0, 6.0)));
    report.spread(
        "parla − no server, paired",
        &of(|pair| ms(pair.parla) - ms(pair.no_server)),
        None,
    );
    report.spread(
        "parla − cut by sentence",
        &of(|pair| ms(pair.parla) - ms(pair.by_sentence)),
        None,
    );
    report.title("last chunk ready, ms");
    report.spread("after last token + synthesis", &of(|pair| pair.lateness), Some((10.0, 10.0)));
    report.noise(&no_server);
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Negative when `late` is before `early`.
fn ms_between(early: Instant, late: Instant) -> f64 {
    ms(late.saturating_duration_since(early)) - ms(early.saturating_duration_since(late))
}
