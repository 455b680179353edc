//! An address on the web, taken apart once.

use std::fmt;

use http::Uri;
use net::Origin;
use thiserror::Error;

/// Bytes of an address; longer ones are no addresses of feeds or hooks.
const ADDRESS_BYTES_MAX: usize = 2048;

/// Why a text is no address. Blame: whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    #[error("`{text}` is not an http or https address")]
    Unreadable { text: Box<str> },
    #[error("an address has {bytes} bytes, at most {ADDRESS_BYTES_MAX} are taken")]
    TooLong { bytes: usize },
    /// Addresses are shown and logged, so that nothing secret may stand in front of the host.
    #[error("the address has a user name or a password in it")]
    Credentials,
}

/// `http` or `https`, a host, a port, a path with its query. The path of a hook is its secret, so
/// that it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct WebAddress {
    origin: Origin,
    target: Uri,
}

impl fmt::Debug for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.origin.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}/…", self.host_header())
    }
}

impl WebAddress {
    /// Reads `https://host[:port][/path][?query]`; a fragment is dropped.
    ///
    /// # Errors
    /// If it is none, too long, or carries credentials.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let bytes = text.len();
        if bytes > ADDRESS_BYTES_MAX {
            return Err(AddressError::TooLong { bytes });
        }
        // Without its path, which may be a secret.
        let shown: Vec<_> = text.split('/').take(3).collect();
        let refuse = || AddressError::Unreadable { text: shown.join("/").into() };
        let uri: Uri = text.parse().map_err(|_| refuse())?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(refuse()),
        };
        let authority = uri.authority().ok_or_else(refuse)?;
        if authority.as_str().contains('@') {
            return Err(AddressError::Credentials);
        }
        let host = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
        if host.is_empty() {
            return Err(refuse());
        }
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let target = target.parse().map_err(|_| refuse())?;
        Ok(Self { origin: Origin { host: host.into(), port, tls }, target })
    }

    /// Whom to connect to.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Path and query.
    pub(crate) fn target(&self) -> &Uri {
        &self.target
    }

    /// `Host`: without the port where it is the scheme's own.
    pub(crate) fn host_header(&self) -> String {
        let Origin { host, port, tls } = &self.origin;
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_string() };
        let usual = if *tls { 443 } else { 80 };
        if *port == usual { host } else { format!("{host}:{port}") }
    }

    /// Where a `Location` leads from here; `None` if it is no address, or leads from TLS to none.
    pub(crate) fn follow(&self, location: &str) -> Option<Self> {
        let scheme = if self.origin.tls { "https" } else { "http" };
        let text = match location {
            path if path.starts_with("//") => format!("{scheme}:{path}"),
            path if path.starts_with('/') => format!("{scheme}://{}{path}", self.host_header()),
            other => other.to_owned(),
        };
        Self::parse(&text).ok().filter(|next| next.origin.tls || !self.origin.tls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let address = WebAddress::parse("https://Status.Example:8443/a?b=c").unwrap();
        assert_eq!(address.origin().host.as_ref(), "status.example");
        assert_eq!((address.origin().port, address.origin().tls), (8443, true));
        assert_eq!(address.target(), "/a?b=c");
        assert_eq!(address.host_header(), "status.example:8443");
        assert_eq!(WebAddress::parse("http://[::1]").unwrap().host_header(), "[::1]");
    }

    #[test]
    fn what_is_no_address_is_refused_and_no_path_is_printed() {
        for text in ["ftp://a/b", "a/b", "https://", "https:///x", "", "https://a b/"] {
            assert!(WebAddress::parse(text).is_err(), "{text}");
        }
        assert_eq!(WebAddress::parse("https://u:p@a/"), Err(AddressError::Credentials));
        let error = WebAddress::parse("gopher://a/secret?token=secret").unwrap_err();
        assert_eq!(error.to_string(), "`gopher://a` is not an http or https address");
        let hook = WebAddress::parse("https://a:1/secret").unwrap();
        assert_eq!(format!("{hook:?}"), "https://a:1/…");
        let long = format!("https://a/{}", "x".repeat(ADDRESS_BYTES_MAX));
        assert!(matches!(WebAddress::parse(&long), Err(AddressError::TooLong { .. })));
    }

    #[test]
    fn a_redirect_never_leaves_tls() {
        let from = WebAddress::parse("https://a.example/x/y").unwrap();
        assert_eq!(from.follow("/z").unwrap().target(), "/z");
        assert_eq!(from.follow("//b.example/z").unwrap().origin().host.as_ref(), "b.example");
        assert_eq!(from.follow("http://a.example/z"), None);
        assert_eq!(from.follow("javascript:alert(1)"), None);
    }
}
