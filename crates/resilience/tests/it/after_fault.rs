//! What a request does after a failed attempt.

use std::time::Duration;

use clock::Dice;
use domain::{Fault, FaultClass, Retry};
use proptest::prelude::*;
use resilience::{AfterFault, Decision, FailoverSettings, HedgeSettings, Next, after_fault};

use crate::CLASSES;

const SETTINGS: FailoverSettings = FailoverSettings {
    attempts_max: 3,
    retry_budget_ratio: 0.1,
    pause_ms_min: 250,
    pause_ms_max: 5_000,
    takeover: true,
    hold_tool_calls: false,
    hedge: HedgeSettings {
        enabled: false,
        after_ms_min: 500,
        input_tokens_max: 4_000,
        output_tokens_max: 4_000,
        tools: false,
    },
};

/// The first attempt failed; there is another rung, no other key, and much time.
fn facts(fault: &Fault) -> AfterFault<'_> {
    AfterFault {
        fault,
        tries_on_rung: 1,
        tries: 1,
        other_key: false,
        other_rung: true,
        time_left: Duration::from_secs(600),
        settings: &SETTINGS,
    }
}

fn decide(facts: &AfterFault<'_>) -> Decision {
    after_fault(facts, &mut Dice::seeded(5))
}

fn fault(class: FaultClass, retry_after_ms: Option<u64>) -> Fault {
    Fault { retry_after_ms, ..Fault::new(class, "as told") }
}

#[test]
fn quota_and_key_faults_go_to_another_key_at_once() {
    for class in [FaultClass::RateLimited, FaultClass::QuotaExhausted, FaultClass::KeyRejected] {
        let fault = fault(class, Some(1_000));
        let with_key = AfterFault { other_key: true, ..facts(&fault) };
        assert_eq!(decide(&with_key).next, Next::NextKey, "{class}");
        let last = AfterFault { tries: 2, tries_on_rung: 2, ..with_key };
        assert_eq!(decide(&last).next, Next::NextRung, "the last try is the other rung's");
        let only = AfterFault { other_rung: false, ..last };
        assert_eq!(decide(&only).next, Next::NextKey, "{class}");
    }
    let down = fault(FaultClass::ServerError, None);
    let decision = decide(&AfterFault { other_key: true, ..facts(&down) });
    assert!(matches!(decision.next, Next::SameRung { .. }), "another key mends no server");
}

#[test]
fn a_wait_that_is_too_long_is_not_sat_out() {
    let limited = fault(FaultClass::RateLimited, Some(5_001));
    let decision = decide(&facts(&limited));
    assert_eq!(decision, Decision { next: Next::NextRung, why: "retry-after too long" });
    let only = AfterFault { other_rung: false, ..facts(&limited) };
    assert_eq!(decide(&only), Decision { next: Next::Stop, why: "retry-after too long" });
    let bearable = fault(FaultClass::RateLimited, Some(5_000));
    let pause = Duration::from_secs(5);
    assert_eq!(decide(&facts(&bearable)).next, Next::SameRung { pause });
    let hurried = AfterFault { time_left: pause, other_rung: false, ..facts(&bearable) };
    assert_eq!(decide(&hurried), Decision { next: Next::Stop, why: "no time for the pause" });
}

#[test]
fn an_overloaded_provider_is_left_alone_as_long_as_it_asks_if_another_can_serve() {
    let overloaded = fault(FaultClass::Overloaded, Some(1_000));
    assert_eq!(decide(&facts(&overloaded)).next, Next::NextRung);
    let only = AfterFault { other_rung: false, ..facts(&overloaded) };
    let Next::SameRung { pause } = decide(&only).next else { panic!("{:?}", decide(&only)) };
    assert!(pause >= Duration::from_secs(1), "{pause:?}");
}

#[test]
fn a_429_without_a_wait_is_tried_again_only_where_there_is_no_other_rung() {
    let limited = fault(FaultClass::RateLimited, None);
    assert_eq!(decide(&facts(&limited)).next, Next::NextRung);
    let only = AfterFault { other_rung: false, ..facts(&limited) };
    assert!(matches!(decide(&only).next, Next::SameRung { .. }));
}

