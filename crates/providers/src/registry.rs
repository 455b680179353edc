//! Makes upstreams from settings: one line per kind.

use std::sync::Arc;

use clock::Clock;
use net::{Client, ClientLimits, ClientParts, Connector, client_tls};
use upstream::Upstream;

use crate::endpoint::BuildError;
use crate::openai_chat::OpenAiChat;
use crate::{Kind, ProviderSettings};

/// What every provider is built with.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub connector: Arc<dyn Connector>,
    pub clock: Arc<dyn Clock>,
    /// Bytes of one whole answer.
    pub answer_bytes_max: usize,
}

/// Builds one provider. `ca_pem` is the text of its `ca_file`, if it names one. The reserve is not
/// built here: `None`.
///
/// # Errors
/// If the settings cannot be used.
pub fn build(
    settings: &ProviderSettings,
    ca_pem: Option<&[u8]>,
    surroundings: &Surroundings,
) -> Result<Option<Arc<dyn Upstream>>, BuildError> {
    match settings.kind {
        Kind::Reserve => Ok(None),
        Kind::OpenAi | Kind::Compatible => {
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
            let clock = surroundings.clock.clone();
            let provider = OpenAiChat::new(settings, client, clock, surroundings.answer_bytes_max)?;
            Ok(Some(Arc::new(provider)))
        }
    }
}
