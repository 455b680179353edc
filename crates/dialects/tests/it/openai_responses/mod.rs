//! The responses dialect: recorded exchanges, made-up oddities, written streams against the
//! official clients' rules, and arbitrary bytes. The pieces that all of them use stand here.

mod errors;
mod properties;
mod recordings;
mod requests;
mod streams;
pub(crate) mod validator;
mod writing;

use bytes::Bytes;
use dialects::{Ask, Envelope, Form, Order, Reading, Vendor};
use domain::{
    Completion, Content, Dialect, Event, Fault, Framing, Full, Gatherer, Losses, ModelCard,
    Operation, Piece, Request, Sight,
};
use serde_json::Value;

/// The form under test.
pub(crate) fn form() -> &'static dyn Form {
    dialects::of(Dialect::OpenAiResponses)
}

/// Everything that a reader gave for one stream.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Read {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sight: Sight,
    pub(crate) events: Vec<Event>,
    pub(crate) fault: Option<Fault>,
}

impl Read {
    fn take(&mut self, step: Result<Piece, Fault>) {
        assert!(self.fault.is_none(), "nothing may follow a fault");
        match step {
            Ok(Piece::Relayed { bytes, sight }) => {
                self.bytes.extend_from_slice(&bytes);
                self.add(sight);
            }
            Ok(Piece::Native(event)) => {
                self.add(event.sight());
                self.events.push(event);
            }
            Err(fault) => self.fault = Some(fault),
        }
    }

    fn add(&mut self, sight: Sight) {
        let sum = &mut self.sight;
        sum.content_deltas += sight.content_deltas;
        sum.text_chars += sight.text_chars;
        sum.malformed += sight.malformed;
        sum.end_mark |= sight.end_mark;
        sum.finish = sight.finish.or(sum.finish.take());
        sum.usage = sight.usage.or(sum.usage);
        sum.model = sum.model.take().or(sight.model);
    }

    /// The events as a whole answer.
    pub(crate) fn gathered(&self) -> (Completion, Losses) {
        let mut gatherer = Gatherer::default();
        self.events.iter().cloned().for_each(|event| gatherer.take(event));
        gatherer.finish()
    }
}

/// Reads a stream that comes in these pieces and then ends cleanly.
pub(crate) fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, reading: Reading) -> Read {
    let mut reader = form().stream_reader(reading);
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

pub(crate) const RELAY: Reading = Reading::Relay { hide_usage: false };

/// The events of a stream that comes whole.
pub(crate) fn translate(stream: &str) -> Read {
    read([stream.as_bytes()], Reading::Translate)
}

/// One event of a stream, its name taken from its type.
pub(crate) fn event(data: &str) -> String {
    let value: Value = serde_json::from_str(data).unwrap();
    format!("event: {}\ndata: {data}\n\n", value["type"].as_str().unwrap())
}

pub(crate) fn envelope() -> Envelope {
    Envelope {
        id: "0a1b".to_owned(),
        model: "house/model".to_owned(),
        created_unix: 1_760_000_000,
        include_usage: true,
        framing: Framing::Events,
        base64: false,
        batch: false,
        hosted_tools: true,
    }
}

/// A request as the gateway holds it.
pub(crate) fn request(body: &str) -> Request {
    let ask = Ask {
        operation: Operation::Generate,
        body: body.as_bytes(),
        model_in_path: None,
        stream_in_path: false,
    };
    let outline = form().read_outline(&ask).unwrap();
    Request::new(Dialect::OpenAiResponses, Bytes::copy_from_slice(body.as_bytes()), outline)
}

/// What a body asks for, in the internal form.
pub(crate) fn full(body: &str) -> domain::Conversation {
    match form().read_full(&request(body)).unwrap() {
        Full::Conversation(conversation) => conversation,
        Full::Embed(_) => panic!("no such thing"),
    }
}

/// The conversation as a request for a server, and the names of what it could not say.
pub(crate) fn written_for(
    conversation: domain::Conversation,
    vendor: Vendor,
    card: &ModelCard,
) -> (Value, Vec<String>) {
    let (body, losses) = written_text(conversation, vendor, card);
    (serde_json::from_str(&body).unwrap(), losses)
}

/// The same, as it is spelled.
pub(crate) fn written_text(
    conversation: domain::Conversation,
    vendor: Vendor,
    card: &ModelCard,
) -> (String, Vec<String>) {
    let full = Full::Conversation(conversation);
    let order = Order {
        operation: Operation::Generate,
        full: &full,
        model: "gpt-x",
        stream: false,
        vendor,
        card,
    };
    let written = form().write_request(&order);
    let losses = written.losses.iter().map(|loss| loss.field.to_string()).collect();
    (String::from_utf8(written.body.to_vec()).unwrap(), losses)
}

/// The text of an answer's first choice.
pub(crate) fn text_of(completion: &Completion) -> String {
    let texts = completion.choices[0].content.iter().filter_map(|content| match content {
        Content::Text(text) => Some(text.text.as_str()),
        _ => None,
    });
    texts.collect()
}
