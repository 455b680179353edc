//! Calls to providers since they were last taken: what those who judge providers read, once a second
//! or so. The series since the start are kept elsewhere, and nothing is judged here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{Blame, FaultClass, Operation};

use crate::histogram::{Histogram, PAGE_SECONDS};
use crate::labels::{Labels, NameId};
use crate::{FailedCall, Receipt};

/// Keys of one provider that are told apart.
const KEYS_MAX: usize = 64;
/// Callers whose calls failed that are told apart.
const CALLERS_MAX: usize = 64;

/// What one provider's calls of one operation came to since the last taking.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderCalls {
    pub provider: String,
    pub operation: Operation,
    /// Calls that served.
    pub good: u64,
    /// Those that failed, by class; a caller's and our own among them.
    pub faults: BTreeMap<FaultClass, u64>,
    /// Breakers' probes that served; they are not among the others.
    pub trials_good: u64,
    /// Those that failed, by class.
    pub trials_failed: BTreeMap<FaultClass, u64>,
    /// Calls whose first content was timed.
    pub first_contents: u64,
    /// Median milliseconds to it; `None` without any.
    pub first_content_ms: Option<f64>,
    /// Keys that were used.
    pub keys: u16,
    /// Those of them that were refused, or whose quota was exhausted.
    pub keys_refused: u16,
    /// Callers whose ordinary calls failed by the provider's fault; 0 if their names are not known.
    pub callers_failed: u16,
}

#[derive(Debug)]
struct Cell {
    good: u64,
    faults: BTreeMap<FaultClass, u64>,
    trials_good: u64,
    trials_failed: BTreeMap<FaultClass, u64>,
    first_content: Histogram<24>,
    keys: BTreeSet<u16>,
    keys_refused: BTreeSet<u16>,
    callers_failed: BTreeSet<Arc<str>>,
}

impl Cell {
    fn new() -> Self {
        Self {
            good: 0,
            faults: BTreeMap::new(),
            trials_good: 0,
            trials_failed: BTreeMap::new(),
            first_content: Histogram::new(PAGE_SECONDS),
            keys: BTreeSet::new(),
            keys_refused: BTreeSet::new(),
            callers_failed: BTreeSet::new(),
        }
    }

    fn used(&mut self, key: u16) {
        if self.keys.len() < KEYS_MAX {
            self.keys.insert(key);
        }
    }

    fn failed(&mut self, call: &FailedCall) {
        let faults = if call.trial { &mut self.trials_failed } else { &mut self.faults };
        *faults.entry(call.fault).or_default() += 1;
        self.used(call.key);
        let refused = matches!(
            call.fault,
            FaultClass::KeyRejected | FaultClass::QuotaExhausted | FaultClass::SpendLimit
        );
        if refused && self.keys_refused.len() < KEYS_MAX {
            self.keys_refused.insert(call.key);
        }
        let is_theirs = call.fault.blame() == Blame::Upstream && !call.trial;
        if let Some(caller) = call.caller.as_ref().filter(|_| is_theirs)
            && self.callers_failed.len() < CALLERS_MAX
            && !self.callers_failed.contains(caller)
        {
            self.callers_failed.insert(caller.clone());
        }
    }
}

/// The counts. Providers are configured ones, so the map is bounded; while nobody takes it, it only
/// counts higher.
#[derive(Debug, Default)]
pub(crate) struct Calls(BTreeMap<(NameId, Operation), Cell>);

impl Calls {
    /// Counts one receipt; calls to providers that nobody configured are left out, and so is what was
    /// told of it before.
    pub(crate) fn receipt(&mut self, receipt: &Receipt, labels: &mut Labels) {
        for attempt in &receipt.attempts {
            let provider = labels.target(&attempt.target, attempt.fault.is_none()).provider;
            if provider == NameId::default() {
                continue;
            }
            let cell = self.0.entry((provider, receipt.operation)).or_insert_with(Cell::new);
            if let Some(first) = attempt.first_token {
                cell.first_content.observe_span(first);
            }
            match attempt.judged_fault() {
                Some(_) if attempt.told => {}
                Some(fault) => cell.failed(&FailedCall {
                    target: attempt.target.clone(),
                    operation: receipt.operation,
                    key: attempt.key,
                    trial: attempt.trial,
                    fault,
                    caller: receipt.caller.clone(),
                }),
                None => {
                    cell.used(attempt.key);
                    let good = if attempt.trial { &mut cell.trials_good } else { &mut cell.good };
                    *good += 1;
                }
            }
        }
    }

    /// Counts a call that failed, ahead of its receipt.
    pub(crate) fn failed(&mut self, call: &FailedCall, labels: &mut Labels) {
        let provider = labels.target(&call.target, false).provider;
        if provider != NameId::default() {
            self.0.entry((provider, call.operation)).or_insert_with(Cell::new).failed(call);
        }
    }

    /// Gives everything away and begins anew.
    pub(crate) fn take(&mut self, labels: &Labels) -> Vec<ProviderCalls> {
        let cells = std::mem::take(&mut self.0).into_iter();
        let told = cells.map(|((provider, operation), cell)| ProviderCalls {
            provider: labels.provider_name(provider).to_owned(),
            operation,
            good: cell.good,
            faults: cell.faults,
            trials_good: cell.trials_good,
            trials_failed: cell.trials_failed,
            first_contents: cell.first_content.count(),
            first_content_ms: cell.first_content.quantile(0.5).map(|seconds| seconds * 1000.0),
            keys: count(&cell.keys),
            keys_refused: count(&cell.keys_refused),
            callers_failed: u16::try_from(cell.callers_failed.len()).unwrap_or(u16::MAX),
        });
        told.collect()
    }
}

fn count(keys: &BTreeSet<u16>) -> u16 {
    u16::try_from(keys.len()).unwrap_or(u16::MAX)
}
