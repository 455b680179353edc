//! Names of what can answer, and what is known of them.

use std::fmt;
use std::sync::Arc;

use crate::{Needs, Prices};

/// One model at one provider, written `provider/model`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// The provider's name in the configuration.
    pub provider: Arc<str>,
    /// The model's name as the provider knows it.
    pub model: Arc<str>,
}

impl Target {
    /// Puts the two names together.
    pub fn new(provider: impl Into<Arc<str>>, model: impl Into<Arc<str>>) -> Self {
        Self { provider: provider.into(), model: model.into() }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

/// What is known of a model; everything that nobody told is unknown, never zero or "no".
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelCard {
    pub context_tokens_max: Option<u64>,
    pub output_tokens_max: Option<u64>,
    /// What it is known to serve.
    pub can: Needs,
    /// What it is known not to serve.
    pub cannot: Needs,
    /// It thinks before it speaks: some sampling settings are refused, and the output limit has
    /// another name.
    pub reasons: Option<bool>,
    /// An assistant's turn at the end is continued.
    pub continues_prefill: Option<bool>,
    pub prices: Prices,
    /// The day of the catalogue that this was taken from, such as `2026-11-02`; empty for an
    /// operator's own words.
    pub as_of: Box<str>,
}
