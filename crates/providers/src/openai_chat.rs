//! Providers that speak OpenAI's chat completions: OpenAI itself and every compatible server. One
//! call is one HTTP exchange; what it means for the next one is decided elsewhere.

use std::sync::Arc;

use bytes::Bytes;
use clock::Clock;
use dialects::openai_chat;
use domain::{Dialect, Fault, FaultClass, Request, Secret};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::Full;
use net::{Client, ClientBody, Origin, SendError};
use upstream::{Answer, Body, BoxFuture, Call, Head, Upstream, Whole};

use crate::endpoint::{BuildError, Endpoint};
use crate::exchange::{read_to_end, relayable_headers};
use crate::pieces::StreamPieces;
use crate::{ProviderSettings, StreamUsage};

/// Bytes of an error's body that are read.
const REFUSAL_BYTES_MAX: usize = 256 * 1024;

/// One provider of kind `openai` or `compatible`.
#[derive(Debug)]
pub struct OpenAiChat {
    name: Box<str>,
    origin: Origin,
    uri: Uri,
    /// All headers of a request but the key's, one map per key.
    headers: Vec<HeaderMap>,
    /// Everything that must not come back to a caller.
    secrets: Vec<Secret>,
    stream_usage: StreamUsage,
    answer_bytes_max: usize,
    client: Client,
    clock: Arc<dyn Clock>,
}

impl OpenAiChat {
    /// Prepares everything that does not change from call to call.
    ///
    /// # Errors
    /// If an address or a header of the settings cannot be used.
    pub fn new(
        settings: &ProviderSettings,
        client: Client,
        clock: Arc<dyn Clock>,
        answer_bytes_max: usize,
    ) -> Result<Self, BuildError> {
        let endpoint = Endpoint::parse(&settings.base_url)?;
        let uri = endpoint.path("/chat/completions")?;
        Ok(Self {
            name: settings.name.clone(),
            headers: request_headers(settings, &endpoint)?,
            secrets: secrets_of(settings),
            origin: endpoint.origin,
            uri,
            stream_usage: settings.stream_usage,
            answer_bytes_max,
            client,
            clock,
        })
    }

    async fn exchange(&self, call: Call) -> Result<Answer, Fault> {
        let ask_usage = self.stream_usage == StreamUsage::Always;
        let body = openai_chat::rewrite(&call.request, &call.model, ask_usage);
        let headers = self
            .headers
            .get(usize::from(call.key))
            .ok_or_else(|| Fault::new(FaultClass::Internal, "no key has this index"))?;
        let make = || self.request(headers, body.clone());
        let response = self
            .client
            .send(&self.origin, &make, call.connect_max)
            .await
            .map_err(|error| fault_of(&error))?;
        let (parts, body) = response.into_parts();
        if !parts.status.is_success() {
            return Err(self.refusal(parts.status, &parts.headers, body).await);
        }
        if parts.headers.contains_key(header::CONTENT_ENCODING) {
            return Err(Fault::new(
                FaultClass::Malformed,
                "the answer is encoded although none was accepted",
            ));
        }
        let head = Head { headers: relayable_headers(&parts.headers, &self.secrets) };
        let body = if call.request.outline.stream && !is_json(&parts.headers) {
            let hide_usage = ask_usage && !call.request.outline.usage_in_stream;
            Body::Stream(Box::pin(StreamPieces::new(body, hide_usage)))
        } else {
            self.whole(&call.request, parts.status, body).await?
        };
        Ok(Answer { dialect: Some(Dialect::OpenAiChat), head, body })
    }

    fn request(&self, headers: &HeaderMap, body: Bytes) -> http::Request<Full<Bytes>> {
        let mut request = http::Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers.clone();
        request
    }

    async fn refusal(&self, status: StatusCode, headers: &HeaderMap, body: ClientBody) -> Fault {
        // A body that cannot be read still leaves a status that can.
        let body = read_to_end(body, REFUSAL_BYTES_MAX).await.unwrap_or_default();
        let now = self.clock.unix_seconds();
        openai_chat::read_refusal(status.as_u16(), headers, &body, now)
    }

    async fn whole(
        &self,
        request: &Request,
        status: StatusCode,
        body: ClientBody,
    ) -> Result<Body, Fault> {
        let body = read_to_end(body, self.answer_bytes_max).await?;
        let sight = openai_chat::read_whole(&body)?;
        if request.outline.stream {
            return Err(Fault::new(
                FaultClass::Malformed,
                "a stream was asked for and a whole answer came",
            ));
        }
        Ok(Body::Whole(Whole { body, status: status.as_u16(), sight }))
    }
}

impl Upstream for OpenAiChat {
    fn provider(&self) -> &str {
        &self.name
    }

    fn key_count(&self) -> u16 {
        u16::try_from(self.headers.len()).unwrap_or(u16::MAX)
    }

    fn unfit(&self, _model: &str, _request: &Request) -> Option<Box<str>> {
        None
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Result<Answer, Fault>> {
        Box::pin(self.exchange(call))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
        value.trim_start().to_ascii_lowercase().starts_with("application/json")
    })
}

fn secrets_of(settings: &ProviderSettings) -> Vec<Secret> {
    let in_headers = settings.headers.iter().map(|(_, secret)| secret);
    settings.api_keys.iter().chain(in_headers).cloned().collect()
}

fn request_headers(
    settings: &ProviderSettings,
    endpoint: &Endpoint,
) -> Result<Vec<HeaderMap>, BuildError> {
    let mut shared = HeaderMap::new();
    shared.insert(header::HOST, endpoint.host_header()?);
    shared.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    shared.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    let agent = concat!("seawall/", env!("CARGO_PKG_VERSION"));
    shared.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    for (name, value) in
        [("openai-organization", &settings.organization), ("openai-project", &settings.project)]
    {
        if let Some(value) = value {
            let value = HeaderValue::from_str(value).map_err(|_| BuildError::header(name))?;
            shared.insert(name, value);
        }
    }
    for (name, secret) in &settings.headers {
        let key = header::HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| BuildError::header(name))?;
        let mut value =
            HeaderValue::from_str(secret.expose()).map_err(|_| BuildError::header(name))?;
        value.set_sensitive(true);
        shared.insert(key, value);
    }
    if settings.api_keys.is_empty() {
        return Ok(vec![shared]);
    }
    let with_key = |key: &Secret| {
        let mut headers = shared.clone();
        let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose()))
            .map_err(|_| BuildError::header("authorization"))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
        Ok(headers)
    };
    settings.api_keys.iter().map(with_key).collect()
}

fn fault_of(error: &SendError) -> Fault {
    let class = match error {
        SendError::Connect(_) | SendError::ConnectTimeout | SendError::Tls(_) => {
            FaultClass::Connect
        }
        SendError::NoTls => FaultClass::Internal,
        SendError::Broken { .. } => FaultClass::Reset,
        SendError::Unreadable(_) => FaultClass::Malformed,
    };
    Fault::new(class, error.to_string())
}
