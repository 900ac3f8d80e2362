//! What the scripted model says: new sentences in every turn, the same in every run. It means nothing.

/// Words to a sentence; together 113.
const SENTENCES: [usize; 8] = [14, 14, 14, 14, 14, 14, 14, 15];
/// A comma follows this word.
const CLAUSE: usize = 6;
const WORDS: [&str; 64] = [
    "after", "again", "apple", "baker", "beach", "before", "bird", "bread", "bring", "brother",
    "buy", "chair", "child", "clean", "close", "coffee", "cook", "day", "dinner", "door", "drink",
    "every", "family", "find", "friend", "garden", "give", "happy", "home", "house", "in",
    "kitchen", "late", "learn", "letter", "listen", "market", "meet", "milk", "morning", "music",
    "near", "night", "often", "old", "on", "open", "our", "paper", "party", "read", "river",
    "school", "shop", "sister", "small", "speak", "street", "table", "train", "walk", "water",
    "window", "you",
];

/// Writes one answer after another.
pub(crate) struct Author {
    seed: u64,
}

impl Author {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// An answer of eight sentences.
    pub(crate) fn answer(&mut self) -> String {
        SENTENCES.map(|words| self.sentence(words)).join(" ")
    }

    fn sentence(&mut self, words: usize) -> String {
        let mut words: Vec<String> = (0..words).map(|_| self.word().to_owned()).collect();
        words[0] = capitalised(&words[0]);
        words[CLAUSE - 1].push(',');
        words.join(" ") + "."
    }

    fn word(&mut self) -> &'static str {
        WORDS[(self.random() % WORDS.len() as u64) as usize]
    }

    /// The generator `SplitMix64`: small, and the same on every machine.
    fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
}
