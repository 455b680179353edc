//! The small embedded model that answers when nobody else does: SmolLM2-135M-Instruct, on threads
//! of its own, in memory-safe code. It keeps English chat responding and is no substitute for a
//! big model; that its answers are marked as the reserve's is the business of the line. Heavy
//! dependencies stay in this room.

mod draw;
mod engine;
mod fit;
mod generate;
mod gguf;
mod matrix;
mod model;
mod pip;
mod prompt;
mod queue;
mod repeat;
mod reserve;
mod script;
mod settings;
mod speech;
mod tokenizer;

pub mod file;

pub use reserve::Reserve;
pub use settings::ReserveSettings;

#[cfg(test)]
mod tests;
