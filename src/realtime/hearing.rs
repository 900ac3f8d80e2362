//! The learner's voice: what is appended goes to a microphone, what is heard becomes items. It hears nothing itself.

use std::collections::VecDeque;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Effect, Fault, Protocol, SoundFormat, SoundPath, items::Item, read::Fields, session::Session,
};
use crate::{
    conversation::VoiceReport,
    domain::{Failure, Listening},
};

/// Less sound than this is nothing to commit, in milliseconds.
const LEAST_MS: u64 = 100;

#[derive(Debug, Default)]
pub(super) struct Hearing {
    is_open: bool,
    /// Nobody can hear; the client has been told.
    deaf: Option<Fault>,
    /// Sound since the last turn, in bytes.
    appended: u64,
    voice: Option<Voice>,
    /// Items that wait for their words, and how much sound they are, in milliseconds.
    awaited: VecDeque<(String, u64)>,
    /// Parla waits for the words of what was committed.
    waits: bool,
}

/// Somebody is speaking.
#[derive(Debug)]
struct Voice {
    item: String,
    since_ms: u64,
    until_ms: Option<u64>,
    /// The client has been told that it is over; its words may still come.
    is_over: bool,
}

impl Protocol {
    pub(super) fn append(&mut self, event: Fields<'_>) -> Result<(), Fault> {
        let audio = event.required_text("audio")?;
        let sound = BASE64_STANDARD.decode(audio);
        self.hear(sound.map_err(|_| Fault::invalid("audio", "base64"))?.into());
        Ok(())
    }

    /// Takes sound, in the format that sound comes in.
    pub(super) fn hear(&mut self, sound: Bytes) {
        self.hearing.appended += sound.len() as u64;
        if self.hearing.deaf.is_some() || sound.is_empty() {
            return;
        }
        if !self.hearing.is_open {
            self.hearing.is_open = true;
            let (format, language) = (self.input_format(), self.session.language());
            let manner = self.session.manner();
            self.effects.push(Effect::Listen { format, language, manner });
        }
        self.effects.push(Effect::Hear(sound));
    }

    pub(super) fn commit(&mut self) -> Result<(), Fault> {
        let ms = self.appended_ms();
        if ms < LEAST_MS {
            let message = format!(
                "Error committing input audio buffer: buffer too small. Expected at least \
                 {LEAST_MS}ms of audio, but buffer only has {ms}ms of audio."
            );
            return Err(Fault::new("input_audio_buffer_commit_empty", message));
        }
        if !self.session.is_manual() {
            // The end of the turn comes as the microphone's report.
            self.effects.push(Effect::CommitVoice);
            return Ok(());
        }
        let item = self.names.next("item");
        self.committed(&item);
        self.hearing.awaited.push_back((item, ms));
        match self.hearing.deaf.clone() {
            Some(fault) => self.transcription_failed(&fault),
            None => self.effects.push(Effect::CommitVoice),
        }
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.hearing.appended = 0;
        self.hearing.voice = None;
        if self.hearing.is_open {
            self.effects.push(Effect::ClearVoice);
        }
        self.tell(("input_audio_buffer.cleared", json!({})));
    }

    /// An update has changed how the learner is to be heard.
    pub(super) fn retune(&mut self, before: &Session) {
        let session = &self.session;
        let has_new_ears = session.input_format() != before.input_format()
            || session.language() != before.language();
        if has_new_ears {
            self.hearing.deaf = None;
        }
        if !self.hearing.is_open {
            return;
        }
        if has_new_ears {
            self.hearing.is_open = false;
            self.effects.push(Effect::Deafen);
        } else if session.manner() != before.manner() {
            self.effects.push(Effect::Retune(session.manner()));
        }
    }

    pub(super) fn voice(&mut self, report: VoiceReport) {
        match report {
            VoiceReport::VoiceOn { at_ms } if !self.session.is_manual() => self.voice_on(at_ms),
            VoiceReport::VoiceOff { at_ms } => {
                if let Some(voice) = &mut self.hearing.voice {
                    voice.until_ms = Some(at_ms);
                }
            }
            VoiceReport::Ended { utterance, message } => self.heard_out(&utterance.text, message),
            VoiceReport::Failed(failure) => {
                self.hearing.is_open = false;
                self.effects.push(Effect::Deafen);
                self.transcription_failed(&Fault::from(&failure));
                self.refuse(&Fault::from(&failure), None);
            }
            VoiceReport::Listening(Listening::Waiting) => self.hearing.waits = true,
            VoiceReport::Listening(Listening::Off) => self.heard_nothing(),
            VoiceReport::VoiceOn { .. }
            | VoiceReport::Listening(Listening::Hearing)
            | VoiceReport::Transcript(_)
            | VoiceReport::Answered(_) => {}
        }
    }

