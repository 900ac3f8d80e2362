//! How far a turn has been heard: what clients report, else what the durations say. It plays nothing.

use crate::domain::Millis;

/// How far the sound of a turn may be estimated beyond the newest report, in milliseconds.
const REPORT_GRACE_MS: Millis = 2000;
/// A report this close to a chunk's end means that the chunk was heard, in milliseconds.
const END_TOLERANCE_MS: u64 = 60;

/// The listener's side of one turn.
#[derive(Debug, Default)]
pub(super) struct Playback {
    sounds: Vec<Sound>,
    report: Option<Report>,
    paused_at: Option<Millis>,
    /// Time spent in pauses that are over.
    paused_ms: Millis,
    /// No further chunk will come.
    closed: bool,
}

/// A position: so many chunks to their end, and so far into the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Heard {
    pub(super) chunks: usize,
    pub(super) ms: u64,
}

/// One chunk as sound.
#[derive(Clone, Copy, Debug)]
enum Sound {
    /// Not known yet: the listener waits here.
    Awaited,
    Ready {
        at: Millis,
        duration_ms: Millis,
        pause_ms: Millis,
    },
    /// Shown but never heard.
    Mute,
}

#[derive(Clone, Copy, Debug)]
struct Report {
    at: Millis,
    heard: Heard,
}

impl Playback {
    pub(super) fn expect_chunk(&mut self) {
        self.sounds.push(Sound::Awaited);
    }

    pub(super) fn ready(&mut self, now: Millis, index: usize, duration_ms: u32, pause_ms: u32) {
        let (duration_ms, pause_ms) = (Millis::from(duration_ms), Millis::from(pause_ms));
        let at = now.saturating_sub(self.paused_ms);
        self.set(index, Sound::Ready { at, duration_ms, pause_ms });
    }

    pub(super) fn mute(&mut self, index: usize) {
        self.set(index, Sound::Mute);
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Takes a client's report; an older position than the one known changes nothing.
    pub(super) fn report(&mut self, now: Millis, index: usize, ms: u64) {
        let Some(sound) = self.sounds.get(index) else { return };
        let heard = match sound {
            Sound::Ready { duration_ms, .. }
                if ms.saturating_add(END_TOLERANCE_MS) >= *duration_ms =>
            {
                Heard { chunks: index + 1, ms: 0 }
            }
            Sound::Ready { .. } => Heard { chunks: index, ms },
            Sound::Awaited | Sound::Mute => return,
        };
        if self.report.is_none_or(|report| report.heard < heard) {
            self.report = Some(Report { at: now.saturating_sub(self.paused_ms), heard });
        }
    }

    /// Holds the clock; `false` when it stands already.
    pub(super) fn pause(&mut self, now: Millis) -> bool {
        let runs = self.paused_at.is_none();
        self.paused_at.get_or_insert(now);
        runs
    }

    /// Lets the clock go on and tells from where; `None` when it was not held.
    pub(super) fn resume(&mut self, now: Millis) -> Option<Heard> {
        let heard = self.heard(now);
        let since = self.paused_at.take()?;
        self.paused_ms += now.saturating_sub(since);
        Some(heard)
    }

    /// How far the turn has been heard: a report is believed, durations stand in where there is none.
    pub(super) fn heard(&self, now: Millis) -> Heard {
        match self.report {
            Some(report) => report.heard,
            None => self.estimate(self.listener_time(now)),
        }
    }

    /// When the sound made so far ends; `None` before the first.
    pub(super) fn runs_out_at(&self) -> Option<Millis> {
        self.schedule().filter_map(|(_, slot)| slot).last().map(|slot| slot.end + self.paused_ms)
    }

    /// How many chunks are made, counted to the first one that is not.
    pub(super) fn chunks_made(&self) -> usize {
        self.schedule().count()
    }

    /// When the turn will have been heard to its end; `None` while that cannot be known.
    pub(super) fn heard_at(&self) -> Option<Millis> {
        if !self.closed || self.paused_at.is_some() || !self.is_settled() {
            return None;
        }
        let Some(report) = self.report else { return Some(self.runs_out_at().unwrap_or(0)) };
        if report.heard.chunks >= self.audible() {
            return Some(0);
        }
        let left = self.left_after(report.heard);
        Some(report.at + self.paused_ms + left + REPORT_GRACE_MS)
    }

    /// Whether sound is coming out of the listener's loudspeaker.
    pub(super) fn is_sounding(&self, now: Millis) -> bool {
        self.paused_at.is_some() || self.runs_out_at().is_some_and(|end| now < end)
    }

    fn set(&mut self, index: usize, sound: Sound) {
        if let Some(slot) = self.sounds.get_mut(index) {
            *slot = sound;
        }
    }

    fn is_settled(&self) -> bool {
        !self.sounds.iter().any(|sound| matches!(sound, Sound::Awaited))
    }

    /// One more than the index of the last chunk with sound.
    fn audible(&self) -> usize {
        let last = self.sounds.iter().rposition(|sound| matches!(sound, Sound::Ready { .. }));
        last.map_or(0, |index| index + 1)
    }

    fn listener_time(&self, now: Millis) -> Millis {
        self.paused_at.unwrap_or(now).saturating_sub(self.paused_ms)
    }

    /// Chunk by chunk, when it is heard if playing began with the first sound and never waits for more than sound.
    fn schedule(&self) -> impl Iterator<Item = (usize, Option<Slot>)> + '_ {
        let known = self.sounds.iter().take_while(|sound| !matches!(sound, Sound::Awaited));
        known.enumerate().scan(0, |free, (index, sound)| match *sound {
            Sound::Ready { at, duration_ms, pause_ms } => {
                let start = at.max(*free);
                *free = start + duration_ms + pause_ms;
                Some((index, Some(Slot { start, end: *free })))
            }
            Sound::Awaited | Sound::Mute => Some((index, None)),
        })
    }

    fn estimate(&self, time: Millis) -> Heard {
        let mut heard = Heard::default();
        for (index, slot) in self.schedule() {
            match slot {
                Some(slot) if slot.end <= time => heard = Heard { chunks: index + 1, ms: 0 },
                Some(slot) => {
                    let ms = time.saturating_sub(slot.start);
                    return if ms > 0 { Heard { chunks: index, ms } } else { heard };
                }
                None => {}
            }
        }
        heard
    }

    fn left_after(&self, heard: Heard) -> Millis {
        let rest = self.sounds.iter().skip(heard.chunks).map(|sound| match *sound {
            Sound::Ready { duration_ms, pause_ms, .. } => duration_ms + pause_ms,
            Sound::Awaited | Sound::Mute => 0,
        });
        rest.sum::<Millis>().saturating_sub(heard.ms)
    }
}

/// When one chunk is heard, on the listener's clock.
struct Slot {
    start: Millis,
    /// With the silence after it.
    end: Millis,
}
