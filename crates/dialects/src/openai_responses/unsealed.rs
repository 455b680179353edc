//! Takes sealed thinking out of a request that goes on in the caller's own bytes. OpenAI's seals are
//! read by the account alone that made them, and any other refuses the whole request for them.

use std::ops::Range;

use bytes::Bytes;
use domain::Losses;

use crate::form::Written;
use crate::json::{Member, elements, members};
use crate::outline::Kind;
use crate::rewrite::{Change, apply, cut};

/// Items whose id tells where the account keeps them, and which do without one.
const IDS_SPARED: [&str; 5] = [
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
];

/// The body without items of thinking, and without the ids by which the account that gave them knows
/// the other items; `None` if it has neither.
pub(super) fn without_seals(body: &Bytes) -> Option<Written> {
    let input = members(body).into_iter().rfind(|member| member.is_named(body, "input"))?;
    let start = input.value.start;
    let items: Vec<Range<usize>> = elements(body.get(input.value)?)
        .into_iter()
        .map(|item| start + item.start..start + item.end)
        .collect();
    let kinds: Vec<Option<String>> = items.iter().map(|item| kind_at(body, item)).collect();
    let is_thinking =
        |index: usize| kinds.get(index).is_some_and(|kind| kind.as_deref() == Some("reasoning"));
    let mut losses = Losses::default();
    let mut changes = cut(&items, is_thinking);
    if !changes.is_empty() {
        losses.dropped("input.reasoning");
    }
    for (item, kind) in items.iter().zip(&kinds) {
        let kind = kind.as_deref().unwrap_or("message");
        if IDS_SPARED.contains(&kind) {
            changes.extend(without_id(body, item));
        }
    }
    (!changes.is_empty()).then(|| {
        // An id goes with the thinking that it binds, and is no loss beside it.
        if losses.is_empty() {
            losses.dropped("input.id");
        }
        Written { body: apply(body, changes), losses }
    })
}

fn kind_at(body: &[u8], item: &Range<usize>) -> Option<String> {
    let read = serde_json::from_slice::<crate::json::Object<Kind<'_>>>(body.get(item.clone())?);
    read.ok()?.0?.kind.as_text().map(str::to_owned)
}

fn without_id(body: &[u8], item: &Range<usize>) -> Vec<Change> {
    let text = body.get(item.clone()).unwrap_or_default();
    let list: Vec<Member> = members(text);
    let places: Vec<Range<usize>> = list
        .iter()
        .map(|member| item.start + member.name.start..item.start + member.value.end)
        .collect();
    cut(&places, |index| list.get(index).is_some_and(|member| member.is_named(text, "id")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(body: &'static str) -> Option<(String, String)> {
        let written = without_seals(&Bytes::from_static(body.as_bytes()))?;
        Some((String::from_utf8(written.body.to_vec()).unwrap(), written.losses.header()))
    }

    #[test]
    fn thinking_goes_and_everything_else_keeps_its_bytes() {
        let body = r#"{"odd": 1.50, "input": [ {"role":"user","content":"a"},
            {"id":"rs_1","type":"reasoning","encrypted_content":"x","summary":[]},
            {"id":"fc_1","type":"function_call","call_id":"c","name":"f","arguments":"{}"},
            {"type":"function_call_output","call_id":"c","output":"1"},
            {"type":"web_search_call","id":"ws_1"} ], "model":"m"}"#;
        let left = left(body).unwrap();
        let expected = body
            .replace(
                "{\"id\":\"rs_1\",\"type\":\"reasoning\",\"encrypted_content\":\"x\",\"summary\":[]},\n            ",
                "",
            )
            .replace(r#""id":"fc_1","#, "");
        assert_eq!(left, (expected, "input.reasoning".to_owned()));
    }

    #[test]
    fn ids_alone_are_left_out_by_their_own_name() {
        let body = r#"{"input":[{"type":"message","id":"msg_1","role":"user","content":"a"},{"role":"user","content":"id"}]}"#;
        let expected = body.replace(r#""id":"msg_1","#, "");
        assert_eq!(left(body).unwrap(), (expected, "input.id".to_owned()));
    }

    #[test]
    fn without_thinking_and_ids_nothing_is_touched() {
        for body in [
            r#"{"input":"reasoning"}"#,
            r#"{"input":[{"type":"message","role":"user","content":"reasoning"}]}"#,
            r#"{"input":[{"type":"item_reference","id":"rs_1"}]}"#,
            r#"{"model":"m"}"#,
            "[]",
        ] {
            assert_eq!(left(body), None, "{body}");
        }
    }
}
