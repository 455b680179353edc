//! What the rest of the house says of its own readiness.

use std::sync::Arc;

/// Asks whether requests can be answered now. It is called at every look, so it must be quick.
pub type ReadyCheck = Arc<dyn Fn() -> ReadyReport + Send + Sync>;

/// Whether requests can be answered now, and by which parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadyReport {
    pub ready: bool,
    pub parts: Vec<ReadyPart>,
}

/// One provider, or the reserve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyPart {
    /// The provider's name in the configuration.
    pub name: String,
    /// `ready`, `loading` or `unavailable`.
    pub state: &'static str,
    /// For operators; never shown to the public.
    pub sentence: String,
}
