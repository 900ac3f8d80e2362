//! Changes the rate of a stream of samples. What comes out never depends on how the stream was cut into pieces.
//!
//! A windowed sinc in as many phases as the two rates have between them, so that a rate of 8 to 48 kHz costs one scalar
//! product a sample. Nothing is gathered into blocks first: the delay is that of the filter.

use std::{array::from_fn, f64::consts::PI};

/// Half the filter's length, in samples of the lower of both rates: what it delays, 2 ms at 16 kHz.
const HALF_LENGTH: f64 = 32.0;
/// Where the filter is half open, as a share of the lower rate's band: nothing passes that would be mirrored.
const CUTOFF: f64 = 0.93;
/// The window's shape: 65 dB between what passes and what does not.
const KAISER_BETA: f64 = 6.2;
/// What a stream's filter may take, in coefficients of four bytes. Rates with little in common would need more phases
/// than that; they take the nearest one, which stays 50 dB above its error.
const MOST_COEFFICIENTS: usize = 48 * 1024;
/// Products are summed in this many lanes, which the compiler computes at once.
const LANES: usize = 8;

/// A stream of samples on its way from one rate to another.
#[derive(Debug)]
pub(super) struct Resampler {
    /// `None` when both rates are the same.
    filter: Option<Filter>,
}

impl Resampler {
    /// From and to a rate in hertz, both above zero.
    pub(super) fn new(from: u32, to: u32) -> Self {
        Self { filter: (from != to).then(|| Filter::new(from, to)) }
    }

    /// Adds to `resampled` what can be known after these samples.
    pub(super) fn push(&mut self, samples: &[f32], resampled: &mut Vec<f32>) {
        match &mut self.filter {
            Some(filter) => filter.push(samples, resampled),
            None => resampled.extend_from_slice(samples),
        }
    }

    /// Adds what the filter still holds, as if silence followed. The stream is over with it.
    pub(super) fn finish(self, resampled: &mut Vec<f32>) {
        if let Some(filter) = self.filter {
            filter.finish(resampled);
        }
    }
}

#[derive(Debug)]
struct Filter {
    /// Both rates without their common divisor.
    up: usize,
    down: usize,
    half: usize,
    phases: usize,
    /// A row of `2 * half` for each phase.
    coefficients: Vec<f32>,
    /// Samples that outputs to come are made of.
    history: Vec<f32>,
    /// The next output: the sample in `history` its window begins at, and how many `up`ths of a sample behind.
    start: usize,
    offset: usize,
    /// How many samples came in and went out.
    taken: u64,
    given: u64,
}

impl Filter {
    fn new(from: u32, to: u32) -> Self {
        let common = greatest_common_divisor(from, to);
        let (up, down) = ((to / common) as usize, (from / common) as usize);
        let stretch = (f64::from(from) / f64::from(to)).max(1.0);
        let half = ((HALF_LENGTH * stretch / LANES as f64).ceil() as usize) * LANES;
        let phases = up.min((MOST_COEFFICIENTS / (2 * half)).max(1));
        let coefficients = (0..phases)
            .flat_map(|phase| row(phase as f64 / phases as f64, half, stretch))
            .collect();
        let history = vec![0.0; half - 1];
        let (start, offset, taken, given) = (0, 0, 0, 0);
        Self { up, down, half, phases, coefficients, history, start, offset, taken, given }
    }

    fn push(&mut self, samples: &[f32], resampled: &mut Vec<f32>) {
        self.taken += samples.len() as u64;
        self.history.extend_from_slice(samples);
        let length = 2 * self.half;
        while let Some(window) = self.history.get(self.start..self.start + length) {
            let row = self.offset * self.phases / self.up * length;
            resampled.push(scalar_product(window, &self.coefficients[row..row + length]));
            self.given += 1;
            self.offset += self.down;
            self.start += self.offset / self.up;
            self.offset %= self.up;
        }
        let over = self.start.min(self.history.len());
        self.history.drain(..over);
        self.start -= over;
    }

    fn finish(mut self, resampled: &mut Vec<f32>) {
        let whole = (self.taken * self.up as u64).div_ceil(self.down as u64);
        let missing = whole.saturating_sub(self.given) as usize;
        let wanted = resampled.len() + missing;
        self.push(&vec![0.0; self.half + 1], resampled);
        resampled.truncate(wanted);
    }
}

/// The filter as an output sees it that lies `fraction` of a sample behind the middle of its window.
fn row(fraction: f64, half: usize, stretch: f64) -> Vec<f32> {
    let middle = (half - 1) as f64 + fraction;
    let weights: Vec<f64> = (0..2 * half)
        .map(|tap| {
            let distance = tap as f64 - middle;
            sinc(distance * CUTOFF / stretch) * kaiser(distance / half as f64)
        })
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| (weight / sum) as f32).collect()
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The window at `x`, which runs from -1 to 1: the modified Bessel function of order zero, by its series.
fn kaiser(x: f64) -> f64 {
    let quarter_square = KAISER_BETA * KAISER_BETA * (1.0 - x * x).max(0.0) / 4.0;
    let terms = (1..16).scan(1.0, |term, n| {
        *term *= quarter_square / f64::from(n * n);
        Some(*term)
    });
    1.0 + terms.sum::<f64>()
}

