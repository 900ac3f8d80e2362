//! When a voice sounds and when it does not, from how likely each moment holds one. It hears nothing itself.

use super::Perception;
use crate::domain::Confidence;

/// What one probability is about, in milliseconds.
pub(super) const WINDOW_MS: u64 = 16;

/// A voice may sound from here on. Most noise stays below. This is what a threshold takes the place of.
const LIKELY: f32 = 0.5;
/// A voice that sounds already is known by this; in noise what follows it sinks slowly.
const SURE: f32 = 0.75;
/// It takes this to believe in a voice that has not sounded before: even the loudest noise stays below.
const CERTAIN: f32 = 0.8;
/// No threshold lies outside of these: below, silence would be a voice, and above, a clear voice would be none.
const THRESHOLDS: (f32, f32) = (0.1, 0.9);
/// Clicks and knocks are shorter.
const SHORTEST: u64 = 64 / WINDOW_MS;
/// Within words a voice is away for less.
const AWAY: u64 = 192 / WINDOW_MS;
/// The same in noise, where a voice that may still sound is no longer sure to.
const UNSURE: u64 = 320 / WINDOW_MS;
/// How often somebody is told that nothing is heard.
const QUIET: u64 = 60_000 / WINDOW_MS;

/// Follows one microphone, window by window.
#[derive(Debug, Default)]
pub(super) struct Voice {
    /// Windows so far.
    now: u64,
    /// Where the last voice ended, in windows.
    silent_since: u64,
    state: State,
    bars: Bars,
}

/// How likely a voice has to be.
#[derive(Clone, Copy, Debug)]
struct Bars {
    likely: f32,
    sure: f32,
    certain: f32,
}

/// All places are in windows from the beginning.
#[derive(Debug, Default)]
enum State {
    #[default]
    Silent,
    Perhaps {
        since: u64,
    },
    Sounding {
        surely_until: u64,
        likely_until: u64,
    },
}

impl Voice {
    /// Takes a voice for one from that likelihood on.
    pub(super) fn set_threshold(&mut self, threshold: Confidence) {
        self.bars = Bars::at(threshold);
    }

    /// What the next window, with a voice in it this likely, makes known.
    pub(super) fn hear(&mut self, probability: f32) -> Option<Perception> {
        let began = self.now;
        self.now += 1;
        match &mut self.state {
            State::Silent | State::Perhaps { .. } if probability < self.bars.likely => {
                self.state = State::Silent;
                self.quiet()
            }
            State::Silent => {
                self.state = State::Perhaps { since: began };
                self.quiet()
            }
            State::Perhaps { since } => {
                let since = *since;
                if probability < self.bars.certain || self.now - since < SHORTEST {
                    return self.quiet();
                }
                self.state = State::Sounding { surely_until: self.now, likely_until: self.now };
                Some(Perception::VoiceOn { at_ms: since * WINDOW_MS })
            }
            State::Sounding { surely_until, likely_until } => {
                if probability >= self.bars.likely {
                    *likely_until = self.now;
                }
                if probability >= self.bars.sure {
                    *surely_until = self.now;
                }
                let is_away =
                    self.now - *likely_until >= AWAY || self.now - *surely_until >= UNSURE;
                if is_away { self.end() } else { None }
            }
        }
    }

    /// The sound is over, and a voice in it, too.
    pub(super) fn end(&mut self) -> Option<Perception> {
        let State::Sounding { surely_until, .. } = self.state else { return None };
        self.state = State::Silent;
        self.silent_since = surely_until;
        Some(Perception::VoiceOff { at_ms: surely_until * WINDOW_MS })
    }

    fn quiet(&self) -> Option<Perception> {
        let windows = self.now - self.silent_since;
        (windows.is_multiple_of(QUIET)).then_some(Perception::Quiet { ms: windows * WINDOW_MS })
    }
}

impl Bars {
    /// The threshold takes the place of [`LIKELY`]; the other two stay as far above it, in odds.
    fn at(threshold: Confidence) -> Self {
        let (lowest, highest) = THRESHOLDS;
        let threshold = (threshold.share() as f32).clamp(lowest, highest);
        let raised = |bar: f32| {
            let odds = bar / (1.0 - bar) * threshold / (1.0 - threshold);
            odds / (1.0 + odds)
        };
        Self { likely: raised(LIKELY), sure: raised(SURE), certain: raised(CERTAIN) }
    }
}

