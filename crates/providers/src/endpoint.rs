//! Where a provider is: its base URL, taken apart once.

use http::{HeaderValue, Uri};
use net::Origin;
use thiserror::Error;

/// Why a provider cannot be built. Blame: the operator's configuration.
#[derive(Debug, Error)]
pub enum BuildError {
    #[error("base_url `{url}` is not an http or https address")]
    BaseUrl { url: Box<str> },
    #[error("header `{name}` has a value that HTTP cannot carry")]
    Header { name: Box<str> },
    #[error("certificate file `{path}`: {why}")]
    CaFile { path: Box<str>, why: Box<str> },
}

impl BuildError {
    pub(crate) fn header(name: &str) -> Self {
        Self::Header { name: name.into() }
    }
}

/// A base URL: whom to connect to, and the path before every endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) origin: Origin,
    prefix: Box<str>,
}

impl Endpoint {
    /// Reads `scheme://host[:port][/prefix]`.
    pub(crate) fn parse(base_url: &str) -> Result<Self, BuildError> {
        let refuse = || BuildError::BaseUrl { url: base_url.into() };
        let uri: Uri = base_url.parse().map_err(|_| refuse())?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(refuse()),
        };
        let host = uri.host().ok_or_else(refuse)?.trim_matches(['[', ']']);
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let prefix = uri.path().trim_end_matches('/').into();
        Ok(Self { origin: Origin { host: host.into(), port, tls }, prefix })
    }

    /// The origin-form target of `path` below the prefix.
    pub(crate) fn path(&self, path: &str) -> Result<Uri, BuildError> {
        self.target(path, None).ok_or_else(|| BuildError::BaseUrl { url: self.prefix.clone() })
    }

    /// The same with more of a query behind it; `None` if that is no target.
    pub(crate) fn target(&self, path: &str, query: Option<&str>) -> Option<Uri> {
        let prefix = &self.prefix;
        let parsed = match query {
            None => format!("{prefix}{path}").parse(),
            Some(query) => {
                let mark = if path.contains('?') { '&' } else { '?' };
                format!("{prefix}{path}{mark}{query}").parse()
            }
        };
        parsed.ok()
    }

    /// `Host`: without the port where it is the scheme's own.
    pub(crate) fn host_header(&self) -> Result<HeaderValue, BuildError> {
        let Origin { host, port, tls } = &self.origin;
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_string() };
        let usual = if *tls { 443 } else { 80 };
        let text = if *port == usual { host } else { format!("{host}:{port}") };
        HeaderValue::from_str(&text).map_err(|_| BuildError::header("host"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_taken_apart() {
        let endpoint = Endpoint::parse("https://api.openai.com/v1").unwrap();
        assert!(endpoint.origin.tls);
        assert_eq!(endpoint.origin.port, 443);
        assert_eq!(endpoint.path("/chat/completions").unwrap(), "/v1/chat/completions");
        assert_eq!(endpoint.host_header().unwrap(), "api.openai.com");
        assert_eq!(endpoint.target("/x?a=b", Some("c=d")).unwrap(), "/v1/x?a=b&c=d");
        assert_eq!(endpoint.target("/x", Some("c=d")).unwrap(), "/v1/x?c=d");
        assert_eq!(endpoint.target("/x", Some("c d")), None);

        let local = Endpoint::parse("http://[::1]:11434").unwrap();
        assert_eq!(&*local.origin.host, "::1");
        assert_eq!(local.path("/x").unwrap(), "/x");
        assert_eq!(local.host_header().unwrap(), "[::1]:11434");
    }

    #[test]
    fn other_schemes_are_refused() {
        for url in ["ftp://x/", "api.openai.com", "http://", ""] {
            assert!(Endpoint::parse(url).is_err(), "{url}");
        }
    }
}
