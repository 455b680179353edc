//! The pacer towards a provider that refuses what is too much.

use std::time::Duration;

use clock::{Dice, Tick};
use domain::{Allowance, Quantity};
use proptest::prelude::*;
use resilience::{PaceWhy, Paced, Pacer, Take};

const CALL: Take = Take { input_tokens: 100, output_tokens: 500 };

fn requests(limit: u64, remaining: u64, reset_ms: u64) -> Allowance {
    Allowance { quantity: Quantity::Requests, limit, remaining, reset_ms: Some(reset_ms) }
}

/// Twenty calls a second wanted, ten allowed, for ten minutes; the provider counts refused tries
/// too, over a sliding minute. Gives the calls that were answered and those that were refused.
fn sliding_minute(headers: bool) -> (u64, u64) {
    const LIMIT: usize = 600;
    let mut pacer = Pacer::default();
    let mut dice = Dice::seeded(3);
    let mut tries: std::collections::VecDeque<u64> = std::collections::VecDeque::new();
    let (mut answered, mut refused) = (0, 0);
    for at in 0..600 * 20 {
        let now_ms = at * 50;
        let now = Tick::from_millis(now_ms);
        if !matches!(pacer.ask(now, CALL, &mut dice), Paced::Go) {
            continue;
        }
        while tries.front().is_some_and(|call| call + 60_000 <= now_ms) {
            tries.pop_front();
        }
        let taken = tries.len();
        tries.push_back(now_ms);
        if taken < LIMIT {
            answered += 1;
            if headers {
                let left = LIMIT - taken - 1;
                let reset_ms = 60_000 * (taken as u64 + 1) / LIMIT as u64;
                pacer.told(now, &[requests(LIMIT as u64, left as u64, reset_ms)]);
            }
            pacer.answered(now, CALL, CALL);
        } else {
            refused += 1;
            pacer.refused(now, None);
        }
    }
    (answered, refused)
}

#[test]
fn headers_leave_nothing_to_refuse() {
    let (answered, refused) = sliding_minute(true);
    assert!(refused <= 6, "{refused} refused");
    assert!(answered >= 5_400, "{answered} of 6,000 that were possible");
}

#[test]
fn without_headers_a_rate_is_learned() {
    let (answered, refused) = sliding_minute(false);
    assert!(answered >= 4_200, "{answered} answered, {refused} refused");
    assert!(refused * 5 <= answered, "{answered} answered, {refused} refused");
}

#[test]
fn what_an_answer_did_not_use_comes_back() {
    let mut pacer = Pacer::default();
    let mut dice = Dice::seeded(1);
    let now = Tick::from_millis(1_000);
    let tokens =
        Allowance { quantity: Quantity::Tokens, limit: 1_000, remaining: 1_000, reset_ms: None };
    pacer.told(now, &[tokens]);
    assert_eq!(pacer.ask(now, CALL, &mut dice), Paced::Go);
    let why = match pacer.ask(now, CALL, &mut dice) {
        Paced::Wait { why, .. } => why,
        Paced::Go => panic!("600 of 980 are taken"),
    };
    assert_eq!(why, PaceWhy::Told(Quantity::Tokens));
    pacer.answered(now, CALL, Take { input_tokens: 100, output_tokens: 20 });
    assert_eq!(pacer.ask(now, CALL, &mut dice), Paced::Go);
}

#[test]
fn a_pause_that_was_asked_for_is_kept() {
    let mut pacer = Pacer::default();
    let mut dice = Dice::seeded(1);
    let now = Tick::from_millis(5_000);
    pacer.refused(now, Some(7_000));
    pacer.refused(now, Some(2_000));
    let until = now + Duration::from_millis(7_000);
    let why = PaceWhy::RetryAfter;
    assert_eq!(pacer.ask(now, CALL, &mut dice), Paced::Wait { until, why });
    assert_eq!(pacer.ask(until, CALL, &mut dice), Paced::Go);
}

#[test]
fn a_call_larger_than_the_limit_is_let_go_when_the_limit_is_full() {
    let mut pacer = Pacer::default();
    let mut dice = Dice::seeded(1);
    let now = Tick::from_millis(1);
    let tokens =
        Allowance { quantity: Quantity::Tokens, limit: 400, remaining: 400, reset_ms: Some(0) };
    pacer.told(now, &[tokens]);
    assert_eq!(pacer.ask(now, CALL, &mut dice), Paced::Go);
    assert!(matches!(pacer.ask(now, CALL, &mut dice), Paced::Wait { .. }));
}

