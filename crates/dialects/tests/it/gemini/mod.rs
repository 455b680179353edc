//! Gemini's dialect: recorded exchanges, made-up oddities and arbitrary bytes. Nothing here opens a
//! connection.

mod answers;
mod embeddings;
mod properties;
mod recordings;
mod refusals;
mod requests;
mod round_trips;
mod streams;
mod written_requests;

use bytes::Bytes;
use dialects::{Ask, Envelope, Form, Reading};
use domain::{
    Completion, Conversation, Dialect, Event, Fault, Framing, Full, Gatherer, Losses, Operation,
    Piece, Request, Sight,
};
use serde_json::Value;

pub(super) fn form() -> &'static dyn Form {
    dialects::of(Dialect::Gemini)
}

pub(super) fn envelope(framing: Framing) -> Envelope {
    Envelope {
        id: "answer-1".to_owned(),
        model: "assistant".to_owned(),
        created_unix: 1_700_000_000,
        include_usage: true,
        framing,
        base64: false,
        batch: true,
        hosted_tools: true,
    }
}

pub(super) fn ask(operation: Operation, body: &[u8]) -> Ask<'_> {
    Ask { operation, body, model_in_path: Some("gemini-2.5-flash"), stream_in_path: false }
}

pub(super) fn request(operation: Operation, body: &str) -> Request {
    let outline = form().read_outline(&ask(operation, body.as_bytes())).unwrap();
    let mut request = Request::new(Dialect::Gemini, Bytes::from(body.to_owned()), outline);
    request.operation = operation;
    request
}

pub(super) fn conversation(body: &str) -> Conversation {
    match form().read_full(&request(Operation::Generate, body)).unwrap() {
        Full::Conversation(conversation) => conversation,
        other @ Full::Embed(_) => panic!("{other:?}"),
    }
}

pub(super) fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

/// All runs of a stream that comes in these pieces, and the fault at its end.
pub(super) fn runs(pieces: &[&[u8]], reading: Reading) -> (Vec<Piece>, Option<Fault>) {
    let mut reader = form().stream_reader(reading);
    let mut runs = Vec::new();
    for piece in pieces {
        reader.push(Bytes::copy_from_slice(piece));
        while let Some(run) = reader.next_run() {
            match run {
                Ok(run) => runs.push(run),
                Err(fault) => return (runs, Some(fault)),
            }
        }
    }
    while let Some(run) = reader.end() {
        match run {
            Ok(run) => runs.push(run),
            Err(fault) => return (runs, Some(fault)),
        }
    }
    (runs, None)
}

pub(super) fn events(pieces: &[&[u8]]) -> (Vec<Event>, Option<Fault>) {
    let (runs, fault) = runs(pieces, Reading::Translate);
    let events = runs.into_iter().map(|run| match run {
        Piece::Native(event) => event,
        other @ Piece::Relayed { .. } => panic!("{other:?}"),
    });
    (events.collect(), fault)
}

/// The relayed bytes, and all that was seen in them.
pub(super) fn relayed(pieces: &[&[u8]]) -> (Vec<u8>, Sight, Option<Fault>) {
    let (runs, fault) = runs(pieces, Reading::Relay { hide_usage: false });
    let mut sum = Sight::default();
    let mut all = Vec::new();
    for run in runs {
        let Piece::Relayed { bytes, sight } = run else { panic!("{run:?}") };
        all.extend_from_slice(&bytes);
        sum.content_deltas += sight.content_deltas;
        sum.text_chars += sight.text_chars;
        sum.malformed += sight.malformed;
        sum.finish = sight.finish.or(sum.finish.take());
        sum.usage = sight.usage.or(sum.usage);
        sum.model = sum.model.take().or(sight.model);
    }
    (all, sum, fault)
}

pub(super) fn gather(events: &[Event]) -> (Completion, Losses) {
    let mut gatherer = Gatherer::default();
    events.iter().for_each(|event| gatherer.take(event.clone()));
    gatherer.finish()
}

/// A stream of these events, as it is written for a caller.
pub(super) fn written(events: &[Event], framing: Framing) -> (Vec<u8>, Losses) {
    let mut writer = form().stream_writer(&envelope(framing));
    let mut all = writer.start().to_vec();
    events.iter().for_each(|event| all.extend_from_slice(&writer.event(event)));
    all.extend_from_slice(&writer.end());
    (all, writer.take_losses())
}

/// The objects of a stream that the official clients accept: only `data: ` lines, each one object,
/// each with its blank line.
pub(super) fn client_chunks(stream: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stream).unwrap();
    assert!(text.ends_with("\r\n\r\n"), "{text:?}");
    let events = text.strip_suffix("\r\n\r\n").unwrap().split("\r\n\r\n");
    let read = events.map(|event| {
        let data = event.strip_prefix("data: ").unwrap_or_else(|| panic!("{event:?}"));
        assert!(!data.contains(['\n', '\r']), "{data:?}");
        serde_json::from_str(data).unwrap()
    });
    read.collect()
}
