//! Where a provider stands. The URL is the operator's alone; what a caller sends never reaches it.

use std::net::IpAddr;

use http::Uri;

/// Paths that belong to single calls and are added by the provider's own room.
const CALL_PATHS: &[&str] =
    &["/chat/completions", "/completions", "/responses", "/embeddings", "/models"];

/// Checks a base URL and trims slashes at its end. The message of a failure never holds the URL,
/// since it may hold a password.
pub(crate) fn checked(text: &str) -> Result<Box<str>, String> {
    if text.contains(['?', '#']) {
        return Err("a base URL has no `?` and no `#`".to_owned());
    }
    let not_a_url = || "must be a URL such as `https://api.example.com/v1`".to_owned();
    let uri: Uri = text.parse().map_err(|_| not_a_url())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(not_a_url());
    };
    if !matches!(scheme, "http" | "https") {
        return Err("must begin with `https://` or `http://`".to_owned());
    }
    if authority.as_str().contains('@') {
        return Err("a base URL has no user and no password; keys go into `api_keys`".to_owned());
    }
    // A port that is no number of 16 bits is kept by the parser as text.
    let bare = authority.host();
    let port = authority.as_str().strip_prefix(bare).unwrap_or_default();
    if bare.is_empty() || (!port.is_empty() && !matches!(authority.port_u16(), Some(1..))) {
        return Err(not_a_url());
    }
    let path = uri.path().trim_end_matches('/');
    if let Some(call) = CALL_PATHS.iter().find(|call| path.ends_with(**call)) {
        return Err(format!("leave out `{call}`; Seawall adds it"));
    }
    Ok(format!("{scheme}://{}{path}", authority.as_str().to_ascii_lowercase()).into())
}

/// The host of a checked base URL.
pub(crate) fn host(base_url: &str) -> Option<String> {
    base_url.parse::<Uri>().ok()?.host().map(str::to_owned)
}

/// True if the checked URL says `http` towards another machine.
pub(crate) fn sends_keys_in_the_clear(base_url: &str) -> bool {
    base_url.starts_with("http://")
        && host(base_url).is_some_and(|host| {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            let loopback = bare.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
            !loopback && bare != "localhost" && !bare.ends_with(".localhost")
        })
}
