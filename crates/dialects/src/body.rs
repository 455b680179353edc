//! A body of any dialect, read as one JSON object: a request's within the bounds, with the places of
//! what was borrowed from it, and a success's with the error that may stand in its place. Which
//! members it has is a dialect's business.

use std::ops::Range;

use domain::{Fault, FaultClass};

use crate::json::{DEPTH_MAX, Members, NODES_MAX, Object, OutOfBounds, check_bounds};
use crate::{Malformed, mask, provider_error};

/// Reads a request's body as an object, within the bounds.
pub(crate) fn read_object<'de, T: Members<'de>>(body: &'de [u8]) -> Result<T, Malformed> {
    if body.trim_ascii().is_empty() {
        return Err(Malformed::new("the body is empty; a JSON object is needed", None));
    }
    let Ok(text) = std::str::from_utf8(body) else {
        return Err(Malformed::new("the body is not UTF-8 text", None));
    };
    check_bounds(body).map_err(|bound| {
        let sentence = match bound {
            OutOfBounds::Depth => format!("the body is nested deeper than {DEPTH_MAX} levels"),
            OutOfBounds::Nodes => format!("the body has more than {NODES_MAX} values"),
        };
        Malformed::new(sentence, None)
    })?;
    match serde_json::from_str::<Object<T>>(text) {
        Ok(Object(Some(read))) => Ok(read),
        Ok(Object(None)) => Err(Malformed::new("the body must be a JSON object", None)),
        Err(error) => {
            // serde's own sentence may quote the caller's text, which has no business in a log.
            let (line, column) = (error.line(), error.column());
            let sentence = format!("the body is not valid JSON: see line {line}, column {column}");
            Err(Malformed::new(sentence, None))
        }
    }
}

/// Reads the body of a success as an object.
///
/// # Errors
/// `Malformed`, `Empty`, or the class of an error that stands in place of the object.
pub(crate) fn read_answer<'de, T: Members<'de>>(body: &'de [u8]) -> Result<T, Fault> {
    if body.trim_ascii().is_empty() {
        return Err(Fault::new(FaultClass::Empty, "the body is empty"));
    }
    // Checking the text as a whole is cheaper than string by string.
    let Ok(text) = std::str::from_utf8(body) else {
        return Err(Fault::new(FaultClass::Malformed, "the body is not UTF-8 text"));
    };
    match serde_json::from_str::<Object<T>>(text) {
        Ok(Object(Some(read))) => Ok(read),
        Ok(Object(None)) => {
            // Google's compatible path wraps its errors into an array.
            let plain = || Fault::new(FaultClass::Malformed, "the body is no JSON object");
            Err(provider_error::read_in_band(body).unwrap_or_else(plain))
        }
        Err(error) => {
            let detail = format!("the body is not JSON: {error}");
            Err(Fault::new(FaultClass::Malformed, mask::line(&detail)))
        }
    }
}

/// The fault that the body of a success tells which has an `error`.
pub(crate) fn error_inside(body: &[u8]) -> Fault {
    let unread = || Fault::new(FaultClass::ServerError, "an error that cannot be read");
    provider_error::read_in_band(body).unwrap_or_else(unread)
}

/// Where a part of the body that was borrowed from it stands in it.
pub(crate) fn place_in(body: &[u8], part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(body.as_ptr().addr())?;
    let place = start..start.checked_add(part.len())?;
    (body.get(place.clone())? == part.as_bytes()).then_some(place)
}

/// The place of a string with its quotes.
pub(crate) fn quotes_around(body: &[u8], inner: &str) -> Option<Range<usize>> {
    let inner = place_in(body, inner)?;
    let place = inner.start.checked_sub(1)?..inner.end.checked_add(1)?;
    let spelled = body.get(place.clone())?;
    (spelled.starts_with(b"\"") && spelled.ends_with(b"\"")).then_some(place)
}
