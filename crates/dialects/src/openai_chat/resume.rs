//! Goes on with a stream of chunks that was relayed so far: under the same id, time and model, and
//! without saying again who speaks.

use bytes::Bytes;
use serde_json::Value;

use super::OpenAiChat;
use super::stream_writer::ChunkWriter;
use crate::form::{Envelope, StreamWriter};
use crate::resume::{first_of, retell};

/// A writer that stands where the relayed bytes end.
pub(super) fn resume(envelope: &Envelope, told: &Bytes) -> Option<Box<dyn StreamWriter>> {
    let start = |value: &Value| value.get("choices").is_some().then(|| value.clone());
    let first = first_of(told, start)?;
    let text = |name: &str| first.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut envelope = envelope.clone();
    if let Some(model) = text("model") {
        envelope.model = model.to_owned();
    }
    if let Some(created) = first.get("created").and_then(Value::as_u64) {
        envelope.created_unix = created;
    }
    let mut writer = ChunkWriter::resumed(&envelope, text("id"));
    retell(&OpenAiChat, told, &mut writer);
    Some(Box::new(writer))
}
