//! The doors of the house: everything that comes from outside, as one value. The real ones are
//! opened by the command line; drills and tests bring their own.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use clock::{Clock, Dice};
use lookout::web::Resolver;
use net::{BoxFuture, Connector, Listener, TcpDoor};

/// Opens listeners.
pub trait OpenListener: Send + Sync + fmt::Debug {
    /// A listener on `addr`. `shared` asks for one of several on the same address, between which
    /// the kernel spreads connections.
    ///
    /// # Errors
    /// If the address cannot be had.
    fn open(&self, addr: SocketAddr, shared: bool) -> io::Result<Box<dyn Listener>>;
}

/// The real listeners.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpListeners;

impl OpenListener for TcpListeners {
    fn open(&self, addr: SocketAddr, shared: bool) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(TcpDoor::bind(addr, shared)?))
    }
}

/// Knows no name: for houses that are to ask nobody outside.
#[derive(Debug, Clone, Copy, Default)]
pub struct NobodyKnown;

impl Resolver for NobodyKnown {
    fn resolve<'a>(&'a self, host: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            Err(io::Error::new(io::ErrorKind::NotFound, format!("nobody knows {host}")))
        })
    }
}

/// Where time, chance and connections come from.
#[derive(Debug, Clone)]
pub struct Doors {
    pub clock: Arc<dyn Clock>,
    pub dice: Dice,
    pub listeners: Arc<dyn OpenListener>,
    pub connector: Arc<dyn Connector>,
    /// For names of status pages, whose addresses are looked at before anything connects.
    pub resolver: Arc<dyn Resolver>,
}
