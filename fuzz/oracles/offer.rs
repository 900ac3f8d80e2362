//! Offers of calls: none panics, and whatever is answered is an answer that sends us nowhere and says nothing of the inside.

use parla::transport::answer_to;

pub(crate) fn check(bytes: &[u8]) {
    let Ok(offer) = std::str::from_utf8(bytes) else { return };
    match answer_to(offer) {
        Ok(answer) => {
            for line in ["a=ice-lite", "a=sendrecv", "opus/48000"] {
                assert!(answer.contains(line), "{line} is missing: {answer}");
            }
        }
        Err(reason) => assert!(!reason.contains("0x") && !reason.contains('\n'), "{reason}"),
    }
}
