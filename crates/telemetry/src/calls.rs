//! Calls to providers since they were last taken: what those who judge providers read, once a second
//! or so. The series since the start are kept elsewhere, and nothing is judged here.

use std::collections::{BTreeMap, BTreeSet};

use domain::{FaultClass, Operation};

use crate::Receipt;
use crate::histogram::{Histogram, PAGE_SECONDS};
use crate::labels::{Labels, NameId};

/// Keys of one provider that are told apart.
const KEYS_MAX: usize = 64;

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
        }
    }
}

/// The counts. Providers are configured ones, so the map is bounded; while nobody takes it, it only
/// counts higher.
#[derive(Debug, Default)]
pub(crate) struct Calls(BTreeMap<(NameId, Operation), Cell>);

impl Calls {
    /// Counts one receipt; calls to providers that nobody configured are left out.
    pub(crate) fn receipt(&mut self, receipt: &Receipt, labels: &mut Labels) {
        for attempt in &receipt.attempts {
            let provider = labels.target(&attempt.target, attempt.fault.is_none()).provider;
            if provider == NameId::default() {
                continue;
            }
            let cell = self.0.entry((provider, receipt.operation)).or_insert_with(Cell::new);
            match (attempt.trial, attempt.judged_fault()) {
                (false, None) => cell.good += 1,
                (false, Some(fault)) => *cell.faults.entry(fault).or_default() += 1,
                (true, None) => cell.trials_good += 1,
                (true, Some(fault)) => *cell.trials_failed.entry(fault).or_default() += 1,
            }
            if let Some(first) = attempt.first_token {
                cell.first_content.observe_span(first);
            }
            if cell.keys.len() < KEYS_MAX {
                cell.keys.insert(attempt.key);
            }
            let refused = matches!(
                attempt.fault,
                Some(FaultClass::KeyRejected | FaultClass::QuotaExhausted | FaultClass::SpendLimit)
            );
            if refused && cell.keys_refused.len() < KEYS_MAX {
                cell.keys_refused.insert(attempt.key);
            }
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
        });
        told.collect()
    }
}

fn count(keys: &BTreeSet<u16>) -> u16 {
    u16::try_from(keys.len()).unwrap_or(u16::MAX)
}
