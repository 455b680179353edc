//! The plain settings of this room.

use std::path::PathBuf;

/// Where the request log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTo {
    Nowhere,
    Stdout,
    File(PathBuf),
}

/// The request log: one JSON object a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLogSettings {
    pub to: LogTo,
    /// Write the caller's request and the answer too; off unless asked for.
    pub payloads: bool,
    /// Bytes of one payload beyond which it is cut.
    pub payload_bytes_max: usize,
}

impl Default for RequestLogSettings {
    fn default() -> Self {
        Self { to: LogTo::Stdout, payloads: false, payload_bytes_max: 64 * 1024 }
    }
}
