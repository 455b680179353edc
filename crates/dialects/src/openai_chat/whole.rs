//! Reads an answer that is no stream.

use domain::{Fault, FaultClass, Sight};

use super::chunk::Chunk;
use super::error;
use crate::json::{Object, Shape};

/// Reads the body of an unstreamed success: usage, finish of choice 0, model, size of the text.
/// `content_deltas` is 1 if any choice carries content.
///
/// # Errors
/// `Malformed` if the body is not a JSON object, `Empty` if there is no body or no choice with
/// content or finish, and the class of the error if the provider wrote one into its success.
pub fn read_whole(body: &[u8]) -> Result<Sight, Fault> {
    if body.trim_ascii().is_empty() {
        return Err(Fault::new(FaultClass::Empty, "the body is empty"));
    }
    // Checking the text as a whole is cheaper than string by string. Where it is no text, what
    // nobody reads may still be skipped.
    let read = match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str::<Object<Chunk<'_>>>(text),
        Err(_) => serde_json::from_slice(body),
    };
    let chunk = match read {
        Ok(Object(Some(chunk))) => chunk,
        Ok(Object(None)) => {
            // Google's compatible path wraps its errors into an array.
            let in_band = error::read_in_band(body);
            let plain = || Fault::new(FaultClass::Malformed, "the body is no JSON object");
            return Err(in_band.unwrap_or_else(plain));
        }
        Err(error) => {
            let detail = format!("the body is not JSON: {error}");
            return Err(Fault::new(FaultClass::Malformed, crate::mask::line(&detail)));
        }
    };
    if chunk.error.is_some() {
        let unread = || Fault::new(FaultClass::ServerError, "an error that cannot be read");
        return Err(error::read_in_band(body).unwrap_or_else(unread));
    }
    let choices = chunk.choices.unwrap_or_default();
    if choices.messages == 0 && choices.finished == 0 {
        return Err(Fault::new(FaultClass::Empty, "no choice with content or finish"));
    }
    Ok(Sight {
        content_deltas: u32::from(choices.messages > 0),
        text_chars: choices.message_chars,
        finish: choices.finish,
        usage: chunk.usage,
        model: model_of(&chunk.model),
        end_mark: false,
        malformed: 0,
    })
}

/// The model's name, if there is one.
pub(super) fn model_of(model: &Shape<'_>) -> Option<Box<str>> {
    model.as_text().filter(|name| !name.is_empty()).map(Box::from)
}
