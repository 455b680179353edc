//! Puts a JSON object together member by member.

use crate::json::quoted;

/// An object that is being written.
#[derive(Debug, Clone)]
pub(super) struct ObjectText(String);

impl ObjectText {
    /// An object without members.
    pub(super) fn new() -> Self {
        Self("{".to_owned())
    }

    /// An object that says by `type` what it is.
    pub(super) fn of(kind: &str) -> Self {
        Self::new().text("type", kind)
    }

    /// Adds a member whose value is JSON as it is written.
    pub(super) fn raw(mut self, name: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(json);
        self
    }

    /// Adds a member that is a string.
    pub(super) fn text(self, name: &str, text: &str) -> Self {
        self.raw(name, &quoted(text))
    }

    /// Adds a member that is a string, if there is one.
    pub(super) fn text_if(self, name: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    /// Adds a member that is a whole number.
    pub(super) fn whole(self, name: &str, number: u64) -> Self {
        self.raw(name, &number.to_string())
    }

    /// Adds a member that is a number.
    pub(super) fn number(self, name: &str, number: f64) -> Self {
        self.raw(name, &write_number(number))
    }

    /// Adds a member that is true or false.
    pub(super) fn flag(self, name: &str, value: bool) -> Self {
        self.raw(name, if value { "true" } else { "false" })
    }

    /// The object.
    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// The elements as an array.
pub(super) fn array(elements: &[String]) -> String {
    format!("[{}]", elements.join(","))
}

/// A number in its shortest spelling that reads the same; what JSON cannot say is null.
pub(super) fn write_number(number: f64) -> String {
    serde_json::to_string(&number).unwrap_or_else(|_| "null".to_owned())
}
