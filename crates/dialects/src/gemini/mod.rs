//! Google's generateContent and its siblings: answers whole and streamed, vectors, counts of
//! tokens, the list of models. The model and the wish for a stream stand in the path, which is the
//! gateway's to read.

mod array_framing;
mod array_stream;
mod candidate;
mod chunk;
mod config;
mod conversation;
mod embed;
mod fields;
mod finish;
mod grounding;
mod known_models;
mod list;
mod outline;
mod part;
mod partial_args;
mod quota;
mod refusal;
mod resume;
mod rewrite;
mod schema;
mod sources;
mod stream_reader;
mod stream_writer;
mod tools;
mod turns;
mod unsigned;
mod usage;
mod whole;
mod write_contents;
mod write_parts;
mod write_request;
mod write_tools;
mod write_whole;

use bytes::Bytes;
use domain::{Dialect, Fault, Framing, Full, Losses, Operation, Outline, Reply, Request, Sight};
use http::HeaderMap;

use crate::form::{
    Ask, Envelope, Form, ModelEntry, Order, Reading, StreamReader, StreamWriter, Unbearable,
    Written,
};
use crate::{Malformed, Refusal, provider_error};

pub use array_framing::JsonArrayFraming;
pub use embed::embeds_batch;

/// The form itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gemini;

impl Form for Gemini {
    fn dialect(&self) -> Dialect {
        Dialect::Gemini
    }

    fn read_outline(&self, ask: &Ask<'_>) -> Result<Outline, Malformed> {
        outline::read_outline(ask)
    }

    fn read_full(&self, request: &Request) -> Result<Full, Malformed> {
        match request.operation {
            Operation::Embed => embed::read_request(&request.body).map(Full::Embed),
            operation @ (Operation::Generate | Operation::CountTokens) => {
                conversation::read_conversation(operation, &request.body).map(Full::Conversation)
            }
        }
    }

    /// A stream of Google's always tells its usage.
    fn rewrite(&self, request: &Request, model: &str, _ask_usage: bool) -> Bytes {
        rewrite::rewrite(request, model)
    }

    fn leave_out(&self, body: &Bytes, unbearable: Unbearable) -> Option<Written> {
        unbearable.proofs.then(|| unsigned::without_signatures(body)).flatten()
    }

    /// A request for vectors always has the form of `batchEmbedContents`.
    fn write_request(&self, order: &Order<'_>) -> Written {
        write_request::write_request(order)
    }

    fn see_whole(&self, operation: Operation, body: &[u8]) -> Result<Sight, Fault> {
        match operation {
            Operation::Generate => whole::see(body),
            Operation::Embed => embed::see(body, true),
            Operation::CountTokens => embed::see(body, false),
        }
    }

    fn read_whole(&self, operation: Operation, body: &[u8]) -> Result<(Reply, Losses), Fault> {
        let none = Losses::default();
        Ok(match operation {
            Operation::Generate => {
                let (completion, losses) = whole::read(body)?;
                (Reply::Completion(completion), losses)
            }
            Operation::Embed => (Reply::Embeddings(embed::read_vectors(body)?), none),
            Operation::CountTokens => {
                let count = embed::read_count(body)?;
                (Reply::InputTokens { count, estimated: false }, none)
            }
        })
    }

    fn write_whole(&self, reply: &Reply, envelope: &Envelope) -> Written {
        write_whole::write_whole(reply, envelope)
    }

    fn stream_reader(&self, reading: Reading) -> Box<dyn StreamReader> {
        Box::new(array_stream::AnyStream::new(reading))
    }

    fn stream_writer(&self, envelope: &Envelope) -> Box<dyn StreamWriter> {
        Box::new(stream_writer::Writer::new(envelope))
    }

    fn resume(&self, envelope: &Envelope, told: &Bytes) -> Option<Box<dyn StreamWriter>> {
        resume::resume(envelope, told)
    }

    fn read_refusal(&self, status: u16, headers: &HeaderMap, body: &Bytes, now: f64) -> Fault {
        let head = (status, headers);
        quota::refine(provider_error::read_refusal(Dialect::Gemini, head, body, now), body)
    }

    fn write_refusal(&self, refusal: &Refusal, request_id: &str) -> Bytes {
        refusal::write_refusal(refusal, request_id)
    }

    /// In an array it stands behind at least one element. Where the relayed bytes went through
    /// [`JsonArrayFraming`], pass the refusal of an event stream through it instead.
    fn write_stream_refusal(&self, refusal: &Refusal, framing: Framing) -> Bytes {
        refusal::write_stream_refusal(refusal, framing)
    }

    /// The official Python client takes a comment for broken JSON.
    fn bears_comments(&self) -> bool {
        false
    }

    fn write_models(&self, models: &[ModelEntry<'_>], _created_unix: u64) -> Bytes {
        list::write_models(models)
    }

    fn write_model(&self, model: &ModelEntry<'_>, _created_unix: u64) -> Bytes {
        list::write_model(model)
    }
}
