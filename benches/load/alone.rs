//! What the server adds to one conversation, in time and in work, beside the same turns with no server between.

use std::{io::Write, time::Duration};

use anyhow::Context;

use super::{
    bare_tutor,
    direct::Direct,
    learner::Learner,
    ms, ms_between, parsing,
    prose::Author,
    report::{Bar, Report, Samples},
    script::{self, VOICE},
    server::{Place, Server},
    stand_ins::StandIns,
    support::scripted_ollama::TOKEN_CHARS,
};

/// Pairs of turns that are played and not counted: connections open and caches fill.
const WARM_UP: usize = 5;
/// The bare tutor's turns differ less from each other.
const MOST_BARE_TURNS: usize = 20;
/// Turns of one conversation; then the learner begins another.
const TURNS_PER_CONVERSATION: usize = 10;

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

/// Adds the rows of so many counted turns to the report.
pub(crate) async fn measure(report: &mut Report, pairs: usize) -> anyhow::Result<()> {
    report.figure(
        "parser, prose in kilobytes",
        parsing::speed(1000),
        "MB/s",
        Some(Bar::AtLeast(50.0)),
    );
    report.figure("parser, prose in tokens", parsing::speed(TOKEN_CHARS), "MB/s", None);
    let stand_ins = StandIns::start(VOICE)?;
    let server = Server::start(&stand_ins, Place::default()).await?;
    report.figure("start to ready", ms(server.time_to_ready), "ms", Some(Bar::AtMost(200.0)));
    report.figure("memory at rest", server.memory()?, "MB", Some(Bar::AtMost(30.0)));
    let mut bench = Bench::new(&stand_ins, &server)?;
    bench.play(WARM_UP).await?;
    let before = server.cpu()?;
    let played = bench.play(pairs).await?;
    let cpu = ms(server.cpu()? - before) / pairs as f64;
    report.figure("CPU per turn, server", cpu, "ms", Some(Bar::AtMost(5.0)));
    let no_server = Samples::new(played.iter().map(|pair| ms(pair.no_server_cpu)).collect());
    report.figure("CPU per turn, no server", no_server.median(), "ms", None);
    let bare = bench.bare_cpu(pairs.min(MOST_BARE_TURNS)).await?;
    report.figure("CPU per turn, bare tutor", bare, "ms", None);
    compare(report, &played);
    Ok(())
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
            scripted: script::sounds(&text, VOICE).into_iter().min().unwrap_or_default(),
            no_server: heard.first_audio,
            by_sentence: heard.first_sentence,
            no_server_cpu: heard.cpu,
            parla: spoken.first_audio,
            lateness: ms_between(due, spoken.ready),
        })
    }

    /// Processor time, in milliseconds, of a server that does nothing but relay.
    async fn bare_cpu(&mut self, turns: usize) -> anyhow::Result<f64> {
        let (address, process) = bare_tutor::start(self.stand_ins).await?;
        let mut learner = Learner::connect(address, self.direct.client(), 0).await?;
        let mut before = process.cpu()?;
        for turn in 0..WARM_UP + turns {
            if turn == WARM_UP {
                before = process.cpu()?;
            }
            self.stand_ins.model.script(script::answer(&self.author.answer()));
            learner.turn().await.context("the turn with the bare tutor failed")?;
        }
        Ok(ms(process.cpu()? - before) / turns as f64)
    }

    async fn connect(&self, number: usize) -> anyhow::Result<Learner> {
        Learner::connect(self.server.address, self.direct.client(), number).await
    }

    async fn learner(&mut self) -> anyhow::Result<&mut Learner> {
        if self.turns.is_multiple_of(TURNS_PER_CONVERSATION) {
            self.learner = Some(self.connect(self.turns).await?);
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
