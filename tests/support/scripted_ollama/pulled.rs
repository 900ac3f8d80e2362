//! The models of the stand-in and what it says about them. It refuses what the real one refuses.

use serde_json::{Value, json};

use super::{model_of, tools::fault_of_tools};

/// A model as it lies on the disk of the server.
#[derive(Clone, Debug)]
pub struct Pulled {
    name: String,
    modified_at: String,
    /// `None` on servers too old to tell.
    abilities: Option<Vec<&'static str>>,
    architecture: &'static str,
    trained_context: u32,
    parameters: &'static str,
    /// The context with which it is in memory.
    loaded_context: Option<u32>,
}

/// A status and the text of the error.
pub(super) type Fault = (u16, String);

impl Pulled {
    /// A model that can chat and no more, not in memory.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            modified_at: "2026-01-01T10:00:00.5+01:00".to_owned(),
            abilities: Some(vec!["completion"]),
            architecture: "llama",
            trained_context: 131_072,
            parameters: "stop      \"<|eot_id|>\"",
            loaded_context: None,
        }
    }

    pub fn pulled_at(mut self, rfc3339: &str) -> Self {
        rfc3339.clone_into(&mut self.modified_at);
        self
    }

    pub fn able_to(mut self, abilities: &[&'static str]) -> Self {
        self.abilities = Some(abilities.to_vec());
        self
    }

    /// As servers before 0.6 describe it.
    pub fn on_an_old_server(mut self, architecture: &'static str) -> Self {
        self.abilities = None;
        self.architecture = architecture;
        self
    }

    pub fn trained_for(mut self, context: u32) -> Self {
        self.trained_context = context;
        self
    }

    pub fn with_parameters(mut self, parameters: &'static str) -> Self {
        self.parameters = parameters;
        self
    }

    pub fn loaded_with(mut self, context: u32) -> Self {
        self.loaded_context = Some(context);
        self
    }

    pub(super) fn load(&mut self, context: Option<u32>) {
        self.loaded_context = Some(context.unwrap_or(4096));
    }

    fn is_able_to(&self, ability: &str) -> bool {
        self.abilities.as_ref().is_some_and(|abilities| abilities.contains(&ability))
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.name == format!("{name}:latest")
    }
}

pub(super) fn tags(pulled: &[Pulled]) -> Value {
    let models = pulled.iter().map(|model| {
        json!({"name": model.name, "model": model.name, "modified_at": model.modified_at, "size": 1})
    });
    json!({"models": models.collect::<Vec<_>>()})
}

pub(super) fn loaded(pulled: &[Pulled]) -> Value {
    let models = pulled.iter().filter_map(|model| {
        let context = model.loaded_context?;
        Some(json!({"name": model.name, "model": model.name, "context_length": context}))
    });
    json!({"models": models.collect::<Vec<_>>()})
}

pub(super) fn show(pulled: &[Pulled], body: &Value) -> Result<Value, Fault> {
    let model = find(pulled, body)?;
    let mut description = json!({
        "license": "MIT",
        "modelfile": "",
        "parameters": model.parameters,
        "template": "",
        "model_info": {
            "general.architecture": model.architecture,
            (format!("{}.context_length", model.architecture)): model.trained_context,
        },
    });
    if let Some(abilities) = &model.abilities {
        description["capabilities"] = json!(abilities);
    }
    Ok(description)
}

pub(super) fn fault_of_chat(pulled: &[Pulled], body: &Value) -> Option<Fault> {
    let model = match find(pulled, body) {
        Ok(model) => model,
        Err(fault) => return Some(fault),
    };
    let is_message = |message: &Value| {
        let role = message["role"].as_str().unwrap_or_default();
        ["system", "user", "assistant", "tool"].contains(&role) && message["content"].is_string()
    };
    let messages = body["messages"].as_array();
    if messages.is_none_or(|messages| !messages.iter().all(is_message)) {
        return Some((400, "messages: expected a list of role and content".to_owned()));
    }
    if body["stream"] == false {
        return Some((400, "this stand-in only streams".to_owned()));
    }
    if body["think"] == true && !model.is_able_to("thinking") {
        return Some((400, format!("{:?} does not support thinking", model.name)));
    }
    if model.abilities.is_some() && !model.is_able_to("completion") {
        return Some((400, format!("{:?} does not support chat", model.name)));
    }
    let has_tools = body["tools"].as_array().is_some_and(|tools| !tools.is_empty());
    let fault = fault_of_tools(body);
    if fault.is_none() && has_tools && model.abilities.is_some() && !model.is_able_to("tools") {
        let name = format!("registry.ollama.ai/library/{}", model.name);
        return Some((400, format!("{name} does not support tools")));
    }
    fault
}

pub(super) fn fault_of_load(pulled: &[Pulled], body: &Value) -> Option<Fault> {
    match find(pulled, body) {
        Ok(_) if body.get("prompt").is_some() => {
            Some((400, "this stand-in loads and generates nothing".to_owned()))
        }
        Ok(_) => None,
        Err(fault) => Some(fault),
    }
}

fn find<'a>(pulled: &'a [Pulled], body: &Value) -> Result<&'a Pulled, Fault> {
    let name = model_of(body);
    if name.is_empty() {
        return Err((400, "model is required".to_owned()));
    }
    let unknown = || (404, format!("model {name:?} not found, try pulling it first"));
    pulled.iter().find(|model| model.is_called(name)).ok_or_else(unknown)
}
