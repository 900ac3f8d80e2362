//! Why a client's event was not carried out, as OpenAI says it. After any of them the session goes on.

use serde_json::{Value, json};

use crate::domain::Failure;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: &'static str,
    code: String,
    message: String,
    /// The field that is wrong.
    param: Option<String>,
}

impl Fault {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        let (kind, message) = ("invalid_request_error", message.into());
        Self { kind, code: code.to_owned(), message, param: None }
    }

    /// A field of the wrong kind or out of range.
    pub(super) fn invalid(param: &str, expected: &str) -> Self {
        Self::new("invalid_value", format!("Invalid '{param}': expected {expected}.")).at(param)
    }

    pub(super) fn missing(param: &str) -> Self {
        Self::new("missing_required_parameter", format!("Missing required parameter: '{param}'."))
            .at(param)
    }

    /// There is no item of that id to do that with.
    pub(super) fn no_item(code: &str, id: &str) -> Self {
        Self::new(code, format!("There is no item with the id '{id}'.")).at("item_id")
    }

    pub(super) fn at(self, param: &str) -> Self {
        Self { param: Some(param.to_owned()), ..self }
    }

    /// The `error` of an event, without the id of the client's event.
    #[must_use]
    pub fn shown(&self) -> Value {
        json!({
            "type": self.kind, "code": self.code, "message": self.message, "param": self.param,
        })
    }

    /// The same without what there is not: of a transcription, the agents kit drops an event with a `null` in it.
    pub(super) fn without_nulls(&self) -> Value {
        let mut shown = self.shown();
        if let Value::Object(fields) = &mut shown {
            fields.retain(|_, value| !value.is_null());
        }
        shown
    }

    /// What an `error` event says about a client's event.
    pub(super) fn about(&self, event_id: Option<&str>) -> Value {
        let mut shown = self.shown();
        shown["event_id"] = json!(event_id);
        shown
    }
}

impl From<&Failure> for Fault {
    fn from(failure: &Failure) -> Self {
        let kind = if failure.retryable { "server_error" } else { "invalid_request_error" };
        Self { kind, ..Self::new(failure.code, failure.message.clone()) }
    }
}
