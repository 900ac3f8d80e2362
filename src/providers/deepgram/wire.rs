//! Deepgram's frames ↔ sound and words, pure. A segment is one final result with its interims.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::json;

use crate::{
    domain::{Confidence, HeardWord, Transcript},
    providers::{
        Heard, Pace, ProviderError, Sound,
        dictation::{self, LastWords, Outgoing, Wire},
    },
};

/// Deepgram takes 500 tokens of hints; a phrase has a few.
const MAX_KEYTERMS: usize = 50;

/// One connection's state.
pub(super) struct DeepgramWire {
    provider: String,
    takes_keyterms: bool,
    segment: u64,
    /// Words have been told since the service held an utterance for ended.
    has_utterance: bool,
    /// Where the last final result begins and ends, in milliseconds: what does not reach beyond it was told before.
    last_final: Option<(u64, u64)>,
    last_words: LastWords,
    is_over: bool,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Frame {
    Results(Results),
    UtteranceEnd {},
    Metadata {},
    /// What it could not do; the connection goes on, or is closed with a reason of its own.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Results {
    start: Option<f64>,
    duration: Option<f64>,
    #[serde(default)]
    is_final: bool,
    #[serde(default)]
    speech_final: bool,
    #[serde(default)]
    from_finalize: bool,
    channel: Channel,
}

#[derive(Deserialize)]
struct Channel {
    #[serde(default)]
    alternatives: Vec<Alternative>,
}

#[derive(Default, Deserialize)]
struct Alternative {
    #[serde(default)]
    transcript: String,
    confidence: Option<f64>,
    #[serde(default)]
    words: Vec<Word>,
}

#[derive(Deserialize)]
struct Word {
    word: String,
    punctuated_word: Option<String>,
    start: f64,
    end: f64,
    confidence: Option<f64>,
}

impl DeepgramWire {
    pub(super) fn new(provider: String, takes_keyterms: bool) -> Self {
        Self {
            provider,
            takes_keyterms,
            segment: 0,
            has_utterance: false,
            last_final: None,
            last_words: LastWords::default(),
            is_over: false,
        }
    }

    fn results(&mut self, results: Results) -> Vec<Heard> {
        let mut heard = Vec::new();
        if !self.is_known(&results) {
            heard.extend(self.transcript(&results));
        }
        if results.speech_final && !results.from_finalize {
            heard.extend(self.utterance_end());
        }
        if results.from_finalize {
            self.has_utterance = false;
            heard.extend(self.last_words.answered());
        }
        heard
    }

    /// Whether it comes a second time, or too late.
    fn is_known(&self, results: &Results) -> bool {
        let (Some((last_start, last_end)), Some(start)) = (self.last_final, results.start) else {
            return false;
        };
        let start = ms(start);
        let end = start.saturating_add(ms(results.duration.unwrap_or_default()));
        end <= last_end || (start == last_start && last_start < last_end)
    }

    fn transcript(&mut self, results: &Results) -> Option<Heard> {
        let best = results.channel.alternatives.first();
        let text = best.map(|best| best.transcript.trim().to_owned()).unwrap_or_default();
        // Nothing replaces nothing; but an empty final takes back what was supposed.
        let is_told = !text.is_empty() || (self.last_words.is_open() && results.is_final);
        let transcript = Transcript {
            segment: self.segment,
            is_final: results.is_final,
            confidence: best.and_then(|best| best.confidence).map(Confidence::from_share),
            words: best.map(|best| words(&best.words)).unwrap_or_default(),
            text,
        };
        self.note(&transcript, results, is_told);
        is_told.then_some(Heard::Transcript(transcript))
    }

    fn note(&mut self, transcript: &Transcript, results: &Results, is_told: bool) {
        self.has_utterance |= !transcript.text.is_empty();
        if is_told {
            self.last_words.told(transcript.is_final);
            self.segment += u64::from(transcript.is_final);
        }
        if let (true, Some(start)) = (transcript.is_final, results.start) {
            let end = start + results.duration.unwrap_or_default();
            self.last_final = Some((ms(start), ms(end)));
        }
    }

    /// An utterance's end may be told twice, by silence and by words that stay out.
    fn utterance_end(&mut self) -> Option<Heard> {
        self.last_words.settle();
        std::mem::take(&mut self.has_utterance).then_some(Heard::EndHint)
    }

    fn keyterms(&self, phrases: &Arc<[String]>) -> Option<Outgoing> {
        let phrases = phrases.get(..MAX_KEYTERMS).unwrap_or(phrases);
        let configure = json!({ "type": "Configure", "keyterms": phrases });
        self.takes_keyterms.then(|| Outgoing::Text(configure.to_string()))
    }
}

impl Wire for DeepgramWire {
    fn pace(&self) -> Pace {
        Pace::Free
    }

    fn give(&mut self, sound: Sound) -> Vec<Outgoing> {
        self.last_words.note(&sound);
        match sound {
            // An empty frame would close the connection.
            Sound::Frame(frame) if frame.pcm.is_empty() => Vec::new(),
            Sound::Frame(frame) => {
                let duration = Duration::from_millis(frame.duration_ms());
                vec![Outgoing::Sound { pcm: frame.pcm, duration }]
            }
            Sound::Expect(phrases) => self.keyterms(&phrases).into_iter().collect(),
            Sound::Flush if self.last_words.ask() => vec![command("Finalize")],
            Sound::VoiceOn | Sound::VoiceOff | Sound::Flush => Vec::new(),
        }
    }

    fn finish(&mut self) -> Vec<Outgoing> {
        vec![command("CloseStream")]
    }

    fn keep_alive(&self) -> Option<Outgoing> {
        Some(command("KeepAlive"))
    }

    fn hear(&mut self, text: &str) -> Result<Vec<Heard>, ProviderError> {
        Ok(match dictation::read(&self.provider, text)? {
            Frame::Results(results) => self.results(results),
            Frame::UtteranceEnd {} => self.utterance_end().into_iter().collect(),
            Frame::Metadata {} => {
                self.is_over = true;
                Vec::new()
            }
            Frame::Other => Vec::new(),
        })
    }

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn closed(&self, code: u16, reason: String) -> ProviderError {
        let provider = self.provider.clone();
        let reason = format!("it closed with {code} {reason}");
        match code {
            // It cannot read the sound.
            1003 | 1007 | 1008 => ProviderError::Rejected { provider, reason },
            1013 => ProviderError::AtCapacity { provider, retry_after: None },
            _ => ProviderError::Cut { provider, reason },
        }
    }

    fn last_words(&mut self) -> &mut LastWords {
        &mut self.last_words
    }
}

fn words(words: &[Word]) -> Vec<HeardWord> {
    let heard = words.iter().map(|word| HeardWord {
        text: word.punctuated_word.as_ref().unwrap_or(&word.word).clone(),
        start_ms: ms(word.start),
        end_ms: ms(word.end),
        confidence: word.confidence.map(Confidence::from_share),
    });
    dictation::in_order(heard.collect())
}

fn command(kind: &str) -> Outgoing {
    Outgoing::Text(json!({ "type": kind }).to_string())
}

/// Seconds from a service, which may be anything.
fn ms(seconds: f64) -> u64 {
    let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
