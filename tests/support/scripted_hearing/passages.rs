//! What an ear makes of sound: the words said up to a place, partly or finally. It knows no wire.

/// Sound is heard in steps of this length, in milliseconds.
const STEP_MS: u64 = 20;
/// Silence is told of as often, in milliseconds.
const SILENCE_MS: u64 = 1000;

/// One utterance; its words share its time.
#[derive(Clone, Copy, Debug)]
pub struct Spoken {
    pub from_ms: u64,
    pub to_ms: u64,
    pub text: &'static str,
}

/// A word that was said.
#[derive(Clone, Debug)]
pub struct Word {
    pub text: &'static str,
    pub start_ms: u64,
    pub end_ms: u64,
    ends_utterance: bool,
}

/// What is told of one stretch of sound.
#[derive(Clone, Debug)]
pub struct Passage {
    pub start_ms: u64,
    pub end_ms: u64,
    pub words: Vec<Word>,
    pub is_final: bool,
}

/// Goes through the sound.
pub struct Passages {
    words: Vec<Word>,
    /// Silence that ends an utterance, in milliseconds.
    endpointing_ms: u64,
    position_ms: u64,
    /// What lies before is final.
    covered_ms: u64,
    /// How many words of the open passage have been told.
    told: usize,
}

impl Spoken {
    fn words(&self) -> Vec<Word> {
        let texts: Vec<_> = self.text.split_whitespace().collect();
        let count = texts.len() as u64;
        let place = |index: u64| self.from_ms + (self.to_ms - self.from_ms) * index / count.max(1);
        let word = |(index, text)| Word {
            text,
            start_ms: place(index),
            end_ms: place(index + 1),
            ends_utterance: index + 1 == count,
        };
        (0..).zip(texts).map(word).collect()
    }
}

impl Passage {
    pub fn text(&self) -> String {
        self.words.iter().map(|word| word.text).collect::<Vec<_>>().join(" ")
    }
}

impl Passages {
    pub fn of(spoken: &[Spoken], endpointing_ms: u64) -> Self {
        let words = spoken.iter().flat_map(Spoken::words).collect();
        Self { words, endpointing_ms, position_ms: 0, covered_ms: 0, told: 0 }
    }

    /// All that is told when the sound has come as far as `position_ms`.
    pub fn advance(&mut self, position_ms: u64) -> Vec<Passage> {
        let mut passages = Vec::new();
        while self.position_ms < position_ms {
            self.position_ms = position_ms.min(self.position_ms + STEP_MS);
            passages.extend(self.step());
        }
        passages
    }

    /// What has been said since the last final passage, as a final one; `None` when no sound has come since.
    pub fn rest(&mut self) -> Option<Passage> {
        (self.position_ms > self.covered_ms).then(|| {
            let begun = |word: &&Word| word.start_ms < self.position_ms;
            let words = self.open().filter(begun).cloned().collect();
            self.close(words)
        })
    }

    fn step(&mut self) -> Option<Passage> {
        let ended = |word: &&Word| word.end_ms <= self.position_ms;
        let words: Vec<Word> = self.open().filter(ended).cloned().collect();
        match words.last() {
            Some(last)
                if last.ends_utterance && self.position_ms >= last.end_ms + self.endpointing_ms =>
            {
                Some(self.close(words))
            }
            Some(_) if words.len() > self.told => {
                self.told = words.len();
                Some(self.passage(words, false))
            }
            None if self.is_silent() => Some(self.close(words)),
            _ => None,
        }
    }

    fn is_silent(&self) -> bool {
        let sounds = |word: &Word| word.start_ms < self.position_ms;
        self.position_ms >= self.covered_ms + SILENCE_MS && !self.open().any(sounds)
    }

    fn open(&self) -> impl Iterator<Item = &Word> {
        self.words.iter().filter(|word| word.start_ms >= self.covered_ms)
    }

    fn close(&mut self, words: Vec<Word>) -> Passage {
        let passage = self.passage(words, true);
        self.covered_ms = self.position_ms;
        self.told = 0;
        passage
    }

    fn passage(&self, words: Vec<Word>, is_final: bool) -> Passage {
        Passage { start_ms: self.covered_ms, end_ms: self.position_ms, words, is_final }
    }
}
