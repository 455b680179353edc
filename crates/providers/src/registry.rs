//! Makes upstreams from settings: one line per kind.

use std::sync::Arc;

use clock::Clock;
use net::{Client, ClientLimits, ClientParts, Connector, client_tls};
use upstream::Upstream;

use crate::anthropic::Anthropic;
use crate::azure::Azure;
use crate::compatible::Compatible;
use crate::endpoint::BuildError;
use crate::gemini::Gemini;
use crate::habits::Habits;
use crate::http_upstream::HttpUpstream;
use crate::openai::OpenAi;
use crate::perplexity::Perplexity;
use crate::{Kind, ProviderSettings};

/// What every provider is built with.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub connector: Arc<dyn Connector>,
    pub clock: Arc<dyn Clock>,
    /// Bytes of one whole answer.
    pub answer_bytes_max: usize,
}

/// Builds one provider. `ca_pem` is the text of its `ca_file`, if it names one. The reserve on
/// board is not built here: `None`.
///
/// # Errors
/// If the settings cannot be used.
pub fn build(
    settings: &ProviderSettings,
    ca_pem: Option<&[u8]>,
    surroundings: &Surroundings,
) -> Result<Option<Arc<dyn Upstream>>, BuildError> {
    let habits: Box<dyn Habits> = match settings.kind {
        Kind::Reserve if settings.base_url.is_empty() => return Ok(None),
        // A drill's: the model on board works in real time, on threads of its own.
        Kind::Reserve => Box::new(Compatible { speaks: settings.speaks }),
        Kind::OpenAi => Box::new(OpenAi::new(settings)?),
        Kind::Azure => Box::new(Azure::new(settings)),
        Kind::Anthropic => Box::new(Anthropic::new(settings)?),
        Kind::Gemini => Box::new(Gemini),
        Kind::Perplexity => Box::new(Perplexity),
        Kind::Compatible => Box::new(Compatible { speaks: settings.speaks }),
    };
    let tls = client_tls(ca_pem, settings.http2).map_err(|error| BuildError::CaFile {
        path: settings
            .ca_file
            .as_ref()
            .map_or_else(String::new, |path| path.display().to_string())
            .into(),
        why: error.to_string().into(),
    })?;
    let client = Client::new(ClientParts {
        connector: surroundings.connector.clone(),
        clock: surroundings.clock.clone(),
        tls: Some(tls),
        limits: ClientLimits::default(),
    });
    Ok(Some(Arc::new(HttpUpstream::new(settings, habits, client, surroundings)?)))
}
