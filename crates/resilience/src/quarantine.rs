//! Requests that bring a fault about by themselves: each provider that is asked answers 5xx, and
//! answers everybody else. Such a request is kept apart by its fingerprint, so that its failures
//! open no breaker. Which faults count, and what a fingerprint is, is the caller's affair.
//!
//! It is known by failing alike on two rungs; or, where it has one rung only, by failing there each
//! time while others are answered meanwhile. Whoever is answered once is under no suspicion any more.
//!
//! From within one request this looks like an outage of two providers at once. So there are three
//! bounds: many different requests that fail alike within a minute are an outage and no poison; a
//! request that is kept apart is spared only so often while nobody else is answered; and nothing is
//! kept for long.

use std::collections::VecDeque;
use std::time::Duration;

use clock::Tick;

use crate::Tally;

/// How long a request is kept apart, in milliseconds.
pub const QUARANTINE_MS_MAX: u64 = 300_000;
/// Requests that are kept apart at once.
const REQUESTS_MAX: usize = 256;
/// So many different ones within [`CROWD_MS`] are an outage.
const CROWD_MIN: usize = 4;
const CROWD_MS: u64 = 60_000;
/// So many failures of one of them are borne while nobody else is known to be answered.
const UNSEEN_MAX: u32 = 16;
/// So often it must have failed on one rung, and so many others must have been answered there since
/// its first failure, before that alone says anything.
const LONE_FAILURES_MIN: u32 = 3;
/// So large a part of the others may have failed there meanwhile: one in so many.
const OTHERS_FAILED_PART: u64 = 10;

/// The requests that are kept apart, the oldest first. Each call on it is short.
#[derive(Debug, Default)]
pub struct Quarantine {
    held: VecDeque<Held>,
    suspects: VecDeque<Suspect>,
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

/// A request that failed on one rung and was never answered there since.
#[derive(Debug)]
struct Suspect {
    fingerprint: u64,
    since: Tick,
    failures: u32,
    /// How the rung stood before the first of them.
    before: Tally,
}

impl Suspect {
    /// It failed each time, while others were answered and hardly one of them failed.
    fn is_alone(&self, rung: Tally) -> bool {
        let own = u64::from(self.failures);
        let answered = rung.answered.saturating_sub(self.before.answered);
        let others_failed = rung.failed.saturating_sub(self.before.failed).saturating_sub(own);
        self.failures >= LONE_FAILURES_MIN
            && answered >= u64::from(LONE_FAILURES_MIN)
            && others_failed.saturating_mul(OTHERS_FAILED_PART) <= answered
    }
}

impl Quarantine {
    /// A request failed on one rung, which stands so with this failure in it. True as in
    /// [`condemn`](Self::condemn).
    pub fn suspect(&mut self, now: Tick, fingerprint: u64, rung: Tally) -> bool {
        self.forget(now);
        let known = self.suspects.iter().position(|suspect| suspect.fingerprint == fingerprint);
        let Some(place) = known else {
            if self.suspects.len() >= REQUESTS_MAX {
                self.suspects.pop_front();
            }
            let before = Tally { failed: rung.failed.saturating_sub(1), ..rung };
            self.suspects.push_back(Suspect { fingerprint, since: now, failures: 1, before });
            return false;
        };
        let Some(suspect) = self.suspects.get_mut(place) else { return false };
        suspect.failures = suspect.failures.saturating_add(1);
        if !suspect.is_alone(rung) {
            return false;
        }
        self.suspects.remove(place);
        self.condemn(now, fingerprint)
    }

    /// A request was answered after all.
    pub fn absolve(&mut self, fingerprint: u64) {
        self.held.retain(|held| held.fingerprint != fingerprint);
        self.suspects.retain(|suspect| suspect.fingerprint != fingerprint);
    }

    /// True if anybody is kept apart or under suspicion.
    pub fn watches(&self) -> bool {
        !self.held.is_empty() || !self.suspects.is_empty()
    }

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
        while self.suspects.front().is_some_and(|suspect| now.since(suspect.since) >= kept) {
            self.suspects.pop_front();
        }
    }
}
