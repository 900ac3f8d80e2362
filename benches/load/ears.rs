//! What it costs to be heard: how late words and what follows from them come, and what a stream of sound takes.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures_util::{
    StreamExt,
    future::try_join_all,
    stream::{self, BoxStream},
};
use parla::{
    domain::AudioFrame,
    providers::{
        HEARING_RATE, Heard, ListenRequest, Sound, Transcriber,
        deepgram::{Deepgram, DeepgramSettings},
        succession::Succession,
    },
    telemetry::metrics::Metrics,
};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{
    ms, ms_between,
    report::{Bar, Report, Samples},
    script::VOICE,
    server::{Place, Server},
    speaker::{Speaker, Speech, service, told},
    stalls::Stalls,
    stand_ins::StandIns,
    support::{
        scripted_hearing::{Fault, Script, Scripted, Spoken},
        scripted_ollama::Script as Answer,
    },
};

/// Learners who speak at the same time.
const CROWD: usize = 200;
/// Sentences of each of them, 3.5 seconds each.
const SENTENCES: usize = 8;
/// A few words, their end, and what is made of them, so often.
const TURNS: usize = 100;
const FEW_WORDS_MS: u64 = 800;
const PATIENCE: Duration = Duration::from_secs(10);
const INTERRUPTIONS: usize = 20;
/// It is being heard for longer than anybody takes to say a word.
pub(crate) const LONG_ANSWER: &str =
    "There is a story about a cat that lived in a house by the sea. ";
const FAILOVERS: usize = 20;
const WITHOUT_STALLS: &str = "  but for stalls of the cores";
/// What is said in the sound of a failover.
const TEN_SECONDS: Spoken = Spoken {
    from_ms: 0,
    to_ms: 9_800,
    text: "one two three four five six seven eight nine ten eleven twelve thirteen fourteen",
};

/// Adds the rows of hearing to the report.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let stand_ins = StandIns::start(VOICE)?;
    report.title("one learner speaks");
    let stalls = Stalls::watch()?;
    let mut add = |name: &str, spans: &[Span], bar: f64| {
        let whole = spans.iter().map(|span| ms_between(span.0, span.1)).collect();
        let own = spans.iter().map(|span| stalls.ms_between(span.0, span.1)).collect();
        report.spread(name, &Samples::new(whole), None);
        report.spread(WITHOUT_STALLS, &Samples::new(own), Some((f64::INFINITY, bar)));
    };
    add("transcript to event, ms", &transcripts(&stand_ins, 10).await?.late, 5.0);
    add("last words to model, ms", &turns(&stand_ins).await?, 5.0);
    add("word to playback-stopped, ms", &interruptions(&stand_ins).await?, 50.0);
    drop(stalls);
    let again = failovers().await?;
    report.spread("ten seconds heard again, ms", &again, Some((f64::INFINITY, 300.0)));
    report.title("200 learners speak");
    let crowd = transcripts(&stand_ins, CROWD).await?;
    report.figure("CPU of a core", crowd.cpu_per_cent, "%", Some(Bar::AtMost(60.0)));
    report.figure("memory of each", crowd.memory_kb, "kB", Some(Bar::AtMost(400.0)));
    let late = crowd.late.iter().map(|span| ms_between(span.0, span.1)).collect();
    report.spread("transcript to event, ms", &Samples::new(late), None);
    Ok(())
}

/// From one moment to another.
type Span = (Instant, Instant);

struct Transcripts {
    /// From the service's words to the event that tells them.
    late: Vec<Span>,
    cpu_per_cent: f64,
    memory_kb: f64,
}

/// So many speak at the same time, and nobody answers them.
async fn transcripts(stand_ins: &StandIns, count: usize) -> anyhow::Result<Transcripts> {
    writeln!(std::io::stderr(), "{count} microphones")?;
    let speech = Speech::of(SENTENCES)?;
    let (server, service) = hearing(stand_ins, &speech).await?;
    let before = server.memory()?;
    let mut speakers = Vec::new();
    for number in 0..count {
        let mut speaker = Speaker::connect(server.address, &format!("ears-{number}")).await?;
        speaker.open("push-to-talk").await?;
        // Connections are told apart by their order.
        while service.received().len() <= number {
            sleep(Duration::from_millis(1)).await;
        }
        speakers.push(speaker);
    }
    let (began, cpu) = (Instant::now(), server.cpu()?);
    let spoken = speakers.iter_mut().map(|speaker| speaker.speak(&speech, None));
    let events = try_join_all(spoken).await?;
    let cpu = server.cpu()? - cpu;
    let memory_kb = (server.memory()? - before) * 1000.0 / count as f64;
    let late = events.iter().enumerate().flat_map(|(number, events)| {
        let heard = events.iter().filter(|(_, event)| event["type"] == "transcript");
        let told = told(&service, number);
        heard.zip(told).map(|(heard, told)| (told.0, heard.0)).collect::<Vec<_>>()
    });
    let late: Vec<_> = late.collect();
    anyhow::ensure!(late.len() > count * SENTENCES, "only {} transcripts", late.len());
    let cpu_per_cent = ms(cpu) / ms(began.elapsed()) * 100.0;
    Ok(Transcripts { late, cpu_per_cent, memory_kb })
}

