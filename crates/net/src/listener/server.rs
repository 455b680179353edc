//! The accept loop of one listener on one core.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinError, JoinSet};

use super::connection::{Doorway, Visit, serve};
use super::counts::SourcePlace;
use super::{ConnectionCounts, Handler, Peer, ServerTls, Shutdown};
use crate::{Listener, ServerLimits};

/// The pause after an accept that failed, and its longest: a process out of descriptors must not
/// spin, and must not sleep long once it has some again.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// Serves one listener on the current thread's runtime.
pub struct Server<H> {
    pub listener: Box<dyn Listener>,
    /// Speak TLS on every connection.
    pub tls: Option<Arc<ServerTls>>,
    pub limits: Arc<ServerLimits>,
    /// Shared with the servers of the same listener on other cores.
    pub counts: Arc<ConnectionCounts>,
    pub handler: H,
    pub shutdown: Shutdown,
}

impl<H> fmt::Debug for Server<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .field("tls", &self.tls)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl<H: Handler> Server<H> {
    /// Accepts until the shutdown, then lets open answers end, for `shutdown_ms_max` at most, and
    /// drops what is left. At the cap of connections it stops accepting: callers then wait in the
    /// kernel's queue and get in as others leave, which serves a crowd; a source that has its
    /// share is closed at once, so that it cannot fill that queue.
    ///
    /// # Errors
    /// If the listener has no address. A failed accept is logged and tried again.
    pub async fn run(self) -> io::Result<()> {
        let local = self.listener.local_addr()?;
        let Self { mut listener, tls, limits, counts, handler, shutdown } = self;
        let doorway = Arc::new(Doorway { tls, limits, shutdown });
        let mut connections = JoinSet::new();
        let mut pause = PAUSE_MIN;
        loop {
            let accepted = tokio::select! {
                biased;
                () = doorway.shutdown.triggered() => break,
                Some(ended) = connections.join_next() => {
                    report(ended);
                    continue;
                }
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((io, addr)) => {
                    pause = PAUSE_MIN;
                    let peer = Peer { addr, tls: doorway.tls.is_some() };
                    let Some(places) = places(&doorway, &counts, addr).await else {
                        continue;
                    };
                    let (doorway, handler) = (doorway.clone(), handler.clone());
                    connections.spawn(async move {
                        serve(doorway, Visit { io, peer, handler }).await;
                        drop(places);
                    });
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%local, %error, "accept failed");
                    tokio::select! {
                        () = doorway.shutdown.triggered() => break,
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
        // Closed now, so that callers are refused and go elsewhere.
        drop(listener);
        let left = drain(&mut connections, doorway.limits.shutdown_ms_max).await;
        tracing::info!(%local, connections_dropped = left, "listener closed");
        Ok(())
    }
}

/// A connection's places in the counts, once there are some; none if it is not let in.
async fn places(
    doorway: &Doorway,
    counts: &Arc<ConnectionCounts>,
    addr: SocketAddr,
) -> Option<(SourcePlace, OwnedSemaphorePermit)> {
    let Some(source) = counts.enter_source(addr.ip()) else {
        tracing::debug!(%addr, "connection refused: its source has too many");
        return None;
    };
    tokio::select! {
        biased;
        () = doorway.shutdown.triggered() => None,
        total = counts.enter_total() => Some((source, total?)),
    }
}

/// Waits for open connections; tells how many had to be dropped.
async fn drain(connections: &mut JoinSet<()>, ms_max: u64) -> usize {
    let all = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    if tokio::time::timeout(Duration::from_millis(ms_max), all).await.is_ok() {
        return 0;
    }
    let left = connections.len();
    connections.shutdown().await;
    left
}

/// Says that a connection's task panicked, but not with which words: they may be a caller's.
fn report(ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!("a connection's task panicked");
    }
}

/// The caller was gone before we came to it; the listener is well.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
