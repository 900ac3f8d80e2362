//! Sound kept small while it waits, not a sample of it changed. It is no format that others read.

use crate::domain::AudioFrame;

use super::pcm;

/// Samples that share a width.
const BLOCK: usize = 64;
/// Bits of a block's width.
const WIDTH: u32 = 8;

/// A frame in which a sample takes the bits that the greatest step between two needs around it: a voice takes half of
/// what it took, silence next to nothing.
#[derive(Debug)]
pub struct PackedFrame {
    sample_rate: u32,
    samples: usize,
    bits: Box<[u8]>,
}

impl PackedFrame {
    #[must_use]
    pub fn new(frame: &AudioFrame) -> Self {
        let mut last = 0;
        let steps = pcm::samples(&frame.pcm).map(|sample| {
            let step = sample.wrapping_sub(last);
            last = sample;
            folded(step)
        });
        let steps: Vec<u16> = steps.collect();
        let mut bits = Writer::default();
        for block in steps.chunks(BLOCK) {
            let width = u16::BITS - block.iter().fold(0, |all, step| all | step).leading_zeros();
            bits.put(width, WIDTH);
            block.iter().for_each(|step| bits.put(u32::from(*step), width));
        }
        let (sample_rate, samples) = (frame.sample_rate, steps.len());
        Self { sample_rate, samples, bits: bits.end() }
    }

    /// The frame as it was; half a sample at its end is left out.
    #[must_use]
    pub fn unpacked(&self) -> AudioFrame {
        let mut bits = Reader { bytes: &self.bits, ..Reader::default() };
        let mut pcm = Vec::with_capacity(self.samples * 2);
        let (mut last, mut width) = (0_i16, 0);
        for place in 0..self.samples {
            if place % BLOCK == 0 {
                width = bits.take(WIDTH);
            }
            last = last.wrapping_add(unfolded(bits.take(width) as u16));
            pcm.extend(last.to_le_bytes());
        }
        AudioFrame { sample_rate: self.sample_rate, pcm: pcm.into() }
    }

    /// Length in milliseconds, rounded down.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        self.samples as u64 * 1000 / u64::from(self.sample_rate.max(1))
    }
}

/// Small steps as small numbers, whatever their sign: 0, -1, 1, -2, 2 and so on.
fn folded(step: i16) -> u16 {
    ((step << 1) ^ (step >> 15)) as u16
}

fn unfolded(step: u16) -> i16 {
    ((step >> 1) as i16) ^ -((step & 1) as i16)
}

/// Numbers of up to 16 bits, one behind the other, the lowest bit first.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
}

impl Writer {
    fn put(&mut self, number: u32, width: u32) {
        self.held |= number << self.count;
        self.count += width;
        while self.count >= 8 {
            self.bytes.push(self.held as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    fn end(mut self) -> Box<[u8]> {
        // The last byte is begun at most.
        self.put(0, 7);
        self.bytes.into()
    }
}

#[derive(Default)]
struct Reader<'bits> {
    bytes: &'bits [u8],
    held: u32,
    count: u32,
}

impl Reader<'_> {
    fn take(&mut self, width: u32) -> u32 {
        while self.count < width {
            let byte = self.bytes.split_off_first().copied().unwrap_or_default();
            self.held |= u32::from(byte) << self.count;
            self.count += 8;
        }
        let number = self.held & ((1 << width) - 1);
        self.held >>= width;
        self.count -= width;
        number
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(samples: impl IntoIterator<Item = i16>) -> usize {
        PackedFrame::new(&pcm::frame(samples)).bits.len()
    }

    #[test]
    fn silence_takes_next_to_nothing_noise_half_and_nothing_more_than_it_was() {
        let noise = (0..512_i32).map(|place| (place * place * 7919 % 61 - 30) as i16);
        let loud = (0..512_i32).map(|place| (place * place * 7919 % 65_521 - 32_760) as i16);
        assert_eq!([bytes([0; 512]), bytes(noise), bytes(loud)], [8, 456, 1_032]);
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out_as_it_was(samples in prop::collection::vec(any::<i16>(), 0..700)) {
            let frame = pcm::frame(samples);
            let packed = PackedFrame::new(&frame);
            prop_assert_eq!(packed.duration_ms(), frame.duration_ms());
            prop_assert_eq!(packed.unpacked(), frame);
        }

        #[test]
        fn a_murmur_too(samples in prop::collection::vec(-20..20_i16, 0..700)) {
            let frame = pcm::frame(samples);
            prop_assert_eq!(PackedFrame::new(&frame).unpacked(), frame);
        }
    }
}
