//! Reads and writes the wire forms: requests, answers, event streams and error bodies. Pure: no
//! async, no I/O, no clock. Where a request goes and what a fault leads to is decided elsewhere.

mod anthropic;
mod arguments;
mod base64;
mod body;
mod embeddings;
mod essence;
mod form;
mod gemini;
mod json;
mod mask;
mod media;
mod mould;
mod object;
mod openai_chat;
mod openai_responses;
mod outline;
mod provider_error;
mod raw;
mod refusal;
mod resume;
mod rewrite;
mod stream;
mod verbosity;

pub mod retry_after;
pub mod sse;

pub use essence::essence;
pub use form::{
    Ask, Envelope, Form, ModelEntry, Order, Reading, StreamReader, StreamWriter, Unbearable,
    Vendor, Written, of,
};
pub use gemini::{JsonArrayFraming, embeds_batch};
pub use refusal::{Malformed, Refusal, RefusalKind};
