//! The commands for whoever runs parla, as processes of their own in folders of their own. It looks at what they say
//! and at how they end.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

// The formatter looks for modules of this file in the folder of its name: hence the paths.
#[path = "support"]
mod support {
    #![allow(dead_code, unused_imports, reason = "the tests of the server use more of it")]

    pub mod scripted_ollama;
    pub mod scripted_voice;
    pub mod server;
}

/// The tests by command.
#[path = "commands"]
mod commands {
    mod bench;
    #[cfg(unix)]
    mod chat;
    mod command;
    mod doctor;
}
