//! What the routes of one provider, its (model, key) pairs, tell together. If most of them are down,
//! the provider is in doubt, and a model of it that nobody asked lately begins with a probe instead of
//! with all its callers. And a key that has met its spend limit is stopped for every model until the
//! limit's reset. It opens no breaker itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clock::Tick;

use crate::{BreakerWhy, State};

/// Pairs that are remembered; of models whose names callers choose there may be any number.
const PAIRS_MAX: usize = 256;
/// Pairs that are down before the provider is in doubt: one is that model's own affair.
const DOWN_MIN: usize = 2;
/// No spend limit is taken to last longer than this, in milliseconds: a month.
pub const SPEND_MS_MAX: u64 = 31 * 86_400_000;

/// How a pair stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pair {
    Up,
    /// For its health.
    Ill,
    /// For its key or account, which says nothing of the provider.
    Account,
}

/// One provider.
#[derive(Debug, Default)]
pub struct Rollup {
    pairs: BTreeMap<(Arc<str>, u16), Pair>,
    stopped: BTreeMap<u16, Tick>,
    in_doubt: bool,
}

impl Rollup {
    /// A pair has answered. One that never did is none: a caller may ask for any name.
    pub fn answered(&mut self, model: &Arc<str>, key: u16) {
        if self.pairs.len() < PAIRS_MAX {
            self.pairs.entry((model.clone(), key)).or_insert(Pair::Up);
        }
    }

    /// A pair's breaker changed. True if the provider has come into doubt by it.
    pub fn changed(&mut self, model: &Arc<str>, key: u16, to: State, why: BreakerWhy) -> bool {
        self.answered(model, key);
        let Some(pair) = self.pairs.get_mut(&(model.clone(), key)) else { return false };
        *pair = match (to, why) {
            (State::Closed | State::Resting, _) => Pair::Up,
            (State::HalfOpen, _) => return false,
            (State::Open, BreakerWhy::QuotaExhausted)
            | (State::Open, BreakerWhy::KeyRejected)
            | (State::Open, BreakerWhy::SpendLimit) => Pair::Account,
            // A probe fails for what the pair was opened for.
            (State::Open, BreakerWhy::ProbeFailed) if *pair == Pair::Account => Pair::Account,
            (State::Open, _) => Pair::Ill,
        };
        let was = self.in_doubt;
        let ill = self.pairs.values().filter(|pair| **pair == Pair::Ill).count();
        self.in_doubt = ill >= DOWN_MIN && ill * 2 > self.pairs.len();
        self.in_doubt && !was
    }

    /// True while most of its pairs are down.
    pub fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// A key has met its spend limit, which ends after so long.
    pub fn stop_key(&mut self, now: Tick, key: u16, reset_ms: u64) {
        let until = now + Duration::from_millis(reset_ms.min(SPEND_MS_MAX));
        let known = self.stopped.entry(key).or_insert(until);
        *known = until.max(*known);
    }

    /// Until when a key is stopped, if it is.
    pub fn stopped(&mut self, now: Tick, key: u16) -> Option<Tick> {
        let until = *self.stopped.get(&key)?;
        if now < until {
            return Some(until);
        }
        self.stopped.remove(&key);
        None
    }

    /// True if some key may be stopped.
    pub fn has_stopped(&self) -> bool {
        !self.stopped.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn model(number: usize) -> Arc<str> {
        Arc::from(format!("model-{number}"))
    }

    fn of_models(count: usize) -> Rollup {
        let mut rollup = Rollup::default();
        (0..count).for_each(|number| rollup.answered(&model(number), 0));
        rollup
    }

    fn falls(rollup: &mut Rollup, number: usize, why: BreakerWhy) -> bool {
        rollup.changed(&model(number), 0, State::Open, why)
    }

    #[test]
    fn a_provider_is_in_doubt_once_most_of_its_pairs_are_ill() {
        let mut rollup = of_models(4);
        assert!(!falls(&mut rollup, 0, BreakerWhy::Streak));
        assert!(!falls(&mut rollup, 1, BreakerWhy::Ratio), "half is not most");
        assert!(falls(&mut rollup, 2, BreakerWhy::Streak), "told once");
        assert!(!falls(&mut rollup, 0, BreakerWhy::ProbeFailed) && rollup.is_in_doubt());
        rollup.changed(&model(0), 0, State::Closed, BreakerWhy::ProbeSucceeded);
        assert!(!rollup.is_in_doubt());
        assert!(falls(&mut rollup, 0, BreakerWhy::Streak), "and again");
    }

    #[test]
    fn an_account_says_nothing_of_the_provider() {
        let mut rollup = of_models(3);
        for why in [BreakerWhy::QuotaExhausted, BreakerWhy::ProbeFailed] {
            assert!((0..3).all(|number| !falls(&mut rollup, number, why)), "{why:?}");
        }
        let mut lone = of_models(1);
        assert!(!falls(&mut lone, 0, BreakerWhy::Streak), "one model has nobody to warn");
    }

    #[test]
    fn a_key_is_stopped_until_its_reset_and_no_other() {
        let mut rollup = of_models(1);
        rollup.stop_key(Tick::from_millis(1_000), 1, 5_000);
        rollup.stop_key(Tick::from_millis(2_000), 1, 1_000);
        let at = |ms| Tick::from_millis(ms);
        assert_eq!(rollup.stopped(at(5_999), 1), Some(at(6_000)));
        assert_eq!(rollup.stopped(at(5_999), 0), None);
        assert!(rollup.has_stopped());
        assert_eq!(rollup.stopped(at(6_000), 1), None);
        assert!(!rollup.has_stopped());
    }

    proptest! {
        /// Doubt is told exactly when it begins, and always stands for most pairs.
        #[test]
        fn doubt_is_what_most_pairs_say(
            count in 1_usize..8,
            steps in prop::collection::vec((0_usize..8, any::<bool>()), 1..60),
        ) {
            let mut rollup = of_models(count);
            let mut ill = vec![false; count];
            for (number, down) in steps {
                if number >= count {
                    continue;
                }
                let before = rollup.is_in_doubt();
                let (to, why) = match down {
                    true => (State::Open, BreakerWhy::Streak),
                    false => (State::Closed, BreakerWhy::ProbeSucceeded),
                };
                let told = rollup.changed(&model(number), 0, to, why);
                ill[number] = down;
                let many = ill.iter().filter(|ill| **ill).count();
                prop_assert_eq!(rollup.is_in_doubt(), many >= 2 && many * 2 > count);
                prop_assert_eq!(told, rollup.is_in_doubt() && !before);
            }
        }
    }
}
