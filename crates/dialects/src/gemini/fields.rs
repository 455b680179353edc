//! Small pieces for Google's JSON: names in two spellings, numbers that may be text, objects that
//! are written member by member. What the members mean is told elsewhere.

use std::borrow::Cow;

use serde::de::MapAccess;
use serde_json::value::RawValue;

use crate::json::{Members, Object, Shape};

/// The name in camelCase; clients send snake_case too, at every level.
pub(super) fn camel(name: &str) -> Cow<'_, str> {
    if !name.trim_start_matches('_').contains('_') {
        return Cow::Borrowed(name);
    }
    let mut spelled = String::with_capacity(name.len());
    let mut raise = false;
    for character in name.chars() {
        if character == '_' {
            raise = !spelled.is_empty();
        } else if raise {
            spelled.push(character.to_ascii_uppercase());
            raise = false;
        } else {
            spelled.push(character);
        }
    }
    Cow::Owned(spelled)
}

/// A whole number, which Google's JSON may spell as text.
pub(super) fn whole(shape: &Shape<'_>) -> Option<u64> {
    shape.as_u64().or_else(|| shape.as_text()?.parse().ok())
}

/// A whole number that may be negative.
pub(super) fn signed(shape: &Shape<'_>) -> Option<i64> {
    if let Some(number) = whole(shape) {
        return i64::try_from(number).ok();
    }
    match shape {
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
        Shape::Number(number)
            if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 =>
        {
            Some(*number as i64)
        }
        _ => shape.as_text()?.parse().ok(),
    }
}

/// Any finite number.
pub(super) fn number(shape: &Shape<'_>) -> Option<f64> {
    let number = shape.as_f64().or_else(|| shape.as_text()?.parse().ok());
    number.filter(|number: &f64| number.is_finite())
}

/// A text of the read value, owned if it was spelled with escapes.
pub(super) fn text<'de>(shape: Shape<'de>) -> Option<Cow<'de, str>> {
    match shape {
        Shape::Text(text) => Some(text),
        _ => None,
    }
}

/// A raw value that is there and not null.
pub(super) fn present(raw: &RawValue) -> Option<&RawValue> {
    (raw.get() != "null").then_some(raw)
}

/// Reads a raw value as an object.
pub(super) fn read_raw<'de, T: Members<'de>>(raw: &'de RawValue) -> Option<T> {
    serde_json::from_str::<Object<T>>(raw.get()).ok()?.0
}

/// The members of an object as written, null ones left out.
#[derive(Debug, Default)]
pub(super) struct RawMembers<'de>(pub(super) Vec<(String, &'de RawValue)>);

impl<'de> Members<'de> for RawMembers<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        if let Some(value) = present(map.next_value()?) {
            self.0.push((name.to_owned(), value));
        }
        Ok(())
    }
}

/// JSON on one line: a raw line break can only stand between its tokens.
pub(super) fn on_one_line(json: &str) -> Cow<'_, str> {
    if json.contains(['\n', '\r']) {
        Cow::Owned(json.replace(['\n', '\r'], " "))
    } else {
        Cow::Borrowed(json)
    }
}

/// True if the text is one JSON object.
pub(super) fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{')
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Base64 of the usual alphabet with its padding: clients send the alphabet for addresses too.
pub(super) fn usual_base64(data: &str) -> String {
    let mut usual: String = data
        .chars()
        .filter(|character| !character.is_whitespace())
        .map(|character| match character {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    while !usual.len().is_multiple_of(4) {
        usual.push('=');
    }
    usual
}

/// Base64 of a text.
pub(super) fn base64_of(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut spelled = String::with_capacity(text.len().div_ceil(3) * 4);
    for group in text.as_bytes().chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for place in 0..4_usize {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or_default();
            let letter = ALPHABET.get(digit).copied().unwrap_or(b'A');
            spelled.push(if place > group.len() { '=' } else { char::from(letter) });
        }
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_two_spellings() {
        for (written, meant) in [
            ("max_output_tokens", "maxOutputTokens"),
            ("maxOutputTokens", "maxOutputTokens"),
            ("text", "text"),
            ("_x", "_x"),
        ] {
            assert_eq!(camel(written), meant);
        }
    }

    #[test]
    fn base64_has_one_alphabet() {
        assert_eq!(base64_of("Ma"), "TWE=");
        assert_eq!(base64_of("Man"), "TWFu");
        assert_eq!(base64_of("M"), "TQ==");
        assert_eq!(usual_base64("-_8"), "+/8=");
    }
}
