//! OpenAI's chat completions and embeddings.

mod answers;
mod errors;
mod orders;
mod outlines;
mod properties;
mod reading;
mod recordings;
mod requests;
mod streams;
mod translated;
pub(crate) mod validator;
mod vectors;
mod writing;
