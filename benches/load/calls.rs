//! What calls over WebRTC take: how soon they stand, answer and fall silent, and how even the sound of many is. Times are
//! the kernel's, of packets that came in, so that a caller that is late makes nothing of the server's late.

use std::{
    cell::Cell,
    io::Write,
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use futures_util::{
    StreamExt, TryStreamExt,
    future::{try_join, try_join_all},
    stream,
};
use parla::{audio::opus::OpusDecoder, domain::AudioFrame, providers::HEARING_RATE};
use reqwest::Client;
use serde_json::json;

use super::{
    ears::{LONG_ANSWER, asked_after, hearing, hearing_at},
    ms, ms_between,
    report::{Bar, Report, Samples},
    script::PROMPT_VOICE,
    server::{Place, Server},
    speaker::{Speech, told},
    stand_ins::StandIns,
    support::{
        caller::{Caller, Packet, RATE, packets_of},
        scripted_hearing::Scripted,
        scripted_ollama::Script as Answer,
    },
};

/// One after another.
const CONNECTIONS: usize = 40;
const TURNS: usize = 40;
const INTERRUPTIONS: usize = 40;
/// A few words, in milliseconds.
const FEW_WORDS_MS: u64 = 800;
/// At the same time.
const CALLS: usize = 50;
/// Further ones that begin while those are listening, and how many of them at once.
const NEWCOMERS: usize = 100;
const NEWCOMERS_AT_ONCE: usize = 10;
/// What is listened to before anybody else calls.
const CALM: Duration = Duration::from_secs(10);
/// Until what a call takes at its beginning has been given back.
const REST: Duration = Duration::from_secs(2);
/// How often the long answer's sentence is said: for half a minute.
const SENTENCES: usize = 8;
/// A packet with fewer bytes is silence.
const SILENCE_BYTES: usize = 34;
/// No sample of silence is louder: the codec fades what was before it.
const SILENT: u16 = 200;

/// Adds the rows of calls to the report.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let stand_ins = StandIns::start(PROMPT_VOICE)?;
    report.title("one call");
    let connected = connections(&stand_ins).await?;
    report.spread("offer to connected, ms", &connected, Some((300.0, 300.0)));
    report.spread("last words to first packet, ms", &turns(&stand_ins).await?, Some((15.0, 40.0)));
    let silent = interruptions(&stand_ins).await?;
    report.spread("word to silence, ms", &silent, Some((60.0, 60.0)));
    Crowd::listen(&stand_ins).await?.show(report);
    Ok(())
}

/// From the offer until sound and events can flow.
async fn connections(stand_ins: &StandIns) -> anyhow::Result<Samples> {
    writeln!(std::io::stderr(), "{CONNECTIONS} calls")?;
    let (server, _service) = hearing(stand_ins, &Speech::of(0)?).await?;
    let http = parla::providers::http::client()?;
    let mut times = Vec::new();
    for _ in 0..CONNECTIONS {
        times.push(ms(Caller::call(&http, server.address).await?.connected_after));
    }
    Ok(Samples::new(times))
}

/// From the words that end a learner's turn to the first packet of the answer, without what the model and the voice took.
async fn turns(stand_ins: &StandIns) -> anyhow::Result<Samples> {
    writeln!(std::io::stderr(), "{TURNS} spoken turns in calls")?;
    let speech = Speech::of(1)?.cut(FEW_WORDS_MS);
    let (server, service) = hearing(stand_ins, &speech).await?;
    let (http, packets) = (parla::providers::http::client()?, packets(&speech)?);
    let mut times = Vec::new();
    for number in 0..TURNS {
        // A sentence that was said before comes from the cache.
        stand_ins.model.always(Answer::say(&format!("It is {number} minutes from here.")));
        let mut caller = Caller::call(&http, server.address).await?;
        caller.speak(&packets);
        caller.stay(Duration::from_millis(FEW_WORDS_MS)).await?;
        stand_ins.voice.take_syntheses();
        caller.send(&json!({"type": "input_audio_buffer.commit"}))?;
        caller.until(|caller| first_sound(caller).is_some()).await?;
        let heard = first_sound(&caller).context("nothing is heard")?;
        let told = told(&service, number).into_iter().map(|(at, _)| at);
        let decided = told.filter(|at| *at < heard).max().context("nothing was told")?;
        let others = others_time(stand_ins, decided).await?;
        times.push(ms_between(decided, heard) - ms(others));
    }
    Ok(Samples::new(times))
}

