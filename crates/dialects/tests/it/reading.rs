//! Runs a stream through the reader and folds what it gives.

use bytes::Bytes;
use dialects::openai_chat::StreamReader;
use domain::{Fault, Piece, Sight};

/// Everything that a reader gave for one stream.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Read {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sight: Sight,
    pub(crate) fault: Option<Fault>,
    /// Pieces that the reader gave.
    pub(crate) pieces: usize,
}

impl Read {
    /// The same without the number of pieces, which may differ from split to split.
    pub(crate) fn folded(mut self) -> Self {
        self.pieces = 0;
        self
    }

    fn take(&mut self, step: Result<Piece, Fault>) {
        self.pieces += 1;
        match step {
            Ok(Piece::Relayed { bytes, sight }) => {
                assert!(self.fault.is_none(), "nothing may follow a fault");
                self.bytes.extend_from_slice(&bytes);
                let sum = &mut self.sight;
                sum.content_deltas += sight.content_deltas;
                sum.text_chars += sight.text_chars;
                sum.malformed += sight.malformed;
                sum.end_mark |= sight.end_mark;
                sum.finish = sight.finish.or(sum.finish.take());
                sum.usage = sight.usage.or(sum.usage);
                sum.model = sum.model.take().or(sight.model);
            }
            Ok(Piece::Native(event)) => panic!("not from a reader: {event:?}"),
            Err(fault) => self.fault = Some(fault),
        }
    }
}

/// Reads a stream that comes in these pieces and then ends cleanly.
pub(crate) fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, hide_usage: bool) -> Read {
    let mut reader = StreamReader::new(hide_usage);
    let mut read = Read::default();
    for piece in pieces {
        reader.push(Bytes::copy_from_slice(piece));
        while let Some(step) = reader.next_run() {
            read.take(step);
        }
    }
    while let Some(step) = reader.end() {
        read.take(step);
    }
    assert!(reader.next_run().is_none() && reader.end().is_none(), "the end is the end");
    read
}

/// Reads a stream that comes in one piece.
pub(crate) fn read_all(stream: &str) -> Read {
    read([stream.as_bytes()], false)
}

/// An event with one delta of text.
pub(crate) fn text(words: &str) -> String {
    event(&format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{words}"}}}}]}}"#))
}

/// An event with a finish reason.
pub(crate) fn finish(word: &str) -> String {
    event(&format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{word}"}}]}}"#))
}

/// Puts data into an event.
pub(crate) fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}
