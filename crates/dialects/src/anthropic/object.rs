//! Writes one JSON object member by member, in the order in which they are given.

use domain::Json;

use crate::json::quoted;

/// An object that is being written.
#[derive(Debug)]
pub(super) struct Obj(String);

impl Obj {
    /// An object without members.
    pub(super) fn new() -> Self {
        Self(String::from("{"))
    }

    /// An object that says by `type` what it is.
    pub(super) fn of(kind: &str) -> Self {
        Self::new().text("type", kind)
    }

    /// A member whose value is JSON text. `name` is a word of ours and needs no escapes.
    pub(super) fn raw(mut self, name: &str, value: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(value);
        self
    }

    /// A member whose value is a string.
    pub(super) fn text(self, name: &str, value: &str) -> Self {
        self.raw(name, &quoted(value))
    }

    /// A member that is left out if there is no value.
    pub(super) fn maybe_text(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// A member that is left out if there is no value.
    pub(super) fn maybe_raw(self, name: &str, value: Option<&Json>) -> Self {
        match value {
            Some(value) => self.raw(name, value.as_str()),
            None => self,
        }
    }

    /// A number that is left out if there is none.
    pub(super) fn maybe_number(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.raw(name, &value.to_string()),
            None => self,
        }
    }

    /// A number that may have a fraction, spelled so that it reads as the same; none if it is no
    /// number.
    pub(super) fn maybe_fraction(self, name: &str, value: Option<f64>) -> Self {
        match value.and_then(serde_json::Number::from_f64) {
            Some(number) => self.raw(name, &number.to_string()),
            None => self,
        }
    }

    /// The object's text.
    pub(super) fn close(mut self) -> String {
        self.0.push('}');
        self.0
    }
}
