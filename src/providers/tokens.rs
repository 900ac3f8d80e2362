//! How many tokens a text takes, without the model's tokenizer. It never counts too few.

/// An estimate that errs upwards: four Latin letters, two other ASCII signs or letters of an alphabet beyond Latin,
/// or one character of any other script to a token.
#[must_use]
pub fn estimate(text: &str) -> usize {
    text.chars().map(quarters).sum::<usize>().div_ceil(4)
}

/// The same for one character, in quarters of a token.
#[must_use]
pub fn quarters(letter: char) -> usize {
    match letter {
        'a'..='z' | 'A'..='Z' | ' ' => 1,
        '\0'..='\u{7ff}' => 2,
        '\u{800}'..='\u{ffff}' => 4,
        _ => 8,
    }
}
