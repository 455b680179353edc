//! Anthropic's dialect, through the one door of the crate.

mod answers;
mod orders;
mod properties;
mod recordings;
mod refusals;
mod requests;
mod streams;
pub(crate) mod validator;
mod writing;

use bytes::Bytes;
use dialects::{Ask, Envelope, Form, Order, Reading, Vendor, Written};
use domain::{
    Completion, Conversation, Dialect, Event, Fault, Framing, Full, Gatherer, Losses, ModelCard,
    Operation, Piece, Request, Sight,
};
use serde_json::Value;

pub(crate) fn form() -> &'static dyn Form {
    dialects::of(Dialect::Anthropic)
}

pub(crate) fn envelope() -> Envelope {
    Envelope {
        id: "0001".to_owned(),
        model: "the-model".to_owned(),
        created_unix: 1_700_000_000,
        include_usage: true,
        framing: Framing::Events,
        base64: false,
        batch: false,
        hosted_tools: true,
    }
}

pub(crate) fn ask(body: &[u8]) -> Ask<'_> {
    Ask { operation: Operation::Generate, body, model_in_path: None, stream_in_path: false }
}

pub(crate) fn request(body: &[u8]) -> Request {
    let outline = form().read_outline(&ask(body)).unwrap();
    Request::new(Dialect::Anthropic, Bytes::copy_from_slice(body), outline)
}

pub(crate) fn full(body: &Value) -> Conversation {
    let body = serde_json::to_vec(body).unwrap();
    match form().read_full(&request(&body)).unwrap() {
        Full::Conversation(read) => read,
        Full::Embed(_) => panic!("no conversation"),
    }
}

pub(crate) fn write(read: Conversation, model: &str) -> (Value, String) {
    write_for(read, model, &ModelCard::default())
}

pub(crate) fn write_for(read: Conversation, model: &str, card: &ModelCard) -> (Value, String) {
    let full = Full::Conversation(read);
    let Written { body, losses } = form().write_request(&Order {
        operation: Operation::Generate,
        full: &full,
        model,
        stream: false,
        vendor: Vendor::Anthropic,
        card,
    });
    (serde_json::from_slice(&body).unwrap(), losses.header())
}

/// What a relaying reader gave.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Relayed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sight: Sight,
    pub(crate) fault: Option<Fault>,
}

fn add(sum: &mut Sight, more: Sight) {
    sum.content_deltas += more.content_deltas;
    sum.text_chars += more.text_chars;
    sum.finish = more.finish.or(sum.finish.take());
    sum.usage = more.usage.or(sum.usage);
    sum.model = sum.model.take().or(more.model);
    sum.end_mark |= more.end_mark;
    sum.malformed += more.malformed;
}

pub(crate) fn relay<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Relayed {
    let mut relayed = Relayed::default();
    run(Reading::Relay { hide_usage: true }, pieces, |piece| match piece {
        Ok(Piece::Relayed { bytes, sight }) => {
            relayed.bytes.extend_from_slice(&bytes);
            add(&mut relayed.sight, sight);
        }
        Ok(Piece::Native(event)) => panic!("{event:?}"),
        Err(fault) => relayed.fault = Some(fault),
    });
    relayed
}

pub(crate) fn events<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Event>, Option<Fault>) {
    let (mut events, mut fault) = (Vec::new(), None);
    run(Reading::Translate, pieces, |piece| match piece {
        Ok(Piece::Native(event)) => events.push(event),
        Ok(Piece::Relayed { bytes, .. }) => panic!("{bytes:?}"),
        Err(wrong) => fault = Some(wrong),
    });
    (events, fault)
}

fn run<'a>(
    reading: Reading,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    mut take: impl FnMut(Result<Piece, Fault>),
) {
    let mut reader = form().stream_reader(reading);
    for piece in pieces {
        reader.push(Bytes::copy_from_slice(piece));
        while let Some(run) = reader.next_run() {
            take(run);
        }
    }
    while let Some(run) = reader.end() {
        take(run);
    }
}

pub(crate) fn gathered(events: Vec<Event>) -> (Completion, Losses) {
    let mut gatherer = Gatherer::default();
    events.into_iter().for_each(|event| gatherer.take(event));
    gatherer.finish()
}

/// Writes events as a stream.
pub(crate) fn written(events: &[Event]) -> (String, Losses) {
    let mut writer = form().stream_writer(&envelope());
    let mut bytes = writer.start().to_vec();
    for event in events {
        bytes.extend_from_slice(&writer.event(event));
    }
    bytes.extend_from_slice(&writer.end());
    (String::from_utf8(bytes).unwrap(), writer.take_losses())
}
