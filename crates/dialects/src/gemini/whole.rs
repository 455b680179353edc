//! Reads an answer that is no stream: it is a stream of one chunk.

use domain::{Completion, Fault, FaultClass, Gatherer, Losses, Sight};
use serde_json::value::RawValue;

use super::chunk::Chunk;
use super::stream_reader::{Chunks, read_chunk};
use crate::provider_error;

/// Looks at an answer that goes through.
///
/// # Errors
/// `Malformed` if the body cannot be read, `Empty` if there is no body, or neither content nor a
/// finish, and the class of the error if the provider wrote one into its success.
pub(super) fn see(body: &[u8]) -> Result<Sight, Fault> {
    let mut chunks = Chunks::default();
    let mut sum = Sight::default();
    for (chunk, _) in chunks_of(body)? {
        if let Some(fault) = chunks.failure(&chunk) {
            return Err(fault);
        }
        let seen = chunks.see_chunk(chunk);
        sum.content_deltas |= u32::from(seen.content_deltas > 0);
        sum.text_chars = sum.text_chars.saturating_add(seen.text_chars);
        sum.finish = seen.finish.or(sum.finish.take());
        sum.usage = seen.usage.or(sum.usage);
        sum.model = sum.model.take().or(seen.model);
    }
    if sum.content_deltas == 0 && sum.finish.is_none() {
        return Err(Fault::new(FaultClass::Empty, "no candidate with content or finish"));
    }
    Ok(sum)
}

/// Reads an answer, and names what the internal form cannot hold.
///
/// # Errors
/// As for [`see`].
pub(super) fn read(body: &[u8]) -> Result<(Completion, Losses), Fault> {
    see(body)?;
    let mut chunks = Chunks::default();
    let mut gatherer = Gatherer::default();
    let mut events = Vec::new();
    for (chunk, data) in chunks_of(body)? {
        chunks.read_chunk(chunk, data, &mut events);
        events.drain(..).for_each(|event| gatherer.take(event));
    }
    Ok(gatherer.finish())
}

/// The answer's chunks with their texts: one, or the elements of an array, as a stream without
/// `alt=sse` has them.
fn chunks_of(body: &[u8]) -> Result<Vec<(Chunk<'_>, &[u8])>, Fault> {
    if body.trim_ascii().is_empty() {
        return Err(Fault::new(FaultClass::Empty, "the body is empty"));
    }
    let texts: Vec<&[u8]> = if body.trim_ascii_start().starts_with(b"[") {
        let elements = serde_json::from_slice::<Vec<&RawValue>>(body).unwrap_or_default();
        elements.into_iter().map(|element| element.get().as_bytes()).collect()
    } else {
        vec![body]
    };
    let mut read = Vec::with_capacity(texts.len());
    for text in texts {
        let Some(chunk) = read_chunk(text) else {
            let detail = "the body is no answer of generateContent";
            let plain = || Fault::new(FaultClass::Malformed, detail);
            return Err(provider_error::read_in_band(text).unwrap_or_else(plain));
        };
        read.push((chunk, text));
    }
    if read.is_empty() {
        return Err(Fault::new(FaultClass::Malformed, "the body cannot be read"));
    }
    Ok(read)
}