#[test]
fn a_rung_is_repeated_once_if_there_is_another_however_many_tries_are_left() {
    let down = fault(FaultClass::ServerError, None);
    let settings = FailoverSettings { attempts_max: 20, ..SETTINGS };
    let once = AfterFault { settings: &settings, ..facts(&down) };
    assert!(matches!(decide(&once).next, Next::SameRung { .. }));
    let twice = AfterFault { tries_on_rung: 2, tries: 2, ..once };
    assert_eq!(decide(&twice).next, Next::NextRung);
}

#[test]
fn pauses_have_full_jitter_and_double() {
    let down = fault(FaultClass::ServerError, None);
    let settings = FailoverSettings { attempts_max: 20, ..SETTINGS };
    let mut dice = Dice::seeded(8);
    for (tries, longest_ms) in [(1, 250), (2, 500), (3, 1_000), (5, 4_000), (6, 5_000), (19, 5_000)]
    {
        let facts = AfterFault {
            tries,
            tries_on_rung: tries,
            other_rung: false,
            settings: &settings,
            ..facts(&down)
        };
        let mut pauses: Vec<u128> = (0..2_000)
            .map(|_| match after_fault(&facts, &mut dice).next {
                Next::SameRung { pause } => pause.as_millis(),
                next => panic!("{next:?}"),
            })
            .collect();
        pauses.sort_unstable();
        let (least, most, middle) = (pauses[0], pauses[1_999], pauses[1_000]);
        assert!(most <= longest_ms && most > longest_ms * 98 / 100, "{most} of {longest_ms}");
        assert!(least < longest_ms / 50, "{least} of {longest_ms}");
        assert!((longest_ms * 2 / 5..longest_ms * 3 / 5).contains(&middle), "{middle}");
    }
}

#[test]
fn those_who_were_told_the_same_wait_come_back_spread() {
    let limited = fault(FaultClass::RateLimited, Some(2_000));
    let mut dice = Dice::seeded(8);
    let mut pauses = std::collections::BTreeSet::new();
    for _ in 0..1_000 {
        let Next::SameRung { pause } = after_fault(&facts(&limited), &mut dice).next else {
            panic!("a short wait is sat out")
        };
        assert!((2_000..=2_200).contains(&pause.as_millis()), "{pause:?}");
        pauses.insert(pause);
    }
    assert!(pauses.len() > 150, "{}", pauses.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn laws_of_going_on(
        class in 0..CLASSES.len(),
        retry_after_ms in prop::option::of(0_u64..20_000),
        counts in (1_u32..6, 1_u32..6, 1_u32..8),
        others: (bool, bool),
        time_left_ms in 0_u64..20_000,
        seed: u64,
    ) {
        let class = CLASSES[class];
        let fault = fault(class, retry_after_ms);
        let (on_rung, elsewhere, attempts_max) = counts;
        let (other_key, other_rung) = others;
        let settings = FailoverSettings { attempts_max, ..SETTINGS };
        let facts = AfterFault {
            fault: &fault,
            tries_on_rung: on_rung,
            tries: on_rung + elsewhere - 1,
            other_key,
            other_rung,
            time_left: Duration::from_millis(time_left_ms),
            settings: &settings,
        };
        let decision = after_fault(&facts, &mut Dice::seeded(seed));
        let stops = decision.next == Next::Stop;
        if facts.tries >= attempts_max || class.retry() == Retry::Never || time_left_ms == 0 {
            prop_assert!(stops, "{decision:?}");
        } else if other_rung {
            prop_assert!(!stops, "another rung is never left unasked: {decision:?}");
        }
        match decision.next {
            Next::SameRung { pause } => {
                prop_assert_eq!(class.retry(), Retry::SameAfterPause);
                prop_assert!(pause < facts.time_left);
                prop_assert!(pause <= Duration::from_millis(settings.pause_ms_max));
                prop_assert!(pause >= Duration::from_millis(retry_after_ms.unwrap_or(0)));
                if other_rung {
                    prop_assert!(on_rung == 1, "one more try on a rung");
                    prop_assert!(facts.tries + 1 < attempts_max, "the last try is another rung's");
                }
            }
            Next::NextKey => prop_assert!(other_key),
            Next::NextRung => prop_assert!(other_rung),
            Next::Stop => {}
        }
        prop_assert!(decision.why.is_ascii() && !decision.why.is_empty());
    }
}
