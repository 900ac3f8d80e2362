//! stub
use crate::domain::*;
pub struct Parser(Language, String);
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    Chunk(Draft),
    Amend { tail: String, pause_ms: Option<u32> },
    Correction(Correction),
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub text: String,
    pub spoken: Vec<SpokenSpan>,
    pub emotion: Emotion,
    pub pause_ms: u32,
    pub emphasis: bool,
    pub language: Language,
}
impl Parser {
    pub fn new(language: Language) -> Self {
        Self(language, String::new())
    }
    pub fn push(&mut self, text: &str) -> Vec<Piece> {
        let mut out = vec![Piece::Text(text.into())];
        for c in text.chars() {
            self.1.push(c);
            if "!?.".contains(c) {
                out.extend(self.finish());
            }
        }
        out
    }
    pub fn finish(&mut self) -> Vec<Piece> {
        let t = std::mem::take(&mut self.1);
        let t = t.trim();
        if t.is_empty() {
            return vec![];
        }
        vec![Piece::Chunk(Draft {
            text: t.into(),
            spoken: vec![SpokenSpan { text: t.into(), language: self.0.clone() }],
            emotion: Emotion::Neutral,
            pause_ms: 0,
            emphasis: false,
            language: self.0.clone(),
        })]
    }
    pub fn form(&self) -> TextForm {
        TextForm::Tagged
    }
}
