//! The tutor's sound as packets, one for each beat of a clock that is not its own. It sends none.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;

use crate::{
    audio::opus::{OpusEncoder, PACKET_MS},
    domain::TurnId,
};

/// What is spoken at, in hertz.
const RATE: u32 = 24_000;
const FRAME_BYTES: usize = (RATE * PACKET_MS / 1000) as usize * 2;
const BYTES_PER_MS: usize = RATE as usize / 1000 * 2;
/// The packets' clock is that of 48 kHz.
const TICKS_PER_MS: u64 = 48;
const TICKS: u64 = TICKS_PER_MS * PACKET_MS as u64;
/// Packets of silence behind a sound, so that the codec comes to rest.
const REST: u32 = 5;
/// Beats from one packet to the next while nothing is said, as with the codec's own pauses: 400 ms.
const PAUSE_BEATS: u32 = 20;
/// The first byte of a packet without its count of frames, which then is one.
const ONE_FRAME: u8 = 0b1111_1100;
/// Sound that may wait, in bytes: ten minutes. A model says no more in one turn; what is more is not spoken.
const MOST_WAITING: usize = RATE as usize * 2 * 600;

/// A voice on its way out: 16-bit little-endian samples at 24 kHz.
pub(super) struct Mouth {
    encoder: OpusEncoder,
    waiting: VecDeque<Stretch>,
    waiting_bytes: usize,
    is_held: bool,
    /// Where the clock of the packets is.
    at: u64,
    /// Packets of silence since the last sound.
    rested: u32,
    /// A packet that says that nothing is said: the first byte of the last one, alone (RFC 6716, section 2.1.9).
    pause: Bytes,
}

/// What one beat brings.
pub(super) struct Beat {
    /// Where the packet begins on the clock of 48 kHz, and whether silence was before it.
    pub(super) at: u64,
    pub(super) begins: bool,
    pub(super) opus: Bytes,
    /// Beats until the next one.
    pub(super) beats: u32,
}

/// How far a turn has been spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spoken {
    pub(super) turn: TurnId,
    pub(super) chunk: usize,
    pub(super) ms: u64,
}

/// Sound of one chunk.
struct Stretch {
    turn: TurnId,
    chunk: usize,
    sound: Bytes,
    spoken: usize,
}

impl Mouth {
    pub(super) fn new() -> Self {
        let encoder = OpusEncoder::new(RATE).expect("invariant: Opus has this rate");
        let (waiting, pause) = (VecDeque::new(), Bytes::new());
        Self { encoder, waiting, waiting_bytes: 0, is_held: false, at: 0, rested: 0, pause }
    }

    /// Says that behind what waits already.
    pub(super) fn say(&mut self, turn: TurnId, chunk: usize, sound: Bytes) {
        if self.waiting_bytes + sound.len() <= MOST_WAITING {
            self.waiting_bytes += sound.len();
            self.waiting.push_back(Stretch { turn, chunk, sound, spoken: 0 });
        }
    }

    /// Forgets what was not spoken.
    pub(super) fn hush(&mut self) {
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.is_held = false;
    }

