//! What we make up so that Anthropic's clients can read another provider's answer, and how it is
//! taken back. Such clients send whole answers back with the next question, and Anthropic refuses
//! a signature or a search result that it did not write: so everything made up bears [`MARK`], and
//! what bears it never reaches a provider. Nothing that anybody else wrote is ever taken away.

use std::ops::Range;

use bytes::Bytes;
use memchr::memmem;
use serde_json::value::RawValue;

use super::block::{Block, elements, read_block};
use crate::body::place_in;
use crate::json::{Members, members};
use crate::raw;
use crate::rewrite::Change;

/// Stands where Anthropic has a signature or an encrypted text.
pub(super) const MARK: &str = "seawall";
/// The ids of searches begin with it.
pub(super) const SEARCH_ID: &str = "srvtoolu_seawall_";

/// True if the block is a search that we made up.
pub(super) fn made(block: &Block<'_>) -> bool {
    matches!(block.kind.as_text(), Some("server_tool_use" | "web_search_tool_result"))
        && block.id.as_text().is_some_and(|id| id.starts_with(SEARCH_ID))
}

/// What must go out of a request before it goes to Anthropic as it is: nothing in almost all, and
/// then the body is searched once and not read.
pub(super) fn taken_back(body: &Bytes) -> Vec<Change> {
    if memmem::find(body, b"\"seawall\"").is_none()
        && memmem::find(body, SEARCH_ID.as_bytes()).is_none()
    {
        return Vec::new();
    }
    let top = members(body);
    let Some(list) = top.iter().rfind(|member| member.is_named(body, "messages")) else {
        return Vec::new();
    };
    let mut changes = Vec::new();
    for message in raw_elements(body, &list.value) {
        let Some(content) = member_of(body, message, "content") else { continue };
        clean(body, &content, &mut changes);
    }
    changes
}

/// Takes blocks out of one message's content. A content of which nothing is left gets a text, for
/// a message must not be empty.
fn clean(body: &Bytes, content: &Range<usize>, changes: &mut Vec<Change>) {
    let blocks = raw_elements(body, content);
    let mut kept: Vec<&str> = Vec::new();
    let mut trimmed: Vec<String> = Vec::new();
    let mut changed = false;
    for raw in &blocks {
        match judge(raw) {
            Verdict::Keep => kept.push(raw.get()),
            Verdict::Out => changed = true,
            Verdict::WithoutCitations(text) => {
                changed = true;
                trimmed.push(text);
                // Its place is kept by an empty slice until all are joined.
                kept.push("");
            }
        }
    }
    if !changed {
        return;
    }
    let mut trimmed = trimmed.into_iter();
    let mut text = String::from("[");
    for part in kept {
        if text.len() > 1 {
            text.push(',');
        }
        match part {
            "" => text.push_str(&trimmed.next().unwrap_or_default()),
            part => text.push_str(part),
        }
    }
    if text.len() == 1 {
        text.push_str(r#"{"type":"text","text":"(thinking)"}"#);
    }
    text.push(']');
    changes.push(Change { place: content.clone(), text });
}

enum Verdict {
    Keep,
    Out,
    WithoutCitations(String),
}

fn judge(raw: &RawValue) -> Verdict {
    let Some(block) = read_block(raw) else { return Verdict::Keep };
    match block.kind.as_text() {
        Some("thinking") if block.proof.as_text() == Some(MARK) => Verdict::Out,
        _ if made(&block) => Verdict::Out,
        Some("text") => match block.citations.filter(|list| list.get().contains(MARK)) {
            Some(list) => without_ours(raw, list),
            None => Verdict::Keep,
        },
        _ => Verdict::Keep,
    }
}

/// The text block with the citations that are not ours.
fn without_ours(raw: &RawValue, list: &RawValue) -> Verdict {
    let all = elements(Some(list));
    let kept: Vec<&str> =
        all.iter().filter(|citation| !is_ours(citation)).map(|citation| citation.get()).collect();
    if kept.len() == all.len() {
        return Verdict::Keep;
    }
    let Some(place) = place_in(raw.get().as_bytes(), list.get()) else { return Verdict::Keep };
    let (before, rest) = raw.get().split_at(place.start);
    let after = rest.get(list.get().len()..).unwrap_or_default();
    Verdict::WithoutCitations(format!("{before}[{}]{after}", kept.join(",")))
}

#[derive(Default)]
struct Encrypted<'de> {
    index: crate::json::Shape<'de>,
}

impl<'de> Members<'de> for Encrypted<'de> {
    fn member<A: serde::de::MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match name {
            "encrypted_index" => self.index = map.next_value()?,
            _ => crate::json::skip(map)?,
        }
        Ok(())
    }
}

fn is_ours(citation: &RawValue) -> bool {
    let read = raw::object::<Encrypted<'_>>(citation);
    read.is_some_and(|read| read.index.as_text() == Some(MARK))
}

fn raw_elements<'a>(body: &'a Bytes, place: &Range<usize>) -> Vec<&'a RawValue> {
    let text = body.get(place.clone()).unwrap_or_default();
    serde_json::from_slice(text).unwrap_or_default()
}

/// Where a member of an object stands in the body.
fn member_of(body: &Bytes, object: &RawValue, name: &str) -> Option<Range<usize>> {
    let at = place_in(body, object.get())?;
    let text = object.get().as_bytes();
    let member = members(text).into_iter().rfind(|member| member.is_named(text, name))?;
    Some(at.start + member.value.start..at.start + member.value.end)
}
