//! The name in a caller's connectivity check (STUN, RFC 8489). It reads nothing else and allocates nothing.

const BINDING_REQUEST: [u8; 2] = [0, 1];
const MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER_BYTES: usize = 20;
const USERNAME: [u8; 2] = [0, 6];

/// Our half of the name ("ours:theirs"), when the datagram is a request that has one.
pub(super) fn asked_name(datagram: &[u8]) -> Option<&str> {
    if !datagram.starts_with(&BINDING_REQUEST) || datagram.get(4..8)? != MAGIC {
        return None;
    }
    let mut attributes = datagram.get(HEADER_BYTES..)?;
    while let Some((head, rest)) = attributes.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if head[..2] == USERNAME {
            return std::str::from_utf8(rest.get(..length)?).ok()?.split(':').next();
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(attributes: &[u8]) -> Vec<u8> {
        let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        request.resize(HEADER_BYTES, 7);
        request.extend(attributes);
        request
    }

    #[test]
    fn the_name_is_found_behind_other_attributes() {
        let attributes = b"\x80\x22\0\x03abc\0\0\x06\0\x09ours:them\0\0\0";
        assert_eq!(asked_name(&request(attributes)), Some("ours"));
    }

    #[test]
    fn other_datagrams_have_none() {
        let named = b"\0\x06\0\x04a:bc";
        assert_eq!(asked_name(&request(named)), Some("a"));
        let mut answer = request(named);
        answer[0] = 1;
        let mut foreign = request(named);
        foreign[5] = 0;
        for datagram in [answer, foreign, request(b""), request(b"\0\x06\xff\xffa:b")] {
            assert_eq!(asked_name(&datagram), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(attributes: Vec<u8>, raw: Vec<u8>) {
            let _name = asked_name(&request(&attributes));
            let _name = asked_name(&raw);
        }
    }
}
