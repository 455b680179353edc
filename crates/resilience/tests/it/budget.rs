//! The retry budget keeps its promise.

use std::time::Duration;

use clock::Tick;
use proptest::prelude::*;
use resilience::{BudgetSpent, RESERVE_TRIES_MAX, RetryBudget};

const WINDOW: Duration = Duration::from_secs(10);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// At each extra try, in the exact ten seconds before it.
    #[test]
    fn extra_tries_stay_within_the_promise(
        ratio in 0.0_f64..0.5,
        steps in prop::collection::vec((0_u64..1_500, 0_u32..120, 0_u32..30, 1_u32..3), 1..50),
    ) {
        let mut budget = RetryBudget::new(ratio);
        let mut now = Tick::default();
        let (mut requests, mut tries) = (Vec::new(), Vec::new());
        for (wait_ms, new_requests, wanted, cost) in steps {
            now = now + Duration::from_millis(wait_ms);
            for _ in 0..new_requests {
                budget.request(now);
                requests.push((now, 1));
            }
            for _ in 0..wanted {
                let before = budget.level(now);
                if budget.try_spend(now, cost).is_err() {
                    prop_assert!((budget.level(now) - before).abs() < 1e-12, "a refusal costs nothing");
                    continue;
                }
                tries.push((now, cost));
                let counted = |list: &[(Tick, u32)]| -> u32 {
                    list.iter().filter(|(at, _)| now.since(*at) < WINDOW).map(|(_, n)| n).sum()
                };
                let allowed = (ratio * f64::from(counted(&requests))).max(RESERVE_TRIES_MAX.into());
                prop_assert!(f64::from(counted(&tries)) <= allowed);
                prop_assert!((0.0..=1.0).contains(&budget.level(now)));
            }
        }
    }
}

/// A hundred requests a second, and every one of them wants to be tried twice more.
#[test]
fn under_load_the_tries_per_request_stay_at_one_and_a_tenth() {
    let mut budget = RetryBudget::new(0.10);
    let mut tries = Vec::new();
    for ms in (0..60_000).step_by(10) {
        let now = Tick::from_millis(ms);
        budget.request(now);
        for _ in 0..2 {
            if budget.try_spend(now, 1).is_ok() {
                tries.push(ms);
            }
        }
    }
    for end in (10_000..60_000).step_by(10) {
        let extra = tries.iter().filter(|ms| (end - 9_999..=end).contains(*ms)).count();
        assert!(extra <= 100, "{extra} extra tries for 1000 requests at {end} ms");
    }
    assert!(tries.len() > 480, "the budget must not be kept back either: {}", tries.len());
}

#[test]
fn a_lone_request_may_use_all_its_tries() {
    let mut budget = RetryBudget::new(0.10);
    let mut now = Tick::from_millis(3_600_000);
    for _ in 0..100 {
        budget.request(now);
        assert_eq!(budget.try_spend(now, 1), Ok(()));
        assert_eq!(budget.try_spend(now, 1), Ok(()));
        now = now + Duration::from_millis(2_500);
    }
}

#[test]
fn moves_are_never_refused_but_leave_less_for_repetitions() {
    let mut budget = RetryBudget::new(0.10);
    let now = Tick::from_millis(3_600_000);
    budget.book(now, RESERVE_TRIES_MAX - 1);
    assert_eq!(budget.try_spend(now, 1), Ok(()));
    budget.book(now, 500);
    assert!(budget.try_spend(now, 1).is_err());
}

#[test]
fn it_says_what_was_spent_and_recovers() {
    let mut budget = RetryBudget::new(0.10);
    let now = Tick::from_millis(5_000);
    budget.request(now);
    assert!((budget.level(now) - 1.0).abs() < 1e-12);
    for _ in 0..RESERVE_TRIES_MAX / 2 {
        budget.try_spend(now, 2).unwrap();
    }
    assert_eq!(budget.try_spend(now, 1), Err(BudgetSpent { spent: 10, requests: 1 }));
    assert!(budget.level(now).abs() < 1e-12);
    assert!(budget.try_spend(now + WINDOW, 1).is_err(), "ten seconds are not yet over");
    assert_eq!(budget.try_spend(now + Duration::from_secs(11), 1), Ok(()));
}

#[test]
fn without_a_ratio_there_is_no_extra_try() {
    for ratio in [0.0, -1.0, f64::NAN] {
        let mut budget = RetryBudget::new(ratio);
        budget.request(Tick::default());
        assert!(budget.try_spend(Tick::default(), 1).is_err());
        assert!(budget.level(Tick::default()).abs() < 1e-12);
    }
}

proptest! {
    /// Hedges alone keep to half of the budget, and to the ratio at any rate: the reserve is not
    /// theirs.
    #[test]
    fn hedges_find_no_reserve(
        ratio in 0.0_f64..0.5,
        steps in prop::collection::vec((0_u64..1_500, 0_u32..120, 0_u32..30), 1..50),
    ) {
        let mut budget = RetryBudget::new(ratio);
        let mut now = Tick::default();
        let (mut requests, mut hedges) = (Vec::new(), Vec::new());
        for (wait_ms, new_requests, wanted) in steps {
            now = now + Duration::from_millis(wait_ms);
            for _ in 0..new_requests {
                budget.request(now);
                requests.push(now);
            }
            for _ in 0..wanted {
                if budget.try_hedge(now).is_err() {
                    continue;
                }
                hedges.push(now);
                let counted = |list: &[Tick]| {
                    list.iter().filter(|at| now.since(**at) < WINDOW).count() as f64
                };
                let earned = ratio * counted(&requests);
                prop_assert!(counted(&hedges) <= earned);
                prop_assert!(counted(&hedges) <= earned.max(RESERVE_TRIES_MAX.into()) / 2.0);
            }
        }
    }
}

#[test]
fn what_one_of_two_budgets_refuses_is_taken_from_neither() {
    let now = Tick::from_millis(3_600_000);
    let mut all = RetryBudget::new(0.10);
    (0..1_000).for_each(|_| all.request(now));
    let mut own = RetryBudget::default();
    (0..RESERVE_TRIES_MAX).for_each(|_| all.try_spend_both(&mut own, now, 1).unwrap());
    let level = all.level(now);
    assert_eq!(
        all.try_spend_both(&mut own, now, 1),
        Err(BudgetSpent { spent: RESERVE_TRIES_MAX, requests: 0 })
    );
    assert!((all.level(now) - level).abs() < 1e-12, "nothing was taken from it");
    assert!(own.level(now).abs() < 1e-12);
    let mut empty = RetryBudget::new(0.0);
    let mut fresh = RetryBudget::default();
    assert!(empty.try_spend_both(&mut fresh, now, 1).is_err());
    assert!((fresh.level(now) - 1.0).abs() < 1e-12);
    empty.set_ratio(0.5);
    assert_eq!(empty.try_spend_both(&mut fresh, now, 1), Ok(()));
}
