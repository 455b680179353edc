//! The byte stream under a conversation, and the one thing that plain streams cannot do: reset.

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::TcpStream;

/// A connection that can be broken off.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {
    /// Makes the drop that follows a reset instead of an orderly end, where the stream knows the
    /// difference.
    fn break_on_drop(&self);
}

impl Wire for TcpStream {
    fn break_on_drop(&self) {
        if let Err(error) = self.set_zero_linger() {
            tracing::warn!(%error, "the wall cannot reset this connection; it closes it");
        }
    }
}

/// For runs on virtual time; it knows no reset, so the other side sees an end.
impl Wire for DuplexStream {
    fn break_on_drop(&self) {}
}