/// From the service's last words to the request that asks the model for its answer.
async fn turns(stand_ins: &StandIns) -> anyhow::Result<Vec<Span>> {
    writeln!(std::io::stderr(), "{TURNS} spoken turns")?;
    let speech = Speech::of(1)?.cut(FEW_WORDS_MS);
    let (server, service) = hearing(stand_ins, &speech).await?;
    let mut times = Vec::new();
    for number in 0..TURNS {
        let mut speaker = Speaker::connect(server.address, &format!("turn-{number}")).await?;
        speaker.open("push-to-talk").await?;
        speaker.speak(&speech, None).await?;
        let released = Instant::now();
        speaker.send("audio-stop", &json!({})).await?;
        // Whoever looks sooner keeps the model from noticing that it is asked: it shares its core with them.
        speaker.until("conversation-complete").await?;
        let told = told(&service, number);
        let (told, _) = told.last().context("nothing was told")?;
        let asked = timeout(PATIENCE, asked_after(stand_ins, *told)).await?;
        // Words may be final before the button is let go, which ends the turn.
        times.push((released.max(*told), asked));
    }
    Ok(times)
}

/// When the model was asked first after that.
pub(crate) async fn asked_after(stand_ins: &StandIns, told: Instant) -> Instant {
    loop {
        let requests = stand_ins.model.requests("/api/chat").into_iter();
        if let Some(asked) = requests.map(|request| request.at).filter(|at| *at > told).min() {
            return asked;
        }
        sleep(Duration::from_millis(2)).await;
    }
}

/// From the word that decides to the event that ends the tutor's sound.
async fn interruptions(stand_ins: &StandIns) -> anyhow::Result<Vec<Span>> {
    writeln!(std::io::stderr(), "{INTERRUPTIONS} interruptions")?;
    let speech = Speech::of(2)?;
    stand_ins.model.always(Answer::say(&LONG_ANSWER.repeat(8)));
    let (server, service) = hearing(stand_ins, &speech).await?;
    let mut times = Vec::new();
    for number in 0..INTERRUPTIONS {
        let mut speaker = Speaker::connect(server.address, &format!("over-{number}")).await?;
        speaker.open("hands-free").await?;
        speaker.send("chat", &json!({"message": "Tell me more.", "stream": true})).await?;
        speaker.until("conversation-complete").await?;
        let events = speaker.speak(&speech, Some("playback-stopped")).await?;
        let (stopped, event) = events.last().context("no event")?;
        let kinds =
            || events.iter().map(|(_, event)| event["type"].to_string()).collect::<Vec<_>>();
        anyhow::ensure!(
            event["type"] == "playback-stopped",
            "nobody was interrupted: {:?}",
            kinds()
        );
        let told = told(&service, number).into_iter().map(|(at, _)| at);
        let told = told.filter(|at| at < stopped).max().context("nothing was told")?;
        times.push((told, *stopped));
    }
    Ok(times)
}

/// From the end of one service to the last word of the next one, which has heard all of it again.
async fn failovers() -> anyhow::Result<Samples> {
    let close = Fault::Close { at_ms: 9_900, code: 1011, reason: "NET-0001" };
    let first = service(Script::failing(&[TEN_SECONDS], &[close]))?;
    let second = service(Script::of(&[TEN_SECONDS]))?;
    let mut times = Vec::new();
    for _ in 0..FAILOVERS {
        let both = [&first, &second].map(deepgram).to_vec();
        let both = Succession::new(both, Metrics::default().hearing).context("no services")?;
        let mut heard = both.listen(ListenRequest::default(), ten_seconds());
        let mut failed = None;
        loop {
            match heard.next().await.context("nothing more is heard")?? {
                Heard::Reconnecting => failed = Some(Instant::now()),
                Heard::Transcript(told) if told.text == TEN_SECONDS.text => {
                    // The first one has said so, too.
                    if let Some(failed) = failed {
                        times.push(ms(failed.elapsed()));
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    Ok(Samples::new(times))
}

fn deepgram(service: &Scripted) -> std::sync::Arc<dyn Transcriber> {
    let settings =
        DeepgramSettings { url: service.url().to_owned(), ..DeepgramSettings::new("key") };
    std::sync::Arc::new(Deepgram::new(settings))
}

fn ten_seconds() -> BoxStream<'static, Sound> {
    let frame = AudioFrame { sample_rate: HEARING_RATE, pcm: vec![0; 1_024].into() };
    let sound = vec![Sound::Frame(frame); 9_920 / 32];
    stream::iter([Sound::VoiceOn]).chain(stream::iter(sound)).chain(stream::pending()).boxed()
}

/// A server whose ear is a service that hears that speech.
pub(crate) async fn hearing(
    stand_ins: &StandIns,
    speech: &Speech,
) -> anyhow::Result<(Server, Scripted)> {
    hearing_at(stand_ins, speech, Place::default()).await
}

/// The same on the cores of that place.
pub(crate) async fn hearing_at(
    stand_ins: &StandIns,
    speech: &Speech,
    place: Place,
) -> anyhow::Result<(Server, Scripted)> {
    let service = service(Script::of(&speech.spoken))?;
    let ear = service.url().strip_prefix("ws://").context("no address")?.parse()?;
    let server = Server::start(stand_ins, Place { ear: Some(ear), ..place }).await?;
    Ok((server, service))
}
