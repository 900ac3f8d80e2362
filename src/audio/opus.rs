//! Opus for one voice: packets from samples and samples from packets, lost ones too. It knows no container and no wire.

use bytes::Bytes;
use opus_pure::{Application, MAX_PACKET_BYTES, Signal, packet};

/// Packets are this long, in milliseconds; what comes in may be of any length that Opus has.
pub const PACKET_MS: u32 = 20;
/// Speech in all of its band, with room for the copy of the packet before, in bits a second.
const BITRATE: i32 = 32_000;
/// How much the codec searches, of 10. At 5 a packet takes twice as long and comes 0.4 dB nearer to the voice, which
/// nobody hears; that packets of many calls are late is heard.
const COMPLEXITY: i32 = 1;
/// The least loss for which the codec puts a copy of the packet before into each packet, in per cent.
const LEAST_LOSS: u8 = 5;

/// Why a packet cannot be made or heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpusError {
    #[error("Opus has no sample rate of {0} Hz")]
    SampleRate(u32),
    #[error("a packet is made of {wanted} samples, not of {given}")]
    Length { wanted: usize, given: usize },
    #[error("not an Opus packet")]
    BrokenPacket,
}

/// One voice on its way out.
pub struct OpusEncoder {
    codec: Box<opus_pure::OpusEncoder>,
    packet: Vec<u8>,
}

impl OpusEncoder {
    /// For samples at 24 or 48 kHz.
    ///
    /// # Errors
    /// For any other rate.
    pub fn new(sample_rate: u32) -> Result<Self, OpusError> {
        if !matches!(sample_rate, 24_000 | 48_000) {
            return Err(OpusError::SampleRate(sample_rate));
        }
        let mut codec = opus_pure::OpusEncoder::new(sample_rate as i32, 1, Application::Voip)
            .map_err(|_| OpusError::SampleRate(sample_rate))?;
        codec.bitrate_bps = BITRATE;
        codec.complexity = COMPLEXITY;
        codec.signal_type = Some(Signal::Voice);
        codec.use_inband_fec = true;
        let mut encoder = Self { codec: Box::new(codec), packet: vec![0; MAX_PACKET_BYTES] };
        encoder.expect_loss(LEAST_LOSS);
        Ok(encoder)
    }

    /// How many packets of a hundred the receiver misses, as far as is known. The more, the more goes into repeating.
    pub fn expect_loss(&mut self, percent: u8) {
        self.codec.packet_loss_perc = i32::from(percent.clamp(LEAST_LOSS, 100));
    }

    /// How many samples a packet is made of.
    #[must_use]
    pub fn packet_samples(&self) -> usize {
        self.codec.sample_rate() as usize * PACKET_MS as usize / 1000
    }

    /// The packet of [`PACKET_MS`] of sound.
    ///
    /// # Errors
    /// When the sound is shorter or longer than that.
    pub fn encode(&mut self, samples: &[i16]) -> Result<Bytes, OpusError> {
        let wanted = self.packet_samples();
        let wrong_length = OpusError::Length { wanted, given: samples.len() };
        if samples.len() != wanted {
            return Err(wrong_length);
        }
        let length =
            self.codec.encode_s16(samples, wanted, &mut self.packet).map_err(|_| wrong_length)?;
        Ok(Bytes::copy_from_slice(&self.packet[..length]))
    }
}

/// One voice on its way in. Packets of two channels are mixed.
pub struct OpusDecoder {
    /// Ten kilobytes, which are better not moved about.
    codec: Box<opus_pure::OpusDecoder>,
}

impl OpusDecoder {
    /// For samples at 8, 12, 16, 24 or 48 kHz, whatever rate the packets were made at.
    ///
    /// # Errors
    /// For any other rate.
    pub fn new(sample_rate: u32) -> Result<Self, OpusError> {
        let wrong_rate = OpusError::SampleRate(sample_rate);
        let rate = i32::try_from(sample_rate).map_err(|_| wrong_rate)?;
        let codec = opus_pure::OpusDecoder::new(rate, 1).map_err(|_| wrong_rate)?;
        Ok(Self { codec: Box::new(codec) })
    }

    /// What is heard in the next packet.
    ///
    /// # Errors
    /// For bytes that are no packet; the one that follows can be decoded.
    pub fn decode(&mut self, packet: &[u8]) -> Result<Vec<i16>, OpusError> {
        let length =
            packet::samples(packet, self.codec.sample_rate()).or(Err(OpusError::BrokenPacket))?;
        let mut samples = vec![0; length];
        self.codec.decode_s16(packet, length, &mut samples).or(Err(OpusError::BrokenPacket))?;
        Ok(samples)
    }

    /// What may have been in a packet that is lost: the voice goes on as it was, and fades when more are lost.
    pub fn conceal(&mut self) -> Vec<i16> {
        let mut samples = vec![0; self.usual_samples()];
        let length = samples.len();
        // What cannot be concealed stays silent.
        drop(self.codec.decode_s16(&[], length, &mut samples));
        samples
    }

    /// What was in a packet that is lost, from the packet behind it, which is to be decoded next. Without a copy in
    /// there it is concealed.
    pub fn recover(&mut self, next_packet: &[u8]) -> Vec<i16> {
        let mut samples = vec![0; self.usual_samples()];
        let length = samples.len();
        match self.codec.decode_fec_s16(next_packet, length, &mut samples) {
            Ok(_) => samples,
            Err(_) => self.conceal(),
        }
    }

