//! OpenAI's chat completions, and what everybody calls compatible with them. Requests are read
//! and rewritten, answers and refusals are read and written, streams both ways.

mod chunk;
mod conversation;
mod error;
mod outline;
mod rewrite;
mod stream_reader;
mod stream_writer;
mod usage;
mod whole;
mod write;

pub use conversation::read_conversation;
pub use error::read_refusal;
pub use outline::read_outline;
pub use rewrite::rewrite;
pub use stream_reader::StreamReader;
pub use stream_writer::StreamWriter;
pub use whole::read_whole;
pub use write::{
    WholeAnswer, write_model, write_models, write_refusal, write_stream_refusal, write_whole,
};
