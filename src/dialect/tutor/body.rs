//! The body of a chat message, the same over HTTP and over the socket.

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    dialect::json::{self, BadInput},
    domain::{AnswerTerms, ChatCommand, Language, LessonChoice, Level, Speed},
};

/// Longest name of a voice or model, in characters.
const NAME_LIMIT: usize = 128;
/// Longest id that a client gives itself, in characters.
const ID_LIMIT: usize = 64;

/// A chat request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatBody {
    pub conversation: Option<String>,
    /// Answer at once; what becomes of the message is told over the socket.
    pub use_web_socket: bool,
    pub command: ChatCommand,
}

/// A chat request as it is written.
#[derive(Deserialize, ToSchema)]
#[schema(as = Chat)]
#[serde(rename_all = "camelCase")]
pub struct ChatFields {
    #[serde(default)]
    message: Option<String>,
    conversation_id: Option<String>,
    use_web_socket: Option<bool>,
    stream: Option<bool>,
    language: Option<String>,
    level: Option<String>,
    scenario: Option<String>,
    voice: Option<String>,
    model: Option<String>,
    client_id: Option<String>,
}

impl ChatBody {
    /// Reads the fields; unknown ones are left alone.
    ///
    /// # Errors
    /// Which field is not what it should be.
    pub fn read(object: Map<String, Value>) -> Result<Self, BadInput> {
        let fields: ChatFields = json::typed(object)?;
        let parse_language = |tag: &str| Language::parse(tag);
        let choice = LessonChoice {
            language: parsed(
                "language",
                fields.language,
                parse_language,
                "a tag such as es or pt-BR",
            )?,
            level: parsed("level", fields.level, Level::parse, "one of A1 A2 B1 B2 C1 C2")?,
            scenario: bounded("scenario", fields.scenario, ID_LIMIT)?,
            voice: bounded("voice", fields.voice, NAME_LIMIT)?,
            model: bounded("model", fields.model, NAME_LIMIT)?,
            instructions: None,
            speed: Speed::default(),
        };
        let command = ChatCommand {
            text: fields.message.unwrap_or_default(),
            stream: fields.stream.unwrap_or(false),
            choice,
            client_id: bounded("clientId", fields.client_id, ID_LIMIT)?
                .filter(|client_id| !client_id.is_empty()),
            verbatim: None,
            terms: AnswerTerms::default(),
        };
        let conversation = conversation_name("conversationId", fields.conversation_id)?;
        Ok(Self { conversation, use_web_socket: fields.use_web_socket.unwrap_or(false), command })
    }
}

/// A name that a client gives its conversation: `[A-Za-z0-9_-]{1,64}`.
pub(super) fn conversation_name(
    field: &str,
    name: Option<String>,
) -> Result<Option<String>, BadInput> {
    let expected = "1 to 64 characters of A-Z a-z 0-9 _ -";
    let is_name = |name: &str| crate::domain::ConversationId::parse(name);
    let parsed = parsed(field, name, is_name, expected)?;
    Ok(parsed.map(|name| name.to_string()))
}

fn parsed<T>(
    field: &str,
    text: Option<String>,
    parse: impl FnOnce(&str) -> Option<T>,
    expected: &str,
) -> Result<Option<T>, BadInput> {
    match text {
        None => Ok(None),
        Some(text) => parse(&text)
            .map(Some)
            .ok_or_else(|| BadInput::field(field, format!("expected {expected}"))),
    }
}

fn bounded(field: &str, text: Option<String>, limit: usize) -> Result<Option<String>, BadInput> {
    match text {
        Some(text) if text.chars().count() > limit || text.chars().any(char::is_control) => {
            Err(BadInput::field(field, format!("expected at most {limit} printable characters")))
        }
        other => Ok(other),
    }
}