    /// No microphone could be opened: the client is told once.
    pub(super) fn deaf(&mut self, failure: &Failure) {
        let fault = Fault::from(failure);
        self.hearing.is_open = false;
        self.refuse(&fault, None);
        self.transcription_failed(&fault);
        self.hearing.deaf = Some(fault);
    }

    pub(super) fn is_spoken_over(&self) -> bool {
        self.hearing.voice.is_some()
    }

    /// Whether the words of that item are still to come.
    pub(super) fn is_awaited(&self, item: &str) -> bool {
        self.hearing.awaited.iter().any(|(awaited, _)| awaited == item)
    }

    fn voice_on(&mut self, at_ms: u64) {
        if let Some(voice) = self.hearing.voice.as_mut().filter(|voice| !voice.is_over) {
            voice.until_ms = None;
            return;
        }
        let item = self.names.next("item");
        let since_ms = at_ms.saturating_sub(self.session.padding_ms());
        let told = json!({"audio_start_ms": since_ms, "item_id": item});
        self.hearing.voice = Some(Voice { item, since_ms, until_ms: None, is_over: false });
        self.tell(("input_audio_buffer.speech_started", told));
    }

    /// The client is told, once, that a voice is over.
    fn voice_off(&mut self) {
        let voice = self.hearing.voice.as_mut();
        let Some(voice) = voice.filter(|voice| voice.until_ms.is_some() && !voice.is_over) else {
            return;
        };
        voice.is_over = true;
        let told = json!({"audio_end_ms": voice.until_ms, "item_id": voice.item});
        self.tell(("input_audio_buffer.speech_stopped", told));
    }

    /// The learner's turn is over.
    fn heard_out(&mut self, text: &str, message: String) {
        self.hearing.waits = false;
        if let Some((item, ms)) = self.hearing.awaited.pop_front() {
            return self.transcribed(&item, ms, (text, message));
        }
        if self.hearing.voice.is_none() {
            self.voice_on(0);
        }
        if let Some(voice) = &mut self.hearing.voice {
            voice.until_ms = voice.until_ms.or(Some(voice.since_ms));
        }
        self.voice_off();
        let Some(Voice { item, since_ms, until_ms, .. }) = self.hearing.voice.take() else {
            return;
        };
        let ms = until_ms.unwrap_or(since_ms).saturating_sub(since_ms);
        self.committed(&item);
        let is_answered = self.session.creates() && !message.is_empty();
        self.transcribed(&item, ms, (text, message));
        if is_answered {
            self.answer_voice();
        }
    }

    /// A voice that was nothing, or sound without words: parla has stopped attending to it.
    fn heard_nothing(&mut self) {
        if std::mem::take(&mut self.hearing.waits)
            && let Some((item, ms)) = self.hearing.awaited.pop_front()
        {
            self.transcribed(&item, ms, ("", String::new()));
        }
        self.voice_off();
    }

    fn committed(&mut self, item: &str) {
        self.hearing.appended = 0;
        let told = json!({"previous_item_id": self.items.newest(), "item_id": item});
        self.tell(("input_audio_buffer.committed", told));
        let content = json!([{"type": "input_audio", "transcript": null}]);
        // Its id is new.
        drop(self.add(Item::new(item, "user", content), None));
        self.unsaid.push(item.to_owned());
    }

    fn transcribed(&mut self, item: &str, ms: u64, (text, message): (&str, String)) {
        if let Some(item) = self.items.find_mut(item) {
            item.message = Some(message);
            item.shown["content"][0]["transcript"] = json!(text);
        }
        if self.session.transcribes() {
            let place = |name: &str, value: Value| {
                let mut told = json!({"item_id": item, "content_index": 0});
                told[name] = value;
                told
            };
            let kind = "conversation.item.input_audio_transcription.delta";
            self.tell((kind, place("delta", json!(text))));
            let mut told = place("transcript", json!(text));
            told["usage"] = json!({"type": "duration", "seconds": ms as f64 / 1000.0});
            self.tell(("conversation.item.input_audio_transcription.completed", told));
        }
        self.say_what_waits();
    }

    /// What was committed will get no words.
    fn transcription_failed(&mut self, fault: &Fault) {
        for (item, _) in std::mem::take(&mut self.hearing.awaited) {
            let told = json!({"item_id": item, "content_index": 0, "error": fault.shown()});
            self.tell(("conversation.item.input_audio_transcription.failed", told));
        }
        self.say_what_waits();
    }

    fn appended_ms(&self) -> u64 {
        self.hearing.appended / self.input_format().bytes_per_ms() as u64
    }

    /// A carrier has a format of its own, whatever its client asks for.
    fn input_format(&self) -> SoundFormat {
        match self.path {
            SoundPath::Events => self.session.input_format(),
            SoundPath::Carrier => SoundFormat::Pcm,
        }
    }
}
