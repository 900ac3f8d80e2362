//! What the practice tutor itself says and listens for in one language: `wording.toml` beside its lessons.

use serde::Deserialize;

use super::{
    fault::Fault,
    pattern::Pattern,
    tagged::{Slots, Tagged, check_plain},
    words::{ShortForms, fold, split},
};
use crate::domain::Language;

/// The tutor's own words in one language.
#[derive(Clone, Debug)]
pub struct Wording {
    /// What people call the language, in English.
    pub name: String,
    /// The language in which meanings and reasons are given.
    pub meanings: Language,
    pub phrases: Phrases,
    pub listen: Listen,
    pub short_forms: ShortForms,
}

/// What the tutor says around a lesson.
#[derive(Clone, Debug)]
pub struct Phrases {
    /// That this is a practice tutor and no language model.
    pub about: Tagged,
    /// For a right answer when the step has no praise of its own; never empty.
    pub praise: Vec<Tagged>,
    /// After a slip of the pen: `{right}`.
    pub spelling: Tagged,
    pub spelling_why: String,
    /// After a mistake: `{right}`.
    pub correction: Tagged,
    pub incomplete_why: String,
    /// When the hints are used up: `{model}`.
    pub reveal: Tagged,
    /// When the learner asks for help once more: `{model}`.
    pub suggestion: Tagged,
    pub help: Tagged,
    /// `{word}` and its `{meaning}`.
    pub meaning: Tagged,
    /// The lesson's `{words}`, when the learner asks for another.
    pub unknown: Tagged,
    /// After the lesson: `{right}` of `{steps}` at the first try.
    pub summary: Tagged,
    /// The last correction once more: `{right}`.
    pub remember: Tagged,
    pub offer: Tagged,
    pub restart: Tagged,
}

/// What the tutor listens for at any time.
#[derive(Clone, Debug)]
pub struct Listen {
    pub help: Vec<Pattern>,
    pub repeat: Vec<Pattern>,
    /// Each with the slot `word`.
    pub meaning: Vec<Pattern>,
    /// Folded words that never belong to a name or a dish: `and`, `please`, `hello`.
    pub stops: Vec<String>,
}

impl Wording {
    pub fn parse(source: &str) -> Result<Self, Fault> {
        let file: File = toml::from_str(source).map_err(|error| Fault::of_toml(&error, source))?;
        let short_forms =
            file.short_forms.iter().map(|(short, long)| (fold(short), fold(long))).collect();
        Ok(Self {
            name: file.name,
            meanings: file.meanings,
            phrases: file.phrases.check().map_err(Fault::of_file)?,
            listen: file.listen.check(&short_forms).map_err(Fault::of_file)?,
            short_forms,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    meanings: Language,
    phrases: PhrasesFile,
    listen: ListenFile,
    #[serde(default)]
    short_forms: ShortForms,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhrasesFile {
    about: String,
    praise: Vec<String>,
    spelling: String,
    spelling_why: String,
    correction: String,
    incomplete_why: String,
    reveal: String,
    suggestion: String,
    help: String,
    meaning: String,
    unknown: String,
    summary: String,
    remember: String,
    offer: String,
    restart: String,
}

impl PhrasesFile {
    fn check(self) -> Result<Phrases, String> {
        if self.praise.is_empty() {
            return Err("phrases.praise: at least one is needed".into());
        }
        plain("spelling_why", &self.spelling_why)?;
        plain("incomplete_why", &self.incomplete_why)?;
        let praise = self.praise.iter().map(|text| phrase("praise", text, &[]));
        Ok(Phrases {
            about: phrase("about", &self.about, &[])?,
            praise: praise.collect::<Result<_, _>>()?,
            spelling: phrase("spelling", &self.spelling, &["right"])?,
            spelling_why: self.spelling_why,
            correction: phrase("correction", &self.correction, &["right"])?,
            incomplete_why: self.incomplete_why,
            reveal: phrase("reveal", &self.reveal, &["model"])?,
            suggestion: phrase("suggestion", &self.suggestion, &["model"])?,
            help: phrase("help", &self.help, &[])?,
            meaning: phrase("meaning", &self.meaning, &["meaning", "word"])?,
            unknown: phrase("unknown", &self.unknown, &["words"])?,
            summary: phrase("summary", &self.summary, &["right", "steps"])?,
            remember: phrase("remember", &self.remember, &["right"])?,
            offer: phrase("offer", &self.offer, &[])?,
            restart: phrase("restart", &self.restart, &[])?,
        })
    }
}

fn plain(field: &str, text: &str) -> Result<(), String> {
    check_plain(text).map_err(|problem| format!("phrases.{field}: {problem}"))
}

/// A phrase has exactly its slots: one that is forgotten would be a sentence without its point.
fn phrase(field: &str, text: &str, slots: &[&str]) -> Result<Tagged, String> {
    let tagged = Tagged::parse(text).map_err(|problem| format!("phrases.{field}: {problem}"))?;
    if !tagged.slots().iter().map(String::as_str).eq(slots.iter().copied()) {
        let expected: Vec<_> = slots.iter().map(|slot| format!("{{{slot}}}")).collect();
        return Err(format!("phrases.{field}: expected the slots [{}]", expected.join(" ")));
    }
    Ok(tagged)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListenFile {
    help: Vec<String>,
    repeat: Vec<String>,
    meaning: Vec<String>,
    stops: Vec<String>,
}

impl ListenFile {
    fn check(&self, short_forms: &ShortForms) -> Result<Listen, String> {
        let patterns = |sources: &[String]| -> Result<Vec<_>, String> {
            sources.iter().map(|source| Pattern::parse(source, short_forms)).collect()
        };
        let meaning = patterns(&self.meaning)?;
        if let Some(bad) = meaning.iter().find(|pattern| !pattern.slots().eq(["word"])) {
            return Err(format!("listen.meaning: `{}` needs the slot {{word}}", bad.as_str()));
        }
        let stops = self.stops.iter().flat_map(|stop| split(stop, short_forms));
        Ok(Listen {
            help: patterns(&self.help)?,
            repeat: patterns(&self.repeat)?,
            meaning,
            stops: stops.map(|word| word.folded).collect(),
        })
    }
}

impl Phrases {
    /// One phrase with one value in it.
    #[must_use]
    pub fn with(phrase: &Tagged, slot: &str, value: &str) -> String {
        phrase.fill(&Slots::from([(slot.into(), value.into())]))
    }
}