/// What the model and the voice took for the sound that came first after that.
async fn others_time(stand_ins: &StandIns, decided: Instant) -> anyhow::Result<Duration> {
    let asked = asked_after(stand_ins, decided).await;
    let written = stand_ins.model.last_end().context("the model has not answered")?;
    let made = stand_ins.voice.take_syntheses().into_iter().min_by_key(|made| made.began);
    let made = made.context("nothing was spoken")?;
    Ok(written.saturating_duration_since(asked) + (made.ended - made.began))
}

/// From the word that decides to the first packet of silence. The learner speaks when the tutor begins: later on, their
/// voice alone would hold the sound before there are words.
async fn interruptions(stand_ins: &StandIns) -> anyhow::Result<Samples> {
    writeln!(std::io::stderr(), "{INTERRUPTIONS} interruptions in calls")?;
    let mut speech = Speech::of(1)?;
    // Nobody who only listens says that, and the first words tell already.
    speech.spoken[0].text = "Excuse me, could you say that again, please?";
    stand_ins.model.always(Answer::say(&LONG_ANSWER.repeat(SENTENCES)));
    let (server, service) = hearing(stand_ins, &speech).await?;
    let (http, packets) = (parla::providers::http::client()?, packets(&speech)?);
    let mut times = Vec::new();
    for number in 0..INTERRUPTIONS {
        let mut caller = Caller::call(&http, server.address).await?;
        ask(&mut caller)?;
        caller.speak(&packets);
        caller.until(|caller| first_sound(caller).is_some()).await?;
        caller.until(has_rest).await?;
        let silent = silence(&caller)?.context("no silence")?;
        let told = told(&service, number).into_iter().map(|(at, _)| at);
        let decided = told.filter(|at| *at < silent).max().context("nothing was told")?;
        times.push(ms_between(decided, silent));
    }
    Ok(Samples::new(times))
}

fn ask(caller: &mut Caller) -> anyhow::Result<()> {
    let content = json!([{"type": "input_text", "text": "Tell me more."}]);
    let item = json!({"type": "message", "role": "user", "content": content});
    caller.send(&json!({"type": "conversation.item.create", "item": item}))?;
    caller.send(&json!({"type": "response.create"}))
}

fn is_sound(packet: &Packet) -> bool {
    packet.opus.len() >= SILENCE_BYTES
}

fn first_sound(caller: &Caller) -> Option<Instant> {
    caller.heard.iter().find(|packet| is_sound(packet)).map(|packet| packet.at)
}

/// Whether the codec has come to rest after a sound, which is some packets after silence.
fn has_rest(caller: &Caller) -> bool {
    let heard = caller.heard.iter().skip_while(|packet| !is_sound(packet));
    heard.skip_while(|packet| is_sound(packet)).count() > 0
}

/// When the first packet after the last one that can be heard has come.
fn silence(caller: &Caller) -> anyhow::Result<Option<Instant>> {
    let mut decoder = OpusDecoder::new(RATE)?;
    let mut silence = None;
    for packet in &caller.heard {
        let samples = decoder.decode(&packet.opus)?;
        match samples.iter().any(|sample| sample.unsigned_abs() > SILENT) {
            true => silence = None,
            false => silence = silence.or(Some(packet.at)),
        }
    }
    Ok(silence)
}

/// The same speech from a microphone of a call.
fn packets(speech: &Speech) -> anyhow::Result<Vec<Bytes>> {
    packets_of(&AudioFrame { sample_rate: HEARING_RATE, pcm: speech.frames.concat().into() })
}

/// What many calls take, in which everybody listens to the tutor.
struct Crowd {
    /// Between two packets of a listener's, before others call and while they do.
    calm: Samples,
    disturbed: Samples,
    newcomers: Samples,
    /// Of one call that is silent, and of one in which the tutor speaks.
    idle_kb: f64,
    speaking_kb: f64,
    cpu_per_cent: f64,
}

/// How far the crowd is.
#[derive(Default)]
struct Stage {
    connected: Cell<usize>,
    may_ask: Cell<bool>,
    /// Since when others call.
    disturbed: Cell<Option<Instant>>,
    is_over: Cell<bool>,
}

/// What the conductor of the crowd has seen.
struct Seen {
    newcomers: Samples,
    idle_kb: f64,
    speaking_kb: f64,
    cpu_per_cent: f64,
}