impl Default for Bars {
    fn default() -> Self {
        Self { likely: LIKELY, sure: SURE, certain: CERTAIN }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    /// A script is windows and how likely a voice is in each, in tenths: `25x1 10x9`.
    fn check(script: &str, expected: Expect) {
        check_at(0.5, script, expected);
    }

    fn check_at(threshold: f64, script: &str, expected: Expect) {
        let mut voice = Voice::default();
        voice.set_threshold(Confidence::from_share(threshold));
        let mut told = Vec::new();
        for (count, tenths) in script.split(' ').filter_map(|part| part.split_once('x')) {
            for _ in 0..count.parse::<u32>().unwrap() {
                let perception = voice.hear(tenths.parse::<f32>().unwrap() / 10.0);
                told.extend(perception.map(|told| format!("{}: {told:?}", voice.now * WINDOW_MS)));
            }
        }
        told.extend(voice.end().map(|told| format!("end: {told:?}")));
        expected.assert_eq(&told.join("\n"));
    }

    #[test]
    fn a_voice_is_placed_where_it_began_and_where_it_ended() {
        check(
            "10x1 2x6 20x9 30x1",
            expect![[r#"
                224: VoiceOn { at_ms: 160 }
                704: VoiceOff { at_ms: 512 }"#]],
        );
    }

    #[test]
    fn what_is_short_or_never_certain_is_no_voice() {
        check("10x1 3x9 10x1 3x9 10x1 200x7 10x1", expect![""]);
    }

    #[test]
    fn a_higher_threshold_passes_over_what_a_lower_one_takes_for_a_voice() {
        let doubtful = "10x1 20x6 30x1";
        check(doubtful, expect![""]);
        check_at(0.9, doubtful, expect![""]);
        check_at(
            0.2,
            doubtful,
            expect![[r#"
                224: VoiceOn { at_ms: 160 }
                672: VoiceOff { at_ms: 480 }"#]],
        );
        let sure = "10x1 20x9 30x1";
        check_at(0.9, sure, expect![""]);
        // Whatever is asked for, a certain voice is heard and silence is not.
        let certain = "40x0 20x9.9 30x0";
        check_at(
            1.0,
            certain,
            expect![[r#"
                704: VoiceOn { at_ms: 640 }
                1152: VoiceOff { at_ms: 960 }"#]],
        );
        check_at(
            0.0,
            certain,
            expect![[r#"
                704: VoiceOn { at_ms: 640 }
                1152: VoiceOff { at_ms: 960 }"#]],
        );
    }

    #[test]
    fn a_threshold_of_one_half_is_the_usual_one() {
        let bars = Bars::at(Confidence::from_share(0.5));
        let near = |found: f32, usual: f32| (found - usual).abs() < 1e-6;
        assert!(near(bars.likely, LIKELY) && near(bars.sure, SURE) && near(bars.certain, CERTAIN));
    }

    #[test]
    fn a_voice_that_pauses_within_a_word_goes_on() {
        check(
            "10x9 11x2 5x6 10x9 3x1",
            expect![[r#"
                64: VoiceOn { at_ms: 0 }
                end: VoiceOff { at_ms: 576 }"#]],
        );
    }

    #[test]
    fn noise_behind_a_voice_is_not_its_end() {
        check(
            "10x9 40x6",
            expect![[r#"
                64: VoiceOn { at_ms: 0 }
                480: VoiceOff { at_ms: 160 }"#]],
        );
    }

    #[test]
    fn silence_is_told_of_each_minute_from_the_last_voice_on() {
        check(
            "1000x1 10x9 7600x1",
            expect![[r#"
                16064: VoiceOn { at_ms: 16000 }
                16352: VoiceOff { at_ms: 16160 }
                76160: Quiet { ms: 60000 }
                136160: Quiet { ms: 120000 }"#]],
        );
    }

    proptest! {
        #[test]
        fn on_and_off_alternate_and_never_go_back(
            runs in prop::collection::vec((0.0..1.0_f32, 1..40_usize), 0..60)
        ) {
            let mut voice = Voice::default();
            let windows = runs.iter().flat_map(|(likely, count)| vec![*likely; *count]);
            let mut told: Vec<_> = windows.filter_map(|likely| voice.hear(likely)).collect();
            told.extend(voice.end());
            let (mut is_on, mut last) = (false, 0);
            for perception in told {
                let (on, at) = match perception {
                    Perception::VoiceOn { at_ms } => (true, at_ms),
                    Perception::VoiceOff { at_ms } => (false, at_ms),
                    other => panic!("{other:?} in less than a minute"),
                };
                prop_assert!(on != is_on && at >= last && at <= voice.now * WINDOW_MS);
                (is_on, last) = (on, at);
            }
            prop_assert!(!is_on);
        }
    }
}
