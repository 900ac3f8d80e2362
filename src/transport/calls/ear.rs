//! A caller's packets as sound without holes. It knows no network and no clock but the packets' own.

use bytes::Bytes;

use super::peer::AudioPacket;
use crate::audio::opus::OpusDecoder;

/// What is heard at, in hertz.
const RATE: u32 = 24_000;
/// Ticks of the packets' clock in a sample.
const TICKS_PER_SAMPLE: u64 = 2;
/// Packets in a row that are guessed; a longer hole is silence, not speech.
const GUESSED: u64 = 5;
/// The longest hole that is filled, in samples: a caller that was away longer goes on where it comes back.
const LONGEST_HOLE: u64 = RATE as u64;

/// One caller's voice: 16-bit little-endian samples at 24 kHz.
pub(super) struct Ear {
    decoder: OpusDecoder,
    /// Where the next packet begins, on the packets' clock; `None` before the first.
    next: Option<u64>,
}

impl Ear {
    pub(super) fn new() -> Self {
        let decoder = OpusDecoder::new(RATE).expect("invariant: Opus has this rate");
        Self { decoder, next: None }
    }

    /// What is heard in the packet, behind what was in those before it that never came: guessed, the last of them from
    /// the copy in this one. Bytes that are no packet are silence.
    pub(super) fn hear(&mut self, packet: &AudioPacket) -> Bytes {
        let mut samples = Vec::new();
        self.fill(packet, &mut samples);
        let heard = self.decoder.decode(&packet.opus).unwrap_or_default();
        self.next = Some(packet.at + heard.len() as u64 * TICKS_PER_SAMPLE);
        samples.extend(heard);
        bytes_of(&samples)
    }

    /// The caller sends nothing: silence, so that what listens learns of it.
    pub(super) fn silence(&mut self, ms: u32) -> Bytes {
        let samples = vec![0; (RATE / 1000 * ms) as usize];
        if let Some(next) = &mut self.next {
            *next += samples.len() as u64 * TICKS_PER_SAMPLE;
        }
        bytes_of(&samples)
    }

    fn fill(&mut self, packet: &AudioPacket, samples: &mut Vec<i16>) {
        let hole = self.next.map_or(0, |next| packet.at.saturating_sub(next)) / TICKS_PER_SAMPLE;
        if hole == 0 || hole > LONGEST_HOLE {
            return;
        }
        let hole = hole as usize;
        if packet.lost > 0 {
            for _ in 1..packet.lost.min(GUESSED) {
                samples.extend(self.decoder.conceal());
            }
            let last = self.decoder.recover(&packet.opus);
            samples.truncate(hole.saturating_sub(last.len()));
            let silent = hole.saturating_sub(samples.len() + last.len());
            samples.extend(std::iter::repeat_n(0, silent));
            samples.extend(last);
        }
        samples.resize(hole, 0);
    }
}

fn bytes_of(samples: &[i16]) -> Bytes {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::opus::OpusEncoder;

    /// Packets of a tone, 20 ms each.
    fn packets(count: u64) -> Vec<AudioPacket> {
        let mut encoder = OpusEncoder::new(24_000).unwrap();
        let tone = |n: u64| ((n as f64 * 0.1).sin() * 9000.0) as i16;
        (0..count)
            .map(|n| {
                let samples: Vec<i16> = (n * 480..(n + 1) * 480).map(tone).collect();
                let opus = encoder.encode(&samples).unwrap().to_vec();
                AudioPacket { opus, at: 1_000_000 + n * 960, lost: 0 }
            })
            .collect()
    }

    fn milliseconds(sound: &[Bytes]) -> usize {
        sound.iter().map(Bytes::len).sum::<usize>() / 48
    }

    /// Hears what is left when `is_lost` is.
    fn hear(count: u64, is_lost: impl Fn(u64) -> bool) -> Vec<Bytes> {
        let (mut ear, mut lost) = (Ear::new(), 0);
        let mut heard = Vec::new();
        for (n, packet) in (0..).zip(packets(count)) {
            if is_lost(n) {
                lost += 1;
            } else {
                heard.push(ear.hear(&AudioPacket { lost: std::mem::take(&mut lost), ..packet }));
            }
        }
        heard
    }

    #[test]
    fn lost_packets_are_guessed_so_that_no_time_is_missing() {
        for is_lost in [|n| n == 10, |n| (10..13).contains(&n), |n| (10..25).contains(&n)] {
            assert_eq!(milliseconds(&hear(50, is_lost)), 1000);
        }
    }

    #[test]
    fn one_lost_packet_is_loud_and_a_long_hole_is_silent_in_its_middle() {
        let loud = |sound: &Bytes| {
            sound.chunks_exact(2).any(|b| i16::from_le_bytes([b[0], b[1]]).abs() > 2000)
        };
        let one = hear(30, |n| n == 10);
        assert!(loud(&one[10].slice(..960)), "the packet that was lost");
        let many = hear(40, |n| (10..25).contains(&n));
        assert!(!loud(&many[10].slice(960 * 8..960 * 12)), "300 ms are not spoken through");
    }

    #[test]
    fn who_sends_nothing_and_comes_back_is_not_heard_twice() {
        let mut ear = Ear::new();
        let packets = packets(50);
        let first = ear.hear(&packets[0]);
        let silence = ear.silence(200);
        let last = ear.hear(&AudioPacket { lost: 14, ..packets[15].clone() });
        assert_eq!(milliseconds(&[first, silence, last]), 320);
    }

    #[test]
    fn a_jump_of_the_clock_and_bytes_that_are_no_packet_are_survived() {
        let mut ear = Ear::new();
        let packet = packets(1).remove(0);
        for at in [0, u64::MAX / 2, 0, 960, 1 << 40] {
            let heard = ear.hear(&AudioPacket { at, lost: 1 << 40, ..packet.clone() });
            assert!(milliseconds(&[heard]) <= 1020);
        }
        let garbage = AudioPacket { opus: vec![0xff; 3], at: 960 * 3, lost: 0 };
        assert!(milliseconds(&[ear.hear(&garbage)]) <= 1000);
    }
}
