//! Reads the fields of what a client sends; a field of the wrong kind is named by its whole path. It keeps nothing.

use std::{fmt::Debug, ops::RangeInclusive};

use serde_json::{Map, Value};

use super::fault::Fault;

/// An object of a client's, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    path: &'a str,
}

impl<'a> Fields<'a> {
    pub(super) fn new(object: &'a Map<String, Value>, path: &'a str) -> Self {
        Self { object, path }
    }

    /// The path of a field.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// As it is, `null` included; `None` when it is not there.
    pub(super) fn raw(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Fault> {
        self.optional(name, Value::as_str, "a string")
    }

    pub(super) fn required_text(&self, name: &str) -> Result<&'a str, Fault> {
        self.text(name)?.ok_or_else(|| Fault::missing(&self.path(name)))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        self.optional(name, Value::as_bool, "a boolean")
    }

    pub(super) fn count(&self, name: &str) -> Result<Option<u64>, Fault> {
        self.optional(name, Value::as_u64, "a whole number, zero or more")
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, Fault> {
        self.optional(name, Value::as_f64, "a number")
    }

    pub(super) fn count_in(
        &self,
        name: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Fault> {
        self.count(name)?.map(|count| self.within(name, count, &range)).transpose()
    }

    pub(super) fn number_in(
        &self,
        name: &str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f64>, Fault> {
        self.number(name)?.map(|number| self.within(name, number, &range)).transpose()
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<&'a Map<String, Value>>, Fault> {
        self.optional(name, Value::as_object, "an object")
    }

    pub(super) fn list(&self, name: &str) -> Result<Option<&'a Vec<Value>>, Fault> {
        self.optional(name, Value::as_array, "an array")
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &self,
        name: &str,
        known: &[(&str, T)],
    ) -> Result<Option<T>, Fault> {
        let Some(word) = self.text(name)? else { return Ok(None) };
        let found = known.iter().find(|(known, _)| *known == word).map(|(_, value)| *value);
        let words = || known.iter().map(|(word, _)| format!("'{word}'")).collect::<Vec<_>>();
        let expected = || format!("one of {}", words().join(", "));
        found.map(Some).ok_or_else(|| Fault::invalid(&self.path(name), &expected()))
    }

    fn within<T: PartialOrd + Debug>(
        &self,
        name: &str,
        value: T,
        range: &RangeInclusive<T>,
    ) -> Result<T, Fault> {
        let expected = || format!("{:?} to {:?}", range.start(), range.end());
        let fault = || Fault::invalid(&self.path(name), &expected());
        if range.contains(&value) { Ok(value) } else { Err(fault()) }
    }

    /// Absent and `null` are the same.
    fn optional<T>(
        &self,
        name: &str,
        kind: impl FnOnce(&'a Value) -> Option<T>,
        expected: &str,
    ) -> Result<Option<T>, Fault> {
        match self.raw(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                kind(value).map(Some).ok_or_else(|| Fault::invalid(&self.path(name), expected))
            }
        }
    }
}
