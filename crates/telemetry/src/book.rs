//! What the receipts add up to: totals since the start, live windows, and the lines of the request
//! log. One thread at a time writes in it.

use std::collections::BTreeMap;

use clock::Tick;

use crate::calls::Calls;
use crate::labels::{Labels, TargetId};
use crate::log_writer::LogQueue;
use crate::snapshot::Live;
use crate::totals::Totals;
use crate::{BreakerChange, FailedCall, Receipt};

/// Kinds of breaker changes; the words are of our own code.
const CHANGE_KINDS_MAX: usize = 4_096;

/// Target, from, to, why.
pub(crate) type ChangeKind = (TargetId, &'static str, &'static str, &'static str);

/// The book.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) labels: Labels,
    pub(crate) totals: Totals,
    pub(crate) live: Live,
    pub(crate) calls: Calls,
    pub(crate) changes: BTreeMap<ChangeKind, u64>,
    /// `None` if nothing is logged, or no longer.
    pub(crate) log: Option<LogQueue>,
}

impl Book {
    pub(crate) fn new(now: Tick, log: Option<LogQueue>) -> Self {
        Self {
            labels: Labels::new(),
            totals: Totals::new(),
            live: Live::new(now),
            calls: Calls::default(),
            changes: BTreeMap::new(),
            log,
        }
    }

    /// Enters one receipt.
    pub(crate) fn receipt(&mut self, now: Tick, receipt: &Receipt) {
        self.totals.receipt(receipt, &mut self.labels);
        self.live.receipt(now, receipt, &mut self.labels);
        self.calls.receipt(receipt, &mut self.labels);
        if let Some(log) = &mut self.log {
            log.receipt(receipt);
        }
    }

    /// Enters a call that failed, ahead of its receipt.
    pub(crate) fn failed(&mut self, call: &FailedCall) {
        self.calls.failed(call, &mut self.labels);
    }

    /// Enters one change of a breaker.
    pub(crate) fn change(&mut self, now: Tick, change: &BreakerChange) {
        let target = self.labels.target(&change.target, false);
        let kind = (target, change.from, change.to, change.why);
        if self.changes.len() < CHANGE_KINDS_MAX || self.changes.contains_key(&kind) {
            *self.changes.entry(kind).or_default() += 1;
        }
        // Under `other` many routes share a name, and the last one to move would speak for all.
        if Labels::is_known(target) {
            self.live.breaker(now, target, change);
        }
    }
}
