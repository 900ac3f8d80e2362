//! One exchange of sound for words over an upstream socket: order, pace and clocks. What is said on it is the wire's.

mod last_words;
mod unheard;

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use futures_util::{
    FutureExt, StreamExt, TryFutureExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep_until};

use super::{
    Heard, Pace, ProviderError, Sound,
    upstream_socket::{Address, Incoming, UpstreamSocket},
};
use crate::domain::HeardWord;

pub use last_words::{LastWords, Left};
use unheard::Unheard;

/// How long a service may take for words that it must have: it has heard them already.
pub const PATIENCE: Duration = Duration::from_millis(2_500);
/// Voice of which a service that listens has told something, be it that it has understood nothing.
const MUTE: Duration = Duration::from_secs(4);
/// Voice of which it has understood a word: it may be a song, a crowd or a cough.
const WORDLESS: Duration = Duration::from_secs(12);
/// How long it may take when it has probably nothing to say: it answers only where there was sound to be heard.
const QUIET_PATIENCE: Duration = Duration::from_secs(1);
/// Without sound for as long a service is told that there will be more; some close after ten seconds.
const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(4);
/// How much sound that came late may be sent at once to a service that wants it no faster than it is spoken.
const CREDIT: Duration = Duration::from_secs(1);

/// What goes to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    Text(String),
    Sound { pcm: Bytes, duration: Duration },
}

/// How one service words the exchange: frames for sound, words for frames. It does no I/O and has no clock.
pub trait Wire: Send + 'static {
    fn pace(&self) -> Pace;
    /// What is sent for a piece of sound.
    fn give(&mut self, sound: Sound) -> Vec<Outgoing>;
    /// What is sent when there is no more sound.
    fn finish(&mut self) -> Vec<Outgoing>;
    /// What keeps a connection without sound open.
    fn keep_alive(&self) -> Option<Outgoing>;
    /// What a text says.
    ///
    /// # Errors
    /// When it says that the service ends here, or nothing at all.
    fn hear(&mut self, text: &str) -> Result<Vec<Heard>, ProviderError>;
    /// Whether the service has said its last words.
    fn is_over(&self) -> bool;
    /// What it means that the service has closed.
    fn closed(&self, code: u16, reason: String) -> ProviderError;
    fn last_words(&mut self) -> &mut LastWords;
}

/// Listens with that wire at that address; the stream connects when it is polled first.
pub fn listen<W: Wire>(
    address: Address,
    wire: W,
    sound: BoxStream<'static, Sound>,
) -> BoxStream<'static, Result<Heard, ProviderError>> {
    let connected = UpstreamSocket::connect(address);
    let exchange = connected.map_ok(move |socket| {
        stream::try_unfold(Exchange::new(socket, wire, sound), Exchange::next)
    });
    stream::once(exchange).try_flatten().boxed()
}

/// Whether a whole exchange without any sound goes well.
pub fn check<W: Wire>(address: Address, wire: W) -> BoxFuture<'static, Result<(), ProviderError>> {
    let heard = listen(address, wire, stream::empty().boxed());
    async move { heard.try_for_each(async |_| Ok(())).await }.boxed()
}

/// A frame of the service. What it says of an unreadable one holds nothing of it: somebody may have said it.
///
/// # Errors
/// When it is no such frame.
pub fn read<F: DeserializeOwned>(provider: &str, text: &str) -> Result<F, ProviderError> {
    serde_json::from_str(text).map_err(|error| ProviderError::Broken {
        provider: provider.to_owned(),
        reason: format!("unreadable from column {} on", error.column()),
    })
}

/// Words whose times run forwards, whatever the service says.
#[must_use]
pub fn in_order(mut words: Vec<HeardWord>) -> Vec<HeardWord> {
    let mut earliest = 0;
    for word in &mut words {
        word.start_ms = word.start_ms.max(earliest);
        word.end_ms = word.end_ms.max(word.start_ms);
        earliest = word.start_ms;
    }
    words
}

struct Exchange<W> {
    socket: UpstreamSocket,
    wire: W,
    /// `None` when there is no more.
    sound: Option<BoxStream<'static, Sound>>,
    /// What one piece of sound has become; no other is taken before it is sent.
    outbox: VecDeque<Outgoing>,
    told: VecDeque<Heard>,
    /// When the next sound may be sent to a service that wants it at its own pace.
    next_sound_at: Instant,
    sent_at: Instant,
    /// Since when the service owes words; sound that follows the question gives it no more time.
    owes_since: Instant,
    /// The question for them has not been sent.
    is_asking: bool,
    /// Of what it is sent, nothing at all has been told.
    mute: Unheard,
    /// No words have been told of it.
    wordless: Unheard,
    has_finished: bool,
    is_over: bool,
}

impl<W: Wire> Exchange<W> {
    fn new(socket: UpstreamSocket, wire: W, sound: BoxStream<'static, Sound>) -> Self {
        let now = Instant::now();
        Self {
            socket,
            wire,
            sound: Some(sound),
            outbox: VecDeque::new(),
            told: VecDeque::new(),
            next_sound_at: now,
            sent_at: now,
            owes_since: now,
            is_asking: false,
            mute: Unheard::new(MUTE),
            wordless: Unheard::new(WORDLESS),
            has_finished: false,
            is_over: false,
        }
    }

    async fn next(mut self) -> Result<Option<(Heard, Self)>, ProviderError> {
        loop {
            if let Some(heard) = self.told.pop_front() {
                return Ok(Some((heard, self)));
            }
            if self.is_over {
                return Ok(None);
            }
            self.send_due().await?;
            self.step().await?;
        }
    }

