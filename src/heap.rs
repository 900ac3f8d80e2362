//! Gives back to the system what a crowd has left behind. It knows nothing of what the memory was for.

/// How many of those who need memory there were at most since some was given back.
#[derive(Debug, Default)]
pub struct Crowd {
    most: usize,
}

impl Crowd {
    /// Whether it has gone: less than half of it is left. While it stays, whoever comes next uses the memory again.
    pub fn has_gone(&mut self, left: usize) -> bool {
        self.most = self.most.max(left);
        let has_gone = left * 2 < self.most;
        if has_gone {
            self.most = left;
        }
        has_gone
    }
}

/// By itself the GNU C library keeps all free memory that lies below any that is in use: after a crowd that is most of
/// what the crowd took. This looks at all free memory, which takes milliseconds.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "a function of the C library that has no other name in Rust")]
    // SAFETY: it takes no pointer, may be called from any thread, and touches only what is free (malloc_trim(3)).
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_has_gone_when_less_than_half_is_left_and_once() {
        let mut crowd = Crowd::default();
        let has_gone = [6, 900, 700, 450, 449, 300, 6, 6, 11, 6].map(|left| crowd.has_gone(left));
        let expected = [false, false, false, false, true, false, true, false, false, false];
        assert_eq!(has_gone, expected);
    }
}
