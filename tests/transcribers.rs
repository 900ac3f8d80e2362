//! The streaming transcribers against stand-ins that are as strict as the real services, over real sockets.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

// The formatter looks for modules of this file in the folder of its name: hence the paths.
#[path = "support"]
mod support {
    pub mod scripted_assemblyai;
    pub mod scripted_deepgram;
    pub mod scripted_hearing;
}

/// The tests by theme.
#[path = "transcribers"]
mod transcribers {
    mod assemblyai;
    mod deepgram;
    mod faults;
}

use std::{fmt::Write, sync::Arc, time::Duration};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use parla::{
    domain::{AudioFrame, Transcript},
    providers::{
        HEARING_RATE, Heard, ListenRequest, ProviderError, Sound, Transcriber,
        assemblyai::{AssemblyAi, AssemblyAiSettings},
        deepgram::{Deepgram, DeepgramSettings},
    },
};
use support::{
    scripted_assemblyai, scripted_deepgram,
    scripted_hearing::{Script, Scripted, Spoken},
};

const KEY: &str = "canary-key-4711";
/// What is said in most tests: two words in 400 ms.
const CIAO: Spoken = Spoken { from_ms: 100, to_ms: 500, text: "ciao bella" };

async fn deepgram(script: Script) -> (Scripted, Deepgram) {
    let server =
        scripted_deepgram::start(Script { key: script.key.or(Some(KEY)), ..script }).await.unwrap();
    let settings = DeepgramSettings { url: server.url().to_owned(), ..DeepgramSettings::new(KEY) };
    (server, Deepgram::new(settings))
}

async fn assemblyai(script: Script) -> (Scripted, AssemblyAi) {
    let server = scripted_assemblyai::start(Script { key: script.key.or(Some(KEY)), ..script })
        .await
        .unwrap();
    let settings =
        AssemblyAiSettings { url: server.url().to_owned(), ..AssemblyAiSettings::new(KEY) };
    (server, AssemblyAi::new(settings))
}

/// Both services, each with that script.
async fn both(script: &Script) -> [(Scripted, Arc<dyn Transcriber>); 2] {
    let (deepgram_server, deepgram) = deepgram(script.clone()).await;
    let (assemblyai_server, assemblyai) = assemblyai(script.clone()).await;
    [(deepgram_server, Arc::new(deepgram)), (assemblyai_server, Arc::new(assemblyai))]
}

/// That much sound in frames of 20 ms.
fn sound(ms: usize) -> Vec<Sound> {
    vec![Sound::Frame(frame(20)); ms / 20]
}

fn frame(ms: usize) -> AudioFrame {
    AudioFrame { sample_rate: HEARING_RATE, pcm: vec![0; ms * 32].into() }
}

/// All of it at once, then the end.
fn ended(sound: Vec<Sound>) -> BoxStream<'static, Sound> {
    stream::iter(sound).boxed()
}

/// All of it at once, then silence without an end.
fn going_on(sound: Vec<Sound>) -> BoxStream<'static, Sound> {
    stream::iter(sound).chain(stream::pending()).boxed()
}

fn listen(
    transcriber: &dyn Transcriber,
    sound: BoxStream<'static, Sound>,
) -> BoxStream<'static, Result<Heard, ProviderError>> {
    transcriber.listen(ListenRequest::default(), sound)
}

/// What is heard up to the end, a line each.
async fn trace(transcriber: &dyn Transcriber, sound: BoxStream<'static, Sound>) -> String {
    shown(listen(transcriber, sound)).await
}

async fn shown(heard: impl futures_util::Stream<Item = Result<Heard, ProviderError>>) -> String {
    let heard = tokio::time::timeout(Duration::from_secs(25), heard.collect::<Vec<_>>()).await;
    heard.expect("it ends in time").into_iter().map(line).collect()
}

/// The error that listening ends with.
async fn failure(transcriber: &dyn Transcriber, sound: BoxStream<'static, Sound>) -> ProviderError {
    let heard = listen(transcriber, sound).collect::<Vec<_>>();
    let heard = tokio::time::timeout(Duration::from_secs(25), heard).await;
    heard.expect("it ends in time").pop().expect("something is told").unwrap_err()
}

fn line(heard: Result<Heard, ProviderError>) -> String {
    match heard {
        Ok(Heard::Transcript(transcript)) => words(&transcript),
        Ok(other) => format!("{other:?}\n"),
        Err(error) => format!("error: {error}\n"),
    }
}

fn words(transcript: &Transcript) -> String {
    let mark = if transcript.is_final { "!" } else { "~" };
    let mut line = format!("{}{mark} {:?}", transcript.segment, transcript.text);
    for word in &transcript.words {
        write!(line, " {}-{}", word.start_ms, word.end_ms).unwrap();
    }
    match transcript.confidence {
        Some(confidence) => writeln!(line, " ({})", confidence.share()).unwrap(),
        None => line.push('\n'),
    }
    line
}
