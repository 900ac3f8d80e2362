//! Messages and tools as `/api/chat` takes them. It asks nothing.

use serde_json::{Value, json};

use crate::{
    domain::{Role, Tool, ToolResult},
    providers::{ChatMessage, ChatRequest},
};

/// The system's message and all others in their order; what was called stands behind the call.
pub(super) fn messages(request: &ChatRequest) -> Value {
    let system = json!({"role": "system", "content": request.system});
    std::iter::once(system).chain(request.messages.iter().flat_map(message)).collect()
}

pub(super) fn tool(tool: &Tool) -> Value {
    let Tool { name, description, parameters } = tool;
    let function = json!({"name": name, "description": description, "parameters": parameters});
    json!({"type": "function", "function": function})
}

fn message(message: &ChatMessage) -> Vec<Value> {
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let mut said = json!({"role": role, "content": message.text});
    if message.results.is_empty() {
        return vec![said];
    }
    said["tool_calls"] = message.results.iter().map(call).collect();
    std::iter::once(said).chain(message.results.iter().map(result)).collect()
}

fn call(result: &ToolResult) -> Value {
    json!({"function": {"name": result.call.name, "arguments": result.call.arguments}})
}

/// Without ids: Ollama matches results to calls by their order.
fn result(result: &ToolResult) -> Value {
    json!({"role": "tool", "content": result.output, "tool_name": result.call.name})
}
