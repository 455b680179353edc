//! Values as they are written, looked at one level at a time. For parts of a body that are met
//! once; what is read for each chunk of a stream has its own readers in `answer`.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{Deserialize, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::{Name, Shape};

/// One member of an object.
pub(crate) type Pair<'a> = (Cow<'a, str>, &'a RawValue);

/// The members of an object in their order; `None` if the value is something else.
pub(crate) fn object(value: &RawValue) -> Option<Vec<Pair<'_>>> {
    if !value.get().starts_with('{') {
        return None;
    }
    serde_json::from_str::<Pairs<'_>>(value.get()).ok().map(|pairs| pairs.0)
}

/// The value of the last member of this name, as every lenient reader of JSON takes it.
pub(crate) fn get<'a>(pairs: &[Pair<'a>], name: &str) -> Option<&'a RawValue> {
    pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| *value)
}

/// The text that a member has.
pub(crate) fn get_text<'a>(pairs: &[Pair<'a>], name: &str) -> Option<Cow<'a, str>> {
    get(pairs, name).and_then(text)
}

/// The members of the object that a member has; none if it has no object.
pub(crate) fn get_object<'a>(pairs: &[Pair<'a>], name: &str) -> Vec<Pair<'a>> {
    get(pairs, name).and_then(object).unwrap_or_default()
}

/// The elements of an array; `None` if the value is something else.
pub(crate) fn elements(value: &RawValue) -> Option<Vec<&RawValue>> {
    if !value.get().starts_with('[') {
        return None;
    }
    serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()
}

/// A text.
pub(crate) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    if !value.get().starts_with('"') {
        return None;
    }
    serde_json::from_str::<Name<'_>>(value.get()).ok().map(|name| name.0)
}

/// A finite number, rounded once and correctly.
pub(crate) fn number(value: &RawValue) -> Option<f64> {
    let numeric = value.get().starts_with(|first: char| first == '-' || first.is_ascii_digit());
    numeric.then(|| value.get().parse::<f64>().ok()).flatten().filter(|number| number.is_finite())
}

/// A whole number that is not negative.
pub(crate) fn whole(value: &RawValue) -> Option<u64> {
    value
        .get()
        .parse()
        .ok()
        .or_else(|| serde_json::from_str::<Shape<'_>>(value.get()).ok()?.as_u64())
}

/// True or false.
pub(crate) fn truth(value: &RawValue) -> Option<bool> {
    match value.get() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// True if the value says as much as no value.
pub(crate) fn says_nothing(value: &RawValue) -> bool {
    let written = value.get();
    match written.as_bytes().first() {
        Some(b'n') => true,
        Some(b'"') => written.len() == 2,
        Some(b'[' | b'{') => {
            let inner = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
            inner.trim_ascii().is_empty()
        }
        _ => false,
    }
}

struct Pairs<'de>(Vec<Pair<'de>>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
                    pairs.push((name, map.next_value()?));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor)
    }
}
