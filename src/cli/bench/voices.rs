//! How fast each voice speaks when it has nothing else to do. It asks each of them one sentence at a time.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use indicatif::ProgressBar;
use parla::{
    domain::{Emotion, Language, Speed, SpokenSpan},
    providers::{ProviderError, SpeechPart, SpeechRequest, Synthesizer, Urgency},
    synthesis,
};
use tokio::time::Instant;

use super::report::{Samples, Spoken, VoiceFound};

/// What tutors say, short and long. The first one wakes the voice up and is not counted.
const SENTENCES: [&str; 6] = [
    "Hello!",
    "That was very good.",
    "Where did you go on your last holiday, and who came with you?",
    "I like that.",
    "In the evening we sat by the river, ate bread with cheese, and talked about everything that had happened.",
    "Can you say that again, a little slower?",
];

/// `most` turns are admitted however fast a voice is.
pub(super) async fn measure(
    engines: &[Arc<dyn Synthesizer>],
    language: &Language,
    most: usize,
    bar: &ProgressBar,
) -> Vec<VoiceFound> {
    bar.set_position(0);
    bar.set_length((engines.len() * SENTENCES.len()) as u64);
    let mut found = Vec::new();
    for engine in engines {
        bar.set_message(format!("voice {}", engine.name()));
        let spoken = spoken(&**engine, language, bar).await;
        let spoken = spoken.map_err(|error| error.failure().message);
        found.push(VoiceFound {
            name: engine.name().to_owned(),
            slots: engine.slots(),
            conversations: spoken
                .as_ref()
                .map_or(0, |spoken| synthesis::carried(engine.slots(), spoken.pace, most)),
            spoken,
        });
    }
    found
}

async fn spoken(
    engine: &dyn Synthesizer,
    language: &Language,
    bar: &ProgressBar,
) -> Result<Spoken, ProviderError> {
    let (mut took, mut audio_ms) = (Vec::new(), 0);
    for (place, sentence) in SENTENCES.into_iter().enumerate() {
        let (elapsed, heard_ms) = say(engine, language, sentence).await?;
        if place > 0 {
            took.push(elapsed);
            audio_ms += heard_ms;
        }
        bar.inc(1);
    }
    let synthesis: Duration = took.iter().sum();
    let pace = synthesis.as_secs_f64() * 1000.0 / (audio_ms.max(1) as f64);
    let ms = |elapsed: &Duration| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    Ok(Spoken { pace, sentence: Samples::new(took.iter().map(ms).collect()) })
}

/// How long a sentence took, and how long it is heard, in milliseconds.
async fn say(
    engine: &dyn Synthesizer,
    language: &Language,
    sentence: &str,
) -> Result<(Duration, u64), ProviderError> {
    let spans = vec![SpokenSpan { text: sentence.to_owned(), language: language.clone() }];
    let (voice, emotion, emphasis) = (None, Emotion::default(), false);
    let began = Instant::now();
    let request = SpeechRequest { spans, voice, speed: Speed::default(), emotion, emphasis };
    let mut parts = engine.speak(Arc::new(request), Urgency::Now);
    let mut heard_ms = 0;
    while let Some(part) = parts.next().await {
        if let SpeechPart::Audio(frame) = part? {
            heard_ms += frame.duration_ms();
        }
    }
    Ok((began.elapsed(), heard_ms))
}
