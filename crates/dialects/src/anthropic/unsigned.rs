//! Takes thinking out of a request that goes on in the caller's own bytes: its signatures hold good
//! only where the thinking was done. Where that was the thinking behind a call that is answered now,
//! the model is not asked to think on, which Anthropic would refuse.

use std::ops::Range;

use bytes::Bytes;
use domain::Losses;

use crate::form::Written;
use crate::json::{Member, Object, elements, members};
use crate::outline::Kind;
use crate::rewrite::{Change, apply, cut};

/// Stands for a message of which nothing but thinking was there; none may be empty.
const NOTHING_LEFT: &str = r#"[{"type":"text","text":"(thinking)"}]"#;

/// The body without blocks of thinking; `None` if it would be the same.
pub(super) fn without_thinking(body: &Bytes) -> Option<Written> {
    let top = members(body);
    let messages = top.iter().rfind(|member| member.is_named(body, "messages"))?;
    let mut losses = Losses::default();
    let mut changes = Vec::new();
    // Whether the last answer of the model calls tools.
    let mut calls = false;
    for message in elements(body.get(messages.value.clone())?) {
        let message = within(&messages.value, &message);
        if !is_answer(body, &message) {
            continue;
        }
        let Some(content) = member_in(body, &message, "content") else { continue };
        let (cuts, has_calls) = without_blocks(body, &content);
        calls = has_calls;
        if !cuts.is_empty() {
            losses.dropped("messages.thinking");
        }
        changes.extend(cuts);
    }
    let is_wish = |member: &Member| member.is_named(body, "thinking");
    let wish = top.iter().rfind(|member| is_wish(member));
    let wish = wish.and_then(|member| kind_of(body.get(member.value.clone())?));
    if calls && wish.as_deref() == Some("enabled") {
        let places: Vec<Range<usize>> =
            top.iter().map(|member| member.name.start..member.value.end).collect();
        changes.extend(cut(&places, |index| top.get(index).is_some_and(is_wish)));
        losses.dropped("thinking");
    }
    (!changes.is_empty()).then(|| Written { body: apply(body, changes), losses })
}

/// The cuts in one message's content, and whether it calls tools.
fn without_blocks(body: &[u8], content: &Range<usize>) -> (Vec<Change>, bool) {
    let written = body.get(content.clone()).unwrap_or_default();
    let blocks: Vec<Range<usize>> =
        elements(written).iter().map(|block| within(content, block)).collect();
    let kinds: Vec<Option<String>> =
        blocks.iter().map(|block| kind_of(body.get(block.clone())?)).collect();
    let is = |index: usize, wanted: &[&str]| {
        let kind = kinds.get(index).and_then(Option::as_deref);
        kind.is_some_and(|kind| wanted.contains(&kind))
    };
    let thinks = |index: usize| is(index, &["thinking", "redacted_thinking"]);
    let calls = (0..blocks.len()).any(|index| is(index, &["tool_use"]));
    if !blocks.is_empty() && (0..blocks.len()).all(thinks) {
        return (vec![Change { place: content.clone(), text: NOTHING_LEFT.to_owned() }], calls);
    }
    (cut(&blocks, thinks), calls)
}

/// A place that was told within another one.
fn within(outer: &Range<usize>, inner: &Range<usize>) -> Range<usize> {
    outer.start + inner.start..outer.start + inner.end
}

fn is_answer(body: &[u8], message: &Range<usize>) -> bool {
    let role = member_in(body, message, "role").and_then(|place| body.get(place));
    role == Some(br#""assistant""#)
}

fn member_in(body: &[u8], object: &Range<usize>, name: &str) -> Option<Range<usize>> {
    let text = body.get(object.clone())?;
    let found: Member = members(text).into_iter().rfind(|member| member.is_named(text, name))?;
    Some(within(object, &found.value))
}

fn kind_of(object: &[u8]) -> Option<String> {
    let read = serde_json::from_slice::<Object<Kind<'_>>>(object).ok()?;
    read.0?.kind.as_text().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(body: &'static str) -> Option<(String, String)> {
        let written = without_thinking(&Bytes::from_static(body.as_bytes()))?;
        let text = String::from_utf8(written.body.to_vec()).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
        Some((text, written.losses.header()))
    }

    #[test]
    fn thinking_behind_a_call_goes_with_the_wish_to_think_on() {
        let (text, losses) = left(
            r#"{"model":"m","thinking":{"type":"enabled","budget_tokens":2048},"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"a","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"1"}]}]}"#,
        )
        .unwrap();
        assert_eq!(
            text,
            r#"{"model":"m","messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"1"}]}]}"#
        );
        assert_eq!(losses, "messages.thinking,thinking");
    }

    #[test]
    fn a_call_without_its_thinking_stops_the_wish_too() {
        let (text, losses) = left(
            r#"{"thinking":{"type":"enabled"},"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]}]}"#,
        )
        .unwrap();
        assert!(!text.contains("enabled"), "{text}");
        assert_eq!(losses, "thinking");
    }

    #[test]
    fn an_answer_of_nothing_but_thinking_is_not_left_empty() {
        let (text, losses) = left(
            r#"{"thinking":{"type":"adaptive"},"messages":[{"role":"assistant","content":[{"type":"redacted_thinking","data":"x"}]},{"role":"user","content":"go on"}]}"#,
        )
        .unwrap();
        assert!(text.contains(r#""content":[{"type":"text","text":"(thinking)"}]"#), "{text}");
        assert!(text.contains("adaptive"), "{text}");
        assert_eq!(losses, "messages.thinking");
    }

    #[test]
    fn without_thinking_nothing_is_touched() {
        for body in [
            r#"{"messages":[{"role":"user","content":[{"type":"thinking"}]}]}"#,
            r#"{"messages":[{"role":"assistant","content":"thinking"}],"thinking":{"type":"enabled"}}"#,
            "{}",
            "[]",
        ] {
            assert_eq!(left(body), None, "{body}");
        }
    }
}
