//! Changes what must change in a caller's body on its way to a provider of the same dialect, and
//! nothing else: all other bytes stay as they came.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use domain::Request;

use crate::json::{members, quoted};

/// A part of the body and what takes its place; an empty range inserts.
pub(crate) struct Change {
    pub(crate) place: Range<usize>,
    pub(crate) text: String,
}

/// The body with these changes, which must not overlap; without any it is shared, not copied.
pub(crate) fn apply(body: &Bytes, mut changes: Vec<Change>) -> Bytes {
    if changes.is_empty() {
        return body.clone();
    }
    changes.sort_by_key(|change| change.place.start);
    let added: usize = changes.iter().map(|change| change.text.len()).sum();
    let mut written = BytesMut::with_capacity(body.len() + added);
    let mut kept_to = 0;
    for change in &changes {
        written.extend_from_slice(body.get(kept_to..change.place.start).unwrap_or_default());
        written.extend_from_slice(change.text.as_bytes());
        kept_to = change.place.end;
    }
    written.extend_from_slice(body.get(kept_to..).unwrap_or_default());
    written.freeze()
}

/// Another name as the value of `model`; none if the body names it already. A request that has no
/// such member gets one.
pub(crate) fn change_model(request: &Request, model: &str) -> Option<Change> {
    if names_already(request, model) {
        return None;
    }
    let text = quoted(model);
    if let Some(place) = &request.outline.model_at {
        return Some(Change { place: place.clone(), text });
    }
    // The name, or the word `model` itself, was spelled with escapes, or there is none.
    let top = members(&request.body);
    Some(match top.into_iter().find(|member| member.is_named(&request.body, "model")) {
        Some(member) => Change { place: member.value, text },
        None => insert_first(&request.body, &format!(r#""model":{text}"#)),
    })
}

/// True if the body itself names this model; the outline may have the name from the path.
fn names_already(request: &Request, model: &str) -> bool {
    let written = request.outline.model_at.clone().and_then(|place| request.body.get(place));
    written.and_then(|written| written.strip_prefix(b"\"")?.strip_suffix(b"\""))
        == Some(model.as_bytes())
}

/// Cuts items out of a list with what parts them from the others: members of an object or elements
/// of an array, whose places stand in `items` in their order.
pub(crate) fn cut(items: &[Range<usize>], is_gone: impl Fn(usize) -> bool) -> Vec<Change> {
    let cut = |place| Change { place, text: String::new() };
    let last_kept = (0..items.len()).rev().find(|index| !is_gone(*index));
    let mut changes = Vec::new();
    for (index, pair) in items.windows(2).enumerate() {
        if let [item, next] = pair
            && is_gone(index)
            && last_kept.is_some_and(|kept| index < kept)
        {
            changes.push(cut(item.start..next.start));
        }
    }
    // What goes at the end takes the comma in front of it along.
    if let Some(last) = items.last()
        && last_kept.is_none_or(|kept| kept + 1 < items.len())
    {
        let start = match last_kept {
            Some(kept) => items.get(kept).map(|kept| kept.end),
            None => items.first().map(|first| first.start),
        };
        changes.extend(start.map(|start| cut(start..last.end)));
    }
    changes
}

/// Puts a member at the front of an object.
pub(crate) fn insert_first(object: &[u8], member: &str) -> Change {
    let after_brace = object.iter().position(|byte| *byte == b'{').map_or(0, |brace| brace + 1);
    let rest = object.get(after_brace..).unwrap_or_default();
    let empty = rest.trim_ascii_start().starts_with(b"}");
    let text = if empty { member.to_owned() } else { format!("{member},") };
    Change { place: after_brace..after_brace, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::elements;

    #[test]
    fn what_is_cut_takes_its_comma_along() {
        let list = Bytes::from_static(b"[ 0, 1 ,2, 3 ]");
        let places = elements(&list);
        for (gone, left) in [
            (&[][..], "[ 0, 1 ,2, 3 ]"),
            (&[0], "[ 1 ,2, 3 ]"),
            (&[1, 2], "[ 0, 3 ]"),
            (&[3], "[ 0, 1 ,2 ]"),
            (&[0, 2, 3], "[ 1 ]"),
            (&[0, 1, 2, 3], "[  ]"),
        ] {
            let written = apply(&list, cut(&places, |index| gone.contains(&index)));
            assert_eq!(written, left, "{gone:?}");
        }
    }
}
