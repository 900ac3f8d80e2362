//! Functions of an app that a model may call, and what else an app asks of an answer. Nothing here calls any.

use serde_json::{Map, Value};

/// A function that a model may call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tool {
    pub name: String,
    pub description: String,
    /// A JSON Schema of its arguments.
    pub parameters: Map<String, Value>,
}

/// A model's wish that a function be called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ToolCall {
    pub name: String,
    pub arguments: Map<String, Value>,
}

impl ToolCall {
    /// The arguments as JSON.
    #[must_use]
    pub fn arguments_text(&self) -> String {
        Value::Object(self.arguments.clone()).to_string()
    }
}

/// A call, and what the app says has come of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ToolResult {
    pub call: ToolCall,
    pub output: String,
}

/// What an app asks of one answer beside what it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AnswerTerms {
    pub tools: Vec<Tool>,
    /// What has come of earlier calls; where there is some, the learner need not have said anything.
    pub results: Vec<ToolResult>,
    /// Tokens that the model may write; `None` leaves that to it.
    pub max_tokens: Option<u32>,
}
