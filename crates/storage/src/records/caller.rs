//! A caller's key as it is kept: its hash. The key itself is shown once, when it is made.

use clock::UnixMs;

/// One caller's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerKeyRecord {
    /// What operators call it when they revoke it; no secret.
    pub id: Box<str>,
    /// The caller's name in receipts and metrics.
    pub name: Box<str>,
    /// SHA-256 of the key's bytes.
    pub sha256: [u8; 32],
    pub created_at: UnixMs,
    /// `None` if it does not expire.
    pub expires_at: Option<UnixMs>,
    pub revoked_at: Option<UnixMs>,
}
