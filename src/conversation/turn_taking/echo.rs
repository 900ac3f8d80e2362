//! Whether words are the tutor's own, come back from the loudspeaker. It compares loosely and decides nothing.

use std::collections::VecDeque;

use crate::prompts::words::{ShortForms, split};

/// Recognition lags behind the sound: what is heard may be of the chunk before.
const REMEMBERED: usize = 2;
/// Of ten words heard, so many have to be the tutor's, in their order: recognition mishears a loudspeaker.
const OF_TEN: usize = 7;
/// Fewer words may be the tutor's by chance.
const SURE_WORDS: usize = 3;

/// What the tutor has said just now, as words.
#[derive(Debug, Default)]
pub(super) struct Echo {
    chunks: VecDeque<Vec<String>>,
}

/// How much words are like the tutor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    None,
    /// The same, and too few to tell.
    Brief,
    Sure,
}

impl Echo {
    pub(super) fn tutor_says(&mut self, text: &str) {
        if self.chunks.len() == REMEMBERED {
            self.chunks.pop_front();
        }
        self.chunks.push_back(folded(text));
    }

    pub(super) fn likeness(&self, text: &str) -> Likeness {
        let heard = folded(text);
        let said: Vec<&String> = self.chunks.iter().flatten().collect();
        if heard.is_empty() || in_order(&heard, &said) * 10 < heard.len() * OF_TEN {
            Likeness::None
        } else if heard.len() < SURE_WORDS {
            Likeness::Brief
        } else {
            Likeness::Sure
        }
    }
}

fn folded(text: &str) -> Vec<String> {
    split(text, &ShortForms::new()).into_iter().map(|word| word.folded).collect()
}

/// How many words of the one stand in the other in the same order: the longest common subsequence.
fn in_order(heard: &[String], said: &[&String]) -> usize {
    let mut row = vec![0; said.len() + 1];
    for word in heard {
        let mut diagonal = 0;
        for (place, other) in said.iter().enumerate() {
            let above = row[place + 1];
            row[place + 1] = if word == *other { diagonal + 1 } else { above.max(row[place]) };
            diagonal = above;
        }
    }
    row[said.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(text: &str) -> Likeness {
        let mut echo = Echo::default();
        for chunk in ["Forgotten.", "¡Qué bien, Ana!", "¿Y dónde vives en Lima?"] {
            echo.tutor_says(chunk);
        }
        echo.likeness(text)
    }

    #[test]
    fn most_of_the_tutors_words_in_their_order_are_an_echo() {
        for text in ["bien ana y donde", "dónde vives en lima", "donde vive en Lima"] {
            assert_eq!(likeness(text), Likeness::Sure, "{text}");
        }
        assert_eq!(likeness("Lima"), Likeness::Brief);
    }

    #[test]
    fn other_words_another_order_and_an_answer_are_none() {
        for text in ["vivo en Lima", "Lima en vives dónde", "espera un momento", "forgotten", ""] {
            assert_eq!(likeness(text), Likeness::None, "{text}");
        }
    }

    #[test]
    fn scripts_without_spaces_are_compared_by_character() {
        let mut echo = Echo::default();
        echo.tutor_says("你好，你叫什么名字？");
        assert_eq!(echo.likeness("你叫什么"), Likeness::Sure);
        assert_eq!(echo.likeness("我叫安娜"), Likeness::None);
    }
}
