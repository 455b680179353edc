//! Why a request got no answer head.

use std::io;

use thiserror::Error;

/// A failure before the answer's head was read. Blame: upstream, but for [`SendError::NoTls`].
#[derive(Debug, Error)]
pub enum SendError {
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    #[error("no connection within the time allowed")]
    ConnectTimeout,
    #[error("TLS handshake failed: {0}")]
    Tls(#[source] io::Error),
    #[error("the origin speaks TLS and this client has no certificates to trust")]
    NoTls,
    /// The connection broke after the request may have been sent.
    #[error("connection broke before the answer's head: {source}")]
    Broken {
        #[source]
        source: hyper::Error,
        /// The connection had served before, and no byte of an answer came.
        stale: bool,
    },
    /// The answer's head is no HTTP, or too large.
    #[error("answer's head cannot be read: {0}")]
    Unreadable(#[source] hyper::Error),
}

impl SendError {
    /// True if a kept connection was closed by its other end before it answered: the request
    /// deserves a fresh connection, and nobody is to blame.
    pub fn is_stale_connection(&self) -> bool {
        matches!(self, Self::Broken { stale: true, .. })
    }
}
