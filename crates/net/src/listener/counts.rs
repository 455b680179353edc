//! How many connections there are, in all and of one source. Shared by the listeners of all cores.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ServerLimits;

/// Prefix of an IPv6 address that is one source: a household or a server gets no less.
const IPV6_SOURCE_BITS: u32 = 64;

/// Counts the connections of one listener on all cores.
pub struct ConnectionCounts {
    total_max: usize,
    total: Arc<Semaphore>,
    per_source_max: usize,
    count_loopback: bool,
    /// Holds a source only while it has a connection, so `total_max` and one waiting connection
    /// per core bound it. Its order is never visible.
    sources: Mutex<HashMap<IpAddr, usize>>,
    refused: AtomicU64,
}

impl fmt::Debug for ConnectionCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionCounts")
            .field("open", &self.open())
            .field("refused", &self.refused())
            .finish_non_exhaustive()
    }
}

impl ConnectionCounts {
    /// Counters with the caps of `limits`.
    pub fn new(limits: &ServerLimits) -> Arc<Self> {
        let total_max = limits.connections_max.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Self {
            total_max,
            total: Arc::new(Semaphore::new(total_max)),
            per_source_max: limits.connections_per_source_max,
            count_loopback: limits.count_loopback,
            sources: Mutex::default(),
            refused: AtomicU64::new(0),
        })
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.total_max.saturating_sub(self.total.available_permits())
    }

    /// Connections that were closed at once because their source had too many.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Counts a connection of `addr`; none if its source has its share already.
    pub(super) fn enter_source(self: &Arc<Self>, addr: IpAddr) -> Option<SourcePlace> {
        let source = source_of(addr);
        if self.is_counted(source) {
            let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
            let open = sources.get(&source).copied().unwrap_or(0);
            if open >= self.per_source_max {
                self.refused.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            sources.insert(source, open + 1);
        }
        Some(SourcePlace { counts: self.clone(), source })
    }

    /// Waits until there are fewer connections than the cap.
    pub(super) async fn enter_total(&self) -> Option<OwnedSemaphorePermit> {
        self.total.clone().acquire_owned().await.ok()
    }

    fn is_counted(&self, source: IpAddr) -> bool {
        self.count_loopback || !source.is_loopback()
    }
}

/// A source's count of one connection; falls when dropped.
#[derive(Debug)]
pub(super) struct SourcePlace {
    counts: Arc<ConnectionCounts>,
    source: IpAddr,
}

impl Drop for SourcePlace {
    fn drop(&mut self) {
        if !self.counts.is_counted(self.source) {
            return;
        }
        let mut sources = self.counts.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = sources.get_mut(&self.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                sources.remove(&self.source);
            }
        }
    }
}

/// The address that stands for all of one source.
fn source_of(addr: IpAddr) -> IpAddr {
    match addr.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let prefix = u128::MAX << (128 - IPV6_SOURCE_BITS);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & prefix))
        }
        other => other,
    }
}
