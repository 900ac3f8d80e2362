//! What the model is told: a template, a lesson, the history. Nothing else reaches it, so no secret can.

mod facts;
mod history;

use minijinja::{Environment, UndefinedBehavior, value::Serde};

use crate::{
    domain::{AnswerTerms, Language},
    prompts::{Prompts, lesson::Lesson},
    providers::{ChatMessage, ChatRequest, LessonKey, tokens},
};
use facts::{Facts, Settings};
use history::{neutralised, trimmed};

const TEMPLATE: &str = "tutor.md.j2";
/// The name under which the template of the binary is kept, whatever the folder says.
const BUILT_IN: &str = "built in";
const SETTINGS: &str = "tutor.toml";

/// Room for the answer, in tokens: four short sentences with their tags, twice over.
const ANSWER_TOKENS: usize = 400;

/// Writes requests to a model from templates that teachers can replace.
#[derive(Debug)]
pub struct Prompter {
    templates: Environment<'static>,
    settings: Settings,
    /// Those of the binary, for what a folder's settings leave out.
    embedded: Settings,
}

/// All that a request is made of.
#[derive(Clone, Debug)]
pub struct Brief<'a> {
    pub key: LessonKey,
    /// What there is for that key.
    pub lesson: Option<&'a Lesson>,
    /// The learner's choice of model.
    pub model: Option<String>,
    /// What the app asks of the tutor.
    pub instructions: Option<&'a str>,
    /// Oldest first; the newest is what is to be answered.
    pub history: &'a [ChatMessage],
    /// As in [`crate::providers::ModelInfo`].
    pub context_tokens: Option<u32>,
    /// The tutor speaks first: the lesson begins without a history.
    pub opening: bool,
    /// What the app asks of this answer.
    pub terms: AnswerTerms,
}

/// Why the folder of prompts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    #[error("{SETTINGS}: {0}")]
    Settings(#[from] toml::de::Error),
    #[error("{file}: {source}")]
    Template { file: String, source: minijinja::Error },
}

impl Prompter {
    /// Compiles and tries all templates; a file that the folder lacks is taken from the binary.
    pub fn new(prompts: &Prompts) -> Result<Self, PromptError> {
        let settings = toml::from_str(&read(prompts, SETTINGS))?;
        let embedded = toml::from_str(&read(&Prompts::embedded(), SETTINGS))?;
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        let own = prompts.list("").into_iter().filter(|file| is_template(file));
        for file in own.chain([TEMPLATE.to_owned()]) {
            let source = read(prompts, &file);
            templates
                .add_template_owned(file.clone(), source)
                .map_err(|source| PromptError::Template { file, source })?;
        }
        let built_in = read(&Prompts::embedded(), TEMPLATE);
        templates
            .add_template_owned(BUILT_IN, built_in)
            .expect("invariant: the built-in template is well formed");
        try_all(&templates)?;
        Ok(Self { templates, settings, embedded })
    }

    /// The request to the model. A context too small for the template still gets the end of the newest message.
    #[must_use]
    pub fn compose(&self, brief: &Brief<'_>) -> ChatRequest {
        let system = self.system(brief);
        let messages = if brief.opening { Vec::new() } else { neutralised(brief.history) };
        let tools = brief.terms.tools.clone();
        let taken = tokens::estimate(&system) + tokens::of_tools(&tools);
        let messages = match brief.context_tokens {
            Some(context) => trimmed(messages, room_for_history(context, taken)),
            None => messages,
        };
        let (model, lesson) = (brief.model.clone(), brief.key.clone());
        let max_tokens = brief.terms.max_tokens;
        ChatRequest { model, system, messages, lesson, tools, max_tokens }
    }

    /// What the tutor says in that language when a model has written nothing that can be said; with tags.
    #[must_use]
    pub fn lost_words(&self, language: &Language) -> String {
        let found = [&self.settings, &self.embedded].map(|settings| settings.lost_words(language));
        found.into_iter().flatten().next().unwrap_or_default()
    }

    fn system(&self, brief: &Brief<'_>) -> String {
        let facts = Facts::new(brief, &self.settings);
        let file = self.template_for(&brief.key.language);
        // A template may hold a mistake that only one language or level meets: the tutor goes on with ours.
        render(&self.templates, &file, &facts).unwrap_or_else(|err| {
            tracing::warn!(file, error = %err, "template cannot be rendered, the built-in one is used");
            render(&self.templates, BUILT_IN, &facts)
                .expect("invariant: the built-in template renders every brief")
        })
    }

    /// `tutor.es-MX.md.j2`, else `tutor.es.md.j2`, else the one for all languages.
    fn template_for(&self, language: &Language) -> String {
        [language.as_str(), language.primary()]
            .map(|tag| format!("tutor.{tag}.md.j2"))
            .into_iter()
            .find(|file| self.templates.get_template(file).is_ok())
            .unwrap_or_else(|| TEMPLATE.into())
    }
}

/// Renders every template once with all parts and once without, so that most mistakes show at the start.
fn try_all(templates: &Environment<'_>) -> Result<(), PromptError> {
    for (file, _) in templates.templates() {
        for whole in [false, true] {
            let facts = Facts::example(whole);
            render(templates, file, &facts)
                .map_err(|source| PromptError::Template { file: file.into(), source })?;
        }
    }
    Ok(())
}

fn render(
    templates: &Environment<'_>,
    file: &str,
    facts: &Facts<'_>,
) -> Result<String, minijinja::Error> {
    Ok(templates.get_template(file)?.render(Serde(facts))?.trim().to_owned())
}

/// Tokens left for messages; a quarter of a small context is kept for the answer.
fn room_for_history(context_tokens: u32, taken: usize) -> usize {
    let context = usize::try_from(context_tokens).unwrap_or(usize::MAX);
    let answer = ANSWER_TOKENS.min(context / 4);
    context.saturating_sub(answer).saturating_sub(taken)
}

fn is_template(file: &str) -> bool {
    file.starts_with("tutor.") && file.ends_with(".md.j2")
}

/// The folder's file, else the binary's.
fn read(prompts: &Prompts, file: &str) -> String {
    prompts
        .read(file)
        .or_else(|| Prompts::embedded().read(file))
        .expect("invariant: the binary holds the template and its settings")
}

#[cfg(test)]
mod tests;
