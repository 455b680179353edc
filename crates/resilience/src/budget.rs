//! The retry budget: extra tries as a share of live traffic, so that an outage is not made worse
//! by those who suffer from it.
//!
//! In every window of ten seconds the tries that are granted are at most
//! `max(ratio × requests, FLOOR)`: with the default ratio of 0.10 that is 1.10 tries a request
//! from ten requests a second on, and below that at most one extra try a second, which harms no
//! provider and lets a lone request be tried again.

use clock::Tick;

use crate::window::Window;

/// Extra tries per window that are granted however little traffic there is.
const FLOOR: f64 = 10.0;
const WINDOW_MS: u64 = 10_000;

/// No try is left in this window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetSpent;

/// The budget over all live traffic.
#[derive(Debug, Clone)]
pub struct RetryBudget {
    ratio: f64,
    /// Counts requests as `all` and tries that were paid as `failed`.
    window: Window,
}

impl RetryBudget {
    /// A budget of `ratio` extra tries a request.
    pub fn new(ratio: f64) -> Self {
        Self {
            ratio: ratio.max(0.0),
            window: Window::new(WINDOW_MS),
        }
    }

    /// A live request came; it earns its share.
    pub fn request(&mut self, now: Tick) {
        self.window.add(now, 0, 1);
    }

    /// Pays for extra tries, or for none. A try after content was streamed costs 2.
    ///
    /// # Errors
    /// If the window has not enough left.
    pub fn try_spend(&mut self, now: Tick, cost: u32) -> Result<(), BudgetSpent> {
        let (spent, _) = self.window.sum(now);
        if f64::from(spent.saturating_add(cost)) > self.size(now) {
            return Err(BudgetSpent);
        }
        self.book(now, cost);
        Ok(())
    }

    /// Books a try that is made in any case: the first move of a request to another rung is what
    /// failover is for, but those who come after it find less.
    pub fn book(&mut self, now: Tick, cost: u32) {
        self.window.add(now, cost, 0);
    }

    /// What is left, from 1 (all) to 0 (nothing).
    pub fn level(&self, now: Tick) -> f64 {
        let (spent, _) = self.window.sum(now);
        (1.0 - f64::from(spent) / self.size(now)).clamp(0.0, 1.0)
    }

    fn size(&self, now: Tick) -> f64 {
        if self.ratio == 0.0 {
            return f64::MIN_POSITIVE;
        }
        let (_, requests) = self.window.sum(now);
        (self.ratio * f64::from(requests)).max(FLOOR)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_lone_request_may_be_tried_again_but_a_ratio_of_zero_means_never() {
        let now = Tick::from_millis(50_000);
        let mut budget = RetryBudget::new(0.1);
        budget.request(now);
        assert_eq!(budget.try_spend(now, 2), Ok(()));
        assert!(budget.level(now) < 1.0);
        assert_eq!(RetryBudget::new(0.0).try_spend(now, 1), Err(BudgetSpent));
    }

    #[test]
    fn a_thousand_requests_earn_a_hundred_tries_and_not_one_more() {
        let now = Tick::from_millis(50_000);
        let mut budget = RetryBudget::new(0.1);
        (0..1000).for_each(|_| budget.request(now));
        let granted = (0..1000)
            .filter(|_| budget.try_spend(now, 1).is_ok())
            .count();
        assert_eq!(granted, 100);
        assert_eq!(
            budget.try_spend(Tick::from_millis(61_000), 1),
            Ok(()),
            "the window moved on"
        );
    }

    proptest! {
        #[test]
        fn no_window_grants_more_than_its_share(steps in prop::collection::vec((0_u64..300, 0_u8..3), 1..600)) {
            let mut budget = RetryBudget::new(0.1);
            let mut now = 100_000;
            let mut events: Vec<(u64, bool)> = Vec::new();
            for (wait, kind) in steps {
                now += wait;
                if kind == 0 {
                    budget.request(Tick::from_millis(now));
                    events.push((now, false));
                } else if budget.try_spend(Tick::from_millis(now), 1).is_ok() {
                    events.push((now, true));
                }
                let from = (now / 1000).saturating_sub(9) * 1000;
                let count = |wanted: bool| {
                    let recent = events.iter().filter(|(at, paid)| *at >= from && *paid == wanted);
                    recent.count() as f64
                };
                prop_assert!(count(true) <= (0.1 * count(false)).max(FLOOR));
            }
        }
    }
}
