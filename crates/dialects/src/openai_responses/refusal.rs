//! Writes refusals in the ways in which the responses differ from OpenAI's chat. The objects and
//! their words are those of the chat, as is the list of models.

use bytes::Bytes;

use crate::object::ObjectText;
use crate::openai_chat::write::{error_object, refusal_object};
use crate::{Refusal, RefusalKind};

/// The member that holds what a model reads.
const PROMPT: &str = "input";

/// Above every number that a stream has counted to.
const SEQUENCE_NUMBER_LAST: u64 = i32::MAX.unsigned_abs() as u64;

/// The refusal as a body: `{"error":{message, type, param, code}}`, with `retry_after_s` beside
/// them if there is an honest wait.
pub(super) fn write_refusal(refusal: &Refusal) -> Bytes {
    Bytes::from(refusal_object(refusal, PROMPT))
}

/// The refusal as the last event of a stream whose bytes were relayed. Its own count is not known
/// here; some clients want a number, and it must not fall.
pub(super) fn write_stream_refusal(refusal: &Refusal) -> Bytes {
    Bytes::from(error_event(refusal, SEQUENCE_NUMBER_LAST))
}

/// The event that ends a stream which will not be complete.
///
/// The error stands nested, as OpenAI's own servers send it and other than their papers say: the
/// Python client raises what has an `error` member, in raw iteration as in its helper, and gives a
/// flat `code` and `message` out as if it were one more event. The Node client raises both.
pub(super) fn error_event(refusal: &Refusal, sequence_number: u64) -> String {
    let data = ObjectText::of("error")
        .raw("error", &error_object(refusal, PROMPT))
        .whole("sequence_number", sequence_number)
        .end();
    format!("event: error\ndata: {data}\n\n")
}

/// The code that a failed response bears.
pub(super) fn failed_code(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::RateLimited => "rate_limit_exceeded",
        RefusalKind::InvalidRequest | RefusalKind::ContentFilter => "invalid_prompt",
        RefusalKind::ContextLength => "context_length_exceeded",
        RefusalKind::Overloaded => "server_is_overloaded",
        RefusalKind::ModelNotFound
        | RefusalKind::Unauthorized
        | RefusalKind::PayloadTooLarge
        | RefusalKind::UpstreamFailed
        | RefusalKind::UpstreamTimeout
        | RefusalKind::NotFound
        | RefusalKind::MethodNotAllowed
        | RefusalKind::Internal => "server_error",
    }
}
