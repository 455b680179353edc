//! Providers of every kind before a scripted server in memory.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly, their helpers too"
)]

mod anthropic;
mod azure;
mod catalogue;
mod compatible;
mod fitness;
mod gemini;
mod matrix;
mod openai;
mod perplexity;
mod rig;
mod secrets;
