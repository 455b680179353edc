//! Keeps addresses of subscribers unreadable for whoever comes by the store alone, and knows the same
//! address again. One key serves for all of it: keys of single uses are derived from it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};
use thiserror::Error;

use super::Consent;

/// Bytes of a key that is made here.
const KEY_BYTES: usize = 32;

/// The system gives no randomness. Blame: the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the system gives no randomness")]
pub struct VaultError;

/// Seals, opens and recognises.
#[derive(Debug)]
pub struct Vault {
    seal: LessSafeKey,
    hash: hmac::Key,
    consent: [u8; 32],
}

impl Vault {
    /// With a key that outlives restarts; what was sealed with another cannot be opened.
    pub fn new(key: &[u8]) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, key);
        let derived = |purpose: &str| -> [u8; 32] {
            let tag = hmac::sign(&master, purpose.as_bytes());
            tag.as_ref().try_into().expect("a SHA-256 has 32 bytes")
        };
        let seal = UnboundKey::new(&CHACHA20_POLY1305, &derived("seal addresses"));
        Self {
            seal: LessSafeKey::new(seal.expect("32 bytes are a key of ChaCha20-Poly1305")),
            hash: hmac::Key::new(hmac::HMAC_SHA256, &derived("know addresses again")),
            consent: derived("sign links"),
        }
    }

    /// A new key as a text.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn fresh_key() -> Result<String, VaultError> {
        let mut key = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut key).map_err(|_| VaultError)?;
        Ok(STANDARD.encode(key))
    }

    /// The text, sealed; another time it looks otherwise.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn seal(&self, text: &str) -> Result<Vec<u8>, VaultError> {
        let mut sealed = vec![0; NONCE_LEN];
        SystemRandom::new().fill(&mut sealed).map_err(|_| VaultError)?;
        let nonce = Nonce::try_assume_unique_for_key(&sealed).map_err(|_| VaultError)?;
        let mut bytes = text.as_bytes().to_vec();
        self.seal
            .seal_in_place_append_tag(nonce, Aad::empty(), &mut bytes)
            .map_err(|_| VaultError)?;
        sealed.append(&mut bytes);
        Ok(sealed)
    }

    /// What was sealed; `None` if it was by another key, or somebody changed it.
    pub fn open(&self, sealed: &[u8]) -> Option<String> {
        let (nonce, bytes) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = bytes.to_vec();
        let opened = self.seal.open_in_place(nonce, Aad::empty(), &mut bytes).ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }

    /// By this the same text is known again; case does not matter.
    pub fn hash(&self, text: &str) -> [u8; 32] {
        let tag = hmac::sign(&self.hash, text.to_ascii_lowercase().as_bytes());
        tag.as_ref().try_into().expect("a SHA-256 has 32 bytes")
    }

    /// Makes and checks the links of mails.
    pub fn consent(&self) -> Consent {
        Consent::new(&self.consent)
    }

    /// SHA-256 of a token.
    pub fn digest(token: &str) -> [u8; 32] {
        let digest = digest::digest(&digest::SHA256, token.as_bytes());
        digest.as_ref().try_into().expect("a SHA-256 has 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_opens_and_recognises() {
        let vault = Vault::new(b"key");
        let (one, other) = (vault.seal("ann@example.com"), vault.seal("ann@example.com"));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_ne!(one, other);
        assert_eq!(vault.open(&one).as_deref(), Some("ann@example.com"));
        assert_eq!(Vault::new(b"key").open(&other).as_deref(), Some("ann@example.com"));
        assert_eq!(Vault::new(b"other").open(&one), None);
        let mut changed = one.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(vault.open(&changed), None);
        assert_eq!(vault.open(&one[..5]), None);
        assert_eq!(vault.hash("Ann@Example.com"), vault.hash("ann@example.com"));
        assert_ne!(vault.hash("a"), Vault::new(b"other").hash("a"));
        assert_ne!(Vault::fresh_key().unwrap(), Vault::fresh_key().unwrap());
    }
}
