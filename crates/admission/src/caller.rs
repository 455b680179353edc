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
            let entry = Entry { sha256, name: Arc::from(name) };
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
        let nobody = [Entry { sha256: [0; 32], name: Arc::default() }];
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
        f.debug_struct("CallerKeys").field("keys", &keys).finish_non_exhaustive()
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
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    let hex = sha256_of(key).into_iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
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
        let nibbles = (pair.first().and_then(nibble_of), pair.last().and_then(nibble_of));
        let (Some(high), Some(low)) = nibbles else {
            return Err(NotAHash);
        };
        *byte = (high << 4) | low;
    }
    Ok(sha256)
}

fn nibble_of(digit: &u8) -> Option<u8> {
    char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(name: &str, key: &str) -> CallerKey {
        CallerKey { name: name.into(), sha256: sha256_of(key) }
    }

    #[test]
    fn callers_are_told_apart() {
        let keys = CallerKeys::new(vec![key("shop", "sw-one"), key("crm", "sw-two")]);
        assert_eq!(keys.identify(Some("sw-one")), Identity::Known("shop".into()));
        assert_eq!(keys.identify(Some("sw-two")), Identity::Known("crm".into()));
        assert_eq!(keys.identify(Some("sw-One")), Identity::Unknown);
        assert_eq!(keys.identify(Some("")), Identity::Missing);
        assert_eq!(keys.identify(None), Identity::Missing);
    }

    #[test]
    fn without_keys_nobody_is_asked() {
        let keys = CallerKeys::new(Vec::new());
        assert_eq!(keys.identify(None), Identity::Open);
        assert_eq!(keys.identify(Some("whatever")), Identity::Open);
    }

    /// Two keys that share the part of the hash by which they are found.
    #[test]
    fn the_whole_hash_counts() {
        let mut other = sha256_of("sw-one");
        other[31] ^= 1;
        let twin = CallerKey { name: "twin".into(), sha256: other };
        let keys = CallerKeys::new(vec![twin.clone(), key("shop", "sw-one")]);
        assert_eq!(keys.identify(Some("sw-one")), Identity::Known("shop".into()));
        assert_eq!(CallerKeys::new(vec![twin]).identify(Some("sw-one")), Identity::Unknown);
    }

    #[test]
    fn of_two_equal_keys_the_first_counts() {
        let keys = CallerKeys::new(vec![key("first", "sw-one"), key("second", "sw-one")]);
        assert_eq!(keys.identify(Some("sw-one")), Identity::Known("first".into()));
    }

    /// The hash of no bytes is in every table of SHA-256 examples.
    #[test]
    fn the_text_is_that_of_the_standard() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hash_text(""), empty);
        assert_eq!(parse_hash_text(empty), Ok(sha256_of("")));
    }

    #[test]
    fn what_is_no_hash_is_refused_and_not_repeated() {
        let good = hash_text("sw-one");
        let hex = good.strip_prefix("sha256:").unwrap();
        for bad in [
            hex.to_owned(),
            format!("SHA256:{hex}"),
            format!("{good}0"),
            good.replacen(|c: char| c.is_ascii_digit(), "g", 1),
            format!("sha256:{}", "é".repeat(32)),
            "sw-canary-key".to_owned(),
        ] {
            assert_eq!(parse_hash_text(&bad), Err(NotAHash), "{bad}");
        }
        assert!(!format!("{NotAHash} {NotAHash:?}").contains("canary"));
    }

    #[test]
    fn nothing_of_the_keys_is_shown() {
        let keys = CallerKeys::new(vec![key("shop", "sw-one")]);
        assert_eq!(format!("{keys:?}"), "CallerKeys { keys: 1, .. }");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(key in "\\PC{0,40}") {
            let text = hash_text(&key);
            prop_assert_eq!(parse_hash_text(&text), Ok(sha256_of(&key)));
            let capitals = text.to_uppercase().replace("SHA256:", "sha256:");
            prop_assert_eq!(parse_hash_text(&capitals), Ok(sha256_of(&key)));
        }

        #[test]
        fn any_text_is_taken(text in "(sha256:)?\\PC{0,80}") {
            prop_assert!(parse_hash_text(&text).is_err(), "64 hex digits by chance");
        }
    }
}
