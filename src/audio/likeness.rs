//! Tells whether two stretches of sound are the same speech, for tests only. It does not ask for the same samples.

/// How loud it is, every 5 ms, over 20 ms.
pub(super) fn loudness(samples: &[i16], rate: u32) -> Vec<f64> {
    let power = |piece: &[i16]| piece.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>();
    let length = rate as usize / 50;
    samples.windows(length).step_by(length / 4).map(|piece| power(piece).sqrt()).collect()
}

/// The correlation of two courses of loudness at the best shift of up to 30 ms; 1.0 when they are the same.
pub(super) fn likeness(a: &[f64], b: &[f64]) -> f64 {
    let from = |values: &'_ [f64], shift: usize| values.get(shift..).unwrap_or_default().to_vec();
    let shifted = (0..=6)
        .flat_map(|shift| [correlation(&from(a, shift), b), correlation(a, &from(b, shift))]);
    shifted.fold(-1.0, f64::max)
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / length.max(1) as f64;
    let (of_a, of_b) = (mean(a), mean(b));
    let product = |x: &[f64], mx: f64, y: &[f64], my: f64| {
        x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>()
    };
    product(a, of_a, b, of_b)
        / (product(a, of_a, a, of_a) * product(b, of_b, b, of_b)).sqrt().max(1e-9)
}
