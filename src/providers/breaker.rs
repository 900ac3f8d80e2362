//! Decides whether a provider that keeps failing is asked at all. It reads no clock: the present comes with each call.

use crate::domain::Millis;

/// Failures in a row after which a provider is left alone.
const FAILURES: u32 = 3;
/// How long it is left alone at first; doubled each time that it has not recovered.
const FIRST_PAUSE: Millis = 5_000;
/// A provider that is back is noticed after this time at the latest.
const LONGEST_PAUSE: Millis = 60_000;

/// Closed while all is well, open after failures in a row, half open while one request finds out.
#[derive(Debug)]
pub struct Breaker {
    state: State,
    /// Failures since the last success.
    failures: u32,
    /// How often the state has changed.
    phase: u32,
}

/// Leave to ask; what becomes of it counts only in the phase in which it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave(u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Millis, pause: Millis },
    HalfOpen { pause: Millis },
}

/// What a breaker shows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    Closed,
    Open,
    HalfOpen,
}

/// Nobody is to ask now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shut {
    /// When asking is worth while again, from now.
    pub retry_in: Millis,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed, failures: 0, phase: 0 }
    }
}

impl Breaker {
    /// Leave to ask; after a pause one request gets it, and the others wait for what becomes of that one.
    ///
    /// # Errors
    /// When the provider is left alone.
    pub fn admit(&mut self, now: Millis) -> Result<Leave, Shut> {
        match self.state {
            State::Closed => Ok(Leave(self.phase)),
            State::Open { until, pause } if until <= now => {
                self.enter(State::HalfOpen { pause });
                Ok(Leave(self.phase))
            }
            State::Open { until, .. } => Err(Shut { retry_in: until - now }),
            State::HalfOpen { .. } => Err(Shut { retry_in: FIRST_PAUSE }),
        }
    }

    /// The provider has answered.
    pub fn succeeded(&mut self) {
        self.failures = 0;
        if self.state != State::Closed {
            self.enter(State::Closed);
        }
    }

    /// The provider could not answer. What was asked before it was left alone changes nothing any more.
    pub fn failed(&mut self, now: Millis, leave: Leave) {
        if leave != Leave(self.phase) {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let pause = match self.state {
            State::Closed if self.failures < FAILURES => return,
            State::Closed => FIRST_PAUSE,
            State::Open { .. } => return,
            State::HalfOpen { pause } => (pause * 2).min(LONGEST_PAUSE),
        };
        self.enter(State::Open { until: now + pause, pause });
    }

    /// Whoever asked has left before it was known how it ends: the next one may find out.
    pub fn abandoned(&mut self, now: Millis, leave: Leave) {
        if let State::HalfOpen { pause } = self.state
            && leave == Leave(self.phase)
        {
            self.enter(State::Open { until: now, pause });
        }
    }

    #[must_use]
    pub fn state(&self) -> BreakerState {
        match self.state {
            State::Closed => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Failures since the last success.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.phase += 1;
    }
}

impl BreakerState {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// `+5000` moves the clock; `ask`, `ok`, `fail` and `leave` happen, `early-` to what was asked at the very beginning.
    /// The trace says what the breaker is then.
    fn check(script: &str, expected: Expect) {
        let (mut breaker, mut now, mut trace) = (Breaker::default(), 0, String::new());
        let mut leave = Leave(0);
        for word in script.split_whitespace() {
            let refused = match word {
                "ask" => breaker.admit(now).map(|granted| leave = granted).err(),
                "ok" => {
                    breaker.succeeded();
                    None
                }
                "fail" => {
                    breaker.failed(now, leave);
                    None
                }
                "leave" => {
                    breaker.abandoned(now, leave);
                    None
                }
                "early-fail" => {
                    breaker.failed(now, Leave(0));
                    None
                }
                "early-leave" => {
                    breaker.abandoned(now, Leave(0));
                    None
                }
                time => {
                    now += time.parse::<Millis>().unwrap();
                    None
                }
            };
            let refused = refused.map(|shut| format!(", not before {} ms", shut.retry_in));
            trace +=
                &format!("{word}: {}{}\n", breaker.state().name(), refused.unwrap_or_default());
        }
        expected.assert_eq(&trace);
    }

    #[test]
    fn three_failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        check(
            "ask fail ask fail ask ok ask fail fail ask fail ask",
            expect![[r#"
            ask: closed
            fail: closed
            ask: closed
            fail: closed
            ask: closed
            ok: closed
            ask: closed
            fail: closed
            fail: closed
            ask: closed
            fail: open
            ask: open, not before 5000 ms
        "#]],
        );
    }

    #[test]
    fn after_the_pause_one_request_finds_out_and_the_others_do_not_wait() {
        check(
            "fail fail fail +4999 ask +1 ask ask ok ask",
            expect![[r#"
            fail: closed
            fail: closed
            fail: open
            +4999: open
            ask: open, not before 1 ms
            +1: open
            ask: half-open
            ask: half-open, not before 5000 ms
            ok: closed
            ask: closed
        "#]],
        );
    }

    #[test]
    fn each_vain_try_doubles_the_pause_up_to_a_minute() {
        check(
            "fail fail fail +5000 ask fail +10000 ask fail +20000 ask fail +40000 ask fail +60000 ask fail ask",
            expect![[r#"
                fail: closed
                fail: closed
                fail: open
                +5000: open
                ask: half-open
                fail: open
                +10000: open
                ask: half-open
                fail: open
                +20000: open
                ask: half-open
                fail: open
                +40000: open
                ask: half-open
                fail: open
                +60000: open
                ask: half-open
                fail: open
                ask: open, not before 60000 ms
            "#]],
        );
    }

    #[test]
    fn who_leaves_before_the_end_hands_the_try_on() {
        check(
            "fail fail fail +5000 ask leave ask ok leave",
            expect![[r#"
            fail: closed
            fail: closed
            fail: open
            +5000: open
            ask: half-open
            leave: open
            ask: half-open
            ok: closed
            leave: closed
        "#]],
        );
    }

    #[test]
    fn what_was_asked_before_the_pause_does_not_disturb_the_one_who_finds_out() {
        check(
            "fail fail fail +5000 ask early-fail early-leave ask ok",
            expect![[r#"
                fail: closed
                fail: closed
                fail: open
                +5000: open
                ask: half-open
                early-fail: half-open
                early-leave: half-open
                ask: half-open, not before 5000 ms
                ok: closed
            "#]],
        );
    }

    #[test]
    fn a_late_failure_does_not_prolong_the_pause() {
        check(
            "fail fail fail +3000 fail +2000 ask",
            expect![[r#"
            fail: closed
            fail: closed
            fail: open
            +3000: open
            fail: open
            +2000: open
            ask: half-open
        "#]],
        );
    }
}
