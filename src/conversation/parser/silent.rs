//! Recognises what is shown but not said: addresses, code, stage directions. It looks at the beginning of a text only.

use super::characters::{is_address_mark, is_letter};

/// Longest stage direction, in characters.
const MAX_DIRECTION: usize = 40;

/// `false`: neither an address nor an emoticon stands in `text`, so that its words need no look each.
pub(super) fn may_have_silent_words(text: &str) -> bool {
    let mut previous = b' ';
    text.bytes().any(|byte| {
        let before = std::mem::replace(&mut previous, byte).to_ascii_lowercase();
        match byte {
            b'@' | b':' | b';' | b'=' | b'^' => true,
            b'w' | b'W' => before == b'w',
            b'D' => before == b'x',
            _ => false,
        }
    })
}

/// Length in bytes of the emoticon that `text` begins with if it stands alone, `:-)` or `xD`; 0: none.
pub(super) fn emoticon_length(text: &str) -> usize {
    let token = text.split(char::is_whitespace).next().unwrap_or_default();
    let token = token.trim_end_matches(['.', ',', '!', '?']);
    let face = token.strip_prefix([':', ';', '=']).map(|face| face.trim_start_matches(['-', '\'']));
    let is_emoticon = match face {
        Some(mouth) => {
            let mut marks = mouth.chars();
            let first = marks.next();
            let is_mouth = first.is_some_and(|mark| "()DPpOo/\\|*".contains(mark));
            is_mouth && marks.all(|mark| Some(mark) == first)
        }
        None => matches!(token, "xD" | "XD" | "^^" | "^_^"),
    };
    if is_emoticon { token.len() } else { 0 }
}

/// Length in bytes of the address that `text` begins with, without the marks that end the sentence; 0: none.
pub(super) fn address_length(text: &str) -> usize {
    let end = text.bytes().position(|byte| !byte.is_ascii_graphic()).unwrap_or(text.len());
    let (token, _) = text.split_at_checked(end).unwrap_or_default();
    if !token.starts_with(['w', 'W']) && !token.bytes().any(|byte| matches!(byte, b'@' | b':')) {
        return 0;
    }
    let token = token.trim_end_matches(|c: char| ".,!?;:)]}>\"'*_`".contains(c));
    let is_mail = || token.split_once('@').is_some_and(|(_, host)| host.contains('.'));
    let is_address = token.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."))
        || token.contains("://")
        || token.starts_with("mailto:")
        || is_mail();
    if is_address { token.len() } else { 0 }
}

/// Inline code: the backtick alone when the code reads as words, else all of it.
pub(super) fn code_length(text: &str) -> usize {
    let line = text.lines().next().unwrap_or_default();
    let Some((code, _)) = line.strip_prefix('`').and_then(|code| code.split_once('`')) else {
        return 1;
    };
    let is_words =
        code.chars().all(|c| c.is_whitespace() || is_letter(c) || "'’-.,!?¿¡".contains(c));
    if is_words { 1 } else { code.len() + 2 }
}

/// `](address)`: the end of a markdown link; 0: it is none.
pub(super) fn link_length(text: &str) -> usize {
    let Some(target) = text.strip_prefix("](") else { return 0 };
    let end = target.find([')', ' ', '\n']);
    match end.and_then(|end| target.split_at_checked(end)) {
        Some((address, rest)) if rest.starts_with(')') && address.contains(is_address_mark) => {
            address.len() + 3
        }
        _ => 0,
    }
}

/// A line that draws a line, or the one under a table's head.
pub(super) fn is_rule(line: &str) -> bool {
    line.len() >= 3 && line.bytes().all(|byte| b"-*_=|: ".contains(&byte))
}

/// `*smiles*`, `(se ríe)`: what the tutor would do, not say; 0: it is something else.
pub(super) fn stage_direction_length(text: &str) -> usize {
    let is_mark = |c: &char| matches!(c, '*' | '_' | '(' | '（');
    let marks: usize = text.chars().take(3).take_while(is_mark).map(char::len_utf8).sum();
    let inner = text.get(marks..).unwrap_or_default();
    if !inner.starts_with(is_letter) {
        return 0;
    }
    let Some((end, _)) = inner
        .char_indices()
        .take(MAX_DIRECTION)
        .find(|(_, c)| matches!(c, '*' | '_' | ')' | '）' | '\n'))
    else {
        return 0;
    };
    let (direction, rest) = inner.split_at_checked(end).unwrap_or_default();
    let words = || direction.split_whitespace();
    if rest.starts_with('\n') || words().nth(4).is_some() || !words().take(2).any(acts) {
        return 0;
    }
    let behind = rest.trim_start_matches(['*', '_', ')', '）']);
    text.len() - behind.len()
}

#[rustfmt::skip]
fn acts(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    matches!(
        word.as_str(),
        "smiles" | "smiling" | "laughs" | "laughing" | "giggles" | "chuckles" | "sighs" | "nods" | "nodding"
        | "winks" | "grins" | "gasps" | "whispers" | "whispering" | "claps" | "waves" | "coughs" | "shrugs" | "clears"
        | "sonríe" | "sonriendo" | "ríe" | "riendo" | "suspira" | "asiente" | "guiña" | "susurra" | "aplaude"
        | "carraspea" | "tose"
        | "sourit" | "souriant" | "rit" | "riant" | "soupire" | "hoche" | "chuchote" | "applaudit" | "rigole"
        | "lächelt" | "lächelnd" | "lacht" | "lachend" | "seufzt" | "nickt" | "zwinkert" | "grinst" | "flüstert"
        | "klatscht" | "räuspert"
        | "sorride" | "sorridendo" | "ridendo" | "sospira" | "annuisce" | "sussurra" | "applaude"
        | "sorri" | "sorrindo" | "rindo" | "acena" | "pisca"
        | "笑" | "微笑" | "笑う" | "笑顔" | "微笑む" | "笑着"
    )
}
