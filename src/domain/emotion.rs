//! The closed set of emotions that a chunk can carry. How an emotion sounds is the voice's affair.

use serde::{Deserialize, Serialize};

macro_rules! emotions {
    ($($(#[$attribute:meta])* $variant:ident $name:literal $icon:literal)*) => {
        /// How a chunk is meant; every one has a name on the wire and an icon for the page.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Emotion {
            $($(#[$attribute])* $variant,)*
        }

        impl Emotion {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            #[must_use]
            pub fn icon(self) -> &'static str {
                match self { $(Self::$variant => $icon),* }
            }

            /// The emotion of that name in any case; `None` for a word outside the set.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|emotion| emotion.name().eq_ignore_ascii_case(name))
            }
        }
    };
}

emotions! {
    #[default]
    Neutral "neutral" "🙂"
    Happy "happy" "😊"
    Excited "excited" "🤩"
    Encouraging "encouraging" "💪"
    Proud "proud" "🏆"
    Curious "curious" "🤔"
    Thoughtful "thoughtful" "💭"
    Surprised "surprised" "😮"
    Sad "sad" "😢"
    Empathetic "empathetic" "🤗"
    Confused "confused" "😕"
    Serious "serious" "😐"
    Playful "playful" "😜"
    Calm "calm" "😌"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_emotion_is_found_by_its_name_and_has_an_icon_of_its_own() {
        let mut icons: Vec<_> = Emotion::ALL.iter().map(|emotion| emotion.icon()).collect();
        icons.sort_unstable();
        icons.dedup();
        assert_eq!(icons.len(), 14);
        for &emotion in Emotion::ALL {
            assert_eq!(Emotion::parse(&emotion.name().to_uppercase()), Some(emotion));
        }
        assert_eq!(Emotion::parse("furious"), None);
    }
}
