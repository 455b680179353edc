//! The headers of requests, made once for each key, and what must be kept from coming back: a
//! provider's key never leaves by an error or a header of its answer.

use domain::{Dialect, Fault, Passed, Secret};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::ProviderSettings;
use crate::endpoint::{BuildError, Endpoint};
use crate::habits::Habits;
use crate::token_file::TokenFile;

/// A list that a caller and an operator may both add to.
pub(crate) const BETA: &str = "anthropic-beta";
/// The caller's own word wins over ours.
const VERSION: &str = "anthropic-version";
/// Set by the exchange itself, whoever asks for something else.
const KEPT: [HeaderName; 4] =
    [header::HOST, header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT_ENCODING];
const MASKED: &str = "[masked]";

/// The headers of one provider's requests.
#[derive(Debug)]
pub(crate) struct Keys {
    /// For each key, all headers for each way of sending it.
    headers: Vec<Vec<HeaderMap>>,
    token: Option<TokenFile>,
    /// Everything that must not come back to a caller.
    secrets: Vec<Secret>,
}

impl Keys {
    pub(crate) fn new(
        settings: &ProviderSettings,
        habits: &dyn Habits,
        endpoint: &Endpoint,
        token: Option<TokenFile>,
    ) -> Result<Self, BuildError> {
        let shared = shared(settings, habits, endpoint)?;
        let with_key = |key: &Secret| {
            let ways = habits.auths().iter().map(|auth| {
                let (name, value) = auth.header(key)?;
                let mut headers = shared.clone();
                headers.insert(name, value);
                Ok(headers)
            });
            ways.collect::<Result<Vec<_>, BuildError>>()
        };
        let headers = if settings.api_keys.is_empty() || token.is_some() {
            vec![vec![shared]]
        } else {
            settings.api_keys.iter().map(with_key).collect::<Result<_, _>>()?
        };
        let in_headers =
            settings.headers.iter().filter(|header| header.is_secret).map(|header| &header.value);
        let secrets = settings.api_keys.iter().chain(in_headers).cloned().collect();
        Ok(Self { headers, token, secrets })
    }

    pub(crate) fn count(&self) -> u16 {
        u16::try_from(self.headers.len()).unwrap_or(u16::MAX)
    }

    /// The headers for this key, sent this way. `None` if there is no such key.
    pub(crate) fn headers(&self, key: u16, way: usize) -> Option<&HeaderMap> {
        let ways = self.headers.get(usize::from(key))?;
        ways.get(way).or(ways.first())
    }

    pub(crate) fn token(&self) -> Option<&TokenFile> {
        self.token.as_ref()
    }

    /// True if a provider's text repeats no secret.
    pub(crate) fn harmless(&self, text: &str) -> bool {
        let token = || self.token.as_ref().and_then(TokenFile::secret);
        !self.secrets.iter().any(|secret| text.contains(secret.expose()))
            && token().is_none_or(|secret| !text.contains(secret.expose()))
    }

    /// Takes every secret out of what a provider said.
    pub(crate) fn kept_from(&self, mut fault: Fault) -> Fault {
        let token = self.token.as_ref().and_then(TokenFile::secret);
        for secret in self.secrets.iter().chain(&token) {
            let secret = secret.expose();
            if fault.detail.contains(secret) {
                fault.detail = fault.detail.replace(secret, MASKED).into();
            }
            let told = |relayable: &domain::RelayableError| {
                relayable
                    .body
                    .as_deref()
                    .is_some_and(|body| memchr::memmem::find(body, secret.as_bytes()).is_some())
                    || relayable.message.contains(secret)
            };
            if fault.relayable.as_ref().is_some_and(told) {
                fault.relayable = None;
            }
        }
        fault
    }
}

/// All headers but the key's.
fn shared(
    settings: &ProviderSettings,
    habits: &dyn Habits,
    endpoint: &Endpoint,
) -> Result<HeaderMap, BuildError> {
    let mut shared = HeaderMap::new();
    shared.insert(header::HOST, endpoint.host_header()?);
    shared.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    shared.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    let agent = concat!("seawall/", env!("CARGO_PKG_VERSION"));
    shared.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    for (name, value) in habits.headers() {
        shared.insert(name, value);
    }
    for header in &settings.headers {
        let wrong = || BuildError::header(&header.name);
        let key = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(header.value.expose()).map_err(|_| wrong())?;
        value.set_sensitive(true);
        shared.insert(key, value);
    }
    Ok(shared)
}

/// Adds what the caller's own dialect wants to be passed on. The operator's own headers win, but
/// for the protocol's version, and lists are joined.
pub(crate) fn pass_on(passed: &Passed, dialect: Dialect, headers: &mut HeaderMap) {
    for (name, value) in &passed.headers {
        let Ok(value) = HeaderValue::from_str(value) else { continue };
        let name = HeaderName::from_static(name);
        if KEPT.contains(&name) {
            continue;
        }
        let joined = match headers.get(&name) {
            Some(ours) if name.as_str() == BETA => join(ours, &value),
            Some(_) if !(dialect == Dialect::Anthropic && name.as_str() == VERSION) => continue,
            _ => value,
        };
        headers.insert(name, joined);
    }
}

fn join(ours: &HeaderValue, theirs: &HeaderValue) -> HeaderValue {
    let joined = [ours.as_bytes(), b",", theirs.as_bytes()].concat();
    HeaderValue::from_bytes(&joined).unwrap_or_else(|_| ours.clone())
}