    /// As long as the packet before; before the first one, as is usual.
    fn usual_samples(&self) -> usize {
        match self.codec.last_packet_duration() {
            0 => self.codec.sample_rate() as usize * PACKET_MS as usize / 1000,
            length => length,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{
        likeness::{likeness, loudness},
        pcm,
        resample::Resampler,
        wav,
    };

    #[test]
    fn speech_is_understood_at_either_rate_after_the_way_through_packets() {
        for (from, to) in [(48_000, 16_000), (24_000, 16_000), (24_000, 48_000)] {
            let said = speech(from);
            let mut decoder = OpusDecoder::new(to).unwrap();
            let heard: Vec<i16> =
                packets(&said, from, 0).iter().flat_map(|p| decoder.decode(p).unwrap()).collect();
            let seconds = heard.len() as f64 / f64::from(to);
            assert!((seconds - said.len() as f64 / f64::from(from)).abs() < 0.02);
            let likeness = likeness(&loudness(&said, from), &loudness(&heard, to));
            assert!(likeness > 0.97, "{from} to {to}: {likeness}");
        }
    }

    #[test]
    fn a_voice_takes_about_its_share_of_the_line() {
        let said = speech(48_000);
        let bytes: usize = packets(&said, 48_000, 0).iter().map(Bytes::len).sum();
        let bits_a_second = bytes as f64 * 8.0 / (said.len() as f64 / 48_000.0);
        assert!((12_000.0..48_000.0).contains(&bits_a_second), "{bits_a_second}");
    }

    #[test]
    fn what_is_lost_comes_back_from_the_packet_behind_it_better_than_by_concealing() {
        let packets = packets(&speech(24_000), 24_000, 20);
        let whole = decode_without(&packets, |_| false, |_, _| unreachable!("nothing is lost"));
        let is_lost = |n: usize| n % 5 == 3;
        let recovered = decode_without(&packets, is_lost, |d, next| d.recover(next));
        let concealed = decode_without(&packets, is_lost, |d, _| d.conceal());
        assert_eq!((recovered.len(), concealed.len()), (whole.len(), whole.len()));
        let (with, without) = (distance(&whole, &recovered), distance(&whole, &concealed));
        assert!(with < without * 0.6, "{with} with the copies, {without} without them");
    }

    #[test]
    fn a_voice_that_stays_away_fades_out() {
        let packets = packets(&speech(24_000), 24_000, 0);
        let mut decoder = OpusDecoder::new(16_000).unwrap();
        for packet in &packets[..packets.len() / 3] {
            decoder.decode(packet).unwrap();
        }
        let concealed: Vec<i16> = (0..100).flat_map(|_| decoder.conceal()).collect();
        assert_eq!(concealed.len(), 100 * 320);
        assert!(concealed[31_000..].iter().all(|sample| sample.abs() < 100));
    }

    #[test]
    fn what_is_no_packet_is_refused_and_the_next_one_is_heard() {
        let good = &packets(&speech(24_000), 24_000, 0)[10];
        let mut decoder = OpusDecoder::new(16_000).unwrap();
        for broken in [&b""[..], &[0xff; 3], &[0x03]] {
            assert_eq!(decoder.decode(broken), Err(OpusError::BrokenPacket), "{broken:?}");
            assert_eq!(decoder.decode(good).unwrap().len(), 320);
        }
    }

    #[test]
    fn rates_and_lengths_that_opus_has_not_are_refused() {
        assert_eq!(OpusEncoder::new(44_100).err(), Some(OpusError::SampleRate(44_100)));
        assert_eq!(OpusDecoder::new(u32::MAX).err(), Some(OpusError::SampleRate(u32::MAX)));
        let refused = OpusEncoder::new(24_000).unwrap().encode(&[0; 481]);
        assert_eq!(refused, Err(OpusError::Length { wanted: 480, given: 481 }));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(
            packets in proptest::collection::vec(
                proptest::collection::vec(proptest::num::u8::ANY, 0..200),
                1..6,
            ),
        ) {
            let mut decoder = OpusDecoder::new(16_000).unwrap();
            for packet in packets {
                decoder.recover(&packet);
                drop(decoder.decode(&packet));
            }
        }
    }

    fn decode_without(
        packets: &[Bytes],
        is_lost: impl Fn(usize) -> bool,
        stand_in: impl Fn(&mut OpusDecoder, &[u8]) -> Vec<i16>,
    ) -> Vec<i16> {
        let mut decoder = OpusDecoder::new(16_000).unwrap();
        let mut heard = Vec::new();
        for (n, pair) in packets.windows(2).enumerate() {
            heard.extend(match is_lost(n) {
                true => stand_in(&mut decoder, &pair[1]),
                false => decoder.decode(&pair[0]).unwrap(),
            });
        }
        heard
    }

    fn distance(a: &[i16], b: &[i16]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
    }

    fn packets(samples: &[i16], rate: u32, loss: u8) -> Vec<Bytes> {
        let mut encoder = OpusEncoder::new(rate).unwrap();
        encoder.expect_loss(loss);
        let length = encoder.packet_samples();
        samples.chunks_exact(length).map(|samples| encoder.encode(samples).unwrap()).collect()
    }

    fn speech(rate: u32) -> Vec<i16> {
        let file = Bytes::from_static(include_bytes!("../../tests/recordings/speech.wav"));
        let frame = wav::decode(&file).unwrap();
        let samples: Vec<f32> = pcm::samples(&frame.pcm).map(pcm::to_float).collect();
        let (mut resampler, mut at_rate) = (Resampler::new(frame.sample_rate, rate), Vec::new());
        resampler.push(&samples, &mut at_rate);
        at_rate.into_iter().map(pcm::from_float).collect()
    }
}
