//! Callers' keys: kept as SHA-256 only, found by hash, compared in constant time.

/// One caller's key as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerKey {
    /// The caller's name in receipts and metrics.
    pub name: Box<str>,
    /// SHA-256 of the key's bytes.
    pub sha256: [u8; 32],
}
