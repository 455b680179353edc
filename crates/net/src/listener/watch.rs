//! What one connection is doing, as far as its time limits ask. Told by the byte stream and by
//! the bodies, read by the task that drives the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The rest of a request's head, or the first byte of the first one.
    Head,
    /// A request is being answered.
    Busy,
    /// The first byte of a further request.
    Idle,
}

/// Shared by all parts of one connection. They run on one thread, so the order of these numbers
/// is the program's order; they are atomic only because tasks may move between threads.
#[derive(Debug)]
pub(super) struct Watch {
    in_head: AtomicBool,
    exchanges: AtomicU32,
    changes: AtomicU32,
    left_unread: AtomicBool,
    earned: AtomicU64,
}

impl Watch {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            in_head: AtomicBool::new(true),
            exchanges: AtomicU32::new(0),
            changes: AtomicU32::new(0),
            left_unread: AtomicBool::new(false),
            earned: AtomicU64::new(0),
        })
    }

    /// Grows with every change of phase, also when the phase has changed back.
    pub(super) fn changes(&self) -> u32 {
        self.changes.load(Ordering::Relaxed)
    }

    pub(super) fn phase(&self) -> Phase {
        if self.exchanges.load(Ordering::Relaxed) > 0 {
            Phase::Busy
        } else if self.in_head.load(Ordering::Relaxed) {
            Phase::Head
        } else {
            Phase::Idle
        }
    }

    /// Bytes came in: while nothing is being answered they begin a head.
    pub(super) fn bytes_came(&self) {
        if self.phase() == Phase::Idle {
            self.in_head.store(true, Ordering::Relaxed);
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The caller was still sending when its request was let go.
    pub(super) fn leave_unread(&self) {
        self.left_unread.store(true, Ordering::Relaxed);
    }

    /// Whether bytes of the caller may still be under way that nobody will ask for.
    pub(super) fn has_unread(&self) -> bool {
        self.left_unread.load(Ordering::Relaxed) || self.phase() == Phase::Head
    }

    /// Useful work entitles an HTTP/2 peer to so many control frames.
    pub(super) fn earn(&self, frames: u64) {
        self.earned.fetch_add(frames, Ordering::Relaxed);
    }

    /// What was earned since the last call.
    pub(super) fn take_earned(&self) -> u64 {
        self.earned.swap(0, Ordering::Relaxed)
    }
}

/// Held by every part of an exchange; the connection is busy while one is held.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) watch: Arc<Watch>,
}

impl Hold {
    pub(super) fn new(watch: &Arc<Watch>) -> Self {
        watch.exchanges.fetch_add(1, Ordering::Relaxed);
        watch.in_head.store(false, Ordering::Relaxed);
        watch.changes.fetch_add(1, Ordering::Relaxed);
        Self { watch: watch.clone() }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.watch.exchanges.fetch_sub(1, Ordering::Relaxed);
        self.watch.changes.fetch_add(1, Ordering::Relaxed);
    }
}
