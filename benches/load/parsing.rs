//! How fast the parser reads what a model writes. It keeps nothing of it.

use std::{hint::black_box, time::Instant};

use parla::{conversation::parser::Parser, domain::Language};

const PROSE: &str = "[happy] Hello there, my friend! [pause:400] Today we talk about the weather, what you like to \
    eat in the morning, and how you travel to work. In Spanish the word for cat is <es>gato</es>, and we say **gata** \
    if it is a female one. [curious] Can you tell me what Mr. Smith does at 9.30 in the evening, when he comes home \
    from the office? ¡Muy bien! [fix: I goed -> I went | past tense of go] Let us go on with the next exercise.\n";
/// Enough that a run takes a tenth of a second.
const REPEATS: usize = 10_000;
const RUNS: usize = 5;

/// Megabytes a second in the median of a few runs, the text arriving in pieces of so many characters.
pub(crate) fn speed(piece_chars: usize) -> f64 {
    let chars: Vec<char> = PROSE.repeat(REPEATS).chars().collect();
    let pieces: Vec<String> =
        chars.chunks(piece_chars).map(|piece| piece.iter().collect()).collect();
    let mut speeds = [(); RUNS].map(|()| run(&pieces));
    speeds.sort_by(f64::total_cmp);
    speeds[RUNS / 2]
}

fn run(pieces: &[String]) -> f64 {
    let began = Instant::now();
    let mut parser = Parser::new(Language::default());
    for piece in pieces {
        black_box(parser.push(piece));
    }
    black_box(parser.finish());
    let bytes: usize = pieces.iter().map(String::len).sum();
    bytes as f64 / 1e6 / began.elapsed().as_secs_f64()
}
