//! The dialects against recorded exchanges, made-up oddities and arbitrary bytes. Nothing here
//! opens a connection; the recordings are read from a folder if there is one.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests may fail loudly, and they read recordings from a folder"
)]

mod after_mark;
mod anthropic;
mod crossing;
mod fixtures;
mod gemini;
mod openai_chat;
mod openai_responses;
mod resumed;
