//! How a tutor frame becomes a command. Every frame gives a command or an error that names what is wrong.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    dialect::json::{self, BadInput},
    domain::{AudioStart, Command, MicrophoneMode, TurnId},
};

use super::ChatBody;

#[derive(Deserialize)]
struct AuthFields {
    token: String,
}

/// Which turn to stop; the present one when it is not named.
#[derive(Deserialize, ToSchema)]
#[schema(as = Stop)]
#[serde(rename_all = "camelCase")]
pub struct StopFields {
    #[schema(value_type = Option<String>)]
    pub turn_id: Option<TurnId>,
}

/// How far a client has played.
#[derive(Deserialize, ToSchema)]
#[schema(as = Played)]
#[serde(rename_all = "camelCase")]
pub struct PlayedFields {
    #[schema(value_type = String)]
    pub turn_id: TurnId,
    pub chunk_index: usize,
    /// Into the chunk.
    pub ms: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypingFields {
    is_typing: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AudioStartFields {
    sample_rate: u32,
    encoding: String,
    mode: Option<String>,
}

/// Reads one text frame.
///
/// # Errors
/// When it is no JSON, of no known type, or a field is wrong.
pub fn decode(text: &str) -> Result<Command, BadInput> {
    let mut frame = json::object(text.as_bytes())?;
    let kind = match frame.remove("type") {
        Some(Value::String(kind)) => kind,
        Some(_) => return Err(BadInput::field("type", "expected a string")),
        None => return Err(BadInput::field("type", "is missing")),
    };
    let data = match frame.remove("data") {
        Some(Value::Object(data)) => data,
        None | Some(Value::Null) => Map::new(),
        Some(_) => return Err(BadInput::field("data", "expected an object")),
    };
    command(&kind, data)
}

fn command(kind: &str, data: Map<String, Value>) -> Result<Command, BadInput> {
    Ok(match kind {
        "ping" => Command::Ping,
        "auth" => Command::Authenticate { token: fields::<AuthFields>(data)?.token },
        "chat" => Command::Chat(ChatBody::read(data).map_err(in_data)?.command),
        "stop" => Command::Stop { turn: fields::<StopFields>(data)?.turn_id },
        "played" => {
            let PlayedFields { turn_id, chunk_index, ms } = fields(data)?;
            Command::Played { turn: turn_id, chunk: chunk_index, ms }
        }
        "typing" => Command::Typing { is_typing: fields::<TypingFields>(data)?.is_typing },
        "prepare" => {
            let choice = ChatBody::read(data).map_err(in_data)?.command.choice;
            Command::Prepare { choice }
        }
        "audio-start" => Command::AudioStart(audio_start(data).map_err(in_data)?),
        "audio-stop" => Command::AudioStop,
        other => return Err(BadInput::UnknownType(other.chars().take(64).collect())),
    })
}

fn audio_start(data: Map<String, Value>) -> Result<AudioStart, BadInput> {
    let choice = ChatBody::read(data.clone())?.command.choice;
    let AudioStartFields { sample_rate, encoding, mode } = json::typed(data)?;
    let mode = mode.map(|name| {
        MicrophoneMode::parse(&name)
            .ok_or_else(|| BadInput::field("mode", "expected hands-free, push-to-talk or manual"))
    });
    Ok(AudioStart { sample_rate, encoding, mode: mode.transpose()?.unwrap_or_default(), choice })
}

fn fields<T: DeserializeOwned>(data: Map<String, Value>) -> Result<T, BadInput> {
    json::typed(data).map_err(in_data)
}

/// In a frame the fields stand inside `data`.
fn in_data(bad: BadInput) -> BadInput {
    match bad {
        BadInput::Field { field, reason } => {
            BadInput::Field { field: format!("data.{field}"), reason }
        }
        other => other,
    }
}
