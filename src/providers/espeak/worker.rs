//! The eSpeak NG worker: what it does with a job. It keeps nothing between two of them.

use std::io;

use super::{
    library::Library,
    wire::{Answer, Job, SpanSound},
};
use crate::providers::workers::{Frame, shift};

/// The argument that makes parla run as a worker.
pub const COMMAND: &str = "espeak-worker";

/// Serves jobs until there are no more.
///
/// # Errors
/// When parla at the other end is gone or does not keep to the protocol.
pub fn run() -> io::Result<()> {
    let open = || {
        let mut library = Library::open()?;
        let catalogue = library.catalogue();
        Ok((library, catalogue))
    };
    shift::work(open, |library, Frame { head: job, .. }| {
        let refused = |error: io::Error| (Answer::Refused { reason: error.to_string() }, vec![]);
        perform(library, &job).unwrap_or_else(refused)
    })
}

/// Speaks the spans one by one and joins their sound.
fn perform(library: &mut Library, job: &Job) -> io::Result<(Answer, Vec<u8>)> {
    let mut pcm = Vec::new();
    let mut spans = Vec::with_capacity(job.spans.len());
    for span in &job.spans {
        let sound = library.speak(&span.voice, job.prosody, &span.text)?;
        spans.push(SpanSound { bytes: sound.pcm.len(), marks: sound.marks });
        pcm.extend(sound.pcm);
    }
    Ok((Answer::Spoken { sample_rate: library.sample_rate(), spans }, pcm))
}
