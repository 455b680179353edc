//! Idle HTTP/1.1 connections, kept by the thread that used them last. Nothing here is shared
//! between threads.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, Tick};

use super::ClientLimits;
use super::h1::H1;
use crate::Origin;

/// Whose connections may serve each other: one client, one origin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PoolKey {
    pub(super) client: u64,
    pub(super) origin: Origin,
}

struct Idle {
    connection: Box<H1>,
    until: Tick,
}

thread_local! {
    // There are few keys, and hashing one costs more than comparing it with all.
    static IDLE: RefCell<BTreeMap<PoolKey, Vec<Idle>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Where a connection goes back to.
pub(super) struct Home {
    pub(super) key: PoolKey,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: ClientLimits,
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home").field("key", &self.key).finish_non_exhaustive()
    }
}

/// The connection that was used last, which is the one most likely to be open still.
pub(super) fn checkout(key: &PoolKey) -> Option<Box<H1>> {
    IDLE.with_borrow_mut(|idle| idle.get_mut(key).and_then(Vec::pop)).map(|idle| idle.connection)
}

/// Keeps a connection whose exchange is over, or closes it if there are enough.
pub(super) fn give_back(home: &Home, connection: Box<H1>) {
    let until = home.clock.now() + Duration::from_millis(home.limits.idle_ms_max);
    // A thread that is ending has no pool any more; the connection is then closed.
    let kept = IDLE.try_with(|idle| {
        let mut idle = idle.borrow_mut();
        match idle.get_mut(&home.key) {
            Some(list) if list.len() >= home.limits.idle_per_origin_max => {}
            Some(list) => list.push(Idle { connection, until }),
            None => {
                idle.insert(home.key.clone(), vec![Idle { connection, until }]);
            }
        }
    });
    if kept.is_err() {
        tracing::trace!("connection dropped at the end of its thread");
    }
}

/// Closes this thread's idle connections whose time is over. Each core calls it now and then.
pub fn sweep_idle(now: Tick) {
    IDLE.with_borrow_mut(|idle| {
        idle.retain(|_, list| {
            list.retain(|idle| idle.until > now);
            !list.is_empty()
        });
    });
}
