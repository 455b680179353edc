//! Speaks to the providers. Each kind is one file; all are [`upstream::Upstream`]s. Choosing among
//! them is not their business.

mod endpoint;
mod exchange;
mod openai_chat;
mod pieces;
mod registry;
mod settings;

pub use endpoint::BuildError;
pub use openai_chat::OpenAiChat;
pub use registry::{Surroundings, build};
pub use settings::{Kind, ProviderSettings, StreamUsage};
