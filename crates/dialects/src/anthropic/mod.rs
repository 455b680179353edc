//! Anthropic's messages and their counting of tokens: requests, answers, streams and refusals are
//! read and written. What is made up for its clients is in `ours`; where a request goes is decided
//! elsewhere.

mod answer;
mod block;
mod conversation;
mod generation;
mod media;
mod message;
mod ours;
mod outline;
mod parts;
mod refusal;
mod resume;
mod schema;
mod stream_reader;
mod stream_writer;
mod thinking;
mod tools;
mod turns;
mod unsigned;
mod write;
mod write_request;

use bytes::Bytes;
use domain::{Dialect, Fault, Framing, Full, Losses, Operation, Outline, Reply, Request, Sight};

use crate::form::{
    Ask, Envelope, Form, ModelEntry, Order, Reading, StreamReader, StreamWriter, Unbearable,
    Written,
};
use crate::rewrite::{apply, change_model};
use crate::stream::EventStream;
use crate::{Malformed, Refusal};

/// The form itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anthropic;

impl Form for Anthropic {
    fn dialect(&self) -> Dialect {
        Dialect::Anthropic
    }

    fn read_outline(&self, ask: &Ask<'_>) -> Result<Outline, Malformed> {
        outline::read_outline(ask)
    }

    fn read_full(&self, request: &Request) -> Result<Full, Malformed> {
        conversation::read_conversation(&request.body).map(Full::Conversation)
    }

    /// Beside the model's name, only what we made up ourselves in an earlier answer is changed.
    fn rewrite(&self, request: &Request, model: &str, _ask_usage: bool) -> Bytes {
        let mut changes = ours::taken_back(&request.body);
        changes.extend(change_model(request, model));
        apply(&request.body, changes)
    }

    fn leave_out(&self, body: &Bytes, unbearable: Unbearable) -> Option<Written> {
        unbearable.proofs.then(|| unsigned::without_thinking(body)).flatten()
    }

    fn write_request(&self, order: &Order<'_>) -> Written {
        write_request::write_request(order)
    }

    fn see_whole(&self, operation: Operation, body: &[u8]) -> Result<Sight, Fault> {
        message::see_whole(operation, body)
    }

    fn read_whole(&self, operation: Operation, body: &[u8]) -> Result<(Reply, Losses), Fault> {
        message::read_whole(operation, body)
    }

    fn write_whole(&self, reply: &Reply, envelope: &Envelope) -> Written {
        write::write_whole(reply, envelope)
    }

    fn stream_reader(&self, reading: Reading) -> Box<dyn StreamReader> {
        Box::new(EventStream::new(stream_reader::Events::default(), reading))
    }

    fn stream_writer(&self, envelope: &Envelope) -> Box<dyn StreamWriter> {
        Box::new(stream_writer::Writer::new(envelope))
    }

    fn request_id_header(&self) -> Option<&'static str> {
        Some("request-id")
    }

    fn resume(&self, envelope: &Envelope, told: &Bytes) -> Option<Box<dyn StreamWriter>> {
        resume::resume(envelope, told)
    }

    fn write_refusal(&self, refusal: &Refusal, request_id: &str) -> Bytes {
        refusal::write_refusal(refusal, request_id)
    }

    fn write_stream_refusal(&self, refusal: &Refusal, _framing: Framing) -> Bytes {
        refusal::error_event(refusal)
    }

    fn end_mark(&self) -> &'static [u8] {
        b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
    }

    fn write_models(&self, models: &[ModelEntry<'_>], created_unix: u64) -> Bytes {
        refusal::write_models(models, created_unix)
    }

    fn write_model(&self, model: &ModelEntry<'_>, created_unix: u64) -> Bytes {
        refusal::write_model(model, created_unix)
    }
}
