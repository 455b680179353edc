//! Callers' keys: kept as SHA-256 only, found by hash, compared in constant time. A key itself is
//! never stored and never shown.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What a hash is written with in front.
const HASH_PREFIX: &str = "sha256:";

/// One caller's key as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerKey {
    /// The caller's name in receipts and metrics.
    pub name: Box<str>,
    /// SHA-256 of the key's bytes.
    pub sha256: [u8; 32],
}

/// Who a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// No keys are configured, so none is asked for and none is looked at.
    Open,
    /// The caller of this name.
    Known(Arc<str>),
    /// Keys are configured, and the request has none.
    Missing,
    /// The request's key is nobody's.
    Unknown,
}

/// All callers' keys.
#[derive(Clone, Default)]
pub struct CallerKeys {
    /// By the first eight bytes of the hash. What a stranger sends decides nothing about where it
    /// falls, for he would have to choose its SHA-256.
    by_prefix: HashMap<[u8; 8], Vec<Entry>>,
}

#[derive(Clone)]
struct Entry {
    sha256: [u8; 32],
    name: Arc<str>,
}

impl CallerKeys {
    /// Puts keys in order. Of two equal keys the first counts.
    pub fn new(keys: Vec<CallerKey>) -> Self {
        let mut by_prefix: HashMap<[u8; 8], Vec<Entry>> = HashMap::new();
        for CallerKey { name, sha256 } in keys {
            let entry = Entry {
                sha256,
                name: Arc::from(name),
            };
            by_prefix.entry(prefix_of(&sha256)).or_default().push(entry);
        }
        Self { by_prefix }
    }

    /// Who presents this key. The key is hashed first, and hashes are compared in constant time;
    /// a key that is nobody's takes the same way as one that is somebody's.
    pub fn identify(&self, presented: Option<&str>) -> Identity {
        if self.by_prefix.is_empty() {
            return Identity::Open;
        }
        let Some(key) = presented.filter(|key| !key.is_empty()) else {
            return Identity::Missing;
        };
        let sha256 = sha256_of(key);
        let nobody = [Entry {
            sha256: [0; 32],
            name: Arc::default(),
        }];
        let entries = self.by_prefix.get(&prefix_of(&sha256));
        let entries = entries.map_or(&nobody[..], Vec::as_slice);
        let mut known = None;
        for entry in entries {
            if bool::from(entry.sha256.ct_eq(&sha256)) && known.is_none() {
                known = Some(&entry.name);
            }
        }
        known.map_or(Identity::Unknown, |name| Identity::Known(name.clone()))
    }
}

impl fmt::Debug for CallerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: usize = self.by_prefix.values().map(Vec::len).sum();
        f.debug_struct("CallerKeys")
            .field("keys", &keys)
            .finish_non_exhaustive()
    }
}

/// A text that is no key's hash. It does not repeat the text, which may be the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAHash;

impl fmt::Display for NotAHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not `sha256:` followed by 64 hex digits")
    }
}

impl std::error::Error for NotAHash {}

/// A key's hash as it stands in the configuration: `sha256:` and 64 hex digits.
pub fn hash_text(key: &str) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    let hex = sha256_of(key)
        .into_iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    HASH_PREFIX.chars().chain(hex).collect()
}

/// Reads what [`hash_text`] writes; capital hex digits are taken too.
///
/// # Errors
/// [`NotAHash`] for anything else.
pub fn parse_hash_text(text: &str) -> Result<[u8; 32], NotAHash> {
    let hex = text.strip_prefix(HASH_PREFIX).ok_or(NotAHash)?.as_bytes();
    let mut sha256 = [0; 32];
    if hex.len() != 2 * sha256.len() {
        return Err(NotAHash);
    }
    for (byte, pair) in sha256.iter_mut().zip(hex.chunks_exact(2)) {
        let nibbles = (
            pair.first().and_then(nibble_of),
            pair.last().and_then(nibble_of),
        );
        let (Some(high), Some(low)) = nibbles else {
            return Err(NotAHash);
        };
        *byte = (high << 4) | low;
    }
    Ok(sha256)
}

fn nibble_of(digit: &u8) -> Option<u8> {
    char::from(*digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

fn sha256_of(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn prefix_of(sha256: &[u8; 32]) -> [u8; 8] {
    let mut prefix = [0; 8];
    for (to, from) in prefix.iter_mut().zip(sha256) {
        *to = *from;
    }
    prefix
}
