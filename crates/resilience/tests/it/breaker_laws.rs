//! What holds for a breaker whatever happens to it.

use std::time::Duration;

use clock::{Dice, Tick};
use domain::FaultClass;
use proptest::prelude::*;
use resilience::{
    Breaker, BreakerSettings, BreakerWhy, Gate, PROBE_MS_MAX, STICKY_MS_MAX, State, Verdict,
};

use crate::CLASSES;

#[derive(Debug, Clone)]
enum Step {
    Wait {
        ms: u64,
    },
    Ask,
    /// Judges the attempt under way that `pick` falls on.
    Judge {
        pick: usize,
        verdict: Verdict,
    },
    Release {
        pick: usize,
    },
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    let failure = (prop::sample::select(&CLASSES[..]), prop::option::of(0_u64..20_000));
    prop_oneof![
        2 => Just(Verdict::Success),
        1 => Just(Verdict::Neutral),
        5 => failure.prop_map(|(class, retry_after_ms)| {
            Verdict::Failure { class, retry_after_ms }
        }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0_u64..9_000).prop_map(|ms| Step::Wait { ms }),
        4 => Just(Step::Ask),
        4 => (any::<usize>(), verdicts()).prop_map(|(pick, verdict)| Step::Judge { pick, verdict }),
        1 => any::<usize>().prop_map(|pick| Step::Release { pick }),
    ];
    prop::collection::vec(step, 1..300)
}

/// An attempt under way.
#[derive(Clone, Copy)]
struct UnderWay {
    probe: bool,
    began: Tick,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn laws_of_a_breaker(steps in steps(), seed: u64) {
        let mut breaker = Breaker::new(BreakerSettings::default());
        let mut dice = Dice::seeded(seed);
        let mut now = Tick::from_millis(1);
        let mut under_way: Vec<UnderWay> = Vec::new();
        let mut floor = Tick::default();
        let mut open = false;
        for step in steps {
            match step {
                Step::Wait { ms } => now = now + Duration::from_millis(ms),
                Step::Ask => {
                    prop_assert_eq!(breaker.peek(now), breaker.admit_copy(now));
                    match breaker.admit(now) {
                        Gate::Refuse { until, .. } => prop_assert!(until > now),
                        gate => {
                            let probe = gate == Gate::Probe;
                            prop_assert!(now >= floor, "admitted before the provider's date");
                            prop_assert_eq!(probe, open, "open: probes only; closed: none");
                            let claimed = |one: &UnderWay| {
                                one.probe && now.since(one.began) < Duration::from_millis(PROBE_MS_MAX)
                            };
                            prop_assert!(!probe || !under_way.iter().any(claimed), "two probes");
                            under_way.push(UnderWay { probe, began: now });
                        }
                    }
                }
                Step::Judge { pick, verdict } if !under_way.is_empty() => {
                    let one = under_way.swap_remove(pick % under_way.len());
                    if let Verdict::Failure { retry_after_ms: Some(ms), .. } = verdict {
                        floor = floor.max(now + Duration::from_millis(ms));
                    }
                    let told = breaker.judge(now, one.probe, verdict, &mut dice);
                    if let Some(told) = told {
                        prop_assert!(told.from != told.to);
                        let stands = breaker.state(now);
                        prop_assert_eq!(told.to == State::Open, matches!(stands, State::Open | State::HalfOpen));
                        if open && told.why == BreakerWhy::ProbeSucceeded {
                            prop_assert!(one.probe && verdict == Verdict::Success);
                        }
                        open = told.to == State::Open;
                    }
                }
                Step::Release { pick } if !under_way.is_empty() => {
                    breaker.release(under_way.swap_remove(pick % under_way.len()).probe);
                }
                Step::Judge { .. } | Step::Release { .. } => {}
            }
        }
        // Whatever is still under way is lost; the longest wait later somebody may try.
        now = now + Duration::from_millis(STICKY_MS_MAX * 11 / 10 + PROBE_MS_MAX);
        prop_assert!(!matches!(breaker.admit(now), Gate::Refuse { .. }), "locked for ever");
    }

    /// 429s that name no wait, and whatever is no fault of the route, never keep a call away.
    #[test]
    fn pacing_is_not_ill_health(
        steps in prop::collection::vec((0_u64..5_000, any::<bool>()), 1..300),
    ) {
        let mut breaker = Breaker::new(BreakerSettings::default());
        let mut now = Tick::default();
        for (wait_ms, limited) in steps {
            now = now + Duration::from_millis(wait_ms);
            prop_assert_eq!(breaker.admit(now), Gate::Admit);
            let verdict = if limited {
                Verdict::Failure { class: FaultClass::RateLimited, retry_after_ms: None }
            } else {
                Verdict::Neutral
            };
            prop_assert_eq!(breaker.judge(now, false, verdict, &mut Dice::seeded(0)), None);
        }
    }
}

/// Asks a copy, so that nothing is claimed.
trait AdmitCopy {
    fn admit_copy(&self, now: Tick) -> Gate;
}

impl AdmitCopy for Breaker {
    fn admit_copy(&self, now: Tick) -> Gate {
        self.clone().admit(now)
    }
}
