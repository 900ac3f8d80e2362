//! Hundreds of conversations at once, beside the same crowds without a server; then voices that are slow or have too
//! much to say.

use std::{cell::Cell, io::Write, time::Duration};

use futures_util::future::try_join_all;
use tokio::time::sleep;

use super::{
    bare_tutor,
    direct::{self, Direct},
    learner::{Learner, Outcome},
    ms,
    prose::Author,
    report::{Bar, Report, Samples},
    script::{self, SLOW_VOICE, VOICE, Voice},
    server::{Place, Server},
    stand_ins::StandIns,
};

/// Over this time all of a crowd begins to speak.
const RAMP: Duration = Duration::from_secs(4);
/// How many a small crowd has at most.
const SMALL: usize = 200;
/// Sentences that the voice makes at once when there is too much to say.
const SLOTS: usize = 2;
/// Turns that such a voice can keep supplied: a sentence is made in 0.07 of the time for which it is heard.
const CARRIED: usize = 26;
/// Characters of the longest sentences.
const LONGEST_SENTENCE: usize = 100;
/// How much of a silence between two sentences is not yet one.
const NOTICED: Duration = Duration::from_millis(20);

/// Adds the rows of one crowd of each size to the report.
pub(crate) async fn measure(report: &mut Report, sizes: &[usize]) -> anyhow::Result<()> {
    let stage = Stage::build(VOICE, None).await?;
    for &size in sizes {
        stage.crowd(report, size).await?;
    }
    Ok(())
}

/// Adds the rows of voices in trouble.
pub(crate) async fn measure_voices(report: &mut Report) -> anyhow::Result<()> {
    Stage::build(SLOW_VOICE, None).await?.slow_voice(report).await?;
    Stage::build(VOICE, Some(SLOTS)).await?.too_much_to_say(report).await
}

/// A server, what stands behind it, and a client that needs no server.
struct Stage {
    voice: Voice,
    stand_ins: StandIns,
    server: Server,
    direct: Direct,
    /// How many there have been.
    learners: Cell<usize>,
}

impl Stage {
    async fn build(voice: Voice, slots: Option<usize>) -> anyhow::Result<Self> {
        let stand_ins = StandIns::start(voice)?;
        let server = Server::start(&stand_ins, Place { slots, ..Place::default() }).await?;
        let direct = Direct::new(&stand_ins)?;
        Ok(Self { voice, stand_ins, server, direct, learners: Cell::new(0) })
    }

    /// As many conversations as `size`, without and with the server.
    async fn crowd(&self, report: &mut Report, size: usize) -> anyhow::Result<()> {
        writeln!(std::io::stderr(), "{size} conversations")?;
        self.write_answers(size, size as u64);
        let worked = direct::worked()?;
        let alone = in_turn(RAMP, (0..size).map(|_| self.direct.turn())).await?;
        let client_cpu = ms(direct::worked()? - worked) / size as f64;
        let alone = Samples::new(alone.iter().map(|heard| ms(heard.first_audio)).collect());

        let bare_cpu = self.bare_crowd(size).await?;

        let before = (self.server.cpu()?, self.server.memory()?);
        self.server.forget_peak()?;
        let mut learners = self.learners(size).await?;
        self.write_answers(size, size as u64 + 1);
        let spoken = in_turn(RAMP, learners.iter_mut().map(Learner::turn)).await?;
        let cpu = ms(self.server.cpu()? - before.0) / size as f64;
        let memory = (self.server.peak_memory()? - before.1) * 1000.0 / size as f64;
        let parla = Samples::new(spoken.iter().map(|spoken| ms(spoken.first_audio)).collect());

        let bar = if size <= SMALL { 20.0 } else { 40.0 };
        // In a small crowd the cache, which has its size whoever speaks, is most of the memory.
        let most_memory = (size > SMALL).then_some(Bar::AtMost(150.0));
        report.title(&format!("{size} conversations in 4 s"));
        report.spread("first audio, no server, ms", &alone, None);
        report.spread("first audio, parla, ms", &parla, None);
        let later = parla.percentile(95) - alone.percentile(95);
        report.figure("p95, parla − no server", later, "ms", Some(Bar::AtMost(bar)));
        report.figure("CPU per turn, server", cpu, "ms", Some(Bar::AtMost(4.0)));
        report.figure("CPU per turn, no server", client_cpu, "ms", None);
        report.figure("CPU per turn, bare tutor", bare_cpu, "ms", None);
        report.figure("memory per conversation", memory, "kB", most_memory);
        Ok(())
    }

