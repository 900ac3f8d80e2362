//! The worker's own side: jobs come in by stdin, answers go out by stdout. It prints nothing and ends when stdin does.

use std::io;

use serde::{Serialize, de::DeserializeOwned};

use super::frames::{self, Frame, Greeting};

/// Serves jobs with what `open` has opened, until there are no more.
///
/// # Errors
/// When parla at the other end is gone or does not keep to the protocol.
pub(in crate::providers) fn work<L, C, J, A>(
    open: impl FnOnce() -> io::Result<(L, C)>,
    perform: impl Fn(&mut L, Frame<J>) -> (A, Vec<u8>),
) -> io::Result<()>
where
    C: Serialize,
    J: DeserializeOwned,
    A: Serialize,
{
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let (mut library, catalogue) = match open() {
        Ok(opened) => opened,
        Err(error) => {
            let missing = Greeting::<C>::Missing { reason: error.to_string() };
            return frames::write(&mut output, &missing, &[]);
        }
    };
    frames::write(&mut output, &Greeting::Ready(catalogue), &[])?;
    while let Some(job) = frames::read(&mut input)? {
        let (answer, body) = perform(&mut library, job);
        frames::write(&mut output, &answer, &body)?;
    }
    Ok(())
}
