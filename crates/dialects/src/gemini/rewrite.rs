//! Changes the model's name where it stands in a body. Mostly it stands in the path alone, and
//! the body goes through as it is.

use std::ops::Range;

use bytes::Bytes;
use domain::{Operation, Request};

use super::outline::bare_name;
use crate::json::{elements, members, quoted};
use crate::rewrite::{Change, apply};

/// The request's body with another model name wherever it had one; all else keeps its bytes.
pub(super) fn rewrite(request: &Request, model: &str) -> Bytes {
    let body = &request.body;
    let mut places: Vec<Range<usize>> = request.outline.model_at.iter().cloned().collect();
    if request.operation != Operation::Generate {
        inner_models(body, &mut places);
    }
    let changes = places.into_iter().filter_map(|place| change(body, place, model)).collect();
    apply(body, changes)
}

/// The names inside the requests that a request holds.
fn inner_models(body: &[u8], places: &mut Vec<Range<usize>>) {
    for member in members(body) {
        let value = body.get(member.value.clone()).unwrap_or_default();
        if member.is_named(body, "requests") {
            for element in elements(value) {
                let start = member.value.start + element.start;
                model_of(value.get(element).unwrap_or_default(), start, places);
            }
        } else if ["generateContentRequest", "generate_content_request"]
            .iter()
            .any(|name| member.is_named(body, name))
        {
            model_of(value, member.value.start, places);
        }
    }
}

/// The name in an object that begins at `start`.
fn model_of(object: &[u8], start: usize, places: &mut Vec<Range<usize>>) {
    for member in members(object) {
        if member.is_named(object, "model") {
            places.push(start + member.value.start..start + member.value.end);
        }
    }
}

fn change(body: &[u8], place: Range<usize>, model: &str) -> Option<Change> {
    let before: String = serde_json::from_slice(body.get(place.clone())?).ok()?;
    let model = bare_name(model);
    let told = if before.starts_with("models/") { format!("models/{model}") } else { model.into() };
    (told != before).then(|| Change { place, text: quoted(&told) })
}
