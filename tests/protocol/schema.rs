//! Holds bodies against the schemas of `/openapi.json`, as far as these go: types, fields, references.

use std::collections::BTreeSet;

use serde_json::Value;

pub(crate) struct Description(pub(crate) Value);

impl Description {
    /// `METHOD path status` of every answer that is no refusal.
    pub(crate) fn answers(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (path, method, operation) in self.operations() {
            let statuses = operation["responses"].as_object().unwrap().keys();
            let statuses = statuses.filter(|status| *status != "default");
            found.extend(
                statuses.map(|status| format!("{} {path} {status}", method.to_uppercase())),
            );
        }
        found
    }

    /// What the format demands and is missing.
    pub(crate) fn incomplete(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (path, method, operation) in self.operations() {
            let answers = operation["responses"].as_object().unwrap();
            for (status, answer) in
                answers.iter().filter(|(_, answer)| answer["description"].is_null())
            {
                wrong.push(format!("{method} {path} {status} has no description: {answer}"));
            }
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            for parameter in parameters.filter(|parameter| parameter["schema"].is_null()) {
                wrong.push(format!("{method} {path}: {parameter} has no schema"));
            }
            if operation["summary"].is_null() {
                wrong.push(format!("{method} {path} says nothing of itself"));
            }
        }
        wrong
    }

    /// Where a body is not what the schema of that name says.
    pub(crate) fn misfits(&self, name: &str, body: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        self.check(&self.schema(name), body, name, &mut wrong);
        wrong
    }

    fn operations(&self) -> Vec<(&String, &String, &Value)> {
        let paths = self.0["paths"].as_object().unwrap().iter();
        let operations = paths.flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .map(move |(method, operation)| (path, method, operation))
        });
        operations.collect()
    }

    fn schema(&self, name: &str) -> Value {
        let schema = self.0["components"]["schemas"][name].clone();
        assert!(schema.is_object(), "there is no schema {name}");
        schema
    }

    fn check(&self, schema: &Value, body: &Value, place: &str, wrong: &mut Vec<String>) {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap();
            return self.check(&self.schema(name), body, place, wrong);
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let fits = |choice: &&Value| {
                let mut misfits = Vec::new();
                self.check(choice, body, place, &mut misfits);
                misfits.is_empty()
            };
            if choices.iter().filter(fits).count() != 1 {
                wrong.push(format!("{place}: {body} is not one of {choices:?}"));
            }
            return;
        }
        let kinds = match &schema["type"] {
            Value::Array(kinds) => kinds.clone(),
            kind => vec![kind.clone()],
        };
        if !kinds.iter().any(|kind| is_of(kind.as_str().unwrap(), body)) {
            wrong.push(format!("{place}: {body} is none of {kinds:?}"));
        }
        for (index, item) in body.as_array().into_iter().flatten().enumerate() {
            self.check(&schema["items"], item, &format!("{place}[{index}]"), wrong);
        }
        if body.is_object() && schema["properties"].is_object() {
            self.check_fields(schema, body, place, wrong);
        }
    }

    fn check_fields(&self, schema: &Value, body: &Value, place: &str, wrong: &mut Vec<String>) {
        for (field, value) in body.as_object().unwrap() {
            match schema["properties"].get(field) {
                Some(known) => self.check(known, value, &format!("{place}.{field}"), wrong),
                None => wrong.push(format!("{place}.{field} is not described")),
            }
        }
        let needed = schema["required"].as_array().into_iter().flatten();
        for field in needed.filter_map(Value::as_str).filter(|field| body.get(field).is_none()) {
            wrong.push(format!("{place}.{field} is missing"));
        }
    }
}

fn is_of(kind: &str, body: &Value) -> bool {
    match kind {
        "object" => body.is_object(),
        "array" => body.is_array(),
        "string" => body.is_string(),
        "boolean" => body.is_boolean(),
        "integer" => body.is_i64() || body.is_u64(),
        "number" => body.is_number(),
        "null" => body.is_null(),
        other => panic!("no such type: {other}"),
    }
}
