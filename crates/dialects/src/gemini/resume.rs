//! Goes on with a stream of Google's that was relayed so far: under the same id and model. There
//! are no numbers to go on with.

use bytes::Bytes;
use domain::Framing;
use serde_json::Value;

use super::Gemini;
use super::stream_writer::Writer;
use crate::form::{Envelope, StreamWriter};
use crate::resume::{first_of, retell};

/// A writer that stands where the relayed bytes end. Told is what came from the provider, as
/// events; `None` if it was an array already.
pub(super) fn resume(envelope: &Envelope, told: &Bytes) -> Option<Box<dyn StreamWriter>> {
    let first = first_of(told, |value: &Value| Some(value.clone()))?;
    let text = |name: &str| first.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut envelope = envelope.clone();
    if let Some(model) = text("modelVersion") {
        envelope.model = model.to_owned();
    }
    if let Some(id) = text("responseId") {
        envelope.id = id.to_owned();
    }
    let mut writer = Writer::new(&envelope);
    retell(&Gemini, told, &mut writer);
    if envelope.framing == Framing::JsonArray {
        writer.array_is_open();
    }
    Some(Box::new(writer))
}
