//! Speaks to the providers. The exchange is the same for all of them, and each kind is one file that
//! says what it does its own way; all are [`upstream::Upstream`]s. Choosing among them is not their
//! business.

mod anthropic;
mod azure;
mod catalogue;
mod compatible;
mod endpoint;
mod exchange;
mod fit;
mod gemini;
mod habits;
mod http_upstream;
mod instant;
mod keys;
mod openai;
mod perplexity;
mod pieces;
mod rate_limits;
mod registry;
mod relayed_headers;
mod settings;
mod token_file;

pub use anthropic::ANTHROPIC_VERSION;
pub use azure::AZURE_API_VERSION;
pub use catalogue::{ABILITIES, Cards};
pub use endpoint::BuildError;
pub use registry::{Surroundings, build};
pub use settings::{ExtraHeader, Kind, ProviderSettings, Speaks, StreamUsage};
