//! The learner's voice: what is appended goes to a microphone, what is heard becomes items. It hears nothing itself.

use std::collections::VecDeque;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Effect, Fault, Protocol, SoundFormat, SoundPath, items::Item, read::Fields, session::Session,
};
use crate::{conversation::VoiceReport, domain::Failure};

/// Less sound than this is nothing to commit, in milliseconds.
const LEAST_MS: u64 = 100;

#[derive(Debug, Default)]
pub(super) struct Hearing {
    is_open: bool,
    /// Nobody can hear; the client has been told.
    deaf: Option<Fault>,
    /// Sound since the last turn, in bytes.
    appended: u64,
    /// Sound since the microphone was opened, in bytes, and before, in milliseconds.
    heard: u64,
    before_ms: u64,
    /// Where a voice last began or ended.
    voice_at_ms: u64,
    voice: Option<Voice>,
    /// A voice was heard since the last turn began. The conversation tells so in one order with what comes of it, which
    /// the reports of the microphone do not.
    spoke: bool,
    /// Items that wait for their words, and how much sound they are, in milliseconds.
    awaited: VecDeque<(String, u64)>,
}

/// Somebody is speaking.
#[derive(Debug)]
struct Voice {
    item: String,
    since_ms: u64,
    until_ms: Option<u64>,
    /// The client has been told that it is over, and was nothing; its words may still come.
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
        if !self.hearing.is_open {
            // A microphone counts its sound from its opening.
            self.hearing.before_ms = self.heard_ms();
            self.hearing.heard = 0;
        }
        self.hearing.appended += sound.len() as u64;
        self.hearing.heard += sound.len() as u64;
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
        let unheard = self.unheard();
        if !self.session.is_manual() && unheard.is_none() {
            // The end of the turn comes as the microphone's report.
            self.effects.push(Effect::CommitVoice);
            return Ok(());
        }
        let item = self.names.next("item");
        self.committed(&item);
        self.hearing.awaited.push_back((item, ms));
        match unheard {
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
        let manner = session.manner();
        if has_new_ears {
            return self.open_anew(before);
        }
        if self.hearing.is_open && manner != before.manner() {
            self.effects.push(Effect::Retune(manner));
        }
    }

    /// The next sound is for other ears; these have nothing more to say.
    fn open_anew(&mut self, before: &Session) {
        self.hearing.deaf = None;
        if self.path == SoundPath::Events {
            let (old, new) = (before.input_format(), self.session.input_format());
            self.hearing.before_ms += self.hearing.heard / old.bytes_per_ms() as u64;
            self.hearing.heard = 0;
            let appended_ms = self.hearing.appended / old.bytes_per_ms() as u64;
            self.hearing.appended = appended_ms * new.bytes_per_ms() as u64;
        }
        if std::mem::take(&mut self.hearing.is_open) {
            self.effects.push(Effect::Deafen);
            self.nothing_said(false);
            let message = "The session's input was changed before the words were known.";
            self.transcription_failed(&Fault::new("input_changed", message));
        }
    }

    pub(super) fn voice(&mut self, report: VoiceReport) {
        match report {
            VoiceReport::VoiceOn { at_ms } if !self.session.is_manual() => {
                self.voice_on(self.hearing.before_ms + at_ms);
            }
            VoiceReport::VoiceOff { at_ms } => {
                self.hearing.voice_at_ms = self.hearing.before_ms + at_ms;
                if let Some(voice) = &mut self.hearing.voice {
                    voice.until_ms = Some(self.hearing.voice_at_ms);
                }
            }
            VoiceReport::Ended { utterance, message } => self.heard_out(&utterance.text, message),
            VoiceReport::Failed(failure) => {
                self.hearing.is_open = false;
                self.effects.push(Effect::Deafen);
                self.nothing_said(false);
                self.transcription_failed(&Fault::from(&failure));
                self.refuse(&Fault::from(&failure), None);
            }
            VoiceReport::NothingSaid { was_committed } => self.nothing_said(was_committed),
            VoiceReport::VoiceOn { .. } | VoiceReport::Transcript(_) | VoiceReport::Answered(_) => {
            }
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

    /// The conversation has heard a voice, or a turn begins after it.
    pub(super) fn note_voice(&mut self, spoke: bool) {
        self.hearing.spoke = spoke;
    }

    pub(super) fn has_spoken(&self) -> bool {
        self.hearing.spoke || self.is_spoken_over()
    }

    pub(super) fn is_spoken_over(&self) -> bool {
        self.hearing.voice.as_ref().is_some_and(|voice| !voice.is_over)
    }

    /// Whether the words of that item are still to come.
    pub(super) fn is_awaited(&self, item: &str) -> bool {
        self.hearing.awaited.iter().any(|(awaited, _)| awaited == item)
    }

    fn voice_on(&mut self, at_ms: u64) {
        self.hearing.voice_at_ms = at_ms;
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
        let Some(voice) = voice.filter(|voice| !voice.is_over) else { return };
        voice.is_over = true;
        let until_ms = *voice.until_ms.get_or_insert(self.hearing.voice_at_ms);
        let told = json!({"audio_end_ms": until_ms, "item_id": voice.item});
        self.tell(("input_audio_buffer.speech_stopped", told));
    }

    /// The learner's turn is over.
    fn heard_out(&mut self, text: &str, message: String) {
        if let Some((item, ms)) = self.hearing.awaited.pop_front() {
            return self.transcribed(&item, ms, (text, message));
        }
        if self.hearing.voice.is_none() {
            self.voice_on(self.hearing.voice_at_ms);
        }
        self.voice_off();
        self.end_quiet();
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

    /// A voice that was nothing, or what was committed without words in it.
    fn nothing_said(&mut self, was_committed: bool) {
        self.voice_off();
        self.go_on_waiting();
        if !was_committed {
            return;
        }
        let (item, ms) = self.hearing.awaited.pop_front().unwrap_or_else(|| {
            let ms = self.appended_ms();
            let voice = self.hearing.voice.take();
            let item = voice.map_or_else(|| self.names.next("item"), |voice| voice.item);
            self.committed(&item);
            (item, ms)
        });
        self.transcribed(&item, ms, ("", String::new()));
    }

    /// Why what has come will get no words; `None` when it is being heard.
    fn unheard(&self) -> Option<Fault> {
        let lost = || Fault::new("hearing_failed", "The sound was not heard to its end.");
        self.hearing.deaf.clone().or_else(|| (!self.hearing.is_open).then(lost))
    }

    /// Silence becomes an item without words, which needs no answer of its own.
    pub(super) fn commit_silence(&mut self, item: &str, ms: u64) {
        self.committed(item);
        self.unsaid.retain(|unsaid| unsaid != item);
        self.transcribed(item, ms, ("", String::new()));
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
            let told = json!({"item_id": item, "content_index": 0, "error": fault.without_nulls()});
            self.tell(("conversation.item.input_audio_transcription.failed", told));
        }
        self.say_what_waits();
    }

    /// How much sound has come in the session, in milliseconds.
    pub(super) fn heard_ms(&self) -> u64 {
        self.hearing.before_ms + self.hearing.heard / self.input_format().bytes_per_ms() as u64
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
