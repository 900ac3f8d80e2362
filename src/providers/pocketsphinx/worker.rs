//! The PocketSphinx worker: what it does with a job. It keeps nothing of an utterance.

use std::io;

use super::{
    grammar::{self, Grammar, PHONEMES},
    library::{Ending, Library, Search},
    wire::{Answer, Catalogue, Hypothesis, Job},
};
use crate::providers::workers::{Frame, shift};

/// The argument that makes parla run as a worker.
pub const COMMAND: &str = "pocketsphinx-worker";

/// How much better any other sounds may fit before an expected phrase is not believed, in the library's logarithms for a
/// hundredth of a second. With it 19 of 20 phrases of lessons are understood, and of 20 others one is taken for one.
const DOUBT: f64 = -2.0;
/// How alike a doubted phrase and what the general model has heard must be for the phrase to be believed all the same,
/// as a share of their letters.
const LIKENESS: f64 = 0.65;

/// Serves jobs until there are no more.
///
/// # Errors
/// When parla at the other end is gone or does not keep to the protocol.
pub fn run() -> io::Result<()> {
    let open = || {
        let mut library = Library::open()?;
        for phoneme in PHONEMES {
            library.learn(&grammar::sound(phoneme), phoneme)?;
        }
        library.set_grammar(Search::Anything, &grammar::anything())?;
        let catalogue = Catalogue { model: library.model().to_owned() };
        Ok((library, catalogue))
    };
    shift::work(open, |library, Frame { head: job, body }: Frame<Job>| {
        let answer = perform(library, &job, &samples(&body));
        let refused = |error: io::Error| Answer::Refused { reason: error.to_string() };
        (answer.map_or_else(refused, Answer::Heard), Vec::new())
    })
}

fn perform(library: &mut Library, job: &Job, sound: &[i16]) -> io::Result<Hypothesis> {
    let expected = Grammar::new(&job.expected, |word| library.knows(word));
    if !expected.is_empty() {
        library.set_grammar(Search::Expected, &expected.jsgf())?;
        if job.is_glance {
            return Ok(library.hear(Search::Expected, sound, Ending::Open)?.hypothesis);
        }
    }
    if job.is_glance {
        return Ok(Hypothesis::default());
    }
    let phrase = expected_phrase(library, &expected, sound)?;
    if let Some(Phrase { advantage, hypothesis }) = &phrase
        && *advantage >= DOUBT
    {
        return Ok(hypothesis.clone());
    }
    let free = library.hear(Search::Free, sound, Ending::Whole)?.hypothesis;
    let meant = phrase.map(|phrase| phrase.hypothesis).filter(|phrase| is_like(phrase, &free));
    Ok(meant.unwrap_or(free))
}

/// An expected phrase, and how much better it fits than any sounds at all.
struct Phrase {
    advantage: f64,
    hypothesis: Hypothesis,
}

/// The phrase of those expected that fits best, if any does.
fn expected_phrase(
    library: &mut Library,
    expected: &Grammar,
    sound: &[i16],
) -> io::Result<Option<Phrase>> {
    if expected.is_empty() {
        return Ok(None);
    }
    let heard = library.hear(Search::Expected, sound, Ending::Whole)?;
    let Some(text) = expected.phrase(&heard.hypothesis.text) else { return Ok(None) };
    let anything = library.hear(Search::Anything, sound, Ending::Whole)?;
    let advantage = heard.score_per_frame - anything.score_per_frame;
    let confidence = 1.0 / (1.0 + (DOUBT - advantage).exp());
    let hypothesis = Hypothesis { text: text.to_owned(), confidence, ..heard.hypothesis };
    Ok(Some(Phrase { advantage, hypothesis }))
}

/// Whether the general model, which expects nothing, has heard nearly the same words.
fn is_like(phrase: &Hypothesis, free: &Hypothesis) -> bool {
    let plain = |text: &str| {
        let letters = text.chars().filter(|letter| letter.is_alphanumeric() || *letter == ' ');
        letters.collect::<String>().to_lowercase()
    };
    strsim::normalized_levenshtein(&plain(&phrase.text), &plain(&free.text)) >= LIKENESS
}

fn samples(pcm: &[u8]) -> Vec<i16> {
    pcm.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}
