//! What holds in a session: what its client has asked for on top of what parla offers. It decides nothing.

mod detection;
mod format;

use serde_json::{Map, Value, json};

use super::{fault::Fault, older, read::Fields, tools::Tools};
use crate::{
    conversation::VoiceManner,
    domain::{Language, LessonChoice, Speed},
};
use detection::Detection;
pub use format::SoundFormat;

/// Longest instructions, in characters: a model's whole context is not much larger.
const INSTRUCTIONS_LIMIT: usize = 16_000;
/// Longest text that is kept and shown again (tools, prompt, tracing), in bytes.
const KEPT_LIMIT: usize = 128 * 1024;
/// Fields that are kept and shown again, with what stands for them at first.
const KEPT: [&str; 6] = ["tools", "tool_choice", "tracing", "truncation", "prompt", "include"];
/// Those of which `null` says something; of the others it says nothing.
const NULLABLE: [&str; 3] = ["tracing", "prompt", "include"];

/// What this server has to offer.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// The model that answers, whatever a client calls it.
    pub model: String,
    /// The voices that a client may name; any other name means the configured one.
    pub voices: Vec<String>,
}

/// How a response is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Modality {
    Audio,
    Text,
}

/// What holds in a session.
#[derive(Clone, Debug)]
pub(super) struct Session {
    id: String,
    offer: Offer,
    kind: Kind,
    pub(super) modality: Modality,
    instructions: String,
    max_output_tokens: Value,
    input: Input,
    output: Output,
    tools: Tools,
    kept: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Realtime,
    Transcription,
}

#[derive(Clone, Debug, Default)]
struct Input {
    format: SoundFormat,
    /// As the client wrote it; `null` when it wants no transcripts.
    transcription: Value,
    language: Option<Language>,
    noise_reduction: Value,
    detection: Detection,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Output {
    pub(super) format: SoundFormat,
    voice: Option<String>,
    speed: Option<f64>,
}

impl Modality {
    /// `["audio"]`, which brings its transcript, or `["text"]`.
    pub(super) fn read(fields: Fields<'_>, name: &str) -> Result<Option<Self>, Fault> {
        let Some(list) = fields.list(name)? else { return Ok(None) };
        let words: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
        match words[..] {
            ["audio"] if list.len() == 1 => Ok(Some(Self::Audio)),
            ["text"] if list.len() == 1 => Ok(Some(Self::Text)),
            _ => Err(Fault::invalid(&fields.path(name), "['audio'] or ['text']")),
        }
    }

    pub(super) fn shown(self) -> Value {
        match self {
            Self::Audio => json!(["audio"]),
            Self::Text => json!(["text"]),
        }
    }
}

impl Session {
    pub(super) fn new(id: String, offer: Offer) -> Self {
        let mut kept: Map<String, Value> =
            KEPT.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
        kept.insert("tools".to_owned(), json!([]));
        kept.insert("tool_choice".to_owned(), json!("auto"));
        kept.insert("truncation".to_owned(), json!("auto"));
        Self {
            id,
            offer,
            kind: Kind::Realtime,
            modality: Modality::Audio,
            instructions: String::new(),
            max_output_tokens: json!("inf"),
            input: Input::default(),
            output: Output::default(),
            tools: Tools::default(),
            kept,
        }
    }

    /// As sessions of the older shape begin: with transcripts of what the learner says.
    pub(super) fn transcribing(mut self) -> Self {
        self.input.transcription = json!({"model": "whisper-1"});
        self
    }

    /// The session with an update merged into it.
    pub(super) fn merged(&self, update: &Map<String, Value>) -> Result<Self, Fault> {
        let update = older::lifted(update);
        let fields = Fields::new(&update, "session");
        let mut session = self.clone();
        let kinds = [("realtime", Kind::Realtime), ("transcription", Kind::Transcription)];
        session.kind = fields.choice("type", &kinds)?.unwrap_or(self.kind);
        session.modality = Modality::read(fields, "output_modalities")?.unwrap_or(self.modality);
        if let Some(text) = instructions(fields)? {
            session.instructions = text;
        }
        fields.text("model")?;
        if let Some(limit) = max_output_tokens(fields)? {
            session.max_output_tokens = limit;
        }
        if let Some(audio) = fields.object("audio")? {
            session.merge_audio(Fields::new(audio, "session.audio"))?;
        }
        session.tools = self.tools.merged(fields)?;
        session.keep(fields)?;
        Ok(session)
    }

    fn merge_audio(&mut self, audio: Fields<'_>) -> Result<(), Fault> {
        if let Some(object) = audio.object("input")? {
            self.input.merge(Fields::new(object, "session.audio.input"))?;
        }
        if let Some(object) = audio.object("output")? {
            self.output.merge(Fields::new(object, "session.audio.output"))?;
        }
        Ok(())
    }

    fn keep(&mut self, fields: Fields<'_>) -> Result<(), Fault> {
        for name in KEPT {
            let Some(value) = fields.raw(name) else { continue };
            if value.is_null() && !NULLABLE.contains(&name) {
                continue;
            }
            if value.to_string().len() > KEPT_LIMIT {
                return Err(Fault::invalid(&fields.path(name), "at most 128 KiB"));
            }
            self.kept.insert(name.to_owned(), value.clone());
        }
        Ok(())
    }

