//! Writes JSON objects member by member, in the order in which they are given. Which members an
//! object has is a dialect's business.

use std::borrow::Borrow;
use std::fmt::Write;

use crate::json::quoted;

/// An object on its way. Names are ours and need no escapes, but for those of `foreign`.
#[derive(Debug)]
pub(crate) struct ObjectText(String);

impl ObjectText {
    /// An object without members.
    pub(crate) fn new() -> Self {
        Self(String::from("{"))
    }

    /// An object that says by `type` what it is.
    pub(crate) fn of(kind: &str) -> Self {
        let mut object = Self::new();
        object.text("type", kind);
        object
    }

    /// A member whose value is JSON already.
    pub(crate) fn raw(&mut self, name: &str, json: &str) -> &mut Self {
        self.name(name);
        self.0.push_str(json);
        self
    }

    /// A member whose value is JSON already, if there is one.
    pub(crate) fn raw_if(&mut self, name: &str, json: Option<impl AsRef<str>>) -> &mut Self {
        if let Some(json) = json {
            self.raw(name, json.as_ref());
        }
        self
    }

    /// A member whose name somebody else chose.
    pub(crate) fn foreign(&mut self, name: &str, json: &str) -> &mut Self {
        self.part();
        push_quoted(&mut self.0, name);
        self.0.push(':');
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
        self.name(name);
        // Writing to a string cannot fail.
        let _written = write!(self.0, "{number}");
        self
    }

    /// A whole number, if there is one.
    pub(crate) fn whole_if(&mut self, name: &str, number: Option<u64>) -> &mut Self {
        if let Some(number) = number {
            self.whole(name, number);
        }
        self
    }

    /// A number in serde's spelling, if there is one and JSON can say it.
    pub(crate) fn number_if(&mut self, name: &str, number: Option<f64>) -> &mut Self {
        if let Some(number) = number.filter(|number| number.is_finite()) {
            self.raw(name, &spelled(number));
        }
        self
    }

    /// True or false.
    pub(crate) fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.raw(name, if value { "true" } else { "false" })
    }

    /// An array of values that are JSON already.
    pub(crate) fn list<T: Borrow<str>>(&mut self, name: &str, values: &[T]) -> &mut Self {
        self.raw(name, &array(values))
    }

    /// An array that has at least one value.
    pub(crate) fn list_if<T: Borrow<str>>(&mut self, name: &str, values: &[T]) -> &mut Self {
        if values.is_empty() { self } else { self.list(name, values) }
    }

    /// True if it has no members yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    /// The whole object; nothing is left of it here.
    pub(crate) fn end(&mut self) -> String {
        self.0.push('}');
        std::mem::take(&mut self.0)
    }

    fn name(&mut self, name: &str) {
        self.part();
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    /// Parts the next member from the one before.
    fn part(&mut self) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
    }
}

/// An array of values that are JSON already.
pub(crate) fn array<T: Borrow<str>>(values: &[T]) -> String {
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

/// Adds a whole number; most are a single digit.
pub(crate) fn push_number(written: &mut String, number: u64) {
    match u8::try_from(number) {
        Ok(digit @ 0..=9) => written.push(char::from(b'0' + digit)),
        _ => written.push_str(&number.to_string()),
    }
}

/// A number in serde's spelling, where one keeps its `.0`; what JSON cannot say is null.
pub(crate) fn spelled(number: f64) -> String {
    serde_json::to_string(&number).unwrap_or_else(|_| "null".to_owned())
}

/// A finite number in the shortest spelling that reads back as the same number, without a `.0`.
pub(crate) fn shortest(number: f64) -> String {
    if number.abs() < 1e15 { format!("{number}") } else { format!("{number:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_its_members_in_order() {
        let mut object = ObjectText::of("a\"b");
        assert!(!object.is_empty() && ObjectText::new().is_empty());
        object.whole("n", 7).whole_if("m", None).flag("f", true).list("l", &["1", "{}"]);
        object.list_if::<&str>("e", &[]).number_if("x", Some(f64::NAN)).number_if("y", Some(1.0));
        object.foreign("q\"", "null").text_if("t", Some("ü")).raw_if("r", None::<&str>);
        let wanted = r#"{"type":"a\"b","n":7,"f":true,"l":[1,{}],"y":1.0,"q\"":null,"t":"ü"}"#;
        assert_eq!(object.end(), wanted);
        assert_eq!(ObjectText::new().end(), "{}");
        assert_eq!((shortest(1.0), spelled(1.0)), ("1".to_owned(), "1.0".to_owned()));
    }
}
