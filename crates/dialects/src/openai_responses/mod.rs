//! OpenAI's responses, and what Azure, xAI, DeepSeek and Perplexity's Agent API say in its form.
//! Requests are read, rewritten and written, answers and refusals are read and written, streams
//! both ways.

mod agent;
mod agent_search;
mod held;
mod input;
mod item;
mod outline;
mod output;
mod parts;
mod refusal;
mod request;
mod resume;
mod stream_reader;
mod stream_writer;
mod tools;
mod unsealed;
mod usage;
mod whole;
mod write_items;
mod write_request;
mod write_tools;
mod write_whole;

use bytes::Bytes;
use domain::{Dialect, Fault, Framing, Full, Losses, Operation, Outline, Reply, Request, Sight};

use crate::form::{
    Ask, Envelope, Form, ModelEntry, Order, Reading, StreamReader, StreamWriter, Unbearable,
    Written,
};
use crate::rewrite::{apply, change_model};
use crate::stream::EventStream;
use crate::{Malformed, Refusal, openai_chat};

/// The form itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenAiResponses;

impl Form for OpenAiResponses {
    fn dialect(&self) -> Dialect {
        Dialect::OpenAiResponses
    }

    fn read_outline(&self, ask: &Ask<'_>) -> Result<Outline, Malformed> {
        outline::read_outline(ask)
    }

    fn read_full(&self, request: &Request) -> Result<Full, Malformed> {
        request::read_full(&request.body)
    }

    /// The usage stands at the end of every stream, so nothing need be asked for it.
    fn rewrite(&self, request: &Request, model: &str, _ask_usage: bool) -> Bytes {
        apply(&request.body, change_model(request, model).into_iter().collect())
    }

    fn leave_out(&self, body: &Bytes, unbearable: Unbearable) -> Option<Written> {
        unbearable.proofs.then(|| unsealed::without_seals(body)).flatten()
    }

    fn seals_for_one_account(&self) -> bool {
        true
    }

    fn write_request(&self, order: &Order<'_>) -> Written {
        write_request::write_request(order)
    }

    fn see_whole(&self, operation: Operation, body: &[u8]) -> Result<Sight, Fault> {
        whole::see_whole(operation, body)
    }

    fn read_whole(&self, operation: Operation, body: &[u8]) -> Result<(Reply, Losses), Fault> {
        whole::read_whole(operation, body)
    }

    fn write_whole(&self, reply: &Reply, envelope: &Envelope) -> Written {
        write_whole::write_whole(reply, envelope)
    }

    /// Usage is part of the last event and cannot be hidden.
    fn stream_reader(&self, reading: Reading) -> Box<dyn StreamReader> {
        Box::new(EventStream::new(stream_reader::Responses::default(), reading))
    }

    fn stream_writer(&self, envelope: &Envelope) -> Box<dyn StreamWriter> {
        Box::new(stream_writer::Writer::new(envelope))
    }

    fn resume(&self, envelope: &Envelope, told: &Bytes) -> Option<Box<dyn StreamWriter>> {
        resume::resume(envelope, told)
    }

    fn write_refusal(&self, refusal: &Refusal, _request_id: &str) -> Bytes {
        refusal::write_refusal(refusal)
    }

    fn write_stream_refusal(&self, refusal: &Refusal, _framing: Framing) -> Bytes {
        refusal::write_stream_refusal(refusal)
    }

    fn write_models(&self, models: &[ModelEntry<'_>], created_unix: u64) -> Bytes {
        openai_chat::write::write_models(models, created_unix)
    }

    fn write_model(&self, model: &ModelEntry<'_>, created_unix: u64) -> Bytes {
        openai_chat::write::write_model(model, created_unix)
    }
}
