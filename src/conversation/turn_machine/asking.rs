//! Who may start when: a message begins a turn, interrupts one, waits, or is refused.

use crate::domain::{Event, Failure, Millis, TurnId};

use super::{Ask, Effect, QUEUE_LIMIT, TurnMachine, Waiting, turn::Turn};

impl TurnMachine {
    /// A learner's new message interrupts the answers to the same learner; while another's is made it waits. What came
    /// of a call interrupts nothing: the words before the call are to be heard.
    pub(super) fn ask(&mut self, now: Millis, ask: Ask, out: &mut Vec<Effect>) {
        self.silence(now, |turn| turn.asker() == &ask.user && !ask.goes_on(), out);
        let must_wait = self.making().is_some() || !self.waiting.is_empty();
        if must_wait && self.waiting.len() >= QUEUE_LIMIT {
            return out.push(Effect::Refuse { turn: ask.turn, failure: busy() });
        }
        out.push(Effect::Store(ask.clone()));
        let waiting = Waiting { ask, stored: false, since: now };
        if must_wait {
            self.waiting.push_back(waiting);
        } else {
            self.begin(waiting, out);
        }
    }

    /// Asks the model at once: the message is being stored meanwhile, and nothing is told before it is.
    pub(super) fn begin(&mut self, next: Waiting, out: &mut Vec<Effect>) {
        let Waiting { ask, stored, since } = next;
        let mut turn = Turn::new(ask.clone(), since, stored);
        turn.publish(Event::TurnBegan { turn: ask.turn.clone() }, out);
        self.turns.push_back(turn);
        out.push(Effect::AskModel(ask));
    }

    pub(super) fn stored(&mut self, id: &TurnId, out: &mut Vec<Effect>) {
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.ask.turn == *id) {
            waiting.stored = true;
            out.extend(waiting.ask.message.clone().map(Event::Message).map(Effect::Publish));
        } else if let Some(turn) = self.find(id) {
            turn.stored(out);
        }
    }

    pub(super) fn not_stored(&mut self, now: Millis, id: &TurnId, out: &mut Vec<Effect>) {
        self.waiting.retain(|waiting| waiting.ask.turn != *id);
        if self.find(id).is_some_and(|turn| !turn.is_stored()) {
            self.turns.retain(|turn| turn.id() != id);
            out.push(Effect::DropModel { turn: id.clone() });
            out.push(Effect::Silence { turn: id.clone() });
        }
        out.push(Effect::Refuse { turn: id.clone(), failure: storage_unavailable() });
        self.settle(now, out);
    }

    /// Stops that turn in whichever phase it is. What is over already stays as it is.
    pub(super) fn stop(&mut self, now: Millis, id: &TurnId, out: &mut Vec<Effect>) {
        if let Some(place) = self.waiting.iter().position(|waiting| waiting.ask.turn == *id) {
            let waiting = self.waiting.remove(place);
            self.stop_waiting(now, waiting, out);
        } else if let Some(turn) = self.find(id) {
            turn.stop(now, out);
        }
    }

    /// A turn that has not begun ends like any other: told and recorded, once its message is on disk.
    fn stop_waiting(&mut self, now: Millis, waiting: Option<Waiting>, out: &mut Vec<Effect>) {
        let Some(Waiting { ask, stored, since }) = waiting else { return };
        let mut turn = Turn::new(ask, since, stored);
        turn.stop(now, out);
        self.turns.push_back(turn);
    }

    /// Stops what is being made, else what is being played.
    pub(super) fn stop_present(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let present = self.making().cloned().or_else(|| self.turns.front().map(|t| t.id().clone()));
        if let Some(id) = present {
            self.stop(now, &id, out);
        }
    }

    /// Ends those of the live turns, oldest first.
    pub(super) fn silence(
        &mut self,
        now: Millis,
        which: impl Fn(&Turn) -> bool,
        out: &mut Vec<Effect>,
    ) {
        for turn in self.turns.iter_mut().filter(|turn| which(turn)) {
            turn.stop(now, out);
        }
    }

    /// Nobody is there: the present turn ends, and whoever waited is not answered into the void.
    pub(super) fn abandon(&mut self, now: Millis, out: &mut Vec<Effect>) {
        self.silence(now, |_| true, out);
        while let Some(waiting) = self.waiting.pop_front() {
            self.stop_waiting(now, Some(waiting), out);
        }
    }
}

fn busy() -> Failure {
    Failure {
        code: "busy",
        message: "too many messages are waiting in this conversation".to_owned(),
        retryable: true,
    }
}

fn storage_unavailable() -> Failure {
    Failure {
        code: "storage_unavailable",
        message: "the message could not be saved and was not sent".to_owned(),
        retryable: true,
    }
}
