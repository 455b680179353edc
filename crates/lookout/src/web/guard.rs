//! The guard against being sent inside: addresses that strangers chose, or that a stranger's answer
//! redirects to, must not lead to the machine itself, its network, or a cloud's metadata service.
//!
//! The name is resolved once, all its addresses are judged, and the connection is made to one of
//! those that were judged. A name that resolves to something else a moment later gains nothing.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use net::{BoxFuture, BoxIo, Connector, Origin};

/// Addresses of one name that are looked at.
const ADDRESSES_MAX: usize = 16;

/// Finds the addresses of a name.
pub trait Resolver: Send + Sync + fmt::Debug {
    /// The addresses of `host`, at least one.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// Asks the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, port)).await?;
            Ok(found.take(ADDRESSES_MAX).map(|address| address.ip()).collect())
        })
    }
}

/// A connector that connects to public addresses only, unless it is told that others are wanted.
#[derive(Debug, Clone)]
pub struct Guarded {
    connector: Arc<dyn Connector>,
    resolver: Arc<dyn Resolver>,
    allow_private: bool,
}

impl Guarded {
    /// Puts the guard before a connector. With `allow_private` names are still pinned to what they
    /// resolved to, but every address is good.
    pub fn new(
        connector: Arc<dyn Connector>,
        resolver: Arc<dyn Resolver>,
        allow_private: bool,
    ) -> Self {
        Self { connector, resolver, allow_private }
    }

    async fn judged(&self, origin: &Origin) -> io::Result<Vec<IpAddr>> {
        let found = match origin.host.parse::<IpAddr>() {
            Ok(literal) => vec![literal],
            Err(_) => self.resolver.resolve(&origin.host, origin.port).await?,
        };
        // One bad address spoils the name: whoever mixes them does so on purpose.
        if let Some(inside) = found.iter().find(|ip| !self.allow_private && !is_public(**ip)) {
            let text = format!("{} leads inside, to {inside}", origin.host);
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        Ok(found)
    }
}

impl Connector for Guarded {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, io::Result<BoxIo>> {
        Box::pin(async move {
            let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            for ip in self.judged(origin).await?.into_iter().take(ADDRESSES_MAX) {
                let pinned = Origin { host: ip.to_string().into(), ..origin.clone() };
                match self.connector.connect(&pinned).await {
                    Ok(io) => return Ok(io),
                    Err(error) => failure = error,
                }
            }
            Err(failure)
        })
    }
}

/// True for addresses of the public network: none that the registries of special addresses (RFC
/// 6890 and its successors) keep for a machine, a network, a document or a group, and none that
/// carry such an IPv4 address inside.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(a == 0
        || ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        // Shared by carriers; some clouds have their metadata there.
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, ..] = ip.segments();
    let [.., y, z] = ip.segments();
    let [h, i] = y.to_be_bytes();
    let [j, k] = z.to_be_bytes();
    let tail = Ipv4Addr::new(h, i, j, k);
    match (a, b) {
        // Translated to IPv4 (RFC 6052).
        (0x64, 0xff9b) => c == 0 && is_public_v4(tail),
        // 6to4: the IPv4 address stands behind the prefix.
        (0x2002, _) => {
            let ([h, i], [j, k]) = (b.to_be_bytes(), c.to_be_bytes());
            is_public_v4(Ipv4Addr::new(h, i, j, k))
        }
        // Teredo, benchmarks, ORCHID, documents.
        (0x2001, 0..0x200) | (0x2001, 0xdb8) | (0x3fff, 0..0x1000) => false,
        // Only 2000::/3 is given out; unique local, link local, site local, loopback, mapped and
        // compatible addresses all lie outside.
        _ => (0x2000..0x4000).contains(&a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_network_is_public() {
        for inside in [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.100.100.200",
            "192.0.0.192",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "fec0::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "2606:4700::1111",
            "2001:4860::8888",
            "64:ff9b::101:101",
            "2002:101:101::",
        ] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }
}
