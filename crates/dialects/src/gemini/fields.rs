//! Small pieces for Google's JSON: names in two spellings, numbers that may be text. What the
//! members mean is told elsewhere.

use std::borrow::Cow;

use crate::json::Shape;

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
}
