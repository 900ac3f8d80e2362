//! The whole server over real sockets: a scripted model and voices, real eSpeak NG, a real database. Only what a
//! client can see is looked at.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

// The formatter looks for modules of this file in the folder of its name: hence the paths.
#[path = "support"]
mod support {
    pub mod caller;
    pub mod dice;
    pub mod phone;
    pub mod relay;
    pub mod scripted_deepgram;
    pub mod scripted_hearing;
    pub mod scripted_ollama;
    pub mod scripted_transcription;
    pub mod scripted_voice;
    pub mod server;
    pub mod speech;
}

/// The tests by theme.
#[path = "server"]
mod server {
    mod audio;
    mod bad_frames;
    mod bad_requests;
    mod call_faults;
    mod calls;
    mod crowd;
    mod database;
    mod doors;
    mod first_client;
    mod floods;
    // By means that Linux alone has.
    #[cfg(target_os = "linux")]
    mod full_disk;
    mod health_check;
    mod hearing;
    mod injection;
    mod interrupting;
    mod key;
    mod killing;
    mod leaving;
    mod limits;
    mod listening;
    mod model_faults;
    mod model_ready;
    mod operating;
    mod poor_machine;
    mod raw_requests;
    mod realtime;
    mod realtime_tools;
    mod realtime_voice;
    mod repeating;
    mod restarting;
    mod resuming;
    mod secrets;
    mod slow_clients;
    #[cfg(target_os = "linux")]
    mod soaking;
    mod streaming;
    mod traces;
    mod transcribing;
    #[cfg(target_os = "linux")]
    mod vanishing;
    mod voice_faults;
    mod writing;
}
