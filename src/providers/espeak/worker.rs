//! The worker process: jobs come in by stdin, sound goes out by stdout. It prints nothing and ends when stdin does.

use std::io::{self, Read, Write};

use super::{
    library::Library,
    wire::{self, Answer, Frame, Greeting, Job, SpanSound},
};

/// The argument that makes parla run as a worker.
pub const COMMAND: &str = "espeak-worker";

/// Serves jobs until there are no more.
///
/// # Errors
/// When parla at the other end is gone or does not keep to the protocol.
pub fn run() -> io::Result<()> {
    serve(&mut io::stdin().lock(), &mut io::stdout().lock())
}

fn serve(input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let mut library = match Library::open() {
        Ok(library) => library,
        Err(error) => {
            return wire::write(output, &Greeting::Missing { reason: error.to_string() }, &[]);
        }
    };
    wire::write(output, &Greeting::Ready(library.catalogue()), &[])?;
    while let Some(Frame { head: job, .. }) = wire::read::<Job>(input)? {
        match perform(&mut library, &job) {
            Ok((answer, pcm)) => wire::write(output, &answer, &pcm)?,
            Err(error) => {
                wire::write(output, &Answer::Refused { reason: error.to_string() }, &[])?;
            }
        }
    }
    Ok(())
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
