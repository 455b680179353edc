//! Takes signatures of thinking out of a request that goes on in the caller's own bytes. A call of a
//! function keeps the word in its place that Google has for calls of other models.

use std::ops::Range;

use bytes::Bytes;
use domain::Losses;

use super::write_contents::FOREIGN_CALL_SIGNATURE;
use crate::form::Written;
use crate::json::{Member, elements, members, quoted};
use crate::rewrite::{Change, apply, cut, insert_first};

const SIGNATURE: [&str; 2] = ["thoughtSignature", "thought_signature"];
const CALL: [&str; 2] = ["functionCall", "function_call"];
const THOUGHT: &str = "thought";

/// The body without signatures; `None` if it would be the same.
pub(super) fn without_signatures(body: &Bytes) -> Option<Written> {
    let contents = members(body).into_iter().rfind(|member| member.is_named(body, "contents"))?;
    let mut changes = Vec::new();
    for content in elements(body.get(contents.value.clone())?) {
        let content = within(&contents.value, &content);
        let Some(parts) = member_in(body, &content, "parts") else { continue };
        let answer = member_in(body, &content, "role").and_then(|role| body.get(role))
            == Some(br#""model""#);
        let mut calls = 0;
        for part in elements(body.get(parts.clone()).unwrap_or_default()) {
            let part = within(&parts, &part);
            changes.extend(change_part(body, &part, answer, &mut calls));
        }
    }
    let mut losses = Losses::default();
    losses.dropped("contents.thoughtSignature");
    (!changes.is_empty()).then(|| Written { body: apply(body, changes), losses })
}

/// What changes in one part; `calls` counts those of the turn, of which the first must be signed.
fn change_part(body: &[u8], part: &Range<usize>, answer: bool, calls: &mut u32) -> Vec<Change> {
    let text = body.get(part.clone()).unwrap_or_default();
    let list = members(text);
    let is = |member: &Member, names: &[&str]| names.iter().any(|name| member.is_named(text, name));
    let signed = list.iter().rfind(|member| is(member, &SIGNATURE));
    if list.iter().any(|member| is(member, &CALL)) {
        *calls += 1;
        if let Some(signature) = signed {
            let place = within(part, &signature.value);
            return vec![Change { place, text: quoted(FOREIGN_CALL_SIGNATURE) }];
        }
        if *calls > 1 || !answer {
            return Vec::new();
        }
        let member = format!(r#""{}":{}"#, SIGNATURE[0], quoted(FOREIGN_CALL_SIGNATURE));
        let Change { place, text } = insert_first(text, &member);
        return vec![Change { place: within(part, &place), text }];
    }
    if signed.is_none() {
        return Vec::new();
    }
    let says = |member: &Member| !is(member, &SIGNATURE) && !is(member, &[THOUGHT]);
    if !list.iter().any(says) {
        // A part must say something.
        return vec![Change { place: part.clone(), text: r#"{"text":""}"#.to_owned() }];
    }
    let places: Vec<Range<usize>> = list
        .iter()
        .map(|member| part.start + member.name.start..part.start + member.value.end)
        .collect();
    cut(&places, |index| list.get(index).is_some_and(|member| is(member, &SIGNATURE)))
}

/// A place that was told within another one.
fn within(outer: &Range<usize>, inner: &Range<usize>) -> Range<usize> {
    outer.start + inner.start..outer.start + inner.end
}

fn member_in(body: &[u8], object: &Range<usize>, name: &str) -> Option<Range<usize>> {
    let text = body.get(object.clone())?;
    let found = members(text).into_iter().rfind(|member| member.is_named(text, name))?;
    Some(within(object, &found.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(body: &'static str) -> Option<String> {
        let written = without_signatures(&Bytes::from_static(body.as_bytes()))?;
        assert_eq!(written.losses.header(), "contents.thoughtSignature");
        let text = String::from_utf8(written.body.to_vec()).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
        Some(text.replace(FOREIGN_CALL_SIGNATURE, "FOREIGN"))
    }

    #[test]
    fn texts_lose_theirs_and_calls_get_the_word_for_foreign_ones() {
        assert_eq!(
            left(
                r#"{"contents":[{"role":"model","parts":[{"text":"a","thoughtSignature":"s"},{"thought_signature":"s","functionCall":{"name":"f"}},{"thoughtSignature":"s"}]}]}"#
            )
            .unwrap(),
            r#"{"contents":[{"role":"model","parts":[{"text":"a"},{"thought_signature":"FOREIGN","functionCall":{"name":"f"}},{"text":""}]}]}"#
        );
    }

    #[test]
    fn the_first_call_of_an_answer_is_signed_where_none_was() {
        assert_eq!(
            left(
                r#"{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f"}},{"functionCall":{"name":"g"}}]}]}"#
            )
            .unwrap(),
            r#"{"contents":[{"role":"model","parts":[{"thoughtSignature":"FOREIGN","functionCall":{"name":"f"}},{"functionCall":{"name":"g"}}]}]}"#
        );
    }

    #[test]
    fn without_signatures_and_calls_nothing_is_touched() {
        for body in [r#"{"contents":[{"role":"user","parts":[{"text":"a"}]}]}"#, "{}", "[]"] {
            assert_eq!(left(body), None, "{body}");
        }
    }
}