    /// The same crowd at a server that does nothing but relay; its processor time per turn, in milliseconds.
    async fn bare_crowd(&self, size: usize) -> anyhow::Result<f64> {
        let (address, process) = bare_tutor::start(&self.stand_ins).await?;
        let mut learners = Vec::with_capacity(size);
        for number in 0..size {
            learners.push(Learner::connect(address, self.direct.client(), number).await?);
        }
        self.write_answers(size, size as u64 + 2);
        let before = process.cpu()?;
        in_turn(RAMP, learners.iter_mut().map(Learner::turn)).await?;
        Ok(ms(process.cpu()? - before) / size as f64)
    }

    /// A voice that needs longer for a sentence than the model for the next one: all must be asked for at once.
    async fn slow_voice(&self, report: &mut Report) -> anyhow::Result<()> {
        writeln!(std::io::stderr(), "a slow voice")?;
        let mut author = Author::new(7);
        let mut later = Vec::new();
        for place in 0..6 {
            let text = author.answer();
            self.stand_ins.model.script(script::answer(&text));
            let spoken = self.learner().await?.turn().await?;
            let ideal = script::sounds(&text, self.voice).into_iter().max().unwrap_or_default();
            // The first turn opens the connections.
            if place > 0 {
                later.push(ms(spoken.all_audio) - ms(ideal));
            }
        }
        report.title("a slow voice (300 ms + 8 ms a character)");
        let later = Samples::new(later);
        report.spread("all audio − ideal, ms", &later, Some((30.0, 30.0)));
        Ok(())
    }

    /// Half as many turns again as the voice can keep supplied.
    async fn too_much_to_say(&self, report: &mut Report) -> anyhow::Result<()> {
        writeln!(std::io::stderr(), "too much to say")?;
        let size = CARRIED + CARRIED / 2;
        self.write_answers(8, 3);
        let mut first = self.learner().await?;
        let mut alone = Vec::new();
        for _ in 0..8 {
            alone.push(ms(first.turn().await?.first_audio));
        }
        let alone = Samples::new(alone);
        let mut learners = self.learners(size).await?;
        self.write_answers(size, 4);
        let (mut spoken, mut refused) = (Vec::new(), Vec::new());
        for outcome in in_turn(RAMP * 2, learners.iter_mut().map(Learner::say)).await? {
            match outcome {
                Outcome::Spoken(turn) => spoken.push(turn),
                Outcome::Refused(after) => refused.push(ms(after)),
            }
        }
        let first_audio = Samples::new(spoken.iter().map(|turn| ms(turn.first_audio)).collect());
        let silent = spoken.iter().filter(|turn| turn.silence > NOTICED).count();

        report.title("half as many turns again as the voice can carry");
        report.figure("admitted turns", spoken.len() as f64, "", None);
        report.figure("of them with a silence", silent as f64, "", Some(Bar::AtMost(0.0)));
        let silence = Samples::new(spoken.iter().map(|turn| ms(turn.silence)).collect());
        report.spread("silence in a turn, ms", &silence, None);
        report.spread("first audio, ms", &first_audio, None);
        let later = first_audio.percentile(95) - alone.percentile(95);
        let synthesis = ms(self.voice.takes(&"x".repeat(LONGEST_SENTENCE)));
        report.figure("p95 − p95 of one alone", later, "ms", Some(Bar::AtMost(synthesis)));
        let refused = Samples::new(refused);
        report.figure("refused turns", refused.count() as f64, "", Some(Bar::AtLeast(1.0)));
        report.figure(
            "refused within, at most",
            refused.percentile(100),
            "ms",
            Some(Bar::AtMost(10.0)),
        );
        Ok(())
    }

    async fn learners(&self, count: usize) -> anyhow::Result<Vec<Learner>> {
        let mut learners = Vec::with_capacity(count);
        for _ in 0..count {
            learners.push(self.learner().await?);
        }
        Ok(learners)
    }

    /// Somebody with a conversation of their own.
    async fn learner(&self) -> anyhow::Result<Learner> {
        let number = self.learners.get();
        self.learners.set(number + 1);
        Learner::connect(self.server.address, self.direct.client(), number).await
    }

    fn write_answers(&self, count: usize, seed: u64) {
        let mut author = Author::new(seed);
        (0..count).for_each(|_| self.stand_ins.model.script(script::answer(&author.answer())));
    }
}

/// Begins one after the other over the time of the ramp; the first that fails ends it.
async fn in_turn<T>(
    ramp: Duration,
    turns: impl ExactSizeIterator<Item = impl Future<Output = anyhow::Result<T>>>,
) -> anyhow::Result<Vec<T>> {
    let step = ramp / u32::try_from(turns.len().max(1))?;
    let begun = turns.zip(0u32..).map(async |(turn, place)| {
        sleep(step * place).await;
        turn.await
    });
    try_join_all(begun).await
}
