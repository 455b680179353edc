//! Turns an event stream that is relayed into the elements of one JSON array as it passes, for a
//! caller who asked for a stream without `alt=sse`.

use bytes::{Bytes, BytesMut};

use crate::sse::{Fields, Splitter};

/// Turns relayed events into the elements of an array: [`pass`](Self::pass) bytes as they come,
/// then [`end`](Self::end). Bytes may be split anywhere.
#[derive(Debug, Default)]
pub struct JsonArrayFraming {
    splitter: Splitter,
    /// The opening bracket was written.
    open: bool,
    over: bool,
    /// The upstream sends an array already.
    as_is: Option<bool>,
}

impl JsonArrayFraming {
    /// At the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// The elements of the events that are whole now. Comments and end marks are left out. Nothing
    /// comes after an event that is over its bound.
    pub fn pass(&mut self, bytes: Bytes) -> Bytes {
        if self.over {
            return Bytes::new();
        }
        if self.as_is.is_none() {
            let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
            self.as_is = first.map(|first| *first == b'[');
        }
        if self.as_is == Some(true) {
            self.open = true;
            return bytes;
        }
        self.splitter.push(bytes);
        let mut written = BytesMut::new();
        loop {
            match self.splitter.next_event() {
                Ok(Some(event)) => {
                    let event = self.splitter.take(event.len());
                    self.element(&event, &mut written);
                }
                Ok(None) => break,
                Err(_too_long) => {
                    self.over = true;
                    break;
                }
            }
        }
        self.splitter.hold_piece();
        written.freeze()
    }

    /// The last element, if its blank line never came, and the end of the array.
    pub fn end(&mut self) -> Bytes {
        if self.as_is == Some(true) {
            return Bytes::new();
        }
        let mut written = BytesMut::new();
        if !self.over {
            let rest = self.splitter.take_rest();
            self.element(&rest, &mut written);
        }
        written.extend_from_slice(if self.open { b"]" } else { b"[]" });
        self.over = true;
        written.freeze()
    }

    fn element(&mut self, event: &[u8], written: &mut BytesMut) {
        let fields = Fields::read(event);
        let data = fields.data.as_deref().or(fields.bare).unwrap_or_default().trim_ascii();
        if data.starts_with(b"{") {
            written.extend_from_slice(separator(&mut self.open));
            written.extend_from_slice(data);
        }
    }
}

/// What stands before the next element of an array.
pub(super) fn separator(open: &mut bool) -> &'static [u8] {
    if std::mem::replace(open, true) { b",\r\n" } else { b"[" }
}
