//! Who reports, as a keyed hash: enough to know someone again for two hours, nothing to know who it
//! is.

use std::net::{IpAddr, Ipv6Addr};

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;

/// Bytes of the browser's words that are looked at.
const WORDS_BYTES_MAX: usize = 512;

/// Who sends a report, as the listener sees him. Behind a reverse proxy the address must be the one
/// that the proxy was asked from, else all users are one network.
#[derive(Debug, Clone, Copy)]
pub struct Reporter<'a> {
    pub address: IpAddr,
    /// What the browser says of itself, such as its name and languages, or a cookie of ours. People
    /// behind one address differ by it.
    pub words: &'a str,
}

/// The system gave no randomness. Blame: the machine; trying again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the system gives no randomness")]
pub struct NoRandomness;

/// A salt for one process.
///
/// # Errors
/// If the system gives no randomness.
pub fn fresh_salt() -> Result<[u8; 32], NoRandomness> {
    let mut salt = [0; 32];
    SystemRandom::new().fill(&mut salt).map_err(|_| NoRandomness)?;
    Ok(salt)
}

/// Makes the hashes.
#[derive(Debug)]
pub(super) struct Hasher(hmac::Key);

/// A hash, cut into four independent numbers.
pub(crate) type Hash = [u64; 4];

impl Hasher {
    pub(super) fn new(salt: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, salt))
    }

    /// One person at one component. An IPv6 host chooses its last 64 bits itself.
    pub(super) fn person(&self, component: &str, reporter: &Reporter<'_>) -> Hash {
        let host = match reporter.address.to_canonical() {
            IpAddr::V4(_) => 128,
            IpAddr::V6(_) => 64,
        };
        let words = reporter.words.as_bytes();
        let words = words.get(..words.len().min(WORDS_BYTES_MAX)).unwrap_or_default();
        self.hash(b"person", component, &[&network(reporter.address, host, host), words])
    }

    /// One network: a /24 or a /48.
    pub(super) fn network(&self, component: &str, address: IpAddr) -> Hash {
        self.hash(b"network", component, &[&network(address, 24, 48)])
    }

    /// What a provider of addresses has, roughly: a /16 or a /32.
    pub(super) fn region(&self, component: &str, address: IpAddr) -> Hash {
        self.hash(b"region", component, &[&network(address, 16, 32)])
    }

    fn hash(&self, what: &[u8], component: &str, parts: &[&[u8]]) -> Hash {
        let mut signing = hmac::Context::with_key(&self.0);
        signing.update(what);
        signing.update(&(component.len() as u64).to_be_bytes());
        signing.update(component.as_bytes());
        parts.iter().for_each(|part| signing.update(part));
        let tag = signing.sign();
        let (words, _) = tag.as_ref().as_chunks::<8>();
        let mut hash = [0; 4];
        hash.iter_mut().zip(words).for_each(|(place, word)| *place = u64::from_be_bytes(*word));
        hash
    }
}

/// The first bits of an address, with a mark of its version. An IPv4 address inside an IPv6 one is
/// the IPv4 address.
fn network(address: IpAddr, bits_v4: u32, bits_v6: u32) -> [u8; 17] {
    let (mark, octets, bits) = match address.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            (4, Ipv6Addr::from([a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), bits_v4)
        }
        IpAddr::V6(ip) => (6, ip, bits_v6),
    };
    let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or(0);
    let mut out = [0; 17];
    let kept = (octets.to_bits() & mask).to_be_bytes();
    if let Some((first, rest)) = out.split_first_mut() {
        *first = mark;
        rest.copy_from_slice(&kept);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<'a>(address: &str, words: &'a str) -> Reporter<'a> {
        Reporter { address: address.parse().unwrap(), words }
    }

    #[test]
    fn people_networks_and_regions_are_told_apart() {
        let hasher = Hasher::new(&[7; 32]);
        let person = |address, words| hasher.person("a/b", &at(address, words));
        assert_eq!(person("198.51.100.7", "a"), person("::ffff:198.51.100.7", "a"));
        assert_ne!(person("198.51.100.7", "a"), person("198.51.100.8", "a"));
        assert_ne!(person("198.51.100.7", "a"), person("198.51.100.7", "b"));
        assert_eq!(person("2001:db8::1", "a"), person("2001:db8::2", "a"));
        assert_ne!(person("2001:db8::1", "a"), hasher.person("a/c", &at("2001:db8::1", "a")));
        let network = |address: &str| hasher.network("a/b", address.parse().unwrap());
        assert_eq!(network("198.51.100.7"), network("198.51.100.200"));
        assert_ne!(network("198.51.100.7"), network("198.51.101.7"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:ffff::1"));
        assert_ne!(network("2001:db8:1::1"), network("2001:db8:2::1"));
        let region = |address: &str| hasher.region("a/b", address.parse().unwrap());
        assert_eq!(region("198.51.100.7"), region("198.51.200.7"));
        assert_eq!(region("2001:db8:1::1"), region("2001:db8:2::1"));
    }

    #[test]
    fn another_salt_gives_other_hashes() {
        let one = Hasher::new(&[1; 32]).person("a/b", &at("198.51.100.7", "a"));
        assert_ne!(one, Hasher::new(&[2; 32]).person("a/b", &at("198.51.100.7", "a")));
        assert_ne!(fresh_salt().unwrap(), fresh_salt().unwrap());
    }
}
