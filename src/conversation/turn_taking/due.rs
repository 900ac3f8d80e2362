//! What falls due by itself, when, and what it does. Each step removes its own cause, so that none is due twice.

use super::{
    Decision, Standing, Turn, TurnTaking, Utterance, echo::Likeness, pauses::Ended,
    settings::end_silence,
};
use crate::domain::{MicrophoneMode, Millis};

/// Earlier than any other time.
const AT_ONCE: Millis = 0;

/// The next thing to do, if nothing happens before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) at: Millis,
    pub(super) step: Step,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The end of the voice, or the button's release, was never told.
    LoseVoice,
    /// The tutor's sound is over, or nobody suspects any more.
    LetGo,
    Suspect,
    Interrupt,
    /// It was a noise, company or an echo.
    Withdraw,
    EndTurn,
    /// Nothing was said.
    GiveUp,
}

impl Step {
    fn at(self, at: Millis) -> Option<Due> {
        Some(Due { at, step: self })
    }
}

impl TurnTaking {
    /// Of things that are due at the same time, the tutor's come before the learner's.
    pub(super) fn next_due(&self) -> Option<Due> {
        let dues = [self.voice_due(), self.tutor_due(), self.end_due()];
        dues.into_iter().flatten().min_by_key(|due| due.at)
    }

    pub(super) fn carry_out(&mut self, now: Millis, step: Step, out: &mut Vec<Decision>) {
        match step {
            Step::LoseVoice if self.pressed => self.release(now),
            Step::LoseVoice => self.end_voice(now),
            Step::LetGo => self.let_go(out),
            Step::Suspect => {
                self.tutor.held_since = Some(now);
                out.push(Decision::PauseTutor);
            }
            Step::Interrupt => {
                (self.tutor.sounds_since, self.tutor.held_since) = (None, None);
                out.push(Decision::InterruptTutor);
            }
            Step::Withdraw => self.withdraw(now, out),
            Step::EndTurn => out.push(Decision::EndOfTurn(self.end_turn(now))),
            Step::GiveUp => {
                let was_committed = self.turn.committed_at.is_some();
                self.turn = self.next_turn();
                if was_committed {
                    out.push(Decision::NothingSaid { was_committed });
                }
            }
        }
    }

    fn voice_due(&self) -> Option<Due> {
        if !self.voice.is_on && !self.pressed {
            return None;
        }
        Step::LoseVoice.at(self.voice.alive_at + self.settings.longest_voice_ms)
    }

    /// Over the tutor's sound: suspicion, then confirmation by words or insistence, or a false alarm.
    fn tutor_due(&self) -> Option<Due> {
        let suspects = self.settings.mode == MicrophoneMode::HandsFree;
        let sounds_since = self.tutor.sounds_since;
        match self.settings.mode {
            _ if self.tutor.held_since.is_some() && (!suspects || sounds_since.is_none()) => {
                Step::LetGo.at(AT_ONCE)
            }
            MicrophoneMode::Manual => None,
            MicrophoneMode::PushToTalk => {
                sounds_since.filter(|_| self.pressed).and(Step::Interrupt.at(AT_ONCE))
            }
            MicrophoneMode::HandsFree => match sounds_since {
                Some(since) => self.suspicion_due(since),
                None => Step::Withdraw.at(AT_ONCE).filter(|_| self.is_sure_echo()),
            },
        }
    }

    fn suspicion_due(&self, sounds_since: Millis) -> Option<Due> {
        if self.has_something_to_say() {
            return Step::Interrupt.at(AT_ONCE);
        }
        if self.is_sure_echo() {
            return Step::Withdraw.at(AT_ONCE);
        }
        let quiet_at = self.voice.since + self.settings.false_alarm_ms;
        let audible_at = self.voice.since.max(sounds_since + self.settings.guard_ms);
        let Some(held_since) = self.tutor.held_since else {
            return if self.voice.is_on {
                let is_cleared = self.voice.standing == Standing::Cleared;
                let may_be_meant = !is_cleared && !self.tutor.is_heard_back;
                Step::Suspect.at(audible_at).filter(|_| may_be_meant)
            } else {
                Step::Withdraw.at(quiet_at).filter(|_| self.is_open())
            };
        };
        let tired_at = held_since + self.settings.longest_suspicion_ms();
        let insists_at = audible_at + self.settings.insistent_ms;
        if !self.voice.is_on {
            Step::Withdraw.at(quiet_at.min(tired_at))
        } else if self.said.is_empty() && insists_at <= tired_at {
            Step::Interrupt.at(insists_at)
        } else {
            Step::Withdraw.at(insists_at.min(tired_at))
        }
    }

