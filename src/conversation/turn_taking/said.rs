//! What was said in a turn, put together from segments that come late, twice and out of order. It judges no words.

use std::collections::{BTreeMap, BTreeSet};

use crate::prompts::words::is_unspaced;

/// So many segments are known by number to be over; lower numbers are over, too.
const REMEMBERED: usize = 64;

/// The segments of the turn, and which ones are over.
#[derive(Debug, Default)]
pub(super) struct Said {
    segments: BTreeMap<u64, Segment>,
    /// Segments that were told in an earlier turn or dropped.
    spent: BTreeSet<u64>,
}

#[derive(Debug)]
struct Segment {
    text: String,
    is_final: bool,
}

impl Said {
    /// Words that may still change; `false` when they come too late to matter.
    pub(super) fn partial(&mut self, segment: u64, text: String) -> bool {
        let newest = self.segments.keys().chain(&self.spent).max();
        let is_old = newest.is_some_and(|newest| segment < *newest);
        let accepted = !is_old && !self.is_over(segment);
        if accepted {
            self.segments.insert(segment, Segment { text, is_final: false });
        }
        accepted
    }

    /// Words that stay; `false` when that has been said of this segment before.
    pub(super) fn finish(&mut self, segment: u64, text: String) -> bool {
        let accepted = !self.is_over(segment);
        if accepted && says_nothing(&text) {
            self.segments.remove(&segment);
            self.spend([segment]);
        } else if accepted {
            self.segments.insert(segment, Segment { text, is_final: true });
        }
        accepted
    }

    pub(super) fn is_empty(&self) -> bool {
        self.segments.values().all(|segment| says_nothing(&segment.text))
    }

    /// None of the words can change any more.
    pub(super) fn is_settled(&self) -> bool {
        self.segments.values().all(|segment| segment.is_final)
    }

    /// The words of each segment, in order.
    pub(super) fn parts(&self) -> impl Iterator<Item = &str> {
        self.segments.values().map(|segment| segment.text.trim())
    }

    /// Everything so far.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for part in self.parts() {
            let edge = (text.chars().next_back(), part.chars().next());
            if matches!(edge, (Some(a), Some(b)) if !(is_unspaced(a) && is_unspaced(b))) {
                text.push(' ');
            }
            text.push_str(part);
        }
        text
    }

    /// Gives the text away: what comes of its segments later was told already.
    pub(super) fn take(&mut self) -> String {
        let text = self.text();
        let told = std::mem::take(&mut self.segments);
        self.spend(told.into_keys());
        text
    }

    /// Forgets the text; a segment that is not final yet may still turn out to matter.
    pub(super) fn drop_words(&mut self) {
        let dropped = std::mem::take(&mut self.segments);
        let over = dropped.into_iter().filter(|(_, segment)| segment.is_final);
        self.spend(over.map(|(number, _)| number));
    }

    fn is_over(&self, segment: u64) -> bool {
        let is_forgotten = self.spent.len() >= REMEMBERED
            && self.spent.first().is_some_and(|oldest| segment < *oldest);
        let is_final = self.segments.get(&segment).is_some_and(|known| known.is_final);
        is_forgotten || is_final || self.spent.contains(&segment)
    }

    fn spend(&mut self, segments: impl IntoIterator<Item = u64>) {
        self.spent.extend(segments);
        while self.spent.len() > REMEMBERED {
            self.spent.pop_first();
        }
    }
}

/// Some engines hear three dots in a noise.
fn says_nothing(text: &str) -> bool {
    !text.contains(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_revised_until_it_is_final_and_final_once() {
        let mut said = Said::default();
        assert!(said.partial(0, "I am".into()));
        assert!(said.partial(0, "I'm from".into()));
        assert!(said.finish(0, "I'm from Lima".into()));
        assert!(!said.finish(0, "again".into()) && !said.partial(0, "late".into()));
        assert_eq!(said.text(), "I'm from Lima");
    }

    #[test]
    fn segments_stand_in_their_order_and_an_old_partial_is_dropped() {
        let mut said = Said::default();
        assert!(said.finish(2, "third".into()));
        assert!(said.finish(1, " second ".into()));
        assert!(!said.partial(0, "first".into()));
        assert_eq!(said.take(), "second third");
        assert!(!said.finish(2, "third".into()) && !said.partial(1, "second".into()));
        assert!(said.is_empty());
    }

    #[test]
    fn scripts_without_spaces_are_joined_without() {
        let mut said = Said::default();
        said.finish(0, "今日は".into());
        said.finish(1, "天気が".into());
        said.finish(2, "good".into());
        assert_eq!(said.text(), "今日は天気が good");
    }

    #[test]
    fn words_that_were_dropped_before_they_were_final_may_come_back() {
        let mut said = Said::default();
        said.partial(0, "mhm".into());
        said.drop_words();
        assert!(said.finish(0, "mhm, wait".into()));
        said.drop_words();
        assert!(!said.finish(0, "mhm, wait".into()));
    }

    #[test]
    fn however_long_the_conversation_the_memory_of_segments_is_bounded() {
        let mut said = Said::default();
        for segment in 0..1000 {
            said.finish(segment, "word".into());
            said.take();
        }
        assert_eq!(said.spent.len(), REMEMBERED);
        assert!(!said.finish(3, "word".into()) && said.finish(1000, "word".into()));
    }
}
