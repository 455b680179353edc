//! Speaks to the providers. Each kind is one file; all are [`upstream::Upstream`]s. Choosing among
//! them is not their business.

mod settings;

pub use settings::{Kind, ProviderSettings, StreamUsage};