    fn end_due(&self) -> Option<Due> {
        let committed_at = self.turn.committed_at;
        let finished_at = match self.settings.mode {
            MicrophoneMode::HandsFree => match committed_at {
                None if self.voice.is_on || self.tutor.sounds_since.is_some() => return None,
                None => return self.silence_due(),
                Some(at) => at,
            },
            MicrophoneMode::PushToTalk if self.pressed => return None,
            MicrophoneMode::PushToTalk => committed_at.unwrap_or(self.voice.since),
            MicrophoneMode::Manual => committed_at?,
        };
        let is_complete = self.said.is_settled() && !self.turn.awaits_words;
        let at = if is_complete { AT_ONCE } else { finished_at + self.settings.late_words_ms };
        if !self.said.is_empty() {
            Step::EndTurn.at(at)
        } else {
            Step::GiveUp.at(at).filter(|_| self.turn.awaits_words || committed_at.is_some())
        }
    }

    /// Nobody has said that the turn is over: silence does.
    fn silence_due(&self) -> Option<Due> {
        let words_due = self.voice.since + self.settings.late_words_ms;
        if self.said.is_empty() {
            return Step::GiveUp.at(words_due).filter(|_| self.turn.awaits_words);
        }
        let silent_enough_at = self.voice.since + self.end_silence();
        let is_complete = self.said.is_settled() && !self.turn.awaits_words;
        let at = if is_complete { silent_enough_at } else { silent_enough_at.max(words_due) };
        Step::EndTurn.at(at)
    }

    fn end_silence(&self) -> Millis {
        let usual = self.pauses.end_silence(self.settings.end_silence_ms);
        end_silence(usual, self.outlook(), self.is_hinted())
    }

    fn is_hinted(&self) -> bool {
        self.turn.hinted && self.pauses.trusts_hints()
    }

    /// Words other than the tutor's own and those that only keep company, or any that are meant to be a turn.
    fn has_something_to_say(&self) -> bool {
        let is_meant = self.turn.committed_at.is_some() && !self.said.is_empty();
        is_meant || self.said.parts().any(|part| self.takes_turn(part))
    }

    fn takes_turn(&self, part: &str) -> bool {
        !self.settings.cues.keeps_company(part) && self.tutor.echo.likeness(part) == Likeness::None
    }

    fn is_sure_echo(&self) -> bool {
        let is_apart = self.voice.standing == Standing::Apart;
        (self.tutor.sounds_since.is_some() || !is_apart)
            && !self.has_something_to_say()
            && self.said.parts().any(|part| self.tutor.echo.likeness(part) == Likeness::Sure)
    }

    fn let_go(&mut self, out: &mut Vec<Decision>) {
        if self.tutor.held_since.take().is_some() {
            out.push(Decision::ResumeTutor);
        }
    }

    fn withdraw(&mut self, now: Millis, out: &mut Vec<Decision>) {
        self.tutor.is_heard_back |= self.is_sure_echo();
        if self.tutor.held_since.is_some() {
            // The sound begins anew, and so does its guard time.
            self.tutor.sounds_since = Some(now);
        }
        self.let_go(out);
        self.said.drop_words();
        self.voice.standing = Standing::Cleared;
        // The words of this voice may still come, and are no better late.
        self.turn = Turn { has_voice: self.turn.has_voice, ..Turn::default() };
    }

    fn end_turn(&mut self, now: Millis) -> Utterance {
        let voice_off_at = if self.voice.is_on { now } else { self.voice.since };
        if self.turn.committed_at.is_none() {
            self.pauses.ended(Ended {
                at: now,
                voice_off_at,
                outlook: self.outlook(),
                hinted: self.is_hinted(),
            });
        }
        let since = self.turn.since.unwrap_or(voice_off_at).min(voice_off_at);
        self.turn = self.next_turn();
        Utterance { text: self.said.take(), since, voice_off_at }
    }

    /// A voice that goes on belongs to what comes.
    pub(super) fn next_turn(&self) -> Turn {
        Turn { has_voice: self.voice.is_on, ..Turn::default() }
    }
}
