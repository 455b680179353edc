//! OpenAI's chat completions, and what everybody calls compatible with them. Requests, answers,
//! refusals and streams are read and written; what asks for vectors is dealt with in `embeddings`.

mod answer;
mod call_ids;
mod chunk;
mod events;
mod messages;
mod offer;
mod order;
mod parts;
mod parts_out;
mod reply;
mod request;
mod resume;
mod rewrite;
mod said;
mod shared;
mod stream_reader;
mod stream_writer;
mod tools;
mod turns;

mod outline;
mod sonar;
pub(crate) mod usage;
pub(crate) mod whole;
pub(crate) mod write;

use bytes::Bytes;
use domain::{Dialect, Fault, Framing, Full, Losses, Operation, Outline, Reply, Request, Sight};

use crate::form::{
    Ask, Envelope, Form, ModelEntry, Order, Reading, StreamReader, StreamWriter, Unbearable,
    Written,
};
use crate::stream::EventStream;
use crate::{Malformed, Refusal, embeddings};

/// The form itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenAiChat;

impl Form for OpenAiChat {
    fn dialect(&self) -> Dialect {
        Dialect::OpenAiChat
    }

    fn read_outline(&self, ask: &Ask<'_>) -> Result<Outline, Malformed> {
        match ask.operation {
            Operation::Embed => embeddings::read_outline(ask),
            Operation::Generate | Operation::CountTokens => outline::read_outline(ask),
        }
    }

    fn read_full(&self, request: &Request) -> Result<Full, Malformed> {
        match request.operation {
            Operation::Embed => embeddings::read_request(&request.body).map(Full::Embed),
            Operation::Generate | Operation::CountTokens => {
                request::read_conversation(&request.body).map(Full::Conversation)
            }
        }
    }

    fn rewrite(&self, request: &Request, model: &str, ask_usage: bool) -> Bytes {
        rewrite::rewrite(request, model, ask_usage)
    }

    fn leave_out(&self, body: &Bytes, unbearable: Unbearable) -> Option<Written> {
        unbearable.additions.then(|| sonar::without_sonar(body)).flatten()
    }

    fn write_request(&self, order: &Order<'_>) -> Written {
        match order.full {
            Full::Conversation(conversation) => order::write_request(order, conversation),
            Full::Embed(asked) => embeddings::write_request(order, asked),
        }
    }

    fn see_whole(&self, operation: Operation, body: &[u8]) -> Result<Sight, Fault> {
        match operation {
            Operation::Generate => whole::see_whole(body),
            Operation::Embed => embeddings::see_whole(body),
            Operation::CountTokens => whole::read_input_tokens(body).map(|_| Sight::default()),
        }
    }

    fn read_whole(&self, operation: Operation, body: &[u8]) -> Result<(Reply, Losses), Fault> {
        match operation {
            Operation::Generate => whole::read_whole(body),
            Operation::Embed => embeddings::read_whole(body),
            Operation::CountTokens => {
                let count = whole::read_input_tokens(body)?;
                Ok((Reply::InputTokens { count, estimated: false }, Losses::default()))
            }
        }
    }

    fn write_whole(&self, reply: &Reply, envelope: &Envelope) -> Written {
        match reply {
            Reply::Completion(completion) => reply::write_completion(completion, envelope),
            Reply::Embeddings(vectors) => embeddings::write_whole(vectors, envelope),
            Reply::InputTokens { count, .. } => {
                Written { body: write::write_input_tokens(*count), losses: Losses::default() }
            }
        }
    }

    fn stream_reader(&self, reading: Reading) -> Box<dyn StreamReader> {
        let hide_usage = matches!(reading, Reading::Relay { hide_usage: true });
        Box::new(EventStream::new(stream_reader::Chunks::new(hide_usage), reading))
    }

    fn stream_writer(&self, envelope: &Envelope) -> Box<dyn StreamWriter> {
        Box::new(stream_writer::ChunkWriter::new(envelope))
    }

    fn resume(&self, envelope: &Envelope, told: &Bytes) -> Option<Box<dyn StreamWriter>> {
        resume::resume(envelope, told)
    }

    fn write_refusal(&self, refusal: &Refusal, _request_id: &str) -> Bytes {
        write::write_refusal(refusal)
    }

    fn write_stream_refusal(&self, refusal: &Refusal, _framing: Framing) -> Bytes {
        write::write_stream_refusal(refusal)
    }

    fn end_mark(&self) -> &'static [u8] {
        b"data: [DONE]\n\n"
    }

    fn write_models(&self, models: &[ModelEntry<'_>], created_unix: u64) -> Bytes {
        write::write_models(models, created_unix)
    }

    fn write_model(&self, model: &ModelEntry<'_>, created_unix: u64) -> Bytes {
        write::write_model(model, created_unix)
    }
}
