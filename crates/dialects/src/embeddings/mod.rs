//! OpenAI's embeddings: requests and answers. They belong to the chat dialect, which comes here
//! for everything that asks for vectors.

mod numbers;
mod reply;
mod request;

pub(crate) use reply::{read_whole, see_whole, write_whole};
pub(crate) use request::{read_outline, read_request, write_request};
