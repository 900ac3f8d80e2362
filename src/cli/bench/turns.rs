//! A learner who asks and waits: what the server says of each turn's times. It measures nothing that the server does.

use anyhow::bail;
use indicatif::ProgressBar;
use parla::domain::{Language, random_token};
use serde_json::{Value, json};

use super::{BenchArguments, Samples, report::Answers};
use crate::cli::{tutor::Tutor, visit::Doorway};

/// Asks for an answer of a usual length.
const QUESTION: &str = "Tell me about your day, in four sentences.";

/// A conversation in which one question comes after another.
pub(super) struct Learner {
    tutor: Tutor,
    language: Language,
    asked: usize,
}

/// How long a turn's stages took, in milliseconds from the learner's message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) first_token: Option<u64>,
    pub(super) first_chunk: Option<u64>,
    pub(super) first_audio: Option<u64>,
}

/// The answers of one conversation, the first one, for which a model may have to be loaded, left out.
pub(super) async fn measure(
    doorway: &Doorway,
    arguments: &BenchArguments,
    bar: &ProgressBar,
) -> anyhow::Result<Answers> {
    bar.set_length(u64::from(arguments.turns) + 1);
    bar.set_message("answers");
    let mut learner = Learner::join(doorway, &arguments.language).await?;
    let mut all = Vec::new();
    for place in 0..=arguments.turns {
        let Some(times) = learner.ask(bar).await? else { bail!("the server is at capacity") };
        if place > 0 {
            all.push(times);
        }
        bar.inc(1);
    }
    let of =
        |stage: fn(&Times) -> Option<u64>| Samples::new(all.iter().filter_map(stage).collect());
    Ok(Answers {
        turns: all.len(),
        first_token: of(|times| times.first_token),
        first_chunk: of(|times| times.first_chunk),
        first_audio: of(|times| times.first_audio),
    })
}

impl Learner {
    pub(super) async fn join(doorway: &Doorway, language: &Language) -> anyhow::Result<Self> {
        let tutor = Tutor::join(doorway.clone(), Some(&random_token())).await?;
        Ok(Self { tutor, language: language.clone(), asked: 0 })
    }

    /// Waits until all of the answer is spoken; `None` when there was no room for it.
    pub(super) async fn ask(&mut self, bar: &ProgressBar) -> anyhow::Result<Option<Times>> {
        self.asked += 1;
        // No question comes twice: its answer's sounds would be there already.
        let message = format!("{QUESTION} ({})", self.asked);
        let language = self.language.as_str();
        let chat = json!({"message": message, "language": language, "stream": true});
        self.tutor.send("chat", chat).await?;
        loop {
            let frame = self.tutor.next().await?;
            let data = &frame["data"];
            match frame["type"].as_str().unwrap_or_default() {
                "chunk-complete" => self.hear(data).await?,
                "conversation-complete" => return Ok(Some(times(&data["timings"]))),
                "conversation-failed" | "error" if data["code"] == "at_capacity" => {
                    return Ok(None);
                }
                "conversation-failed" | "error" => {
                    bail!("{}", data["message"].as_str().unwrap_or("the turn has failed"))
                }
                "progress" => bar.set_message(data["text"].as_str().unwrap_or_default().to_owned()),
                _ => {}
            }
        }
    }

    /// Reports a chunk as heard at once, or the next question would interrupt it.
    async fn hear(&mut self, data: &Value) -> anyhow::Result<()> {
        let seconds = data["chunk"]["duration"].as_f64().unwrap_or_default();
        let ms = (seconds * 1000.0) as u64;
        let played = json!({"turnId": data["turnId"], "chunkIndex": data["chunkIndex"], "ms": ms});
        self.tutor.send("played", played).await
    }
}

fn times(timings: &Value) -> Times {
    let ms = |name: &str| timings[name].as_u64();
    Times {
        first_token: ms("llmFirstTokenMs"),
        first_chunk: ms("firstChunkMs"),
        first_audio: ms("firstAudioMs"),
    }
}
