//! What a JSON value is made of: which fields, of which types. Their values do not matter here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Every place in a value with the name of its type; the elements of a list share a place.
pub(crate) type Shape = BTreeSet<(String, &'static str)>;

/// The shapes of one kind of object, as the code makes it.
#[derive(Default)]
pub(crate) struct Kind {
    shapes: Vec<Shape>,
}

/// Values sorted by their `type`.
pub(crate) fn kinds(frames: &[Value]) -> BTreeMap<String, Kind> {
    let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
    for frame in frames {
        let kind = kinds.entry(frame["type"].as_str().unwrap().to_owned()).or_default();
        kind.shapes.push(shape(frame));
    }
    kinds
}

/// Values of one kind.
pub(crate) fn kind(values: &[Value]) -> Kind {
    Kind { shapes: values.iter().map(shape).collect() }
}

pub(crate) fn shape(value: &Value) -> Shape {
    let mut found = Shape::new();
    walk("", value, &mut found);
    found
}

impl Kind {
    /// Places that are null in one of the shapes.
    pub(crate) fn nullable(&self) -> BTreeSet<String> {
        self.shapes.iter().flatten().filter(|(_, kind)| *kind == "null").map(place).collect()
    }

    /// All places.
    pub(crate) fn places(&self) -> BTreeSet<String> {
        self.shapes.iter().flatten().map(place).collect()
    }

    /// What `sample` has that none of the shapes has, and what it lacks that they all have.
    pub(crate) fn differences(&self, sample: &Shape) -> Vec<String> {
        let known: Shape = self.shapes.iter().flatten().cloned().collect();
        let unknown = sample.difference(&known);
        let unknown = unknown.map(|(place, kind)| format!("{place} is never a {kind}"));
        let missing = self.places().into_iter().filter(|place| self.lacks(sample, place));
        unknown.chain(missing.map(|place| format!("{place} is missing"))).collect()
    }

    fn lacks(&self, sample: &Shape, place: &str) -> bool {
        let Some((parent, name)) = place.rsplit_once('.') else { return false };
        // A list may be empty.
        if name.ends_with("[]") {
            return false;
        }
        let holds = |shape: &Shape| shape.contains(&(parent.to_owned(), "object"));
        let has = |shape: &Shape| shape.iter().any(|(other, _)| other == place);
        let is_always_there = self.shapes.iter().filter(|shape| holds(shape)).all(has);
        is_always_there && holds(sample) && !has(sample)
    }
}

fn place((place, _): &(String, &'static str)) -> String {
    place.clone()
}

fn walk(place: &str, value: &Value, found: &mut Shape) {
    found.insert((place.to_owned(), type_name(value)));
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| walk(&format!("{place}.{name}"), value, found));
        }
        Value::Array(items) => {
            items.iter().for_each(|item| walk(&format!("{place}[]"), item, found));
        }
        _ => {}
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}
