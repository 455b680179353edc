//! Google's own schema language, with its types in capitals, as JSON schema. Everything that both
//! share keeps its spelling and its order; what only Google knows is left out and told.

use std::fmt::Write as _;

use domain::Json;
use serde_json::value::RawValue;

use super::fields::camel;
use crate::json::quoted;
use crate::raw::{All, elements, object};

/// The schema as JSON schema, and whether something was left out.
pub(super) fn to_json_schema(schema: &RawValue) -> (Json, bool) {
    let mut translation = Translation { text: String::new(), left_out: false };
    translation.schema(schema);
    (Json::new(translation.text), translation.left_out)
}

struct Translation {
    text: String,
    left_out: bool,
}

impl Translation {
    fn schema(&mut self, schema: &RawValue) {
        let Some(All(members)) = object::<All<'_>>(schema) else {
            self.text.push_str(schema.get());
            return;
        };
        let nullable =
            members.iter().any(|(name, value)| camel(name) == "nullable" && value.get() == "true");
        self.text.push('{');
        let mut first = true;
        for (name, value) in &members {
            let name = camel(name);
            if matches!(&*name, "propertyOrdering" | "example") {
                self.left_out = true;
                continue;
            }
            if name == "nullable" || is_unspecified(&name, value) {
                continue;
            }
            if !std::mem::take(&mut first) {
                self.text.push(',');
            }
            self.keyword(&name, value, nullable);
        }
        self.text.push('}');
    }

    fn keyword(&mut self, name: &str, value: &RawValue, nullable: bool) {
        let told = match name {
            "defs" => "$defs",
            "ref" => "$ref",
            other => other,
        };
        self.text.push_str(&quoted(told));
        self.text.push(':');
        let written = value.get();
        match told {
            "type" => self.kind(&written.to_ascii_lowercase(), nullable),
            "properties" | "patternProperties" | "$defs" | "definitions" => self.named(value),
            "items" | "additionalProperties" | "not" => self.schema(value),
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                self.several(value, nullable && told == "anyOf");
            }
            "enum" if nullable && written.ends_with(']') && written.len() > 2 => {
                self.text.push_str(written.strip_suffix(']').unwrap_or(written));
                self.text.push_str(",null]");
            }
            "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties"
            | "maxProperties" => {
                // 64-bit numbers are text in Google's JSON.
                let digits = written.trim_matches('"');
                let is_number = digits.parse::<u64>().is_ok();
                self.text.push_str(if is_number { digits } else { written });
            }
            _ => self.text.push_str(written),
        }
    }

    fn kind(&mut self, kind: &str, nullable: bool) {
        if nullable && kind.starts_with('"') {
            // Writing into a string cannot fail.
            let _written = write!(self.text, r#"[{kind},"null"]"#);
        } else {
            self.text.push_str(kind);
        }
    }

    /// An object whose names are the caller's and whose values are schemas.
    fn named(&mut self, value: &RawValue) {
        let Some(All(members)) = object::<All<'_>>(value) else {
            self.text.push_str(value.get());
            return;
        };
        self.text.push('{');
        for (at, (name, schema)) in members.iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            self.text.push_str(&quoted(name));
            self.text.push(':');
            self.schema(schema);
        }
        self.text.push('}');
    }

    fn several(&mut self, value: &RawValue, or_null: bool) {
        let Some(schemas) = elements(value) else {
            self.text.push_str(value.get());
            return;
        };
        self.text.push('[');
        for (at, schema) in schemas.iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            self.schema(schema);
        }
        if or_null && !schemas.is_empty() {
            self.text.push_str(r#",{"type":"null"}"#);
        }
        self.text.push(']');
    }
}

fn is_unspecified(name: &str, value: &RawValue) -> bool {
    matches!((name, value.get()), ("type", r#""TYPE_UNSPECIFIED""#) | ("format", r#""enum""#))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(schema: &str) -> (String, bool) {
        let raw: &RawValue = serde_json::from_str(schema).unwrap();
        let (json, left_out) = to_json_schema(raw);
        serde_json::from_str::<serde_json::Value>(json.as_str()).unwrap();
        (json.as_str().to_owned(), left_out)
    }

    #[test]
    fn types_lose_their_capitals_and_names_do_not() {
        let google = r#"{"type":"OBJECT","properties":{"TYPE_x":{"type":"STRING","nullable":true},"n":{"type":"ARRAY","items":{"type":"INTEGER"},"min_items":"2"}},"required":["n"]}"#;
        let json = r#"{"type":"object","properties":{"TYPE_x":{"type":["string","null"]},"n":{"type":"array","items":{"type":"integer"},"minItems":2}},"required":["n"]}"#;
        assert_eq!(translated(google), (json.to_owned(), false));
    }

    #[test]
    fn what_only_google_knows_is_told() {
        let google = r#"{"any_of":[{"type":"STRING","format":"enum","enum":["A"]}],"nullable":true,"propertyOrdering":["a"]}"#;
        let json = r#"{"anyOf":[{"type":"string","enum":["A"]},{"type":"null"}]}"#;
        assert_eq!(translated(google), (json.to_owned(), true));
    }

    #[test]
    fn json_schema_comes_through_as_it_is() {
        let json = r##"{"$defs":{"a":{"type":"string"}},"type":"object","additionalProperties":false,"properties":{"a":{"$ref":"#/$defs/a"}},"x":1.50}"##;
        assert_eq!(translated(json), (json.to_owned(), false));
    }
}
