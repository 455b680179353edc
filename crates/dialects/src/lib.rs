//! Reads and writes the wire forms: requests, answers, event streams and error bodies. Pure: no
//! async, no I/O, no clock. Where a request goes and what a fault leads to is decided elsewhere.

mod json;
mod mask;
mod refusal;

pub mod openai_chat;
pub mod retry_after;
pub mod sse;

pub use refusal::{Malformed, Refusal, RefusalKind};
