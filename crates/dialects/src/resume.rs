//! What writers need that go on with a stream whose beginning was relayed: the relayed events one
//! by one, and their telling to a writer that keeps silent. What a dialect's own events say of
//! where its stream stands is read by its writer.

use bytes::Bytes;
use domain::Piece;
use serde_json::Value;

use crate::form::{Form, Reading, StreamWriter};
use crate::sse::{EVENT_BYTES_MAX, Fields, Splitter};

/// Hands every whole event of a relayed stream to `take`. Comments come without data. A line may
/// be as long as in the dialect that allows the longest, for a relay has let it through.
pub(crate) fn each_event(told: &Bytes, mut take: impl FnMut(&Fields<'_>)) {
    let mut splitter = Splitter::new(EVENT_BYTES_MAX);
    splitter.push(told.clone());
    while let Ok(Some(event)) = splitter.next_event() {
        let end = event.end;
        take(&Fields::read(splitter.bytes().get(event).unwrap_or_default()));
        let _told = splitter.take(end);
    }
}

/// The first event's data that is an object for which `wanted` finds something.
pub(crate) fn first_of<T>(told: &Bytes, wanted: impl Fn(&Value) -> Option<T>) -> Option<T> {
    let mut found = None;
    each_event(told, |fields| {
        if found.is_none()
            && let Some(data) = fields.data.as_deref()
            && let Ok(value) = serde_json::from_slice::<Value>(data)
        {
            found = wanted(&value);
        }
    });
    found
}

/// Tells a writer everything that was relayed and throws away what it writes, so that its places
/// and numbers stand as if it had written the relayed bytes.
pub(crate) fn retell(form: &dyn Form, told: &Bytes, writer: &mut dyn StreamWriter) {
    let mut reader = form.stream_reader(Reading::Translate);
    reader.push(told.clone());
    let _written = writer.start();
    while let Some(Ok(piece)) = reader.next_run() {
        if let Piece::Native(event) = piece {
            let _written = writer.event(&event);
        }
    }
    // Nothing of it was lost: the caller has the provider's own bytes.
    let _losses = writer.take_losses();
}
