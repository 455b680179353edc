//! Makes a schema one that Anthropic takes for structured output: every object in it must say that
//! it has no further members. Nothing else is changed, and every byte of the rest stays as it is.

use std::ops::Range;

use serde_json::value::RawValue;

use crate::body::place_in;
use crate::json::members;
use crate::rewrite::{Change, insert_first};

/// Levels of a schema that are looked at; the bounds of a request allow no more.
const LEVELS_MAX: u32 = 64;

/// The schema with `additionalProperties: false` where an object does not say it; `None` if
/// nothing had to be changed.
pub(super) fn closed(schema: &str) -> Option<String> {
    let mut changes = Vec::new();
    walk(schema, &(0..schema.len()), LEVELS_MAX, &mut changes);
    if changes.is_empty() {
        return None;
    }
    changes.sort_by_key(|change| change.place.start);
    let mut text = String::with_capacity(schema.len() + changes.len() * 32);
    let mut kept_to = 0;
    for change in &changes {
        text.push_str(schema.get(kept_to..change.place.start)?);
        text.push_str(&change.text);
        kept_to = change.place.end;
    }
    text.push_str(schema.get(kept_to..)?);
    Some(text)
}

fn walk(schema: &str, at: &Range<usize>, levels: u32, changes: &mut Vec<Change>) {
    let Some(text) = schema.get(at.clone()).filter(|_| levels > 0) else { return };
    let bytes = text.as_bytes();
    let (mut is_object, mut is_closed) = (false, false);
    for member in members(bytes) {
        let value = at.start + member.value.start..at.start + member.value.end;
        let spelled = text.get(member.value.clone()).unwrap_or_default();
        match text.get(member.name.clone()).unwrap_or_default() {
            r#""type""# => is_object |= spelled.contains(r#""object""#),
            r#""additionalProperties""# => is_closed = true,
            r#""properties""# => {
                is_object = true;
                each_member(schema, &value, levels, changes);
            }
            r#""$defs""# | r#""definitions""# => each_member(schema, &value, levels, changes),
            r#""items""# => walk(schema, &value, levels - 1, changes),
            r#""anyOf""# | r#""oneOf""# | r#""allOf""# | r#""prefixItems""# => {
                let list: Vec<&RawValue> = serde_json::from_str(spelled).unwrap_or_default();
                let places = list.iter().filter_map(|raw| place_in(schema.as_bytes(), raw.get()));
                places.for_each(|place| walk(schema, &place, levels - 1, changes));
            }
            _ => {}
        }
    }
    if is_object && !is_closed {
        let change = insert_first(bytes, r#""additionalProperties":false"#);
        let place = at.start + change.place.start..at.start + change.place.end;
        changes.push(Change { place, text: change.text });
    }
}

fn each_member(schema: &str, at: &Range<usize>, levels: u32, changes: &mut Vec<Change>) {
    let text = schema.get(at.clone()).unwrap_or_default();
    for member in members(text.as_bytes()) {
        let value = at.start + member.value.start..at.start + member.value.end;
        walk(schema, &value, levels - 1, changes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_open_objects_are_closed() {
        let schema = r#"{ "type":"object","properties":{"a":{"type":"array","items":{"properties":{"type":{"type":"string"}}}},"b":{"anyOf":[{"type":"object","additionalProperties":false},{"type":["object","null"],"minimum":1.50}]}}}"#;
        let wanted = r#"{"additionalProperties":false, "type":"object","properties":{"a":{"type":"array","items":{"additionalProperties":false,"properties":{"type":{"type":"string"}}}},"b":{"anyOf":[{"type":"object","additionalProperties":false},{"additionalProperties":false,"type":["object","null"],"minimum":1.50}]}}}"#;
        assert_eq!(closed(schema).unwrap(), wanted);
        assert_eq!(closed(wanted), None);
        assert_eq!(closed(r#"{"type":"string"}"#), None);
        assert_eq!(closed("{}"), None);
    }
}
