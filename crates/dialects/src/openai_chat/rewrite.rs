//! Changes what must change in a request on its way to a provider, and nothing else.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use domain::Request;

use super::write::quoted;
use crate::json::{Member, members};

/// A part of the body and what takes its place; an empty range inserts.
struct Change {
    place: Range<usize>,
    text: String,
}

/// The request's body with another model name and, if `ask_usage` is set and the request streams,
/// with `stream_options.include_usage` set. Everything else keeps its bytes; if nothing changes
/// the body is shared, not copied. A request that has no `model` gets one.
pub fn rewrite(request: &Request, model: &str, ask_usage: bool) -> Bytes {
    let outline = &request.outline;
    let mut changes = Vec::with_capacity(2);
    if outline.model.as_ref() != model {
        changes.push(change_model(request, model));
    }
    if ask_usage && outline.stream && !outline.usage_in_stream {
        changes.push(change_options(request));
    }
    if changes.is_empty() {
        return request.body.clone();
    }
    changes.sort_by_key(|change| change.place.start);
    apply(&request.body, &changes)
}

fn apply(body: &[u8], changes: &[Change]) -> Bytes {
    let added: usize = changes.iter().map(|change| change.text.len()).sum();
    let mut written = BytesMut::with_capacity(body.len() + added);
    let mut kept_to = 0;
    for change in changes {
        written.extend_from_slice(body.get(kept_to..change.place.start).unwrap_or_default());
        written.extend_from_slice(change.text.as_bytes());
        kept_to = change.place.end;
    }
    written.extend_from_slice(body.get(kept_to..).unwrap_or_default());
    written.freeze()
}

fn change_model(request: &Request, model: &str) -> Change {
    let text = quoted(model);
    if let Some(place) = &request.outline.model_at {
        return Change { place: place.clone(), text };
    }
    // The name, or the word `model` itself, was spelled with escapes, or there is none.
    let top = members(&request.body);
    match top.into_iter().find(|member| member.is_named(&request.body, "model")) {
        Some(member) => Change { place: member.value, text },
        None => insert_first(&request.body, &format!(r#""model":{text}"#)),
    }
}

fn change_options(request: &Request) -> Change {
    const ASKED: &str = r#"{"include_usage":true}"#;
    let body = &request.body;
    let Some(place) = &request.outline.stream_options_at else {
        return insert_first(body, &format!(r#""stream_options":{ASKED}"#));
    };
    let options = body.get(place.clone()).unwrap_or_default();
    if options == b"null" {
        return Change { place: place.clone(), text: ASKED.to_owned() };
    }
    let moved = |range: Range<usize>| place.start + range.start..place.start + range.end;
    // The last one counts, as for every reader of JSON that bears a name twice.
    let last: Option<Member> =
        members(options).into_iter().rfind(|member| member.is_named(options, "include_usage"));
    match last {
        Some(member) => Change { place: moved(member.value), text: "true".to_owned() },
        None => {
            let inserted = insert_first(options, r#""include_usage":true"#);
            Change { place: moved(inserted.place), text: inserted.text }
        }
    }
}

/// Puts a member at the front of an object.
fn insert_first(object: &[u8], member: &str) -> Change {
    let after_brace = object.iter().position(|byte| *byte == b'{').map_or(0, |brace| brace + 1);
    let rest = object.get(after_brace..).unwrap_or_default();
    let empty = rest.trim_ascii_start().starts_with(b"}");
    let text = if empty { member.to_owned() } else { format!("{member},") };
    Change { place: after_brace..after_brace, text }
}
