//! Reads JSON that strangers send: one parser, one set of errors. It knows no dialect.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What is wrong with a frame or a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadInput {
    #[error("this is not JSON: {0}")]
    Json(String),
    #[error("this is nested too deeply")]
    TooDeep,
    #[error("there is no message of type {0:?}")]
    UnknownType(String),
    #[error("{field}: {reason}")]
    Field { field: String, reason: String },
}

impl BadInput {
    /// Stable, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(_) => "bad_json",
            Self::TooDeep => "too_deep",
            Self::UnknownType(_) => "unknown_type",
            Self::Field { .. } => "invalid_field",
        }
    }

    pub(super) fn field(field: &str, reason: impl Into<String>) -> Self {
        Self::Field { field: field.to_owned(), reason: reason.into() }
    }
}

/// The whole text as one JSON object; of a key that stands twice the last one counts.
///
/// # Errors
/// When it is no JSON, nested more than 128 deep, or no object.
pub fn object(text: &[u8]) -> Result<Map<String, Value>, BadInput> {
    match serde_json::from_slice(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(BadInput::Json("expected an object".to_owned())),
        Err(error) if error.to_string().starts_with("recursion limit") => Err(BadInput::TooDeep),
        Err(error) => Err(BadInput::Json(error.to_string())),
    }
}

/// The object as a typed value; an error names the field.
///
/// # Errors
/// When a field is missing or of another kind.
pub fn typed<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, BadInput> {
    serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
        let (path, reason) = (error.path().to_string(), error.inner().to_string());
        let missing =
            reason.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        match missing {
            Some(field) => BadInput::field(field, "is missing"),
            None => BadInput::Field { field: path, reason },
        }
    })
}
