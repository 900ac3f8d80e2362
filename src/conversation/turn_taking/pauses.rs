//! How long this learner pauses while they speak, learnt as they do. It knows their silences and none of their words.

use std::collections::VecDeque;

use super::settings::usual_silence;
use crate::{domain::Millis, prompts::cues::Outlook};

/// So many pauses are remembered: some minutes of a conversation.
const REMEMBERED: usize = 16;
/// From so many on the learner is known well enough to be answered sooner than others of the level.
const KNOWN: usize = 6;
/// A shorter gap is articulation.
const SHORTEST_MS: Millis = 200;
/// Whoever goes on so soon after the end of their turn had not ended it.
const REGRET_MS: Millis = 1500;

/// The pauses of one learner, in terms of the silence after words that say nothing of what follows.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    newest_last: VecDeque<Millis>,
    /// A pause that counts as soon as words follow it.
    possible: Option<Pause>,
    ended: Option<Ended>,
    /// Hints have cut this learner off.
    distrusts_hints: bool,
}

/// A silence inside a turn.
#[derive(Clone, Copy, Debug)]
struct Pause {
    ms: Millis,
    /// It was taken for the end.
    cut: bool,
    hinted: bool,
}

/// How a turn was held to be over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) at: Millis,
    pub(super) voice_off_at: Millis,
    pub(super) outlook: Outlook,
    pub(super) hinted: bool,
}

impl Pauses {
    /// The silence that ends a turn, from what is usual at the level.
    pub(super) fn end_silence(&self, usual: Millis) -> Millis {
        let own = self.long_pause() * 5 / 4;
        let wished = if self.newest_last.len() < KNOWN { own.max(usual) } else { own };
        wished.clamp(usual * 3 / 5, usual * 5 / 2)
    }

    pub(super) fn trusts_hints(&self) -> bool {
        !self.distrusts_hints
    }

    /// The voice goes on inside a turn that was silent for `ms`.
    pub(super) fn broken(&mut self, ms: Millis, outlook: Outlook) {
        let ms = usual_silence(ms, outlook);
        self.possible = Some(Pause { ms, cut: false, hinted: false });
    }

    /// The turn was held to be over.
    pub(super) fn ended(&mut self, ended: Ended) {
        self.ended = Some(ended);
    }

    /// A voice begins after the end of a turn: perhaps the same turn.
    pub(super) fn begun(&mut self, now: Millis) {
        let ended = self.ended.take().filter(|ended| now <= ended.at + REGRET_MS);
        self.possible = ended.map(|ended| Pause {
            ms: usual_silence(now.saturating_sub(ended.voice_off_at), ended.outlook),
            cut: true,
            hinted: ended.hinted,
        });
    }

    /// Words have come: the pause before them was none of noise.
    pub(super) fn confirm(&mut self) {
        let Some(pause) = self.possible.take() else { return };
        self.distrusts_hints |= pause.hinted;
        if pause.hinted || pause.ms < SHORTEST_MS {
            return;
        }
        // Twice makes it the second longest of all, which is what counts.
        for _ in 0..if pause.cut { 2 } else { 1 } {
            self.newest_last.push_back(pause.ms);
        }
        while self.newest_last.len() > REMEMBERED {
            self.newest_last.pop_front();
        }
    }

    /// Nine of ten pauses are not longer: the longest of all may have been a telephone.
    fn long_pause(&self) -> Millis {
        let mut sorted: Vec<_> = self.newest_last.iter().copied().collect();
        sorted.sort_unstable();
        let place = (sorted.len() * 9).div_ceil(10).saturating_sub(1);
        sorted.get(place).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::settings::end_silence, *};

    fn after(pauses: &[Millis]) -> Pauses {
        let mut learnt = Pauses::default();
        for ms in pauses {
            learnt.broken(*ms, Outlook::Unknown);
            learnt.confirm();
        }
        learnt
    }

    #[test]
    fn who_pauses_shortly_is_answered_sooner_once_they_are_known() {
        assert_eq!(after(&[500; 5]).end_silence(900), 900);
        assert_eq!(after(&[500; 6]).end_silence(900), 625);
    }

    #[test]
    fn whatever_is_learnt_stays_near_what_is_usual() {
        assert_eq!(after(&[210; 20]).end_silence(900), 540);
        assert_eq!(after(&[60_000; 20]).end_silence(900), 2250);
    }

    #[test]
    fn one_long_absence_teaches_nothing() {
        let mut pauses = vec![600; 15];
        pauses.push(4000);
        assert_eq!(after(&pauses).end_silence(900), 750);
    }

    #[test]
    fn old_pauses_are_forgotten() {
        assert_eq!(after(&[[1600; 16], [600; 16]].concat()).end_silence(900), 750);
    }

    #[test]
    fn a_turn_cut_too_early_widens_the_silence_at_once_at_any_outlook() {
        for (outlook, pause) in
            [(Outlook::Unknown, 1000), (Outlook::Complete, 600), (Outlook::Open, 2000)]
        {
            let mut learnt = after(&[400; 16]);
            let silence = |learnt: &Pauses| end_silence(learnt.end_silence(900), outlook, false);
            assert!(silence(&learnt) < pause);
            let at = silence(&learnt);
            learnt.ended(Ended { at, voice_off_at: 0, outlook, hinted: false });
            learnt.begun(pause);
            learnt.confirm();
            assert!(silence(&learnt) > pause, "{outlook:?}");
        }
    }

    #[test]
    fn a_later_turn_and_a_noise_are_no_regret() {
        let mut learnt = Pauses::default();
        let ended = Ended { at: 900, voice_off_at: 0, outlook: Outlook::Unknown, hinted: false };
        learnt.ended(ended);
        learnt.begun(900 + REGRET_MS + 1);
        learnt.confirm();
        learnt.ended(ended);
        learnt.begun(1200);
        assert_eq!(learnt.end_silence(900), 900);
    }

    #[test]
    fn hints_that_cut_the_learner_off_are_not_trusted_any_more() {
        let mut learnt = Pauses::default();
        let outlook = Outlook::Unknown;
        learnt.ended(Ended { at: 300, voice_off_at: 0, outlook, hinted: true });
        learnt.begun(600);
        assert!(learnt.trusts_hints());
        learnt.confirm();
        assert!(!learnt.trusts_hints());
        assert_eq!(learnt.end_silence(900), 900);
    }
}
