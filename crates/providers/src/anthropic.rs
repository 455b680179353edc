//! Anthropic's messages. The protocol's version is the caller's own where he speaks it, and decides
//! how the key is sent.

use dialects::Vendor;
use domain::{Dialect, Operation, Request};
use http::{HeaderName, HeaderValue};

use crate::habits::{Asked, Auth, Habits, NO_VECTORS, Route, Way};
use crate::{BuildError, ProviderSettings};

/// For callers of other dialects.
pub const ANTHROPIC_VERSION: &str = "2023-06-01";
/// From this one on the key is a bearer's.
const BEARER_VERSION: &str = "2026-10-21";
const VERSION: &str = "anthropic-version";

#[derive(Debug)]
pub(crate) struct Anthropic {
    version: Box<str>,
    header: HeaderValue,
}

impl Anthropic {
    pub(crate) fn new(settings: &ProviderSettings) -> Result<Self, BuildError> {
        let version = settings.api_version.as_deref().unwrap_or(ANTHROPIC_VERSION);
        let header = HeaderValue::from_str(version).map_err(|_| BuildError::header(VERSION))?;
        Ok(Self { version: version.into(), header })
    }
}

impl Habits for Anthropic {
    fn vendor(&self) -> Vendor {
        Vendor::Anthropic
    }

    fn way(&self, asked: &Asked<'_>) -> Result<Way, &'static str> {
        let request = asked.request;
        match request.operation {
            Operation::Generate => Ok(Route::way(Dialect::Anthropic, "/v1/messages", request)),
            Operation::CountTokens => {
                Ok(Route::way(Dialect::Anthropic, "/v1/messages/count_tokens", request))
            }
            Operation::Embed => Err(NO_VECTORS),
        }
    }

    fn auths(&self) -> &'static [Auth] {
        &[Auth::Header("x-api-key"), Auth::Bearer]
    }

    fn auth(&self, request: &Request) -> usize {
        let passed = request.passed.headers.iter().find(|(name, _)| *name == VERSION);
        let version = match passed {
            Some((_, version)) if request.dialect == Dialect::Anthropic => version,
            _ => &self.version,
        };
        // Versions are dates, so that the order of their texts is that of their days.
        usize::from(**version >= *BEARER_VERSION)
    }

    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        vec![(HeaderName::from_static(VERSION), self.header.clone())]
    }
}
