//! What single characters mean to the chunker and to speech. It looks at no neighbours.

use super::char_set::SAID;
use unicode_properties::{
    EmojiStatus, GeneralCategory, GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory,
};

/// Ends a sentence in its script. The full stop is among them, though `boundary` has more to say about it.
#[rustfmt::skip]
pub(super) fn is_terminator(c: char) -> bool {
    matches!(
        c,
        '.' | '!' | '?' | '‼' | '⁇' | '⁈' | '⁉' | '。' | '｡' | '！' | '？' | '．' | '؟' | '۔' | '।' | '॥' | '።' | '፧'
        | '։' | '។' | '៕' | '။' | '๚' | '๛'
    )
}

/// A letter of a common alphabet that has no meaning of its own to anybody here.
pub(super) fn is_plain_letter(c: char) -> bool {
    c.is_ascii_lowercase()
        || matches!(c, 'à'..='ö' | 'ø'..='ɏ' | 'а'..='я' | 'ب'..='ي' | 'ぁ'..='ゖ' | 'ァ'..='ヺ')
        || matches!(c, '一'..='鿿' | '가'..='힣')
}

/// Separates clauses wherever it stands; some others do so only between spaces.
pub(super) fn is_clause_mark(c: char) -> bool {
    matches!(c, ',' | ';' | ':' | '—' | '–' | '،' | '؛' | '，' | '、' | '；' | '：')
}

/// What closes a quotation or bracket that `c` opens. The ASCII apostrophe opens nothing.
pub(super) fn closer_of(c: char) -> Option<char> {
    Some(match c {
        '(' => ')',
        '[' => ']',
        '（' => '）',
        '“' => '”',
        '„' => '“',
        '«' => '»',
        '「' => '」',
        '『' => '』',
        '《' => '》',
        _ => return None,
    })
}

/// May stand right behind a sentence's end and still belong to it.
#[rustfmt::skip]
pub(super) fn trails_a_sentence(c: char) -> bool {
    is_terminator(c)
        || matches!(
            c,
            '"' | '\'' | '”' | '“' | '’' | '»' | '›' | '」' | '』' | '》' | ')' | '）' | ']' | '］' | '】' | '*' | '_'
            | '~' | '`' | '…'
        )
}

/// A character that a new sentence can begin with, seen after a closed quotation.
pub(super) fn begins_sentence(c: char) -> bool {
    let is_caseless = c.is_alphabetic() && !c.is_lowercase() && !c.is_uppercase();
    // The Japanese quotative particles go on with the sentence.
    let goes_on = matches!(c, 'と' | 'っ');
    c.is_uppercase()
        || matches!(c, '"' | '“' | '„' | '«' | '「' | '『' | '¿' | '¡')
        || is_caseless && !goes_on
}

/// A letter or sign of the scripts that put spaces between phrases, not between words.
pub(super) fn is_thai_or_lao(c: char) -> bool {
    matches!(c, '\u{e01}'..='\u{e4e}' | '\u{e81}'..='\u{ecd}')
}

/// A picture, or one of the invisible characters that join pictures together.
pub(super) fn is_emoji_part(c: char) -> bool {
    // No picture stands before the joiner in Unicode, but for two signs that are read like words.
    if c < '\u{200d}' || c == '™' || SAID.contains(c) {
        return false;
    }
    is_emoji_joint(c)
        || match c.emoji_status() {
            EmojiStatus::EmojiPresentation
            | EmojiStatus::EmojiPresentationAndEmojiComponent
            | EmojiStatus::EmojiPresentationAndModifierBase
            | EmojiStatus::EmojiPresentationAndModifierAndEmojiComponent => true,
            _ => c.is_emoji_char() && c.general_category() == GeneralCategory::OtherSymbol,
        }
}

/// Zero-width joiner, variation selectors, the keycap, and the tag characters of flags.
pub(super) fn is_emoji_joint(c: char) -> bool {
    matches!(c, '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' | '\u{20e3}' | '\u{e0020}'..='\u{e007f}')
}

/// A link has one of these in its address; in words that are meant to be read they are rare.
pub(super) fn is_address_mark(c: char) -> bool {
    matches!(c, '/' | '.' | '#' | '@' | ':')
}

/// A letter or digit: something to say.
pub(super) fn is_sayable(c: char) -> bool {
    // The look-up is slow, and a text may consist of combining marks alone.
    let is_mark = matches!(c, '\u{300}'..='\u{36f}');
    is_plain_letter(c) || !is_mark && c.is_alphanumeric()
}

/// A letter, or a mark that is part of one: Hindi writes most of its vowels so.
pub(super) fn is_letter(c: char) -> bool {
    c.is_alphabetic() || !c.is_ascii() && c.general_category_group() == GeneralCategoryGroup::Mark
}

/// Never shown: it could turn the reading direction of what surrounds it, or has no picture at all.
pub(super) fn is_hidden(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        || c.is_control() && !matches!(c, '\n' | '\t')
}
