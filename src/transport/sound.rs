//! The sound behind an audio file's name, made again when it is gone. It knows nobody's rights.

use crate::{
    app::App,
    conversation::AudioFile,
    domain::AudioFrame,
    synthesis::{CacheKey, Listener, Place, SpeechEvent, SpeechJob},
};

/// The sound and its key: what another voice has made again is another sound. `None` when no voice can.
pub(super) async fn sound(app: &App, file: &AudioFile) -> Option<(AudioFrame, String)> {
    if let Some(key) = CacheKey::parse(&file.cache_key)
        && let Some(sound) = app.speech.audio(&key).await
    {
        return Some((sound, file.cache_key.clone()));
    }
    // No turn waits for what was heard before.
    let place = Place { first: false, listener: Listener::default(), index: 0 };
    let mut speech = app.speech.speak(SpeechJob { request: file.request.clone(), place });
    while let Some(event) = speech.next().await {
        if let SpeechEvent::Finished(Ok(spoken)) = event {
            return Some((spoken.sound.clone(), spoken.key.to_string()));
        }
    }
    None
}
