//! Why a request got no answer, or only part of one.

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
        source: AnswerError,
        /// The connection had served before, and no byte of an answer came.
        stale: bool,
    },
    /// The answer's head is no HTTP, or too large.
    #[error("answer's head cannot be read: {0}")]
    Unreadable(#[source] Unreadable),
}

impl SendError {
    /// True if a kept connection was closed by its other end before it answered: the request
    /// deserves a fresh connection, and nobody is to blame.
    pub fn is_stale_connection(&self) -> bool {
        matches!(self, Self::Broken { stale: true, .. })
    }
}

/// Why an answer broke off. Blame: upstream, or the network on the way.
#[derive(Debug, Error)]
pub enum AnswerError {
    #[error("{0}")]
    Io(#[source] io::Error),
    #[error("the other side closed the connection")]
    Closed,
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("{0}")]
    Http2(#[source] hyper::Error),
}

/// What of an HTTP/1.1 answer cannot be understood for sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unreadable {
    #[error("{0}")]
    Head(#[source] httparse::Error),
    #[error("a header line is not allowed in HTTP")]
    Header,
    #[error("the head is too large")]
    TooLarge,
    #[error("the status is none that answers a request")]
    Status,
    #[error("the body's length is no number, or said in two ways")]
    Length,
    #[error("the body's transfer coding was not asked for")]
    Coding,
    #[error("the body's chunks are broken")]
    Chunk,
}
