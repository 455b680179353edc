//! The part of an attempt that finds a request which brings faults about by itself: what fails with
//! 5xx on two rungs, or each time on one that answers others meanwhile, is taken for the request's own
//! fault. Its failures are taken back from the breakers and told to nobody as the provider's. Until
//! when that is believed, and when it is an outage instead, is decided by `resilience::Quarantine`.
//! A request that is not failing costs nothing here but a look while somebody is under suspicion.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use domain::{Fault, FaultClass, Target};
use resilience::{Decision, Next, Quarantine};

use super::Climb;
use crate::rung::Claim;

/// Where a request goes that fails by its own words: no rung is asked for it twice.
pub(super) fn elsewhere(another: bool) -> Decision {
    let next = if another { Next::NextRung } else { Next::Stop };
    Decision { next, why: "the request itself brings it about" }
}

/// The requests that are kept apart or under suspicion.
#[derive(Debug, Default)]
pub(crate) struct Apart {
    quarantine: Mutex<Quarantine>,
    /// There are any.
    watches: AtomicBool,
}

impl Apart {
    /// Changes something, and remembers whether anybody is left to be watched.
    fn change<T>(&self, what: impl FnOnce(&mut Quarantine) -> T) -> T {
        let mut quarantine = self.quarantine.lock().unwrap_or_else(PoisonError::into_inner);
        let done = what(&mut quarantine);
        self.watches.store(quarantine.watches(), Ordering::Relaxed);
        done
    }
}

/// What a request is known by: everywhere, and on one rung.
#[derive(Debug, Clone, Copy)]
struct Prints {
    everywhere: u64,
    here: u64,
}

impl Prints {
    /// The same words in the same form are the same request, whoever sends them.
    fn of(request: &domain::Request, target: &Target) -> Self {
        let mut hasher = DefaultHasher::new();
        request.dialect.as_str().hash(&mut hasher);
        request.body.hash(&mut hasher);
        let everywhere = hasher.finish();
        target.hash(&mut hasher);
        Self { everywhere, here: hasher.finish() }
    }
}

impl Climb<'_> {
    /// Tells the breaker of a failed attempt, unless the fault is known to be the request's own.
    /// Who is found out just now is not told so yet, for it may still be an outage.
    pub(super) fn judge_failed(&mut self, mut claim: Claim, fault: &Fault) {
        let judge = self.gateway.judge();
        if fault.class != FaultClass::ServerError || self.going_on.is_some() {
            return claim.judge(&judge, Some(fault));
        }
        let now = judge.clock.now();
        let target = &claim.rung.target;
        let prints = Prints::of(&self.request, target);
        let apart = &self.gateway.shared.apart;
        let answers = claim.answers(now);
        let spared = apart.change(|apart| {
            apart.spares(now, prints.everywhere, answers) || apart.spares(now, prints.here, answers)
        });
        if spared {
            self.trail.poisoned = true;
            self.ticket.excuse(target, claim.key);
            return;
        }
        claim.judge(&judge, Some(fault));
        let failures = self.failures();
        let elsewhere = failures.iter().any(|(target, ..)| *target != claim.rung.target);
        let tally = claim.rung.tally();
        let found = apart.change(|apart| match elsewhere {
            true => apart.condemn(now, prints.everywhere),
            false => apart.suspect(now, prints.here, tally),
        });
        if !found {
            return;
        }
        for (target, key, count) in failures {
            if let Some((rung, _)) = self.rung(&target)
                && rung.withdraw(key, count, &judge)
            {
                self.ticket.excuse(&target, key);
            }
        }
    }

    /// The request is answered: whatever it was suspected of, it does not always happen.
    pub(super) fn absolve(&self, target: &Target) {
        let apart = &self.gateway.shared.apart;
        if apart.watches.load(Ordering::Relaxed) {
            let prints = Prints::of(&self.request, target);
            apart.change(|apart| {
                apart.absolve(prints.everywhere);
                apart.absolve(prints.here);
            });
        }
    }

    /// How often this request failed so on each rung and key.
    fn failures(&self) -> Vec<(Target, u16, u32)> {
        let mut failures: Vec<(Target, u16, u32)> = Vec::new();
        let attempts = self.ticket.view().attempts.iter();
        for attempt in attempts.filter(|attempt| attempt.fault == Some(FaultClass::ServerError)) {
            let known = |(target, key, _): &&mut (Target, u16, u32)| {
                *target == attempt.target && *key == attempt.key
            };
            match failures.iter_mut().find(known) {
                Some((.., count)) => *count += 1,
                None => failures.push((attempt.target.clone(), attempt.key, 1)),
            }
        }
        failures
    }
}