    async fn step(&mut self) -> Result<(), ProviderError> {
        let due = self.due();
        let takes_sound = self.outbox.is_empty();
        tokio::select! {
            incoming = self.socket.next() => self.receive(incoming?),
            sound = next_sound(&mut self.sound), if takes_sound => {
                self.take(sound);
                Ok(())
            }
            () = sleep_until(due) => self.look_at_the_clock().await,
        }
    }

    fn take(&mut self, sound: Option<Sound>) {
        let owed = self.wire.last_words().left().is_some();
        if let Some(sound) = sound {
            let now = Instant::now();
            self.mute.sent(&sound, now);
            self.wordless.sent(&sound, now);
            self.outbox.extend(self.wire.give(sound));
            self.is_asking = !owed && self.wire.last_words().left().is_some();
        } else {
            self.sound = None;
            self.has_finished = true;
            self.outbox.extend(self.wire.finish());
            self.is_asking = true;
        }
    }

    /// Sends what may be sent by now.
    async fn send_due(&mut self) -> Result<(), ProviderError> {
        while let Some(first) = self.outbox.front() {
            let now = Instant::now();
            if matches!(first, Outgoing::Sound { .. }) && now < self.next_sound_at {
                break;
            }
            self.sent_at = now;
            match self.outbox.pop_front() {
                Some(Outgoing::Sound { pcm, duration }) => {
                    if self.wire.pace() == Pace::RealTime {
                        let earliest = now.checked_sub(CREDIT).unwrap_or(now);
                        self.next_sound_at = self.next_sound_at.max(earliest) + duration;
                    }
                    self.socket.send_binary(pcm).await?;
                }
                Some(Outgoing::Text(text)) => self.socket.send_text(text).await?,
                None => {}
            }
        }
        if self.outbox.is_empty() && std::mem::take(&mut self.is_asking) {
            self.owes_since = Instant::now();
        }
        Ok(())
    }

    fn receive(&mut self, incoming: Incoming) -> Result<(), ProviderError> {
        match incoming {
            Incoming::Sign => Ok(()),
            Incoming::Text(text) => {
                let heard = self.wire.hear(&text)?;
                self.mute.told();
                if heard.iter().any(|heard| matches!(heard, Heard::Transcript(_))) {
                    self.wordless.told();
                }
                if heard.contains(&Heard::Flushed) {
                    self.owes_since = Instant::now();
                }
                self.told.extend(heard);
                if self.has_finished {
                    // Of a recording much may still be to be said: it is silence that is not borne for long.
                    self.owes_since = Instant::now();
                }
                if self.has_finished && self.wire.is_over() {
                    self.end();
                }
                Ok(())
            }
            Incoming::Closed { code: 1000, .. } if self.has_finished && self.outbox.is_empty() => {
                self.end();
                Ok(())
            }
            Incoming::Closed { code, reason } => Err(self.wire.closed(code, reason)),
        }
    }

    /// Nothing more is told; all that was asked for has been.
    fn end(&mut self) {
        self.is_over = true;
        while let Some(flushed) = self.wire.last_words().answered() {
            self.told.push_back(flushed);
        }
    }

    async fn look_at_the_clock(&mut self) -> Result<(), ProviderError> {
        let now = Instant::now();
        self.socket.check_on().await?;
        if self.voice_due().is_some_and(|due| now >= due) {
            return Err(self.socket.stalled());
        }
        if self.owed_at().is_some_and(|owed_at| now >= owed_at) {
            return self.give_up_waiting();
        }
        if now >= self.sent_at + KEEP_ALIVE_AFTER {
            self.sent_at = now;
            self.outbox.extend(self.wire.keep_alive());
        }
        Ok(())
    }

    /// Words that have been begun must come; where there are none, silence is an answer.
    fn give_up_waiting(&mut self) -> Result<(), ProviderError> {
        if self.has_finished || self.wire.last_words().left() == Some(Left::Words) {
            return Err(self.socket.stalled());
        }
        self.owes_since = Instant::now();
        self.told.extend(self.wire.last_words().answered());
        Ok(())
    }

    /// When the service has owed its words for too long.
    fn owed_at(&mut self) -> Option<Instant> {
        if !self.outbox.is_empty() {
            return None;
        }
        let patience = match self.wire.last_words().left() {
            _ if self.has_finished => PATIENCE,
            None => return None,
            Some(Left::Nothing) => Duration::ZERO,
            Some(Left::Unknown) => QUIET_PATIENCE,
            Some(Left::Words) => PATIENCE,
        };
        Some(self.owes_since + patience)
    }

    /// When words must have come of the voice that was sent.
    fn voice_due(&self) -> Option<Instant> {
        let times = [self.mute.due(), self.wordless.due()];
        times.into_iter().flatten().min()
    }

    fn due(&mut self) -> Instant {
        let keep_alive = self.sent_at + KEEP_ALIVE_AFTER;
        let sound = (!self.outbox.is_empty()).then_some(self.next_sound_at);
        let owed = [self.owed_at(), self.voice_due()].into_iter().flatten();
        let times = [Some(self.socket.check_at()), Some(keep_alive), sound];
        times.into_iter().flatten().chain(owed).min().unwrap_or(keep_alive)
    }
}

/// Never comes back when there is no more.
async fn next_sound(sound: &mut Option<BoxStream<'static, Sound>>) -> Option<Sound> {
    match sound {
        Some(sound) => sound.next().await,
        None => std::future::pending().await,
    }
}

/// Whether nothing of a segment, nor of one before, comes after it was final.
#[cfg(test)]
pub(super) fn one_final_for_each_segment(heard: &[Heard]) -> bool {
    let mut open = 0;
    heard.iter().all(|heard| {
        let Heard::Transcript(transcript) = heard else { return true };
        let is_later = transcript.segment >= open;
        if transcript.is_final {
            open = transcript.segment + 1;
        }
        is_later
    })
}
