//! Finds voices in sound, by a small network that comes with its library. It keeps no sound but a window.

use super::{Perception, voice::Voice};
use crate::domain::Confidence;

/// Samples that the network looks at, at 16 kHz.
const WINDOW: usize = 256;

/// Hears one microphone.
pub(super) struct Detector {
    network: Box<earshot::Detector>,
    window: Vec<i16>,
    voice: Voice,
}

impl Detector {
    pub(super) fn new() -> Self {
        let window = Vec::with_capacity(WINDOW);
        Self { network: earshot::Detector::default_boxed(), window, voice: Voice::default() }
    }

    /// Takes a sound for a voice when it is that likely to be one.
    pub(super) fn set_threshold(&mut self, threshold: Confidence) {
        self.voice.set_threshold(threshold);
    }

    /// What these samples make known; 16-bit little-endian ones at 16 kHz.
    pub(super) fn hear(&mut self, pcm: &[u8]) -> Vec<Perception> {
        let mut told = Vec::new();
        for sample in pcm.chunks_exact(2) {
            self.window.push(i16::from_le_bytes([sample[0], sample[1]]));
            if self.window.len() == WINDOW {
                told.extend(self.voice.hear(self.network.predict_i16(&self.window)));
                self.window.clear();
            }
        }
        told
    }

    /// The sound is over.
    pub(super) fn end(&mut self) -> Option<Perception> {
        self.voice.end()
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;
    use crate::recognition::spoken::{Noise, pcm, spoken};

    const HALF_A_SECOND: usize = 8_000;

    /// Each perception with where it was told, in milliseconds.
    fn heard(samples: &[i16]) -> Vec<(u64, Perception)> {
        let mut detector = Detector::new();
        let mut told = Vec::new();
        for (place, frame) in samples.chunks(512).enumerate() {
            let now = (place as u64 + 1) * 32;
            told.extend(detector.hear(&pcm(frame)).into_iter().map(|told| (now, told)));
        }
        told
    }

    fn check_sentence(voice: &str, text: &str, noise: f32) {
        let sentence = spoken(voice, text);
        let silence = vec![0; 2 * HALF_A_SECOND];
        let mut sound = [&silence[..HALF_A_SECOND], &sentence.samples, &silence].concat();
        Noise::default().add(&mut sound, noise);
        let begins = 500 + sentence.begins_ms;
        let ends = 500 + sentence.ends_ms;
        let told = heard(&sound);
        let (first, on) = told.first().expect("somebody speaks");
        let (last, off) = told.last().expect("somebody speaks");
        let Perception::VoiceOn { at_ms: on } = on else { panic!("{told:?}") };
        let Perception::VoiceOff { at_ms: off } = off else { panic!("{told:?}") };
        let about = format!("{text} in noise of {noise}: {begins} to {ends}, {told:?}");
        assert!(on.abs_diff(begins) <= 150 && *first <= begins + 200, "{about}");
        assert!(off.abs_diff(ends) <= 300 && *last <= ends + 500, "{about}");
    }

    #[test]
    fn speech_is_found_where_it_is_in_silence_and_in_noise() {
        for noise in [0.0, 300.0, 1000.0] {
            check_sentence("en", "Hello there, how are you today?", noise);
            check_sentence("it", "Vorrei un caffè, per favore.", noise);
            check_sentence("de", "Ja.", noise);
        }
    }

    #[test]
    fn a_high_threshold_passes_over_a_voice_in_noise_that_a_low_one_finds() {
        let sentence = spoken("en", "Hello there, how are you today?");
        let silence = [0; HALF_A_SECOND];
        let clear = [&silence, &sentence.samples[..], &silence].concat();
        let mut drowned = clear.clone();
        Noise::default().add(&mut drowned, 6_000.0);
        let finds = |sound: &[i16], threshold: f64| {
            let mut detector = Detector::new();
            detector.set_threshold(Confidence::from_share(threshold));
            !detector.hear(&pcm(sound)).is_empty()
        };
        let found =
            |sound: &[i16]| [0.0, 0.1, 0.5, 0.9, 1.0].map(|threshold| finds(sound, threshold));
        assert_eq!(found(&clear), [true; 5]);
        assert_eq!(found(&drowned), [true, true, true, false, false]);
        assert_eq!(found(&[0; 4 * HALF_A_SECOND]), [false; 5]);
    }

    #[test]
    fn noise_and_hum_and_clicks_and_silence_are_no_voice() {
        let second = 2 * HALF_A_SECOND;
        for loudness in [0.0, 300.0, 3_000.0, 20_000.0] {
            let mut noise = vec![0; 3 * second];
            Noise::default().add(&mut noise, loudness);
            assert_eq!(heard(&noise), [], "noise of {loudness}");
        }
        for pitch in [50.0, 100.0, 440.0] {
            let wave = |place: usize| (place as f32 * pitch * TAU / 16_000.0).sin() * 6_000.0;
            let hum: Vec<i16> = (0..3 * second).map(|place| wave(place) as i16).collect();
            assert_eq!(heard(&hum), [], "hum of {pitch} Hz");
        }
        let click = |place: usize| if place % 5_000 < 32 { 20_000 } else { 0 };
        let clicks: Vec<i16> = (0..3 * second).map(click).collect();
        assert_eq!(heard(&clicks), []);
    }
}
