//! Requests that bring a fault about by themselves: each provider that is asked answers 5xx, and
//! answers everybody else. Such a request is kept apart by its fingerprint, so that its failures
//! open no breaker. Which faults count, and what a fingerprint is, is the caller's affair.
//!
//! From within one request this looks like an outage of two providers at once. So there are three
//! bounds: many different requests that fail alike within a minute are an outage and no poison; a
//! request that is kept apart is spared only so often while nobody else is answered; and nothing is
//! kept for long.

use std::collections::VecDeque;
use std::time::Duration;

use clock::Tick;

/// How long a request is kept apart, in milliseconds.
pub const QUARANTINE_MS_MAX: u64 = 300_000;
/// Requests that are kept apart at once.
const REQUESTS_MAX: usize = 256;
/// So many different ones within [`CROWD_MS`] are an outage.
const CROWD_MIN: usize = 4;
const CROWD_MS: u64 = 60_000;
/// So many failures of one of them are borne while nobody else is known to be answered.
const UNSEEN_MAX: u32 = 16;

/// The requests that are kept apart, the oldest first. Each call on it is short.
#[derive(Debug, Default)]
pub struct Quarantine {
    held: VecDeque<Held>,
    /// What fails until then is the providers' fault.
    outage_until: Option<Tick>,
}

#[derive(Debug)]
struct Held {
    fingerprint: u64,
    since: Tick,
    /// Its failures while nobody else was known to be answered.
    unseen: u32,
}

impl Quarantine {
    /// A request failed alike on two rungs. True if that is its own fault, so that its failures are
    /// to be taken back; it is then kept apart.
    pub fn condemn(&mut self, now: Tick, fingerprint: u64) -> bool {
        self.forget(now);
        if self.outage_until.is_some_and(|until| now < until) {
            return false;
        }
        if let Some(held) = self.held.iter().find(|held| held.fingerprint == fingerprint) {
            return held.unseen <= UNSEEN_MAX;
        }
        let recent = |held: &&Held| now.since(held.since) < Duration::from_millis(CROWD_MS);
        if self.held.iter().rev().take_while(recent).count() + 1 >= CROWD_MIN {
            // Those of the last minute were innocent too.
            self.held.retain(|held| !recent(&held));
            self.outage_until = Some(now + Duration::from_millis(CROWD_MS));
            return false;
        }
        if self.held.len() >= REQUESTS_MAX {
            self.held.pop_front();
        }
        self.held.push_back(Held { fingerprint, since: now, unseen: 0 });
        true
    }

    /// Whether a failure of this request says nothing about the provider. `others_answered`: the
    /// same rung has lately answered somebody.
    pub fn spares(&mut self, now: Tick, fingerprint: u64, others_answered: bool) -> bool {
        self.forget(now);
        let Some(held) = self.held.iter_mut().find(|held| held.fingerprint == fingerprint) else {
            return false;
        };
        if !others_answered {
            held.unseen = held.unseen.saturating_add(1);
        }
        held.unseen <= UNSEEN_MAX
    }

    /// Requests that are kept apart.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// True if none is.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn forget(&mut self, now: Tick) {
        let kept = Duration::from_millis(QUARANTINE_MS_MAX);
        while self.held.front().is_some_and(|held| now.since(held.since) >= kept) {
            self.held.pop_front();
        }
    }
}