    /// The whole session as it holds.
    pub(super) fn shown(&self) -> Value {
        let kind = match self.kind {
            Kind::Realtime => "realtime",
            Kind::Transcription => "transcription",
        };
        let mut shown = json!({
            "object": format!("realtime.{}", if kind == "realtime" { "session" } else { "transcription_session" }),
            "id": self.id, "type": kind, "model": self.offer.model,
            "output_modalities": self.modality.shown(), "instructions": self.instructions,
            "max_output_tokens": self.max_output_tokens,
            "audio": {"input": self.input.shown(), "output": self.output.shown()},
        });
        if let Some(object) = shown.as_object_mut() {
            object.extend(self.kept.clone());
        }
        shown
    }

    /// What a message is asked with; a response may have instructions of its own.
    pub(super) fn choice(&self, instructions: Option<String>, in_between: &str) -> LessonChoice {
        let voice = self.output.voice.clone().filter(|voice| self.offer.voices.contains(voice));
        let instructions = instructions.unwrap_or_else(|| self.instructions.clone());
        let instructions = format!("{instructions}\n{in_between}");
        let instructions = instructions.trim().chars().take(INSTRUCTIONS_LIMIT).collect();
        let instructions = Some(instructions);
        let language = self.input.language.clone();
        let speed = self.output.speed.map(Speed::from_share).unwrap_or_default();
        LessonChoice { language, voice, instructions, speed, ..LessonChoice::default() }
    }

    pub(super) fn instructions(&self) -> &str {
        &self.instructions
    }

    pub(super) fn input_format(&self) -> SoundFormat {
        self.input.format
    }

    pub(super) fn language(&self) -> Option<Language> {
        self.input.language.clone()
    }

    pub(super) fn output(&self) -> &Output {
        &self.output
    }

    pub(super) fn tools(&self) -> &Tools {
        &self.tools
    }

    pub(super) fn max_output_tokens(&self) -> &Value {
        &self.max_output_tokens
    }

    pub(super) fn manner(&self) -> VoiceManner {
        self.input.detection.manner()
    }

    /// The client says when the learner has finished.
    pub(super) fn is_manual(&self) -> bool {
        self.input.detection == Detection::Manual
    }

    /// The end of the learner's turn begins a response.
    pub(super) fn creates(&self) -> bool {
        self.kind == Kind::Realtime && self.input.detection.creates()
    }

    /// How long nobody has to have spoken for the tutor to speak again, in milliseconds.
    pub(super) fn idle_ms(&self) -> Option<u64> {
        self.input.detection.idle_ms().filter(|_| self.kind == Kind::Realtime)
    }

    pub(super) fn padding_ms(&self) -> u64 {
        self.input.detection.padding_ms()
    }

    /// The client wants to read what the learner says.
    pub(super) fn transcribes(&self) -> bool {
        !self.input.transcription.is_null()
    }
}

impl Input {
    fn merge(&mut self, fields: Fields<'_>) -> Result<(), Fault> {
        self.format = SoundFormat::read(fields, "format")?.unwrap_or(self.format);
        self.detection = self.detection.merged(fields, "turn_detection")?;
        fields.object("noise_reduction")?;
        if let Some(value) = fields.raw("noise_reduction") {
            self.noise_reduction = value.clone();
        }
        let object = fields.object("transcription")?;
        if let Some(value) = fields.raw("transcription") {
            self.transcription = value.clone();
        }
        let Some(object) = object else { return Ok(()) };
        let fields = Fields::new(object, "session.audio.input.transcription");
        if let Some(tag) = fields.text("language")? {
            let language = Language::parse(tag);
            let expected = "a tag such as es or pt-BR";
            self.language =
                Some(language.ok_or_else(|| Fault::invalid(&fields.path("language"), expected))?);
        }
        Ok(())
    }

    fn shown(&self) -> Value {
        json!({
            "format": self.format.shown(), "transcription": self.transcription,
            "noise_reduction": self.noise_reduction, "turn_detection": self.detection.shown(),
        })
    }
}

impl Output {
    fn merge(&mut self, fields: Fields<'_>) -> Result<(), Fault> {
        self.format = SoundFormat::read(fields, "format")?.unwrap_or(self.format);
        // OpenAI's own voices may be named by an object with an id.
        if !matches!(fields.raw("voice"), Some(Value::Object(_)))
            && let Some(voice) = fields.text("voice")?
        {
            self.voice = Some(voice.to_owned());
        }
        self.speed = fields.number_in("speed", 0.25..=1.5)?.or(self.speed);
        Ok(())
    }

    pub(super) fn shown(&self) -> Value {
        json!({
            "format": self.format.shown(), "voice": self.voice.as_deref().unwrap_or("default"),
            "speed": self.speed.unwrap_or(1.0),
        })
    }
}

/// The instructions in these fields.
pub(super) fn instructions(fields: Fields<'_>) -> Result<Option<String>, Fault> {
    let Some(text) = fields.text("instructions")? else { return Ok(None) };
    if text.chars().count() > INSTRUCTIONS_LIMIT {
        let expected = format!("at most {INSTRUCTIONS_LIMIT} characters");
        return Err(Fault::invalid(&fields.path("instructions"), &expected));
    }
    Ok(Some(text.to_owned()))
}

/// The longest answer in these fields, in tokens or `"inf"`.
pub(super) fn max_output_tokens(fields: Fields<'_>) -> Result<Option<Value>, Fault> {
    let name = "max_output_tokens";
    match fields.raw(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value)
            if *value == "inf" || value.as_u64().is_some_and(|n| (1..=4096).contains(&n)) =>
        {
            Ok(Some(value.clone()))
        }
        Some(_) => Err(Fault::invalid(&fields.path(name), "1 to 4096 or 'inf'")),
    }
}
