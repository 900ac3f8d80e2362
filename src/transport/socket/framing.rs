//! Follows a client's frames by their heads alone, to tell whether a message is unfinished. It keeps no payload.

/// Bytes of a head before its mask: two, and a length of up to eight.
const LONGEST_HEAD: usize = 10;
const MASK: u64 = 4;
/// Kinds of frames from here on are control frames, whole messages in themselves.
const FIRST_CONTROL: u8 = 8;

/// Where in its frames a client is.
#[derive(Default)]
pub(super) struct Framing {
    head: [u8; LONGEST_HEAD],
    /// Bytes of the head that have come.
    known: usize,
    /// Bytes to come until the frame ends, once its head is known.
    left: u64,
    is_fragmented: bool,
    ended: u64,
}

impl Framing {
    /// Takes what has come.
    pub(super) fn follow(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((first, others)) = rest.split_first() {
            if self.left > 0 {
                let part =
                    usize::try_from(self.left).map_or(rest.len(), |left| left.min(rest.len()));
                rest = rest.get(part..).unwrap_or_default();
                self.left -= part as u64;
            } else {
                self.take_head(*first);
                rest = others;
            }
            if self.left == 0 && self.length().is_some() {
                self.end_frame();
            }
        }
    }

    /// Some of a message has come, and not all.
    pub(super) fn is_midway(&self) -> bool {
        self.known > 0 || self.is_fragmented
    }

    /// How many messages have come whole. A control frame between the fragments of another message is none.
    pub(super) fn ended(&self) -> u64 {
        self.ended
    }

    fn take_head(&mut self, byte: u8) {
        if let Some(place) = self.head.get_mut(self.known) {
            *place = byte;
        }
        self.known += 1;
        self.left = self.length().unwrap_or(0);
    }

    /// How long the frame is after its head, mask included; `None` while the head is not whole.
    fn length(&self) -> Option<u64> {
        let [_, second, long @ ..] = self.head;
        let digits = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if self.known < 2 + digits {
            return None;
        }
        let digits = long.iter().take(digits);
        let length = match second & 0x7f {
            126 | 127 => digits.fold(0, |length: u64, digit| length << 8 | u64::from(*digit)),
            short => u64::from(short),
        };
        let mask = if second & 0x80 == 0 { 0 } else { MASK };
        Some(length.saturating_add(mask))
    }

    fn end_frame(&mut self) {
        let [first, ..] = self.head;
        let is_final = first & 0x80 != 0;
        if first & 0x0f < FIRST_CONTROL {
            self.is_fragmented = !is_final;
        }
        self.ended += u64::from(!self.is_fragmented);
        self.known = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: u8 = 0x01;
    const CONTINUATION: u8 = 0x00;
    const PING: u8 = 0x09;
    const FINAL: u8 = 0x80;

    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut frame = match length {
            0..126 => vec![first, 0x80 | length as u8],
            126..65_536 => [vec![first, 0xfe], (length as u16).to_be_bytes().to_vec()].concat(),
            _ => [vec![first, 0xff], (length as u64).to_be_bytes().to_vec()].concat(),
        };
        frame.extend([0x81; 4]);
        frame.resize(frame.len() + length, 0x7f);
        frame
    }

    fn after(frames: &[Vec<u8>]) -> (bool, u64) {
        let mut framing = Framing::default();
        framing.follow(&frames.concat());
        (framing.is_midway(), framing.ended())
    }

    #[test]
    fn a_message_ends_with_its_last_fragment() {
        assert_eq!(after(&[frame(FINAL | TEXT, 0), frame(FINAL | TEXT, 70_000)]), (false, 2));
        let begun = [frame(TEXT, 3), frame(CONTINUATION, 0), frame(CONTINUATION, 200)];
        assert_eq!(after(&begun), (true, 0));
        assert_eq!(after(&[&begun[..], &[frame(FINAL | CONTINUATION, 0)]].concat()), (false, 1));
    }

    #[test]
    fn a_ping_between_fragments_ends_nothing() {
        assert_eq!(after(&[frame(TEXT, 1), frame(FINAL | PING, 4)]), (true, 0));
        assert_eq!(after(&[frame(FINAL | PING, 4)]), (false, 1));
    }

    #[test]
    fn a_length_beyond_all_bounds_is_followed_as_well() {
        assert_eq!(
            after(&[[vec![FINAL | TEXT, 0xff], vec![0xff; 8], vec![0; 99]].concat()]),
            (true, 0)
        );
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_tells_the_same(
            kinds in proptest::collection::vec(
                (prop_oneof![Just(TEXT), Just(CONTINUATION), Just(PING)], any::<bool>(), 0..300usize),
                1..20,
            ),
            sizes in proptest::collection::vec(1..50usize, 1..20),
        ) {
            let bytes: Vec<u8> = kinds
                .iter()
                .flat_map(|(kind, is_final, length)| frame(kind | if *is_final { FINAL } else { 0 }, *length))
                .collect();
            let mut whole = Framing::default();
            whole.follow(&bytes);
            let (mut split, mut rest) = (Framing::default(), &bytes[..]);
            for size in sizes.iter().cycle() {
                let (part, others) = rest.split_at(*size.min(&rest.len()));
                split.follow(part);
                rest = others;
                if rest.is_empty() { break; }
            }
            prop_assert_eq!((whole.is_midway(), whole.ended()), (split.is_midway(), split.ended()));
        }
    }
}
