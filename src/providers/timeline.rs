//! Where the places of sound that was cut lie in the sound it was cut from. It knows lengths, not sound.

use crate::domain::Transcript;

/// Cuts that are remembered; words older than these are placed by the oldest one.
const CUTS: usize = 64;

/// The cuts of one stream of sound, in order; all in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    cuts: Vec<Cut>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    /// In the sound that was cut.
    at_ms: u64,
    /// All that is missing before this place.
    missing_ms: u64,
}

impl Timeline {
    /// At this place of the cut sound so much is missing; what lies behind it moves forward.
    pub fn cut(&mut self, at_ms: u64, missing_ms: u64) {
        let place = self.cuts.partition_point(|cut| cut.at_ms <= at_ms);
        let before = place.checked_sub(1).map_or(0, |place| self.cuts[place].missing_ms);
        for cut in &mut self.cuts[place..] {
            cut.at_ms = cut.at_ms.saturating_sub(missing_ms).max(at_ms);
            cut.missing_ms += missing_ms;
        }
        self.cuts.insert(place, Cut { at_ms, missing_ms: before + missing_ms });
        self.cuts.dedup_by(|later, cut| {
            later.at_ms == cut.at_ms && {
                *cut = *later;
                true
            }
        });
        if self.cuts.len() > CUTS {
            self.cuts.remove(0);
        }
    }

    /// Where a place of the cut sound lies in the whole.
    #[must_use]
    pub fn whole(&self, at_ms: u64) -> u64 {
        let cut = self.cuts.iter().rev().find(|cut| cut.at_ms <= at_ms);
        at_ms + cut.map_or(0, |cut| cut.missing_ms)
    }

    /// The same words, placed in the whole. One that ends at a cut ends before what is missing.
    #[must_use]
    pub fn placed(&self, mut transcript: Transcript) -> Transcript {
        for word in &mut transcript.words {
            word.start_ms = self.whole(word.start_ms);
            word.end_ms = self.whole(word.end_ms.saturating_sub(1)).saturating_add(1);
            word.end_ms = word.end_ms.max(word.start_ms);
        }
        transcript
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::HeardWord;

    #[test]
    fn a_place_moves_by_what_is_missing_before_it() {
        let mut timeline = Timeline::default();
        timeline.cut(0, 500);
        timeline.cut(1_000, 2_000);
        timeline.cut(1_000, 30);
        let places = [0, 999, 1_000, 1_500].map(|place| timeline.whole(place));
        assert_eq!(places, [500, 1_499, 3_530, 4_030]);
    }

    #[test]
    fn a_word_that_ends_where_something_is_missing_does_not_reach_over_it() {
        let mut timeline = Timeline::default();
        timeline.cut(1_000, 2_000);
        let word =
            HeardWord { text: "sì".to_owned(), start_ms: 800, end_ms: 1_000, confidence: None };
        let placed = timeline.placed(Transcript { words: vec![word], ..Transcript::default() });
        assert_eq!((placed.words[0].start_ms, placed.words[0].end_ms), (800, 1_000));
    }

    #[test]
    fn many_cuts_take_no_more_room_and_place_what_is_new() {
        let mut timeline = Timeline::default();
        for cut in 0..1_000 {
            timeline.cut(cut * 10, 1);
        }
        assert_eq!((timeline.cuts.len(), timeline.whole(9_995)), (CUTS, 10_995));
    }
}
