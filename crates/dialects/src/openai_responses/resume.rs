//! Goes on with a response that was relayed so far: its events are numbered on, the open message
//! is filled on, and the last event repeats the relayed items as the provider wrote them.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::stream_writer::{Open, Part, Writer};
use crate::form::{Envelope, StreamWriter};
use crate::resume::each_event;

/// Items of a relayed stream that are followed.
const ITEMS_MAX: usize = 1024;

/// What of an event tells where the stream stands.
#[derive(Debug, Deserialize)]
struct Wire<'a> {
    #[serde(rename = "type")]
    kind: String,
    sequence_number: Option<u64>,
    #[serde(default)]
    output_index: usize,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    #[serde(borrow)]
    part: Option<&'a RawValue>,
    #[serde(borrow)]
    annotation: Option<&'a RawValue>,
    delta: Option<Value>,
    response: Option<Begun>,
}

/// What the first event tells of the response.
#[derive(Debug, Deserialize)]
struct Begun {
    id: Option<String>,
    model: Option<String>,
    created_at: Option<f64>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) next_number: u64,
    pub(super) items: Vec<String>,
    pub(super) open: Option<Open>,
}

/// A writer that stands where the relayed bytes end; `None` if something of it cannot be followed.
pub(super) fn resume(envelope: &Envelope, told: &Bytes) -> Option<Box<dyn StreamWriter>> {
    let mut envelope = envelope.clone();
    let mut id = None;
    let mut found = Found::default();
    let mut lost = false;
    each_event(told, |fields| {
        let Some(data) = fields.data.as_deref() else { return };
        let Ok(wire) = serde_json::from_slice::<Wire<'_>>(data) else { return };
        found.next_number = match wire.sequence_number {
            Some(number) => number.saturating_add(1),
            None => found.next_number.saturating_add(1),
        };
        if let Some(begun) = &wire.response {
            id = id.take().or_else(|| begun.id.clone());
            if let Some(model) = &begun.model {
                envelope.model.clone_from(model);
            }
            // Whole seconds of our time, which fit; some servers write a fraction.
            envelope.created_unix =
                begun.created_at.map_or(envelope.created_unix, |created| created as u64);
        }
        lost |= found.take(&wire).is_none();
    });
    if lost {
        return None;
    }
    if let Some(id) = id {
        envelope.id = id.strip_prefix("resp_").unwrap_or(&id).to_owned();
    }
    Some(Box::new(Writer::resumed(&envelope, found)))
}

impl Found {
    /// `None` if the stream is not followed any further.
    fn take(&mut self, wire: &Wire<'_>) -> Option<()> {
        match wire.kind.as_str() {
            "response.output_item.added" => self.added(wire.output_index, wire.item?)?,
            "response.content_part.added" => self.part(wire.part?)?,
            "response.output_text.delta" => {
                let more = wire.delta.as_ref()?.as_str()?;
                if let Part::Text { text, chars, .. } = self.text(wire.output_index)? {
                    text.push_str(more);
                    *chars += u64::try_from(more.chars().count()).unwrap_or(0);
                }
            }
            "response.output_text.annotation.added" => {
                if let Part::Text { annotations, .. } = self.text(wire.output_index)? {
                    annotations.push(wire.annotation?.get().to_owned());
                }
            }
            "response.reasoning_summary_text.delta" => {
                if let Some(Open::Thinking { text, .. }) = &mut self.open {
                    text.push_str(wire.delta.as_ref()?.as_str()?);
                }
            }
            "response.content_part.done" => {
                if let Some(Open::Message { parts, part, .. }) = &mut self.open {
                    parts.push(wire.part?.get().to_owned());
                    *part = None;
                }
            }
            "response.output_item.done" => {
                *self.items.get_mut(wire.output_index)? = wire.item?.get().to_owned();
                self.open = None;
            }
            _ => {}
        }
        Some(())
    }

    fn added(&mut self, at: usize, item: &RawValue) -> Option<()> {
        if at != self.items.len() || at >= ITEMS_MAX {
            return None;
        }
        self.items.push(item.get().to_owned());
        let value: Value = serde_json::from_str(item.get()).ok()?;
        let id = value.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.open = match value.get("type").and_then(Value::as_str)? {
            "message" => Some(Open::Message { at, id, parts: Vec::new(), part: None }),
            "reasoning" => Some(Open::Thinking { at, id, text: String::new() }),
            // It is repeated as it was announced, unless its end comes.
            _ => None,
        };
        Some(())
    }

    fn part(&mut self, announced: &RawValue) -> Option<()> {
        let value: Value = serde_json::from_str(announced.get()).ok()?;
        if value.get("type").and_then(Value::as_str) != Some("output_text") {
            return Some(());
        }
        if let Some(Open::Message { part, .. }) = &mut self.open {
            *part = Some(empty());
        }
        Some(())
    }

    /// The open text; lenient servers do not announce it.
    fn text(&mut self, at: usize) -> Option<&mut Part> {
        match &mut self.open {
            Some(Open::Message { at: open_at, part, .. }) if *open_at == at => {
                Some(part.get_or_insert_with(empty))
            }
            _ => None,
        }
    }
}

fn empty() -> Part {
    Part::Text { text: String::new(), chars: 0, annotations: Vec::new(), logprobs: Vec::new() }
}
