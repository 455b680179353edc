//! The part of an attempt that finds a request which brings faults about by itself: what fails with
//! 5xx on two rungs is taken for the request's own fault, and its failures are taken back from the
//! breakers. Until when that is believed, and when it is an outage instead, is decided by
//! `resilience::Quarantine`. A request that is not failing costs nothing here.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::PoisonError;

use domain::{Fault, FaultClass, Target};
use resilience::{Decision, Next};

use super::Climb;
use crate::rung::Claim;

/// Where a request goes that fails by its own words: no rung is asked for it twice.
pub(super) fn elsewhere(another: bool) -> Decision {
    let next = if another { Next::NextRung } else { Next::Stop };
    Decision { next, why: "the request itself brings it about" }
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
        let print = fingerprint(&self.request);
        let quarantine = &self.gateway.shared.quarantine;
        let answers = claim.answers(now);
        let mut apart = quarantine.lock().unwrap_or_else(PoisonError::into_inner);
        if apart.spares(now, print, answers) {
            self.trail.poisoned = true;
            return;
        }
        drop(apart);
        claim.judge(&judge, Some(fault));
        let failures = self.failures();
        let elsewhere = failures.iter().any(|(target, ..)| *target != claim.rung.target);
        if !elsewhere {
            return;
        }
        let mut apart = quarantine.lock().unwrap_or_else(PoisonError::into_inner);
        if !apart.condemn(now, print) {
            return;
        }
        drop(apart);
        for (target, key, count) in failures {
            if let Some((rung, _)) = self.rung(&target) {
                rung.withdraw(key, count, &judge);
            }
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

/// The same words in the same form are the same request, whoever sends them.
fn fingerprint(request: &domain::Request) -> u64 {
    let mut hasher = DefaultHasher::new();
    request.dialect.as_str().hash(&mut hasher);
    request.body.hash(&mut hasher);
    hasher.finish()
}
