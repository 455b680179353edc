//! The retry budget: how many upstream tries beyond the first of each request the live traffic
//! may have. One budget is shared by all requests of a process. It does not limit the tries of one
//! request, which is `attempts_max`, and a budget alone does not stop a surge onto the next
//! provider.
//!
//! Two kinds of extra try draw on it. A **repetition** on the same rung must be granted: it is
//! only if the extra tries of the last ten seconds, itself and all moves included, are at most
//! `ratio` × the requests of the last ten seconds, or [`RESERVE_TRIES_MAX`] if that is more. A
//! **move** to another rung is booked and always made, since an answer is what failover is for,
//! but those who come after find less. So with the ratio 0.10, repetitions never bring the tries
//! per request above 1.10 where ten requests a second or more come in; below that rate the
//! reserve lets a lone request, a test bench or a small shop be tried again, at one extra try a
//! second. Moving on from a rung whose breaker refused is free, because no call was made. A try
//! that repeats what was already streamed may be paid at a higher cost.
//!
//! A **hedge** is a luxury: it finds nothing in the reserve, and half of what the traffic allows is
//! left for repetitions. So hedges never bring the tries per request above 1 + `ratio`, at any rate.

use std::fmt;

use clock::Tick;

use crate::FailoverSettings;
use crate::window::Window;

/// Extra tries in ten seconds that are granted however little traffic there is.
pub const RESERVE_TRIES_MAX: u32 = 10;

/// The share of the budget beyond which no hedge is paid.
const HEDGE_SHARE: f64 = 0.5;

const BUCKET_MS: u64 = 1_000;

/// The budget is spent; the request must do with what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetSpent {
    /// Extra tries paid or booked in the last ten seconds.
    pub spent: u32,
    /// Requests in the last ten seconds.
    pub requests: u32,
}

impl fmt::Display for BudgetSpent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spent, requests } = self;
        write!(f, "retry budget spent: {spent} extra tries for {requests} requests in ten seconds")
    }
}

impl std::error::Error for BudgetSpent {}

/// Counts requests and extra tries over ten seconds.
///
/// Both rings have eleven buckets of a second. Requests are summed over the newest ten, which
/// cover at most ten seconds, and tries over all eleven, which cover at least ten: so the promise
/// holds for the exact ten seconds before each granted try, and not only from bucket to bucket.
#[derive(Debug, Clone)]
pub struct RetryBudget {
    ratio: f64,
    requests: Window<11>,
    tries: Window<11>,
}

impl RetryBudget {
    /// A budget of `ratio` extra tries per request; with 0 nothing is granted, not even from the
    /// reserve.
    pub fn new(ratio: f64) -> Self {
        Self {
            ratio: ratio_of(ratio),
            requests: Window::new(BUCKET_MS),
            tries: Window::new(BUCKET_MS),
        }
    }

    /// Allows another ratio from now on; what was counted stays.
    pub fn set_ratio(&mut self, ratio: f64) {
        self.ratio = ratio_of(ratio);
    }

    /// Counts a live request; its first try is free.
    pub fn request(&mut self, now: Tick) {
        self.requests.add(now, 1);
    }

    /// Pays `cost` for a repetition, 1 for an ordinary one.
    ///
    /// # Errors
    /// [`BudgetSpent`] if it cannot be paid; nothing is taken then.
    pub fn try_spend(&mut self, now: Tick, cost: u32) -> Result<(), BudgetSpent> {
        self.grants(now, cost)?;
        self.book(now, cost);
        Ok(())
    }

    /// The same from two budgets, the fleet's and a provider's: what one of them refuses is taken from
    /// neither.
    ///
    /// # Errors
    /// [`BudgetSpent`] as the one that refused it knows it.
    pub fn try_spend_both(
        &mut self,
        other: &mut Self,
        now: Tick,
        cost: u32,
    ) -> Result<(), BudgetSpent> {
        self.grants(now, cost)?;
        other.try_spend(now, cost)?;
        self.book(now, cost);
        Ok(())
    }

    fn grants(&self, now: Tick, cost: u32) -> Result<(), BudgetSpent> {
        let requests = self.requests_in_window(now);
        let spent = self.tries.sum(now);
        if f64::from(spent.saturating_add(cost)) > self.allowed(requests) {
            return Err(BudgetSpent { spent, requests });
        }
        Ok(())
    }

    /// Pays for a second call beside one that is late. Half of what is allowed stays for faults, and
    /// the reserve is not touched.
    ///
    /// # Errors
    /// [`BudgetSpent`] if it cannot be paid; nothing is taken then.
    pub fn try_hedge(&mut self, now: Tick) -> Result<(), BudgetSpent> {
        let requests = self.requests_in_window(now);
        let spent = self.tries.sum(now);
        let earned = self.ratio * f64::from(requests);
        let most = earned.min(self.allowed(requests) * HEDGE_SHARE);
        if f64::from(spent.saturating_add(1)) > most {
            return Err(BudgetSpent { spent, requests });
        }
        self.book(now, 1);
        Ok(())
    }

    /// Books a move to another rung, which is made in any case.
    pub fn book(&mut self, now: Tick, cost: u32) {
        self.tries.add(now, cost);
    }

    /// What is left, as a share of what the last ten seconds allow: 1 is untouched, 0 is spent.
    pub fn level(&self, now: Tick) -> f64 {
        let allowed = self.allowed(self.requests_in_window(now));
        if allowed <= 0.0 {
            return 0.0;
        }
        (1.0 - f64::from(self.tries.sum(now)) / allowed).clamp(0.0, 1.0)
    }

    fn requests_in_window(&self, now: Tick) -> u32 {
        self.requests.sum_of(now, 10)
    }

    fn allowed(&self, requests: u32) -> f64 {
        if self.ratio <= 0.0 {
            return 0.0;
        }
        (self.ratio * f64::from(requests)).max(f64::from(RESERVE_TRIES_MAX))
    }
}

fn ratio_of(ratio: f64) -> f64 {
    if ratio.is_finite() { ratio.max(0.0) } else { 0.0 }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new(FailoverSettings::default().retry_budget_ratio)
    }
}
