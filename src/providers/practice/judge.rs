//! What a learner's message means at a step of a lesson. It judges; it does not answer.

use crate::prompts::{
    lesson::{Mistake, Step, best_of},
    pattern::{Found, Heard, Pattern},
    wording::Wording,
};

/// The one reading of a message.
pub(super) enum Verdict<'a> {
    Right {
        pattern: &'a Pattern,
        found: Found,
    },
    Wrong {
        mistake: &'a Mistake,
        found: Found,
    },
    /// One of the step's keywords: right, without a word of the learner's own.
    Enough,
    /// The learner asks what a word means.
    Meaning(String),
    Repeat,
    Help,
    Missed,
}

/// The reading that explains most of the message wins. A step whose answer is any word at all (a name) comes after
/// what the learner can always say.
pub(super) fn judge<'a>(step: &'a Step, heard: &Heard<'_>, wording: &Wording) -> Verdict<'a> {
    let answer = step.answer(heard, wording);
    let score = answer.as_ref().map_or(0, |(_, found)| found.score);
    let mistake = worst_mistake(step, heard, wording);
    let mistaken = mistake.as_ref().map_or(0, |(_, found)| found.score);
    if let Some((word, meaning_score)) = asked_word(heard, wording)
        && meaning_score > score.max(mistaken)
    {
        return Verdict::Meaning(word);
    }
    if let Some((mistake, found)) = mistake
        && found.score >= score
    {
        return Verdict::Wrong { mistake, found };
    }
    let is_heard = |patterns: &[Pattern]| best_of(patterns, heard, wording).is_some();
    match answer {
        Some((pattern, found)) if score > 0 => Verdict::Right { pattern, found },
        _ if is_heard(&step.keywords) => Verdict::Enough,
        _ if is_heard(&wording.listen.repeat) => Verdict::Repeat,
        _ if is_heard(&wording.listen.help) => Verdict::Help,
        Some((pattern, found)) => Verdict::Right { pattern, found },
        None => Verdict::Missed,
    }
}

/// The word that the learner asks about, and how sure that is.
pub(super) fn asked_word(heard: &Heard<'_>, wording: &Wording) -> Option<(String, i32)> {
    // Here every word may be the one asked about, also those that belong to no name.
    let found = wording.listen.meaning.iter().filter_map(|pattern| pattern.find(heard, &[]));
    let found = found.reduce(|best, other| if other.score > best.score { other } else { best })?;
    Some((found.slots.into_values().next()?, found.score))
}

fn worst_mistake<'a>(
    step: &'a Step,
    heard: &Heard<'_>,
    wording: &Wording,
) -> Option<(&'a Mistake, Found)> {
    let found = step.mistakes.iter().filter_map(|mistake| {
        let (_, found) = best_of(&mistake.says, heard, wording)?;
        (found.score > 0 && !found.incomplete).then_some((mistake, found))
    });
    found.reduce(|best, other| if other.1.score > best.1.score { other } else { best })
}
