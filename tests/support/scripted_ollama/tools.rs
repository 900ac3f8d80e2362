//! What the stand-in says to tools and calls that the real one could not read. It calls nothing.

use serde_json::{Map, Value};

use super::pulled::Fault;

/// As Go reads the request into its types, and somewhat stricter: each call is followed by what came of it.
pub(super) fn fault_of_tools(body: &Value) -> Option<Fault> {
    let tools = read(&body["tools"], "tools", Value::as_array, "[]api.Tool");
    let tools = match tools {
        Ok(tools) => tools.into_iter().flatten(),
        Err(fault) => return Some(fault),
    };
    tools.map(tool).chain([messages(body)]).find_map(Result::err)
}

fn tool(tool: &Value) -> Result<(), Fault> {
    expect(&tool["type"], "tools.type", Value::as_str)?;
    let function = &tool["function"];
    expect(&function["name"], "tools.function.name", Value::as_str)?;
    read(&function["description"], "tools.function.description", Value::as_str, "string")?;
    let parameters = &function["parameters"];
    let at = "tools.function.parameters";
    read(parameters, at, Value::as_object, "api.ToolFunctionParameters")?;
    read(&parameters["type"], &format!("{at}.type"), Value::as_str, "string")?;
    let required = read(&parameters["required"], at, Value::as_array, "[]string")?;
    for name in required.into_iter().flatten() {
        expect(name, &format!("{at}.required"), Value::as_str)?;
    }
    let properties = read(&parameters["properties"], at, Value::as_object, "map")?;
    properties
        .into_iter()
        .flat_map(Map::values)
        .try_for_each(|property| expect(property, &format!("{at}.properties"), Value::as_object))
}

fn messages(body: &Value) -> Result<(), Fault> {
    let mut open = 0;
    for message in body["messages"].as_array().into_iter().flatten() {
        if message["role"] == "tool" {
            expect(&message["tool_name"], "messages.tool_name", Value::as_str)?;
            open = usize::checked_sub(open, 1).ok_or((400, "a result of no call".to_owned()))?;
            continue;
        }
        if open > 0 {
            return Err((400, "a call without its result".to_owned()));
        }
        let at = "messages.tool_calls";
        let calls = read(&message["tool_calls"], at, Value::as_array, "[]api.ToolCall")?;
        for call in calls.into_iter().flatten() {
            expect(&call["function"]["name"], &format!("{at}.function.name"), Value::as_str)?;
            let arguments = &call["function"]["arguments"];
            expect(arguments, &format!("{at}.function.arguments"), Value::as_object)?;
            open += 1;
        }
    }
    Ok(())
}

/// A field that must be there.
fn expect<'a, T>(
    value: &'a Value,
    path: &str,
    kind: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<(), Fault> {
    kind(value).map(drop).ok_or_else(|| unreadable(value, path, "its type"))
}

fn read<'a, T>(
    value: &'a Value,
    path: &str,
    kind: impl FnOnce(&'a Value) -> Option<T>,
    name: &str,
) -> Result<Option<T>, Fault> {
    if value.is_null() {
        return Ok(None);
    }
    kind(value).map(Some).ok_or_else(|| unreadable(value, path, name))
}

fn unreadable(value: &Value, path: &str, name: &str) -> Fault {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let field = format!("ChatRequest.{path} of type {name}");
    (400, format!("json: cannot unmarshal {kind} into Go struct field {field}"))
}