impl Crowd {
    async fn listen(stand_ins: &StandIns) -> anyhow::Result<Self> {
        writeln!(std::io::stderr(), "{CALLS} listeners in calls")?;
        stand_ins.model.always(Answer::say(&LONG_ANSWER.repeat(SENTENCES)));
        // Fifty callers are nearly a core's work for either side: the system divides the two between them.
        let place = Place { has_both_cores: true, ..Place::default() };
        let (server, _service): (Server, Scripted) =
            hearing_at(stand_ins, &Speech::of(0)?, place).await?;
        let (http, stage) = (parla::providers::http::client()?, Stage::default());
        let listeners = (0..CALLS).map(|_| stage.listener(&http, &server));
        let (heard, seen) =
            try_join(try_join_all(listeners), stage.conduct(&http, &server)).await?;
        let disturbed = stage.disturbed.get().context("nobody has disturbed them")?;
        let gaps = |is_wanted: &dyn Fn(Instant) -> bool| {
            let gaps = heard.iter().flat_map(|heard| gaps(heard)).filter(|(at, _)| is_wanted(*at));
            Samples::new(gaps.map(|(_, gap)| gap).collect())
        };
        Ok(Self {
            calm: gaps(&|at| at < disturbed),
            disturbed: gaps(&|at| at >= disturbed),
            newcomers: seen.newcomers,
            idle_kb: seen.idle_kb,
            speaking_kb: seen.speaking_kb,
            cpu_per_cent: seen.cpu_per_cent,
        })
    }

    fn show(&self, report: &mut Report) {
        report.title("50 calls hear the tutor");
        report.spread("between packets, ms", &self.calm, None);
        report.figure("longest gap", self.calm.percentile(100), "ms", Some(Bar::AtMost(40.0)));
        report.figure("CPU of a core", self.cpu_per_cent, "%", None);
        report.figure("memory of each, silent", self.idle_kb, "kB", Some(Bar::AtMost(1000.0)));
        report.figure(
            "memory of each, spoken to",
            self.speaking_kb,
            "kB",
            Some(Bar::AtMost(1000.0)),
        );
        report.title("the same while 100 others call");
        report.spread("between packets, ms", &self.disturbed, None);
        report.figure("longest gap", self.disturbed.percentile(100), "ms", None);
        report.spread("offer to connected, ms", &self.newcomers, None);
    }
}

impl Stage {
    /// One of the crowd, with an open microphone; what it has heard.
    async fn listener(&self, http: &Client, server: &Server) -> anyhow::Result<Vec<Packet>> {
        let mut caller = Caller::call(http, server.address).await?;
        self.connected.set(self.connected.get() + 1);
        caller.until(|_| self.may_ask.get()).await?;
        ask(&mut caller)?;
        caller.until(|_| self.is_over.get()).await?;
        Ok(caller.heard)
    }

    async fn conduct(&self, http: &Client, server: &Server) -> anyhow::Result<Seen> {
        let before = server.memory()?;
        let each_kb = || anyhow::Ok((server.memory()? - before) * 1000.0 / CALLS as f64);
        while self.connected.get() < CALLS {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(REST).await;
        let idle_kb = each_kb()?;
        self.may_ask.set(true);
        tokio::time::sleep(REST).await;
        let (began, cpu) = (Instant::now(), server.cpu()?);
        tokio::time::sleep(CALM - REST).await;
        let cpu_per_cent = ms(server.cpu()? - cpu) / ms(began.elapsed()) * 100.0;
        let speaking_kb = each_kb()?;
        self.disturbed.set(Some(Instant::now()));
        let newcomers = stream::iter(0..NEWCOMERS).map(|_| Caller::call(http, server.address));
        // Their ports stay taken, so that no later one gets what is still sent to them.
        let newcomers: Vec<Caller> =
            newcomers.buffer_unordered(NEWCOMERS_AT_ONCE).try_collect().await?;
        let connected = newcomers.iter().map(|caller| ms(caller.connected_after)).collect();
        self.is_over.set(true);
        Ok(Seen { newcomers: Samples::new(connected), idle_kb, speaking_kb, cpu_per_cent })
    }
}

/// How long each packet was in coming after the one before it, from the first sound to the last, and when it came.
fn gaps(heard: &[Packet]) -> Vec<(Instant, f64)> {
    let first = heard.iter().position(is_sound).unwrap_or(heard.len());
    let last = heard.iter().rposition(is_sound).map_or(first, |last| last + 1);
    heard[first..last].windows(2).map(|two| (two[1].at, ms_between(two[0].at, two[1].at))).collect()
}
