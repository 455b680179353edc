//! When a late first token is late enough.

use std::time::Duration;

use resilience::{HEDGE_TOKENS_MAX, HedgeClock};

#[test]
fn late_is_what_nineteen_of_twenty_are_not() {
    let mut clock = HedgeClock::default();
    for ms in 1..=39 {
        clock.first_token(Duration::from_millis(ms * 10));
    }
    assert_eq!(clock.hedge_after(100), None, "too little is known");
    for ms in 40..=200 {
        clock.first_token(Duration::from_millis(ms * 10));
    }
    let after = clock.hedge_after(100).unwrap();
    assert!((1_800..=2_000).contains(&after.as_millis()), "{after:?}");
    assert_eq!(clock.hedge_after(HEDGE_TOKENS_MAX + 1), None, "too dear to be made twice");
}

#[test]
fn old_times_are_forgotten() {
    let mut clock = HedgeClock::default();
    for _ in 0..300 {
        clock.first_token(Duration::from_secs(9));
    }
    for _ in 0..300 {
        clock.first_token(Duration::from_millis(100));
    }
    assert_eq!(clock.hedge_after(1), Some(Duration::from_millis(100)));
}
