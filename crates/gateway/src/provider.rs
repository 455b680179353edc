//! What the rungs of one provider share: how its routes stand together, which of its keys are
//! stopped, and what onlookers advise. While nothing is wrong a call costs two looks at a number.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clock::Tick;
use resilience::{RetryBudget, Rollup, Transition};

use crate::heed::Heed;

/// One provider's common knowledge.
#[derive(Debug, Default)]
pub(crate) struct Provider {
    rollup: Mutex<Rollup>,
    /// How often it came into doubt.
    doubts: AtomicU64,
    has_stopped: AtomicBool,
    pub(crate) heed: Heed,
    /// Its own share of what may be tried again: a provider that fails must not spend what the traffic
    /// of all the others has earned.
    pub(crate) budget: Mutex<RetryBudget>,
}

impl Provider {
    fn rollup(&self) -> MutexGuard<'_, Rollup> {
        self.rollup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many doubts are no news to a model that nobody asked yet: if the provider is in doubt now,
    /// the last one is.
    pub(crate) fn doubts_over(&self) -> u64 {
        self.doubts().saturating_sub(u64::from(self.rollup().is_in_doubt()))
    }

    /// A model has answered with this key.
    pub(crate) fn answered(&self, model: &Arc<str>, key: u16) {
        self.rollup().answered(model, key);
    }

    pub(crate) fn doubts(&self) -> u64 {
        self.doubts.load(Ordering::Relaxed)
    }

    /// A breaker changed. True if most routes of the provider are down by now.
    pub(crate) fn changed(&self, model: &Arc<str>, key: u16, change: &Transition) -> bool {
        let in_doubt = self.rollup().changed(model, key, change.to, change.why);
        if in_doubt {
            self.doubts.fetch_add(1, Ordering::Relaxed);
        }
        in_doubt
    }

    /// A key has met its spend limit.
    pub(crate) fn stop_key(&self, now: Tick, key: u16, reset_ms: u64) {
        self.rollup().stop_key(now, key, reset_ms);
        self.has_stopped.store(true, Ordering::Relaxed);
    }

    /// Until when a key is stopped, if it is.
    pub(crate) fn stopped(&self, now: Tick, key: u16) -> Option<Tick> {
        if !self.has_stopped.load(Ordering::Relaxed) {
            return None;
        }
        let mut rollup = self.rollup();
        let until = rollup.stopped(now, key);
        self.has_stopped.store(rollup.has_stopped(), Ordering::Relaxed);
        until
    }

    /// Forgets what was learned here; advice is no knowledge of ours and stays.
    pub(crate) fn forget(&self) {
        *self.rollup() = Rollup::default();
        self.has_stopped.store(false, Ordering::Relaxed);
    }
}
