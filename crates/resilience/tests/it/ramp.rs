//! The ramp onto an alternate, and back.

use std::time::Duration;

use clock::{Dice, Tick};
use proptest::prelude::*;
use resilience::{Feel, Pace, Ramp};

/// Calls that went in each second, where `per_s` are wanted and every one of them feels `feel`.
fn flow(
    ramp: &mut Ramp,
    from_s: u64,
    seconds: u64,
    per_s: u64,
    feel: impl Fn(u64) -> Feel,
) -> Vec<u64> {
    let mut went = Vec::new();
    for second in from_s..from_s + seconds {
        let mut count = 0;
        for at in 0..per_s {
            let now = Tick::from_millis(second * 1000 + at * 1000 / per_s);
            if ramp.ask(now, 1.0) == Pace::Go {
                count += 1;
                ramp.felt(now, feel(second));
            }
        }
        went.push(count);
    }
    went
}

#[test]
fn a_spill_rises_from_a_small_start_and_doubles_at_most_every_thirty_seconds() {
    let mut ramp = Ramp::default();
    let went = flow(&mut ramp, 1_000, 300, 100, |_| Feel::Good);
    assert!(went[..29].iter().all(|count| *count <= 3), "{:?}", &went[..30]);
    for (second, count) in went.iter().enumerate() {
        let doublings = i32::try_from(second / 30).unwrap();
        let most = 2.0 * f64::from(2).powi(doublings) + 1.0;
        assert!(*count as f64 <= most, "{count} in second {second}");
    }
    assert!(went[299] >= 90, "it ends at the whole flow: {:?}", &went[280..]);
}

#[test]
fn a_busy_alternate_starts_with_a_tenth_of_what_it_is_used_to() {
    let mut ramp = Ramp::default();
    for call in 0..300 * 50 {
        ramp.own_call(Tick::from_millis(call * 20));
    }
    let went = flow(&mut ramp, 301, 20, 100, |_| Feel::Good);
    let total: u64 = went.iter().sum();
    assert!((90..=110).contains(&total), "five a second: {total}");
}

#[test]
fn stress_halves_it_and_slowness_holds_it() {
    let mut ramp = Ramp::default();
    flow(&mut ramp, 0, 200, 200, |_| Feel::Good);
    let before = ramp.rate_per_s().unwrap();
    ramp.felt(Tick::from_millis(200_000), Feel::Stressed);
    // A burst of refusals is one stress.
    ramp.felt(Tick::from_millis(200_010), Feel::Stressed);
    assert!((ramp.rate_per_s().unwrap() - before / 2.0).abs() < 1e-9);

    let mut slow = Ramp::default();
    flow(&mut slow, 0, 200, 200, |_| Feel::Slow);
    assert!(slow.rate_per_s().unwrap() <= 2.0);
}

#[test]
fn a_rate_that_nobody_needs_is_not_raised() {
    let mut ramp = Ramp::default();
    flow(&mut ramp, 0, 600, 1, |_| Feel::Good);
    assert!(ramp.rate_per_s().unwrap() <= 2.0);
}

#[test]
fn after_ten_idle_minutes_it_starts_anew() {
    let mut ramp = Ramp::default();
    flow(&mut ramp, 0, 200, 200, |_| Feel::Good);
    assert!(ramp.rate_per_s().unwrap() > 50.0);
    ramp.ask(Tick::from_millis(200_000 + 600_000), 1.0);
    assert!(ramp.rate_per_s().unwrap() <= 2.0);
}

/// The domino in a nutshell: an alternate with an acceleration limit (one and a half times the
/// calls of its last minute, and one) falls when the flow jumps, and stands when it is paced.
#[test]
fn an_acceleration_limit_is_not_tripped() {
    let refusals = |paced: bool| {
        let mut ramp = Ramp::default();
        let mut last_minute: Vec<u64> = Vec::new();
        let mut refused = 0_u64;
        let mut dice = Dice::seeded(4);
        for at in 0..600 * 12 {
            let now_ms = at * 1000 / 12 + dice.below(40);
            let now = Tick::from_millis(now_ms);
            if paced && ramp.ask(now, 1.0) != Pace::Go {
                continue;
            }
            last_minute.retain(|call| call + 60_000 > now_ms);
            let in_second = last_minute.iter().filter(|call| **call + 1_000 > now_ms).count();
            let allowed = 1.5 * last_minute.len() as f64 / 60.0 + 2.0;
            let stressed = in_second as f64 >= allowed;
            refused += u64::from(stressed);
            if !stressed {
                last_minute.push(now_ms);
            }
            ramp.felt(now, if stressed { Feel::Stressed } else { Feel::Good });
        }
        refused
    };
    let (naive, paced) = (refusals(false), refusals(true));
    assert!(naive > 20 * paced.max(1), "naive {naive}, paced {paced}");
}

proptest! {
    /// However calls and answers come, the rate at most doubles within thirty seconds, stress never
    /// raises it, and it never falls so low that nothing goes through any more.
    #[test]
    fn the_rate_rises_slowly_and_never_dies(
        steps in prop::collection::vec((0_u64..300, 0_u16..1_000), 1..2_000),
    ) {
        let mut ramp = Ramp::default();
        let mut now = Tick::from_millis(1);
        let mut rates: Vec<(Tick, f64)> = Vec::new();
        for (pause, feel) in steps {
            now = now + Duration::from_millis(pause);
            let before = ramp.rate_per_s();
            ramp.ask(now, 1.0);
            match feel {
                0 => ramp.felt(now, Feel::Stressed),
                1..=9 => ramp.felt(now, Feel::Slow),
                10..=800 => ramp.felt(now, Feel::Good),
                _ => {}
            }
            let rate = ramp.rate_per_s().unwrap();
            prop_assert!(rate >= 0.5, "{rate}");
            prop_assert!(feel != 0 || before.is_none_or(|before| rate <= before * 2.0));
            rates.push((now, rate));
            rates.retain(|(at, _)| now.since(*at) < Duration::from_secs(30));
            let least = rates.iter().map(|(_, rate)| *rate).fold(f64::INFINITY, f64::min);
            prop_assert!(rate <= least * 2.0 + 1e-9, "{least} to {rate} within thirty seconds");
        }
    }

    /// Never more than its rate and a second's burst, and never stuck: whoever waits as told goes.
    #[test]
    fn a_wait_is_honest(pauses in prop::collection::vec(0_u64..3_000, 1..200)) {
        let mut ramp = Ramp::default();
        let mut now = Tick::from_millis(1);
        for pause in pauses {
            now = now + Duration::from_millis(pause);
            if let Pace::Wait { until } = ramp.ask(now, 1.0) {
                prop_assert!(until > now);
                now = until + Duration::from_millis(2);
                prop_assert_eq!(ramp.ask(now, 1.0), Pace::Go);
            }
        }
    }
}

#[test]
fn a_share_of_the_ramp_is_that_share_of_its_calls() {
    let went = |share: f64| {
        let mut ramp = Ramp::default();
        let calls = (0..60_000).filter(|at| {
            let now = Tick::from_millis(1_000_000 + at);
            let goes = ramp.ask(now, share) == Pace::Go;
            if goes {
                ramp.felt(now, Feel::Good);
            }
            goes
        });
        calls.count() as f64
    };
    let (all, half) = (went(1.0), went(0.5));
    assert!((0.45..=0.55).contains(&(half / all)), "{half} of {all}");
}
