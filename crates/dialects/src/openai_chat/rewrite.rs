//! Changes what must change in a chat completion's request, or in one for vectors.

use std::ops::Range;

use bytes::Bytes;
use domain::Request;

use crate::json::{Member, members};
use crate::rewrite::{Change, apply, change_model, insert_first};

/// The request's body with another model name and, if `ask_usage` is set and the request streams,
/// with `stream_options.include_usage` set. Everything else keeps its bytes.
pub(super) fn rewrite(request: &Request, model: &str, ask_usage: bool) -> Bytes {
    let outline = &request.outline;
    let mut changes: Vec<Change> = change_model(request, model).into_iter().collect();
    if ask_usage && outline.stream && !outline.usage_in_stream {
        changes.push(change_options(request));
    }
    apply(&request.body, changes)
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