proptest! {
    /// Within any minute no more calls go than the limit allows that was told before it, however
    /// they come and whatever was left then.
    #[test]
    fn a_limit_that_was_told_is_kept(
        limit in 1_u64..200,
        used in 0_u64..200,
        pauses in prop::collection::vec(0_u64..2_000, 1..400),
    ) {
        let mut pacer = Pacer::default();
        let mut dice = Dice::seeded(9);
        let mut now_ms = 60_000;
        let used = used.min(limit);
        pacer.told(Tick::from_millis(now_ms), &[requests(limit, limit - used, 0)]);
        let mut sent: Vec<u64> = Vec::new();
        for pause in pauses {
            now_ms += pause;
            if pacer.ask(Tick::from_millis(now_ms), CALL, &mut dice) == Paced::Go {
                sent.push(now_ms);
            }
            let in_minute = sent.iter().filter(|at| **at + 60_000 > now_ms).count() as u64;
            prop_assert!(in_minute <= limit, "{} of {} in a minute", in_minute, limit);
        }
        let first_second = sent.iter().filter(|at| **at < 61_000).count() as u64;
        prop_assert!(first_second <= (limit - used) + limit / 60 + 1, "others had used {}", used);
    }

    /// Additive increase, multiplicative decrease: a refusal never raises the pace, and what was
    /// learned from refusals is forgotten in the end.
    #[test]
    fn a_refusal_slows_down_and_is_forgiven(refusals in prop::collection::vec(0_u64..3_000, 1..20)) {
        let calls_in_next_minute = |pacer: &Pacer, from: Tick| {
            let (mut pacer, mut dice) = (pacer.clone(), Dice::seeded(3));
            let at = |tenth: u64| from + Duration::from_millis(tenth * 100);
            (0..600).filter(|tenth| pacer.ask(at(*tenth), CALL, &mut dice) == Paced::Go).count()
        };
        let mut pacer = Pacer::default();
        let mut dice = Dice::seeded(9);
        let mut now = Tick::from_millis(10_000);
        for _ in 0..300 {
            now = now + Duration::from_millis(100);
            pacer.ask(now, CALL, &mut dice);
        }
        for pause in refusals {
            now = now + Duration::from_millis(pause);
            let before = calls_in_next_minute(&pacer, now);
            pacer.refused(now, None);
            let after = calls_in_next_minute(&pacer, now);
            prop_assert!(after <= before, "{} then {}", before, after);
        }
        let later = now + Duration::from_secs(301);
        prop_assert_eq!(calls_in_next_minute(&pacer, later), 600);
    }

    /// Whoever waits as told gets through in the end, whatever was told before.
    #[test]
    fn nobody_waits_for_ever(
        told in prop::collection::vec((1_u64..10_000, 0_u64..10_000, 0_u64..100_000), 0..5),
        refusals in 0_u64..10,
    ) {
        let mut pacer = Pacer::default();
        let mut dice = Dice::seeded(9);
        let mut now = Tick::from_millis(10);
        for (limit, remaining, reset_ms) in told {
            pacer.told(now, &[requests(limit, remaining.min(limit), reset_ms)]);
        }
        for _ in 0..refusals {
            pacer.refused(now, None);
            now = now + Duration::from_secs(2);
        }
        for tries in 0.. {
            match pacer.ask(now, CALL, &mut dice) {
                Paced::Go => break,
                Paced::Wait { until, .. } => {
                    prop_assert!(until > now && until.since(now) <= Duration::from_secs(3_600));
                    now = until + Duration::from_millis(1);
                }
            }
            prop_assert!(tries < 20);
        }
    }
}

#[test]
fn calls_that_are_still_answered_are_no_refusals() {
    let mut pacer = Pacer::default();
    let mut dice = Dice::seeded(5);
    // A burst of long streams: none has ended yet.
    for call in 0..500 {
        let now = Tick::from_millis(call * 10);
        assert_eq!(pacer.ask(now, CALL, &mut dice), Paced::Go, "call {call}");
    }
}

#[test]
fn the_guard_holds_back_where_most_is_refused() {
    let mut pacer = Pacer::default();
    let mut dice = Dice::seeded(5);
    let (mut sent, mut guarded) = (0, 0);
    for call in 0..600_u64 {
        let now = Tick::from_millis(call * 100);
        match pacer.ask(now, CALL, &mut dice) {
            Paced::Go => {
                sent += 1;
                // A pause of no length, so that nothing else holds calls back.
                pacer.refused(now, Some(0));
            }
            Paced::Wait { why, .. } => {
                assert_eq!(why, PaceWhy::Guard);
                guarded += 1;
            }
        }
    }
    assert!(guarded > 400, "{guarded} of 600 held back, {sent} sent");
}

#[test]
fn a_call_that_was_never_sent_leaves_no_trace() {
    let mut pacer = Pacer::default();
    let mut dice = Dice::seeded(5);
    let now = Tick::from_millis(20_000);
    for _ in 0..100 {
        assert_eq!(pacer.ask(now, CALL, &mut dice), Paced::Go);
        pacer.give_back(now, CALL);
    }
    // The rate that a refusal teaches is that of calls which were sent: none, so the least.
    pacer.refused(now, None);
    let later = now + Duration::from_secs(1);
    assert!(matches!(pacer.ask(later, CALL, &mut dice), Paced::Wait { why: PaceWhy::Learned, .. }));
    // Whoever calls seldom waits little.
    let later = now + Duration::from_millis(1_300);
    assert_eq!(pacer.ask(later, CALL, &mut dice), Paced::Go);
}
