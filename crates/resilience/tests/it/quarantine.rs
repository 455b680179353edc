//! A request that brings faults about by itself, and an outage that only looks like one.

use clock::{Dice, Tick};
use domain::FaultClass;
use proptest::prelude::*;
use resilience::{
    Breaker, BreakerSettings, BreakerWhy, Gate, QUARANTINE_MS_MAX, Quarantine, State, Tally,
    Verdict,
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

/// A rung that has answered and failed so often.
fn rung(answered: u64, failed: u64) -> Tally {
    Tally { answered, failed }
}

#[test]
fn one_rung_is_enough_where_others_are_answered_meanwhile() {
    let mut apart = Quarantine::default();
    let told: Vec<bool> =
        (0_u64..3).map(|n| apart.suspect(at(n * 100), 1, rung(50 + n * 2, 5 + n))).collect();
    assert_eq!(told, [false, false, true]);
    assert!(apart.spares(at(500), 1, true) && !apart.spares(at(500), 2, true));
}

#[test]
fn a_rung_that_answers_nobody_or_fails_others_too_tells_nothing_of_one_request() {
    // Between two of its failures: others that were answered, and failures with its own.
    for (answered, failed) in [(0, 1), (3, 3), (9, 2)] {
        let mut apart = Quarantine::default();
        let tally = |n: u64| rung(50 + n * answered, 5 + n * failed);
        let found = (0..20).any(|n| apart.suspect(at(n * 100), 1, tally(n)));
        assert!(!found, "{answered} {failed}");
    }
}

#[test]
fn one_that_was_answered_is_under_no_suspicion() {
    let mut apart = Quarantine::default();
    for n in 0_u64..20 {
        assert!(!apart.suspect(at(n * 1_000), 1, rung(n * 20, n + 1)));
        assert!(apart.watches());
        if n % 2 == 1 {
            apart.absolve(1);
            assert!(!apart.watches());
        }
    }
    assert!(apart.condemn(at(30_000), 1));
    apart.absolve(1);
    assert!(!apart.spares(at(30_001), 1, true));
}

#[test]
fn a_suspicion_ends_with_time() {
    let mut apart = Quarantine::default();
    assert!(!apart.suspect(at(0), 1, rung(0, 1)) && !apart.suspect(at(1), 1, rung(10, 2)));
    assert!(!apart.suspect(at(QUARANTINE_MS_MAX), 1, rung(90, 3)), "the former ones are forgotten");
}

proptest! {
    /// Whatever comes, whoever is found out on one rung has failed there at least three times, while
    /// three others were answered and at most a tenth as many failed.
    #[test]
    fn nobody_is_found_out_for_what_others_meet_too(
        steps in prop::collection::vec((0_u64..4, 0_u64..3, 0_u64..4), 1..60),
    ) {
        let mut apart = Quarantine::default();
        let (mut answered, mut failed) = (0, 0);
        let mut counts: std::collections::BTreeMap<u64, (u32, u64, u64)> = Default::default();
        for (now, (print, others_failed, others_answered)) in (0_u64..).zip(steps) {
            answered += others_answered;
            failed += others_failed + 1;
            let known = counts.entry(print).or_insert((0, answered, failed - 1));
            known.0 += 1;
            if apart.suspect(at(now), print, rung(answered, failed)) {
                let (own, answered_then, failed_then) = *known;
                let met = failed - failed_then - u64::from(own);
                prop_assert!(own >= 3 && answered - answered_then >= 3);
                prop_assert!(met * 10 <= answered - answered_then);
            }
        }
    }

    /// It stays bounded, whatever comes.
    #[test]
    fn it_stays_small(calls in prop::collection::vec((0_u64..1_000, any::<u64>()), 0..600)) {
        let mut apart = Quarantine::default();
        let mut now = 0;
        for (later, fingerprint) in calls {
            now += later * 60;
            apart.condemn(at(now), fingerprint);
            apart.suspect(at(now), fingerprint.rotate_left(7), Tally::default());
            prop_assert!(apart.len() <= 256);
        }
    }
}
