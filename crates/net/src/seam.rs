//! The two seams of the network. The real ones are TCP; drills and tests put pipes in memory here.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

/// A boxed future of a seam.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A byte stream in both directions.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// A boxed byte stream.
pub type BoxIo = Box<dyn Io>;

/// Where connections come in.
pub trait Listener: Send + fmt::Debug {
    /// The next connection and the address of its other end. An error concerns that one
    /// connection or a lack of descriptors; the caller goes on after a pause.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxIo, SocketAddr)>>;

    /// The address that callers use.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// Whom a connection is made to; connections of one origin may be reused for each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Name or address, without brackets.
    pub host: Arc<str>,
    pub port: u16,
    /// Speak TLS.
    pub tls: bool,
}

/// How connections go out, before TLS.
pub trait Connector: Send + Sync + fmt::Debug {
    /// Opens a byte stream to the origin's host and port.
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, io::Result<BoxIo>>;
}
