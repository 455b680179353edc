//! The network of a drill, in memory: callers reach the gateway, the gateway reaches the simulated
//! providers by name. Nothing leaves the process.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use app::OpenListener;
use net::{BoxFuture, BoxIo, Connector, Listener, Origin};
use tokio::sync::mpsc;

use super::VirtualClock;
use crate::provider::{SharedPlant, converse};
use crate::scenario::Fault;

const PIPE_BYTES: usize = 64 * 1024;
const CONNECTIONS_WAITING_MAX: usize = 4_096;
/// What simulated providers are called, after their own name.
pub(crate) const DOMAIN: &str = ".drill";

type Arrival = (BoxIo, SocketAddr);

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Network(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    plants: BTreeMap<String, SharedPlant>,
    clock: VirtualClock,
    gateway: Mutex<Option<mpsc::Sender<Arrival>>>,
    callers: AtomicU32,
}

impl Network {
    pub(crate) fn new(plants: BTreeMap<String, SharedPlant>, clock: VirtualClock) -> Self {
        let (gateway, callers) = (Mutex::default(), AtomicU32::new(0));
        Self(Arc::new(Inner { plants, clock, gateway, callers }))
    }

    /// A connection to the gateway, each from an address of its own.
    pub(crate) async fn to_gateway(&self) -> io::Result<BoxIo> {
        let sender = self.0.gateway.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sender = sender.ok_or_else(refused)?;
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        let [_, a, b, c] = self.0.callers.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let from = SocketAddr::from(([10, a, b, c], 40_000));
        sender.send((Box::new(far), from)).await.map_err(|_| refused())?;
        Ok(Box::new(near))
    }

    /// A connection to a simulated provider.
    pub(crate) async fn to_provider(&self, name: &str) -> io::Result<BoxIo> {
        let plant = self.0.plants.get(name).cloned().ok_or_else(refused)?;
        let fault = plant.lock().at_the_door();
        match fault {
            Some(Fault::Unreachable) => return Err(refused()),
            Some(Fault::SlowDns(delay)) => tokio::time::sleep(delay).await,
            _ => {}
        }
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        tokio::spawn(converse(plant, self.0.clock, Box::new(far)));
        Ok(Box::new(near))
    }
}

fn refused() -> io::Error {
    io::ErrorKind::ConnectionRefused.into()
}

impl OpenListener for Network {
    fn open(&self, addr: SocketAddr, _shared: bool) -> io::Result<Box<dyn Listener>> {
        let (sender, arrivals) = mpsc::channel(CONNECTIONS_WAITING_MAX);
        *self.0.gateway.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        Ok(Box::new(Door { arrivals, addr }))
    }
}

impl Connector for Network {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, io::Result<BoxIo>> {
        Box::pin(async move {
            let name = origin.host.strip_suffix(DOMAIN).ok_or_else(refused)?;
            self.to_provider(name).await
        })
    }
}

#[derive(Debug)]
struct Door {
    arrivals: mpsc::Receiver<Arrival>,
    addr: SocketAddr,
}

impl Listener for Door {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Arrival>> {
        Box::pin(async {
            match self.arrivals.recv().await {
                Some(arrival) => Ok(arrival),
                None => std::future::pending().await,
            }
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addr)
    }
}
