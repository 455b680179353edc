//! The form under test by its public door: shorthands, and streams run through a reader and folded.

use bytes::Bytes;
use dialects::{Ask, Envelope, Form, Malformed, Reading};
use domain::{
    Completion, Conversation, Dialect, EmbedRequest, Event, Fault, Framing, Full, Gatherer, Losses,
    Operation, Outline, Piece, Reply, Request, Sight,
};

/// The dialect under test.
pub(crate) fn form() -> &'static dyn Form {
    dialects::of(Dialect::OpenAiChat)
}

/// A body as it comes, with nothing told by its path.
pub(crate) fn ask(operation: Operation, body: &[u8]) -> Ask<'_> {
    Ask { operation, body, model_in_path: None, stream_in_path: false }
}

/// The outline of a chat request.
pub(crate) fn read_outline(body: &[u8]) -> Result<Outline, Malformed> {
    form().read_outline(&ask(Operation::Generate, body))
}

/// A request with its outline.
pub(crate) fn request(operation: Operation, body: &[u8]) -> Request {
    let outline = form().read_outline(&ask(operation, body)).unwrap();
    let mut request = Request::new(Dialect::OpenAiChat, Bytes::copy_from_slice(body), outline);
    request.operation = operation;
    request
}

/// The full form of a chat request, also if its outline could not be read.
pub(crate) fn read_conversation(body: &[u8]) -> Result<Conversation, Malformed> {
    let body = Bytes::copy_from_slice(body);
    let request = Request::new(Dialect::OpenAiChat, body, Outline::default());
    match form().read_full(&request)? {
        Full::Conversation(conversation) => Ok(conversation),
        Full::Embed(_) => panic!("no conversation"),
    }
}

/// The full form of a request for vectors.
pub(crate) fn read_embed(body: &[u8]) -> Result<EmbedRequest, Malformed> {
    let body = Bytes::copy_from_slice(body);
    let mut request = Request::new(Dialect::OpenAiChat, body, Outline::default());
    request.operation = Operation::Embed;
    match form().read_full(&request)? {
        Full::Embed(asked) => Ok(asked),
        Full::Conversation(_) => panic!("a conversation"),
    }
}

/// A whole answer and its losses.
pub(crate) fn read_whole(body: &[u8]) -> Result<(Completion, Losses), Fault> {
    match form().read_whole(Operation::Generate, body)? {
        (Reply::Completion(completion), losses) => Ok((completion, losses)),
        (other, _) => panic!("{other:?}"),
    }
}

/// An envelope for a caller who wants to see the usage, or not.
pub(crate) fn envelope(include_usage: bool) -> Envelope {
    Envelope {
        id: "1".to_owned(),
        model: "a \"model\"".to_owned(),
        created_unix: 1_717_484_400,
        include_usage,
        framing: Framing::Events,
        base64: false,
        batch: false,
        hosted_tools: true,
    }
}

/// The events of a stream, and the fault at its end.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Translated {
    pub(crate) events: Vec<Event>,
    pub(crate) fault: Option<Fault>,
}

impl Translated {
    fn take(&mut self, step: Result<Piece, Fault>) {
        assert!(self.fault.is_none(), "nothing may follow a fault");
        match step {
            Ok(Piece::Native(event)) => self.events.push(event),
            Ok(Piece::Relayed { .. }) => panic!("not in a translation"),
            Err(fault) => self.fault = Some(fault),
        }
    }

    /// The events as a whole answer.
    pub(crate) fn gathered(self) -> (Completion, Losses) {
        let mut gatherer = Gatherer::default();
        self.events.into_iter().for_each(|event| gatherer.take(event));
        gatherer.finish()
    }
}

/// Reads a stream that comes in these pieces into events.
pub(crate) fn translate<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Translated {
    let mut reader = form().stream_reader(Reading::Translate);
    let mut read = Translated::default();
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

/// Writes events as a stream that ends well, with its losses.
pub(crate) fn write(events: &[Event], envelope: &Envelope) -> (String, Losses) {
    let mut writer = form().stream_writer(envelope);
    let mut stream = writer.start().to_vec();
    for event in events {
        stream.extend_from_slice(&writer.event(event));
    }
    stream.extend_from_slice(&writer.end());
    (String::from_utf8(stream).unwrap(), writer.take_losses())
}

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
    let mut reader = form().stream_reader(Reading::Relay { hide_usage });
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