    /// Holds the sound, or lets it go on from there.
    pub(super) fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    /// Nothing waits to be spoken.
    pub(super) fn is_silent(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether the next beat brings sound.
    pub(super) fn speaks(&self) -> bool {
        !self.is_held && !self.is_silent()
    }

    /// The next packet, and how far the newest turn has been spoken with it.
    pub(super) fn beat(&mut self) -> (Beat, Option<Spoken>) {
        let is_pause = self.rested >= REST;
        let (opus, spoken) = match self.speaks() {
            true => {
                let (frame, spoken) = self.frame();
                (self.encode(&frame), spoken)
            }
            false if is_pause => (self.pause.clone(), None),
            false => (self.encode(&[]), None),
        };
        self.rested = if spoken.is_some() { 0 } else { (self.rested + 1).min(REST) };
        let beats = if self.rested < REST { 1 } else { PAUSE_BEATS };
        let at = self.at;
        self.at += TICKS * u64::from(beats);
        (Beat { at, begins: is_pause && spoken.is_some(), opus, beats }, spoken)
    }

    /// A packet of that sound, with silence to its end.
    fn encode(&mut self, frame: &[u8]) -> Bytes {
        let mut samples = [0; FRAME_BYTES / 2];
        for (sample, bytes) in samples.iter_mut().zip(frame.chunks_exact(2)) {
            *sample = i16::from_le_bytes([bytes[0], bytes[1]]);
        }
        let opus = self.encoder.encode(&samples).expect("invariant: the frame is whole");
        self.pause = opus.iter().take(1).map(|head| head & ONE_FRAME).collect();
        opus
    }

    /// Something is to be said so long before the beat that silence has announced: how much sooner that comes instead.
    /// Its clock goes on from there, and it is none that overlaps the packet before.
    pub(super) fn wake(&mut self, ahead: Duration) -> Duration {
        let most = if self.rested < REST { 0 } else { PAUSE_BEATS - 1 };
        let ahead = ahead.min(Duration::from_millis(u64::from(PACKET_MS * most)));
        let ticks = ahead.as_micros() as u64 * TICKS_PER_MS / 1000;
        self.at = self.at.saturating_sub(ticks);
        ahead
    }

    /// Sound for one packet, less at the end of all there is.
    fn frame(&mut self) -> (Vec<u8>, Option<Spoken>) {
        let (mut frame, mut place) = (Vec::with_capacity(FRAME_BYTES), None);
        while let Some(stretch) = self.waiting.front_mut() {
            let rest = &stretch.sound[stretch.spoken..];
            let length = rest.len().min(FRAME_BYTES - frame.len());
            frame.extend_from_slice(&rest[..length]);
            stretch.spoken += length;
            self.waiting_bytes -= length;
            let ms = (stretch.spoken / BYTES_PER_MS) as u64;
            place = Some(Spoken { turn: stretch.turn.clone(), chunk: stretch.chunk, ms });
            if frame.len() == FRAME_BYTES && stretch.spoken < stretch.sound.len() {
                break;
            }
            if stretch.spoken == stretch.sound.len() {
                self.waiting.pop_front();
            }
            if frame.len() == FRAME_BYTES {
                break;
            }
        }
        (frame, place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::opus::OpusDecoder;

    fn turn() -> TurnId {
        TurnId::parse("t1").unwrap()
    }

    fn tone(ms: usize) -> Bytes {
        let samples = (0..ms * 24).map(|n| ((n as f64 * 0.1).sin() * 9000.0) as i16);
        samples.flat_map(i16::to_le_bytes).collect()
    }

    #[test]
    fn a_sound_goes_out_in_packets_that_follow_each_other_and_then_silence_seldom() {
        let mut mouth = Mouth::new();
        mouth.say(turn(), 0, tone(50));
        mouth.say(turn(), 1, tone(50));
        let beats: Vec<(Beat, Option<Spoken>)> = (0..12).map(|_| mouth.beat()).collect();
        let at: Vec<u64> = beats.iter().map(|(beat, _)| beat.at / TICKS).collect();
        assert_eq!(at, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 29, 49]);
        assert!(beats[9].0.opus.len() > 1 && beats[10].0.opus.len() == 1);
        assert!(!beats.iter().any(|(beat, _)| beat.begins));
        mouth.say(turn(), 2, tone(20));
        assert!(mouth.beat().0.begins && !mouth.beat().0.begins);
        let place = |n: usize| beats[n].1.as_ref().map(|spoken| (spoken.chunk, spoken.ms));
        let places: Vec<_> = (0..6).map(place).collect();
        let spoken = [(0, 20), (0, 40), (1, 10), (1, 30), (1, 50)].map(Some);
        assert_eq!(places[..5], spoken);
        assert_eq!(places[5], None);
    }

    #[test]
    fn what_is_said_in_a_pause_begins_at_once_and_over_no_other_packet() {
        let mut mouth = Mouth::new();
        mouth.say(turn(), 0, tone(20));
        mouth.beat();
        assert_eq!(mouth.wake(Duration::from_millis(19)), Duration::ZERO, "the codec rests");
        let pause = (0..REST).map(|_| mouth.beat().0).last().unwrap();
        assert_eq!(pause.beats, PAUSE_BEATS);
        assert_eq!(mouth.wake(Duration::from_micros(123_250)), Duration::from_micros(123_250));
        mouth.say(turn(), 1, tone(40));
        let beats = [mouth.beat().0, mouth.beat().0];
        assert_eq!(beats[0].at, pause.at + TICKS * u64::from(PAUSE_BEATS) - 5_916);
        assert_eq!(beats[1].at - beats[0].at, TICKS);
        (0..REST).for_each(|_| drop(mouth.beat()));
        assert_eq!(mouth.wake(Duration::from_millis(400)), Duration::from_millis(380));
    }

    #[test]
    fn what_is_held_goes_on_from_there_and_what_is_hushed_never_does() {
        let mut mouth = Mouth::new();
        mouth.say(turn(), 0, tone(100));
        mouth.beat();
        mouth.hold(true);
        assert!(mouth.beat().1.is_none() && !mouth.speaks());
        mouth.hold(false);
        assert_eq!(mouth.beat().1.unwrap().ms, 40);
        mouth.hush();
        assert!(mouth.beat().1.is_none() && mouth.is_silent());
        mouth.say(turn(), 2, tone(20));
        assert_eq!(mouth.beat().1.unwrap().chunk, 2);
    }

    #[test]
    fn the_packets_are_the_sound() {
        let mut mouth = Mouth::new();
        mouth.say(turn(), 0, tone(400));
        let mut decoder = OpusDecoder::new(24_000).unwrap();
        let heard: Vec<i16> =
            (0..20).flat_map(|_| decoder.decode(&mouth.beat().0.opus).unwrap()).collect();
        assert_eq!(heard.len(), 24 * 400);
        assert!(heard[4800..].iter().any(|sample| sample.abs() > 5000));
    }

    #[test]
    fn sound_without_end_is_not_kept() {
        let mut mouth = Mouth::new();
        for _ in 0..20 {
            mouth.say(turn(), 0, Bytes::from(vec![0; 48 * 60_000]));
        }
        assert!(mouth.waiting_bytes <= MOST_WAITING);
    }
}
