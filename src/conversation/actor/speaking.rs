//! What the voices make of a turn's chunks, named and given back to the machine. It asks no voice itself.

use crate::{
    domain::{AudioFileId, ChunkAudio, SpokenSpan, TurnId},
    providers::SpeechRequest,
    synthesis::{SpeechEvent, Spoken},
};

use super::{
    super::{AudioFile, turn_machine::Input},
    Actor,
};

impl Actor {
    pub(super) fn heard_from_voice(
        &mut self,
        turn: TurnId,
        index: usize,
        event: SpeechEvent,
    ) -> Input {
        match event {
            SpeechEvent::Started => Input::SpeechStarted { turn, index },
            SpeechEvent::Finished(Ok(spoken)) => {
                let audio = self.name_audio(&turn, index, &spoken);
                self.tell_voices_of(&turn, index);
                Input::SpeechReady { turn, index, audio }
            }
            SpeechEvent::Finished(Err(error)) => {
                Input::SpeechFailed { turn, index, reason: error.to_string() }
            }
        }
    }

    /// Whoever speaks meanwhile may be the tutor's own echo.
    fn tell_voices_of(&mut self, turn: &TurnId, index: usize) {
        if let Some(chunk) = self.machine.chunk(turn, index).filter(|_| !self.voices.is_empty()) {
            self.voices.tutor_says(self.now(), &chunk.text);
        }
    }

    fn name_audio(&self, turn: &TurnId, index: usize, spoken: &Spoken) -> ChunkAudio {
        let cache_key = spoken.key.to_string();
        let file = self.speech_request(turn, index).map_or_else(AudioFileId::random, |request| {
            self.parts.audio_files.name(AudioFile {
                conversation: self.conversation.id.clone(),
                owner: self.conversation.owner.clone(),
                cache_key: cache_key.clone(),
                request,
            })
        });
        ChunkAudio {
            file,
            cache_key,
            duration_ms: u32::try_from(spoken.sound.duration_ms()).unwrap_or(u32::MAX),
            words: spoken.words.clone(),
            emotion: spoken.emotion,
        }
    }

    /// What a voice is asked for a chunk; `None` when the turn is over.
    pub(super) fn speech_request(&self, turn: &TurnId, index: usize) -> Option<SpeechRequest> {
        let chunk = self.machine.chunk(turn, index)?;
        let spans: Vec<SpokenSpan> = chunk.spoken.clone();
        let metadata = self.machine.metadata(turn)?;
        Some(SpeechRequest {
            spans,
            voice: metadata.voice.clone(),
            speed: metadata.speed,
            emotion: chunk.emotion,
            emphasis: chunk.emphasis,
        })
    }
}
