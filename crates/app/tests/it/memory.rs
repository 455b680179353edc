//! A network in memory: what listens on a port receives what connects to it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use app::OpenListener;
use net::{BoxFuture, BoxIo, Connector, Listener, Origin};
use tokio::sync::mpsc;

const PIPE_BYTES: usize = 64 * 1024;

type Doorbell = mpsc::Sender<(BoxIo, SocketAddr)>;
type Arrivals = mpsc::Receiver<(BoxIo, SocketAddr)>;

/// All ports by number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Network {
    ports: Arc<Mutex<BTreeMap<u16, Doorbell>>>,
}

impl Network {
    pub(crate) fn listen(&self, port: u16) -> MemoryListener {
        let (sender, arrivals) = mpsc::channel(64);
        self.ports.lock().unwrap().insert(port, sender);
        MemoryListener { arrivals, port }
    }

    /// A new connection to `port`.
    pub(crate) async fn dial(&self, port: u16) -> io::Result<BoxIo> {
        let sender = self.ports.lock().unwrap().get(&port).cloned();
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let sender = sender.ok_or_else(refused)?;
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        let from = SocketAddr::from(([127, 0, 0, 1], 40_000));
        sender.send((Box::new(far), from)).await.map_err(|_| refused())?;
        Ok(Box::new(near))
    }
}

#[derive(Debug)]
pub(crate) struct MemoryListener {
    arrivals: Arrivals,
    port: u16,
}

impl Listener for MemoryListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxIo, SocketAddr)>> {
        Box::pin(async {
            match self.arrivals.recv().await {
                Some(arrival) => Ok(arrival),
                None => std::future::pending().await,
            }
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([127, 0, 0, 1], self.port)))
    }
}

impl OpenListener for Network {
    fn open(&self, addr: SocketAddr, _shared: bool) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(self.listen(addr.port())))
    }
}

impl Connector for Network {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, io::Result<BoxIo>> {
        Box::pin(self.dial(origin.port))
    }
}
