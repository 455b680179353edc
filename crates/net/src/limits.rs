//! The limits of a listener and of the client, with the house's defaults.

use std::path::PathBuf;

/// What one listener bears. Every figure is a bound, with its unit in its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLimits {
    /// For a TLS handshake.
    pub tls_handshake_ms_max: u64,
    /// For a request's head, also on a connection that stays silent.
    pub header_ms_max: u64,
    /// Bytes of a request's head.
    pub header_bytes_max: usize,
    /// Header lines of a request.
    pub headers_max: usize,
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// For which a body may be slower than its minimum rate.
    pub body_grace_ms_max: u64,
    /// Minimum rate of a body after the grace, averaged from its start.
    pub body_bytes_per_s_min: u64,
    /// For a whole body.
    pub body_ms_max: u64,
    /// For which a write to the caller may make no progress.
    pub write_stall_ms_max: u64,
    /// Connections in all; the accept loop waits beyond it.
    pub connections_max: usize,
    /// Connections of one source address (an IPv6 source is its /64).
    pub connections_per_source_max: usize,
    /// Whether the loopback address is one source like any other; a reverse proxy on the same
    /// machine makes all callers look like it.
    pub count_loopback: bool,
    /// Concurrent HTTP/2 streams of one connection.
    pub h2_streams_max: u32,
    /// For which open answers may go on after a shutdown was asked for.
    pub shutdown_ms_max: u64,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            tls_handshake_ms_max: 5_000,
            header_ms_max: 10_000,
            header_bytes_max: 32 * 1024,
            headers_max: 64,
            body_bytes_max: 64 * 1024 * 1024,
            body_grace_ms_max: 5_000,
            body_bytes_per_s_min: 1_024,
            body_ms_max: 60_000,
            write_stall_ms_max: 30_000,
            connections_max: 20_000,
            connections_per_source_max: 2_000,
            count_loopback: false,
            h2_streams_max: 100,
            shutdown_ms_max: 30_000,
        }
    }
}

/// Certificate and key files of a listener, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}
