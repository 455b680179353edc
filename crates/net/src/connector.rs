//! The real connector: name resolution and TCP, several addresses tried in a staggered race.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::seam::BoxFuture;
use crate::{BoxIo, Connector, Origin};

/// How long one address may be silent before the next is tried beside it (RFC 8305 section 8).
const STAGGER: Duration = Duration::from_millis(250);
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 6;

/// Opens TCP connections with `TCP_NODELAY`.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpConnector;

impl Connector for TcpConnector {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, io::Result<BoxIo>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((&*origin.host, origin.port)).await?;
            let addresses: Vec<SocketAddr> = found.take(ADDRESSES_MAX).collect();
            let stream = match addresses.as_slice() {
                [only] => TcpStream::connect(only).await?,
                several => race(several).await?,
            };
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as BoxIo)
        })
    }
}

/// The first address that answers wins; the others are dropped.
async fn race(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut tries = JoinSet::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses.iter().copied() {
        tries.spawn(TcpStream::connect(address));
        match tokio::time::timeout(STAGGER, tries.join_next()).await {
            Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
            Ok(Some(Ok(Err(error)))) => failure = error,
            Ok(Some(Err(_)) | None) | Err(_) => {}
        }
    }
    while let Some(tried) = tries.join_next().await {
        match tried {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = error,
            Err(_) => {}
        }
    }
    Err(failure)
}
