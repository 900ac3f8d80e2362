//! `parla say`: one text to a WAV file, with the voices that the server would use.

use std::{io::Write, path::PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use futures_util::StreamExt;
use parla::{
    app,
    audio::wav,
    config::Settings,
    conversation::parser::{Draft, Parser, Piece},
    domain::{AudioFrame, Emotion, Language, Speed, SpokenSpan},
    providers::{SpeechPart, SpeechRequest, Synthesizer, Urgency},
};

#[derive(Args)]
pub(crate) struct SayArguments {
    /// What to say; tags such as [happy] and <es>gato</es> are understood
    text: String,
    /// neutral, happy, excited, encouraging, proud, curious, thoughtful, surprised, sad, empathetic,
    /// confused, serious, playful, calm
    #[arg(long, value_parser = emotion)]
    emotion: Option<Emotion>,
    /// The language of the text
    #[arg(long, default_value = "en", value_parser = language)]
    language: Language,
    /// A voice that `parla voices` lists
    #[arg(long)]
    voice: Option<String>,
    /// Where to write the sound
    #[arg(short, long, default_value = "out.wav", value_name = "FILE")]
    output: PathBuf,
}

pub(super) async fn say(settings: Settings, arguments: SayArguments) -> anyhow::Result<()> {
    let requests = requests(&arguments);
    if requests.is_empty() {
        bail!("there is nothing to say in that text");
    }
    let engines = app::engines(&settings)?;
    let mut whole: Option<AudioFrame> = None;
    for (request, pause_ms) in requests {
        let frame = speak(&engines, request).await?;
        whole = Some(joined(whole, frame, pause_ms)?);
    }
    let Some(frame) = whole else { bail!("the voice made no sound") };
    std::fs::write(&arguments.output, wav::encode(&frame))
        .with_context(|| format!("cannot write {}", arguments.output.display()))?;
    let (path, ms) = (arguments.output.display(), frame.duration_ms());
    Ok(writeln!(std::io::stdout(), "{path}: {ms} ms")?)
}

/// The text as the server would cut it, with the silence after each piece in milliseconds.
fn requests(arguments: &SayArguments) -> Vec<(SpeechRequest, u32)> {
    let mut parser = Parser::new(arguments.language.clone());
    let mut pieces = parser.push(&arguments.text);
    pieces.extend(parser.finish());
    let mut chunks: Vec<Draft> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Chunk(draft) => chunks.push(draft),
            Piece::Amend { pause_ms, .. } => {
                if let (Some(last), Some(pause_ms)) = (chunks.last_mut(), pause_ms) {
                    last.pause_ms = pause_ms;
                }
            }
            Piece::Text(_) | Piece::Correction(_) => {}
        }
    }
    let request = |spans: Vec<SpokenSpan>, emotion, emphasis| SpeechRequest {
        spans,
        voice: arguments.voice.clone(),
        speed: Speed::default(),
        emotion: arguments.emotion.unwrap_or(emotion),
        emphasis,
    };
    chunks
        .into_iter()
        .filter(|draft| !draft.spoken.is_empty())
        .map(|draft| (request(draft.spoken, draft.emotion, draft.emphasis), draft.pause_ms))
        .collect()
}

async fn speak(
    engines: &[std::sync::Arc<dyn Synthesizer>],
    request: SpeechRequest,
) -> anyhow::Result<AudioFrame> {
    let request = std::sync::Arc::new(request);
    let mut failure = None;
    for engine in engines {
        let parts: Vec<_> =
            engine.speak(std::sync::Arc::clone(&request), Urgency::Now).collect().await;
        let parts: Result<Vec<SpeechPart>, _> = parts.into_iter().collect();
        match parts {
            Ok(parts) => return frame_of(parts),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.map_or_else(|| anyhow::anyhow!("no voice is configured"), Into::into))
}

fn frame_of(parts: Vec<SpeechPart>) -> anyhow::Result<AudioFrame> {
    let mut whole = None;
    for part in parts {
        if let SpeechPart::Audio(frame) = part {
            whole = Some(joined(whole, frame, 0)?);
        }
    }
    whole.context("the voice made no sound")
}

/// Sound after sound, then a silence.
fn joined(
    before: Option<AudioFrame>,
    after: AudioFrame,
    pause_ms: u32,
) -> anyhow::Result<AudioFrame> {
    let sample_rate = after.sample_rate;
    if before.as_ref().is_some_and(|before| before.sample_rate != sample_rate) {
        bail!("the voices do not agree on a sample rate");
    }
    let mut pcm = before.map_or_else(Vec::new, |before| before.pcm.to_vec());
    pcm.extend_from_slice(&after.pcm);
    let silence = u64::from(sample_rate) * u64::from(pause_ms) / 1000 * 2;
    pcm.resize(pcm.len() + usize::try_from(silence)?, 0);
    Ok(AudioFrame { sample_rate, pcm: pcm.into() })
}

fn emotion(text: &str) -> Result<Emotion, String> {
    Emotion::parse(text).ok_or_else(|| format!("there is no emotion called {text:?}"))
}

pub(super) fn language(text: &str) -> Result<Language, String> {
    Language::parse(text).ok_or_else(|| "expected a tag such as es or pt-BR".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_behind_a_sentence_that_is_cut_already_counts() {
        let arguments = SayArguments {
            text: "Hola amigos míos. [pause:2000] Adiós amigos.".to_owned(),
            emotion: None,
            language: Language::parse("es").unwrap(),
            voice: None,
            output: PathBuf::new(),
        };
        let pauses: Vec<u32> = requests(&arguments).iter().map(|(_, pause_ms)| *pause_ms).collect();
        assert_eq!(pauses, [2000, 0]);
    }
}
