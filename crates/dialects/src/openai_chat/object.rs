//! Writes JSON objects member by member. Names are ours and need no escapes.

use crate::json::quoted;

/// An object on its way.
#[derive(Debug)]
pub(crate) struct ObjectText(String);

impl ObjectText {
    /// An object without members.
    pub(crate) fn new() -> Self {
        Self(String::from("{"))
    }

    /// A member whose value is JSON already.
    pub(crate) fn raw(&mut self, name: &str, json: &str) -> &mut Self {
        self.name(name);
        self.0.push_str(json);
        self
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.name(name);
        push_quoted(&mut self.0, text);
        self
    }

    /// A text, if there is one.
    pub(crate) fn text_if(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        if let Some(text) = text {
            self.text(name, text);
        }
        self
    }

    /// A whole number.
    pub(crate) fn whole(&mut self, name: &str, number: u64) -> &mut Self {
        self.raw(name, &number.to_string())
    }

    /// An array of values that are JSON already.
    pub(crate) fn list(&mut self, name: &str, values: &[String]) -> &mut Self {
        self.raw(name, &list(values))
    }

    /// The whole object.
    pub(crate) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }
}

/// An array of values that are JSON already.
pub(crate) fn list(values: &[String]) -> String {
    format!("[{}]", values.join(","))
}

/// Adds the text as a JSON string. Most texts need no escape and are copied as they are.
pub(crate) fn push_quoted(written: &mut String, text: &str) {
    if text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        written.push_str(&quoted(text));
    } else {
        written.push('"');
        written.push_str(text);
        written.push('"');
    }
}

/// A finite number in the shortest spelling that reads back as the same number.
pub(crate) fn number(number: f64) -> String {
    if number.abs() < 1e15 { format!("{number}") } else { format!("{number:e}") }
}