/// Of two slices whose length is a multiple of [`LANES`].
fn scalar_product(window: &[f32], row: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (window, row) = (window.as_chunks::<LANES>().0, row.as_chunks::<LANES>().0);
    for (samples, weights) in window.iter().zip(row) {
        lanes = from_fn(|lane| lanes[lane] + samples[lane] * weights[lane]);
    }
    lanes.iter().sum()
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATES: [u32; 9] = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];

    #[test]
    fn a_tone_keeps_its_pitch_and_level_and_brings_no_image_with_it() {
        for from in [8_000, 11_025, 16_000, 24_000, 44_100, 48_000, 8_001, 47_999] {
            for to in [8_000, 16_000, 48_000] {
                for pitch in [200.0, 1_000.0, 0.42 * f64::from(from.min(to))] {
                    let heard = whole(from, to, &tone(pitch, from));
                    let (level, rest) = level_of(pitch, to, &heard);
                    assert!((level - 0.5).abs() < 0.005, "{from} to {to}, {pitch}: {level}");
                    assert!(rest < -50.0, "{from} to {to}, {pitch}: {rest:.1} dB beside it");
                }
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_not_mirrored() {
        for (from, to) in [(48_000, 16_000), (44_100, 16_000), (24_000, 16_000), (16_000, 8_000)] {
            for share in [1.03, 1.2, 1.45] {
                let pitch = f64::from(to) / 2.0 * share;
                if pitch > f64::from(from) * 0.49 {
                    continue;
                }
                let heard = whole(from, to, &tone(pitch, from));
                let inner = inner(&heard);
                let power: f64 = inner.iter().map(|&s| f64::from(s).powi(2)).sum();
                let decibels = 10.0 * (power / inner.len() as f64 / 0.125).log10();
                assert!(decibels < -50.0, "{from} to {to}, {pitch}: {decibels:.1} dB");
            }
        }
    }

    #[test]
    fn as_long_comes_out_as_went_in() {
        for from in RATES {
            for to in [8_000, 16_000, 48_000] {
                let length = whole(from, to, &vec![0.1; from as usize / 25]).len();
                assert_eq!(length, to as usize / 25, "{from} to {to}");
            }
        }
    }

    #[test]
    fn no_stream_waits_long_or_keeps_much() {
        for from in RATES.into_iter().chain([8_001, 47_999]) {
            let mut resampler = Resampler::new(from, 16_000);
            let mut heard = Vec::new();
            resampler.push(&vec![0.1; from as usize], &mut heard);
            assert!(16_000 - heard.len() <= 16 * 5, "{from} Hz: {} in time", heard.len());
            let Some(filter) = resampler.filter else { continue };
            assert!(filter.coefficients.len() <= MOST_COEFFICIENTS);
            assert!(filter.history.len() <= 2 * filter.half);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_split_gives_the_same(
            from in prop::sample::select(&RATES[..]),
            to in prop::sample::select(&RATES[..]),
            samples in prop::collection::vec(-1.0f32..1.0, 0..2_000),
            cuts in prop::collection::vec(1usize..400, 1..20),
        ) {
            let mut resampler = Resampler::new(from, to);
            let (mut heard, mut rest) = (Vec::new(), samples.as_slice());
            for cut in cuts.into_iter().cycle() {
                let (piece, later) = rest.split_at(cut.min(rest.len()));
                resampler.push(piece, &mut heard);
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            resampler.finish(&mut heard);
            prop_assert_eq!(heard, whole(from, to, &samples));
        }
    }

    fn whole(from: u32, to: u32, samples: &[f32]) -> Vec<f32> {
        let mut resampler = Resampler::new(from, to);
        let mut heard = Vec::new();
        resampler.push(samples, &mut heard);
        resampler.finish(&mut heard);
        heard
    }

    /// A tenth of a second at half of full scale.
    fn tone(pitch: f64, rate: u32) -> Vec<f32> {
        let angle = 2.0 * PI * pitch / f64::from(rate);
        (0..rate / 10).map(|n| (0.5 * (angle * f64::from(n)).sin()) as f32).collect()
    }

    /// How loud the pitch is, and how loud all else is against it, in decibels.
    fn level_of(pitch: f64, rate: u32, samples: &[f32]) -> (f64, f64) {
        let samples = inner(samples);
        let angle = 2.0 * PI * pitch / f64::from(rate);
        // Least squares of a sine and a cosine, whose products over a part of a period are not quite nothing.
        let (mut ss, mut sc, mut cc, mut sy, mut cy, mut yy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        for (n, &sample) in samples.iter().enumerate() {
            let (sine, cosine) = (angle * n as f64).sin_cos();
            let sample = f64::from(sample);
            ss += sine * sine;
            sc += sine * cosine;
            cc += cosine * cosine;
            sy += sine * sample;
            cy += cosine * sample;
            yy += sample * sample;
        }
        let determinant = ss * cc - sc * sc;
        let (a, b) = ((sy * cc - cy * sc) / determinant, (cy * ss - sy * sc) / determinant);
        let tone = a * sy + b * cy;
        (a.hypot(b), 10.0 * ((yy - tone).max(1e-12) / tone).log10())
    }

    /// Without the beginning and the end, where the tone is switched on and off.
    fn inner(samples: &[f32]) -> &[f32] {
        &samples[samples.len() / 5..samples.len() * 4 / 5]
    }
}
