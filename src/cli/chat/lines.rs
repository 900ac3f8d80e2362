//! What is typed or piped in, line by line. It does not know what the lines mean.

use std::io::BufRead;

use tokio::sync::mpsc;

/// Lines that are read ahead; a pipe waits beyond that.
const AHEAD: usize = 1;

/// The lines of standard input; none after its end.
pub(super) fn of_stdin() -> mpsc::Receiver<String> {
    let (tell, lines) = mpsc::channel(AHEAD);
    // A read from a terminal cannot be called off, and the runtime would wait for it: a thread of its own ends with the
    // process.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if tell.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}
