//! Fills a JSON schema with a value that fits it: enough for the schemas that products send, not
//! a validator. Patterns, formats and arithmetic limits are not looked at.

use serde_json::{Map, Value, json};

/// Deeper schemas, or ones that contain themselves, are filled with null below this.
const DEPTH_MAX: usize = 16;

/// What is written where a schema leaves the choice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filling {
    word: &'static str,
    number: u32,
}

impl Filling {
    pub(crate) const FIRST: Self = Self { word: "wall", number: 7 };
    pub(crate) const SECOND: Self = Self { word: "quay", number: 8 };
}

/// A value for a schema; each property of an object is filled by its type.
pub(crate) fn fill(schema: &Value, filling: Filling) -> Value {
    Filler { root: schema, filling }.fill(schema, DEPTH_MAX)
}

struct Filler<'a> {
    root: &'a Value,
    filling: Filling,
}

impl Filler<'_> {
    fn fill(&self, schema: &Value, depth: usize) -> Value {
        if depth == 0 {
            return Value::Null;
        }
        if let Some(fixed) = schema.get("const") {
            return fixed.clone();
        }
        if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
            return first.clone();
        }
        if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
            let target = pointer.strip_prefix('#').and_then(|path| self.root.pointer(path));
            return target.map_or(Value::Null, |target| self.fill(target, depth - 1));
        }
        for choice in ["anyOf", "oneOf", "allOf"] {
            if let Some(first) = schema.get(choice).and_then(|choices| choices.get(0)) {
                return self.fill(first, depth - 1);
            }
        }
        // Google writes its types in upper case.
        match type_of(schema).to_ascii_lowercase().as_str() {
            "object" => self.fill_object(schema, depth),
            "array" => {
                let item = schema.get("items").map(|items| self.fill(items, depth - 1));
                Value::Array(item.into_iter().collect())
            }
            "integer" => json!(self.filling.number),
            "number" => json!(f64::from(self.filling.number) + 0.5),
            "boolean" => json!(true),
            "null" => Value::Null,
            _ => json!(self.filling.word),
        }
    }

    fn fill_object(&self, schema: &Value, depth: usize) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        let filled: Map<String, Value> = properties
            .into_iter()
            .flatten()
            .map(|(name, property)| (name.clone(), self.fill(property, depth - 1)))
            .collect();
        Value::Object(filled)
    }
}

/// The type that is named, the first of several, or the one that the keywords betray.
fn type_of(schema: &Value) -> &str {
    let named = schema.get("type");
    let named = named.and_then(|named| named.as_str().or_else(|| named.get(0)?.as_str()));
    match named {
        Some(named) => named,
        None if schema.get("properties").is_some() => "object",
        None if schema.get("items").is_some() => "array",
        None => "string",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_is_filled() {
        let filled = fill(
            &json!({
                "type": "object",
                "properties": {
                    "name": {"type": "string"}, "age": {"type": "integer"}, "share": {"type": "number"},
                    "alive": {"type": "boolean"}, "kind": {"enum": ["a", "b"]}, "one": {"const": 1},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "home": {"$ref": "#/$defs/home"},
                    "maybe": {"type": ["string", "null"]}, "either": {"anyOf": [{"type": "integer"}]}
                },
                "$defs": {"home": {"type": "object", "properties": {"street": {"type": "string"}}}}
            }),
            Filling::FIRST,
        );
        assert_eq!(
            filled,
            json!({
                "name": "wall", "age": 7, "share": 7.5, "alive": true, "kind": "a", "one": 1,
                "tags": ["wall"], "home": {"street": "wall"}, "maybe": "wall", "either": 7
            })
        );
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let filled =
            fill(&json!({"type": "object", "properties": {"next": {"$ref": "#"}}}), Filling::FIRST);
        assert!(filled.get("next").is_some());
    }
}
