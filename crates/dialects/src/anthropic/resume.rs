//! Goes on with a message that was relayed so far: the open block is filled on under its own
//! number, and new blocks are counted from the last one.

use bytes::Bytes;
use serde_json::Value;

use super::Anthropic;
use super::stream_writer::{Standing, Writer};
use crate::form::{Envelope, StreamWriter};
use crate::resume::{each_event, retell};

/// A writer that stands where the relayed bytes end; `None` if a block is open that cannot be
/// filled on, such as a provider's own search.
pub(super) fn resume(envelope: &Envelope, told: &Bytes) -> Option<Box<dyn StreamWriter>> {
    let mut next = 0;
    let mut open: Option<(u64, String, bool)> = None;
    each_event(told, |fields| {
        let data = fields.data.as_deref().unwrap_or_default();
        let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
        let at = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let index = value.get("index").and_then(Value::as_u64).unwrap_or(0);
        match at("/type") {
            "content_block_start" => {
                open = Some((index, at("/content_block/type").to_owned(), false));
                next = index.saturating_add(1);
            }
            "content_block_delta" if at("/delta/type") == "signature_delta" => {
                if let Some((_, _, signed)) = &mut open {
                    *signed = true;
                }
            }
            "content_block_stop" => open = None,
            _ => {}
        }
    });
    let standing = match open {
        None => Standing::Between(next),
        Some((index, kind, _)) if kind == "text" => Standing::InText(index),
        Some((index, kind, signed)) if kind == "thinking" => Standing::InThinking(index, signed),
        Some(_) => return None,
    };
    let mut writer = Writer::new(envelope);
    retell(&Anthropic, told, &mut writer);
    writer.stand(&standing);
    Some(Box::new(writer))
}
