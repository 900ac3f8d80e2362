//! The scripted model and voice on a thread of their own, so that the clients' work does not delay them.

use std::{
    sync::mpsc::sync_channel,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;

use super::{
    script::Voice,
    support::{scripted_ollama::ScriptedOllama, scripted_voice::ScriptedVoice},
};

/// Both stand-ins; their thread ends with the process.
pub(crate) struct StandIns {
    pub(crate) model: ScriptedOllama,
    pub(crate) voice: ScriptedVoice,
}

impl StandIns {
    pub(crate) fn start(voice: Voice) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (tell, started) = sync_channel(1);
        thread::Builder::new().name("stand-ins".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let model = ScriptedOllama::start().await;
                let voice = ScriptedVoice::start(voice.script()).await;
                // The other side has gone when the process ends already.
                drop(tell.send(voice.map(|voice| Self { model, voice })));
                std::future::pending::<()>().await;
            });
        })?;
        started.recv()?.context("the scripted voice cannot be started")
    }

    /// When the audio of the last turn can be ready at the earliest if every sentence is asked for in time: the moment
    /// at which the model has sent its last token, plus the longest single synthesis that ended after that moment,
    /// counted in full from the request's arrival to the answer's departure. `None` before the first turn.
    pub(crate) fn due(&self) -> Option<Instant> {
        let last_token = self.model.last_end()?;
        let syntheses = self.voice.take_syntheses();
        let late = syntheses.iter().filter(|synthesis| synthesis.ended > last_token);
        let longest = late.map(|synthesis| synthesis.ended - synthesis.began).max();
        Some(last_token + longest.unwrap_or(Duration::ZERO))
    }
}
