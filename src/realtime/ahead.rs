//! When a carrier that plays gets its sounds: a few seconds before they are due, for a turn of minutes is megabytes.

use super::{Effect, Protocol};
use crate::domain::Millis;

/// How much of what is being played is left when the next sound is fetched, in milliseconds: far longer than it takes.
const AHEAD: Millis = 4000;

impl Protocol {
    /// When the next sound is to be fetched, if one waits.
    pub(super) fn fetch_at(&self) -> Option<Millis> {
        let waits = self.responses.iter().any(|response| response.sounds.may_fetch());
        waits.then(|| self.heard_at().saturating_sub(AHEAD))
    }

    /// Fetches what is due.
    pub(super) fn fetch_ahead(&mut self) {
        if self.fetch_at().is_none_or(|at| at > self.idle.now()) {
            return;
        }
        for response in &mut self.responses {
            let format = response.terms.format;
            if let (Some(turn), Some((chunk, file))) = (&response.turn, response.sounds.fetch()) {
                self.effects.push(Effect::Fetch { turn: turn.clone(), chunk, file, format });
            }
        }
    }
}
