//! Whether a request says properly for whom it is. Whether that name is served here is not asked.
//!
//! Every request must name one host, in one way, and a name that no two readers can understand
//! differently: routing, logs and whatever stands before or behind us then mean the same host.
//! So a name with percent signs, user names or punctuation is refused although the grammar of
//! URIs has room for it. A request of HTTP/1.0 must name its host as well, by `Host` or in an
//! absolute URI: the old rule that it need not would leave one way in without a name.

use std::net::Ipv6Addr;

use http::uri::Scheme;
use http::{HeaderMap, Uri, header};

/// Longest host with its port: 253 for a name, and brackets or a port.
const HOST_BYTES_MAX: usize = 261;

/// A request's host is missing, said twice, or no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadHost;

/// Looks at `Host` and at the URI's authority, which is `:authority` in HTTP/2.
///
/// `host_may_lack`: the version lets the URI's authority stand for `Host`.
pub(super) fn check(uri: &Uri, headers: &HeaderMap, host_may_lack: bool) -> Result<(), BadHost> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(BadHost);
    }
    let authority = uri.authority().map(|authority| authority.as_str());
    match (host, authority) {
        (None, Some(authority)) if host_may_lack => parse(authority.as_bytes()).map(|_| ()),
        (None, _) => Err(BadHost),
        (Some(host), None) => parse(host.as_bytes()).map(|_| ()),
        (Some(host), Some(authority)) => {
            let default_port = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
            let (host, port) = parse(host.as_bytes())?;
            let (named, named_port) = parse(authority.as_bytes())?;
            let same = host.eq_ignore_ascii_case(named)
                && port.unwrap_or(default_port) == named_port.unwrap_or(default_port);
            if same { Ok(()) } else { Err(BadHost) }
        }
    }
}

/// Parts a host from its port.
pub(super) fn parse(text: &[u8]) -> Result<(&[u8], Option<u16>), BadHost> {
    if text.len() > HOST_BYTES_MAX {
        return Err(BadHost);
    }
    let (host, rest) = match text.strip_prefix(b"[") {
        Some(inner) => {
            let end = inner.iter().position(|byte| *byte == b']').ok_or(BadHost)?;
            let (address, rest) = inner.split_at_checked(end).ok_or(BadHost)?;
            let is_v6 = std::str::from_utf8(address).is_ok_and(|a| a.parse::<Ipv6Addr>().is_ok());
            if !is_v6 {
                return Err(BadHost);
            }
            (address, rest.strip_prefix(b"]").ok_or(BadHost)?)
        }
        None => {
            let end = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
            let (name, rest) = text.split_at_checked(end).ok_or(BadHost)?;
            if !is_name(name) {
                return Err(BadHost);
            }
            (name, rest)
        }
    };
    let port = match rest.strip_prefix(b":") {
        None if rest.is_empty() => None,
        None => return Err(BadHost),
        Some(digits) => Some(port_of(digits)?),
    };
    Ok((host, port))
}

/// A DNS name or an IPv4 address. Underscores are no DNS, but container networks use them.
fn is_name(name: &[u8]) -> bool {
    let [first, ..] = name else { return false };
    let bytes_are_plain =
        name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    bytes_are_plain && !matches!(first, b'-' | b'.')
}

fn port_of(digits: &[u8]) -> Result<u16, BadHost> {
    let [_, ..] = digits else { return Err(BadHost) };
    digits.iter().try_fold(0_u16, |port, digit| {
        let digit = digit.is_ascii_digit().then(|| u16::from(digit - b'0')).ok_or(BadHost)?;
        port.checked_mul(10).and_then(|port| port.checked_add(digit)).ok_or(BadHost)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is accepted is read the same way by the standard library's own parsers.
        #[test]
        fn an_accepted_host_is_plain(text in r"[\[\]a-z0-9:.@/%_ -]{0,40}") {
            if let Ok((host, port)) = parse(text.as_bytes()) {
                let host = std::str::from_utf8(host).unwrap();
                let is_v6 = host.parse::<Ipv6Addr>().is_ok();
                prop_assert!(is_v6 || !host.contains(['@', '/', '%', ' ', ':', '[', ']']));
                prop_assert!(!host.is_empty());
                let shown = if is_v6 { format!("[{host}]") } else { host.to_owned() };
                let tail = text.strip_prefix(&shown).unwrap();
                prop_assert_eq!(tail.strip_prefix(':').map(|port| port.parse().unwrap()), port);
            }
        }

        #[test]
        fn strangers_cannot_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok((host, _)) = parse(&bytes) {
                prop_assert!(host.is_ascii());
            }
        }

        #[test]
        fn names_and_addresses_are_accepted(
            name in r"[a-z0-9_]([a-z0-9.-]{0,60}[a-z0-9])?",
            bits in any::<u128>(),
            port in any::<u16>(),
        ) {
            let address = Ipv6Addr::from_bits(bits);
            prop_assert_eq!(parse(name.as_bytes()), Ok((name.as_bytes(), None)));
            let with_port = format!("{name}:{port}");
            prop_assert_eq!(parse(with_port.as_bytes()), Ok((name.as_bytes(), Some(port))));
            let with_port = format!("[{address}]:{port}");
            let address = address.to_string();
            prop_assert_eq!(parse(with_port.as_bytes()), Ok((address.as_bytes(), Some(port))));
        }
    }
}
