//! A request that brings faults about by itself, and an outage that only looks like one.

use clock::{Dice, Tick};
use domain::FaultClass;
use proptest::prelude::*;
use resilience::{
    Breaker, BreakerSettings, BreakerWhy, Gate, QUARANTINE_MS_MAX, Quarantine, State, Verdict,
};

fn at(ms: u64) -> Tick {
    Tick::from_millis(ms)
}

#[test]
fn a_request_is_kept_apart_for_a_while_and_nobody_else() {
    let mut apart = Quarantine::default();
    assert!(!apart.spares(at(0), 1, true), "nobody is apart unless condemned");
    assert!(apart.condemn(at(0), 1));
    assert!(apart.condemn(at(1), 1), "again");
    assert_eq!(apart.len(), 1);
    assert!(apart.spares(at(2), 1, true) && !apart.spares(at(2), 2, true));
    assert!(apart.spares(at(QUARANTINE_MS_MAX - 1), 1, true));
    assert!(!apart.spares(at(QUARANTINE_MS_MAX), 1, true), "and then it may show itself anew");
    assert!(apart.is_empty());
}

#[test]
fn many_different_requests_that_fail_alike_are_an_outage() {
    let mut apart = Quarantine::default();
    let taken: Vec<bool> = (0..10).map(|which| apart.condemn(at(which * 100), which)).collect();
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 3, "{taken:?}");
    assert!((0..10).all(|which| !apart.spares(at(1_000), which, true)), "all count again");
    // Seldom ones are no crowd.
    let mut apart = Quarantine::default();
    assert!((0..10).all(|which| apart.condemn(at(which * 30_000), which)));
}

#[test]
fn the_only_traffic_there_is_is_not_spared_for_ever() {
    let mut apart = Quarantine::default();
    apart.condemn(at(0), 7);
    assert!((0..1_000).all(|ms| apart.spares(at(ms), 7, true)), "others are answered");
    let spared = (1_000..2_000).take_while(|ms| apart.spares(at(*ms), 7, false)).count();
    assert!((8..64).contains(&spared), "{spared}");
    assert!(!apart.spares(at(3_000), 7, true) && !apart.condemn(at(3_000), 7));
}

fn fail(breaker: &mut Breaker, ms: u64, dice: &mut Dice) {
    let verdict = Verdict::Failure { class: FaultClass::ServerError, retry_after_ms: None };
    breaker.judge(at(ms), false, verdict, dice);
}

#[test]
fn failures_that_are_taken_back_close_what_they_opened() {
    let mut dice = Dice::seeded(1);
    let mut breaker = Breaker::new(BreakerSettings::default());
    (0..3).for_each(|ms| fail(&mut breaker, ms, &mut dice));
    assert_eq!(breaker.state(at(3)), State::Open);
    let closed = breaker.withdraw(at(4), 3).unwrap();
    assert_eq!((closed.to, closed.why), (State::Closed, BreakerWhy::Withdrawn));
    assert_eq!(breaker.admit(at(4)), Gate::Admit);
    // Two of our own and one of another's: two more are needed now.
    (5..8).for_each(|ms| fail(&mut breaker, ms, &mut dice));
    breaker.judge(at(9), false, Verdict::Success, &mut dice);
    let mut breaker = Breaker::new(BreakerSettings::default());
    breaker.judge(at(0), false, Verdict::Success, &mut dice);
    (1..3).for_each(|ms| fail(&mut breaker, ms, &mut dice));
    assert_eq!(breaker.withdraw(at(3), 2), None, "it had not opened");
    (4..6).for_each(|ms| fail(&mut breaker, ms, &mut dice));
    assert_eq!(breaker.state(at(6)), State::Closed, "the streak began anew");
    fail(&mut breaker, 6, &mut dice);
    assert_eq!(breaker.state(at(7)), State::Open);
}

#[test]
fn nothing_is_taken_back_where_others_fail_and_nobody_is_answered() {
    let mut dice = Dice::seeded(1);
    let mut breaker = Breaker::new(BreakerSettings::default());
    (0..4).for_each(|ms| fail(&mut breaker, ms, &mut dice));
    assert_eq!(breaker.withdraw(at(5), 2), None);
    assert_eq!(breaker.state(at(5)), State::Open);
}

proptest! {
    /// It stays bounded, whatever comes.
    #[test]
    fn it_stays_small(calls in prop::collection::vec((0_u64..1_000, any::<u64>()), 0..600)) {
        let mut apart = Quarantine::default();
        let mut now = 0;
        for (later, fingerprint) in calls {
            now += later * 60;
            apart.condemn(at(now), fingerprint);
            prop_assert!(apart.len() <= 256);
        }
    }
}
