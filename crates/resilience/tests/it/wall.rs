//! The wall's faults as far as this room decides them: how often the primary is tried, when, and
//! who answers.

use std::time::Duration;

use clock::Tick;
use domain::FaultClass;

use crate::bench::{Bench, Course, Served, fault_after, well};

const SEEDS: u64 = 300;

/// One request against a primary that always fails alike.
fn against(seed: u64, class: FaultClass, after_ms: u64) -> Course {
    Bench::new(seed).request(|_| fault_after(after_ms, class))
}

/// One request against a primary that fails once.
fn against_one(seed: u64, class: FaultClass) -> Course {
    let mut first = true;
    Bench::new(seed)
        .request(|_| if std::mem::take(&mut first) { fault_after(5, class) } else { well() })
}

#[test]
fn s01_a_429_with_a_short_wait_is_sat_out_on_the_primary() {
    for seed in 0..SEEDS {
        let mut first = true;
        let course = Bench::new(seed).request(|_| {
            if !std::mem::take(&mut first) {
                return well();
            }
            let (took, fault) = fault_after(5, FaultClass::RateLimited);
            let fault = fault.map_err(|mut fault| {
                fault.retry_after_ms = Some(2_000);
                fault
            });
            (took, fault)
        });
        assert_eq!(course.served, Served::Primary, "{course:?}");
        assert_eq!(course.primary_at.len(), 2);
        let gap = course.primary_at[1].since(course.primary_at[0]);
        assert!(
            gap >= Duration::from_millis(2_005) && gap < Duration::from_millis(2_300),
            "{gap:?}"
        );
    }
}

#[test]
fn s02_a_persistent_429_without_a_wait_goes_to_the_next_rung_at_once() {
    let course = against(1, FaultClass::RateLimited, 5);
    assert_eq!((course.served, course.primary_at.len()), (Served::Second, 1), "{course:?}");
}

#[test]
fn s03_s05_one_hard_fault_is_tried_again_on_the_primary() {
    for seed in 0..SEEDS {
        for class in [FaultClass::ServerError, FaultClass::Reset] {
            let course = against_one(seed, class);
            assert_eq!(
                (course.served, course.primary_at.len()),
                (Served::Primary, 2),
                "{course:?}"
            );
            assert!(course.ended.since(course.primary_at[0]) < Duration::from_millis(300));
        }
    }
}

#[test]
fn s04_s16_a_persistent_503_is_tried_twice_and_then_elsewhere() {
    for seed in 0..SEEDS {
        let course = against(seed, FaultClass::Overloaded, 5);
        assert_eq!((course.served, course.primary_at.len()), (Served::Second, 2), "{course:?}");
    }
}

#[test]
fn s06_s07_s12_are_tried_once_and_then_elsewhere() {
    for class in [FaultClass::Silent, FaultClass::SlowFirstToken, FaultClass::ContextLength] {
        let course = against(1, class, 10_000);
        assert_eq!((course.served, course.primary_at.len()), (Served::Second, 1), "{course:?}");
    }
}

#[test]
fn s13_a_content_filter_is_not_shopped_around() {
    let course = against(1, FaultClass::ContentFilter, 5);
    assert_eq!((course.served, course.tries), (Served::Nobody, 1), "{course:?}");
}

#[test]
fn a_bench_that_sends_one_request_at_a_time_may_use_all_tries_and_is_always_served() {
    let mut bench = Bench::new(1);
    bench.breaker = resilience::Breaker::new(resilience::BreakerSettings {
        streak_max: u32::MAX,
        ratio_max: 2.0,
        ..Default::default()
    });
    for n in 0..50 {
        let course = bench.request(|_| fault_after(5, FaultClass::Overloaded));
        assert_eq!(course.served, Served::Second, "request {n}: {course:?}");
        assert!(n >= 5 || course.tries == 3, "request {n}: {course:?}");
    }
}

/// Sends a request every `every_ms` at a primary that is down for `down_ms`, then
/// goes on until the primary serves again. Returns when it did, counted from its recovery, and how
/// often it was tried while it was down.
fn flap(seed: u64, down_ms: u64, every_ms: u64, fault_ms: u64) -> (Duration, usize) {
    let mut bench = Bench::new(seed);
    let start = bench.now;
    let recovery = start + Duration::from_millis(down_ms);
    let mut tries_while_down = 0;
    for n in 0_u64.. {
        bench.now = bench.now.max(start + Duration::from_millis(n * every_ms));
        let course = bench.request(|now: Tick| {
            if now < recovery { fault_after(fault_ms, FaultClass::Overloaded) } else { well() }
        });
        assert_ne!(course.served, Served::Nobody, "request {n}: {course:?}");
        tries_while_down += course.primary_at.iter().filter(|at| **at < recovery).count();
        if course.served == Served::Primary {
            return (course.ended.since(recovery), tries_while_down);
        }
        assert!(n < 10_000, "the primary is never used again");
    }
    unreachable!("the loop ends by returning")
}

#[test]
fn s15_the_primary_is_used_again_within_30_s_of_its_recovery() {
    for seed in 0..SEEDS {
        // The wall's full and fast timing, a long outage, a busy gateway, a slow fault.
        let cases = [
            (60_000, 4_000, 5),
            (6_000, 1_200, 5),
            (600_000, 4_000, 5),
            (60_000, 50, 5),
            (60_000, 4_000, 1_000),
        ];
        for (down_ms, every_ms, fault_ms) in cases {
            let (back_after, tries) = flap(seed, down_ms, every_ms, fault_ms);
            let case = format!("down {down_ms} ms, every {every_ms} ms, seed {seed}");
            assert!(back_after <= Duration::from_secs(30), "{case}: back after {back_after:?}");
            // Three to open it, then one probe for each cool-down.
            let probes_max = 3 + usize::try_from(down_ms / 18_000).unwrap();
            assert!(tries <= 3 + probes_max, "{case}: {tries} tries while down");
        }
    }
}

#[test]
fn a_single_rung_gets_all_tries_with_growing_pauses() {
    for seed in 0..SEEDS {
        let mut bench = Bench::new(seed);
        bench.second_rung = false;
        let course = bench.request(|_| fault_after(5, FaultClass::ServerError));
        assert_eq!((course.served, course.primary_at.len()), (Served::Nobody, 3), "{course:?}");
        assert_eq!(course.whys.last(), Some(&"attempts used up"));
    }
}
