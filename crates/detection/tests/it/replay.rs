//! The same evidence in the same order gives the same verdicts.

use std::sync::Arc;

use clock::UnixMs;
use detection::{
    Capability, Condition, Court, Drift, Evidence, Fact, Family, Faults, FirstWords, Freshness,
    Keeper, KeeperSettings, PageReading, ProbeResult, Refusals, Reports, Settings, Symptom,
    Traffic, Verdict,
};
use proptest::prelude::*;

use crate::world::{component, id, moment};

const NAMES: [&str; 3] = ["openai/chat", "openai/app", "claude/chat"];

fn court() -> Court {
    let components = [
        component("openai", Capability::Chat),
        component("openai", Capability::App),
        component("claude", Capability::Chat),
    ];
    Court::new(components.to_vec(), Settings::default())
}

fn traffic() -> impl Strategy<Value = Traffic> {
    let faults = (0..40_u32, 0..40_u32, 0..9_u32);
    (0..60_000_u32, 0..60_u32, faults, 0..5_u16, 1..9000_u32).prop_map(
        |(span_ms, good, (overload, server_errors, timeouts), refused, median_ms)| Traffic {
            span_ms,
            good,
            faults: Faults { overload, server_errors, timeouts, ..Faults::default() },
            refusals: Refusals { count: u32::from(refused), refused, asking: 4 },
            caller_faults: 3,
            callers_failed: refused,
            first_words: Some(FirstWords { answers: good, median_ms }),
        },
    )
}

fn fact() -> impl Strategy<Value = Fact> {
    let of = (0..NAMES.len()).prop_map(|place| id(NAMES[place]));
    let probe = prop_oneof![
        Just(ProbeResult::Right),
        Just(ProbeResult::Wrong),
        Just(ProbeResult::Slow),
        Just(ProbeResult::Failed(Symptom::Timeouts)),
        Just(ProbeResult::OwnAccount),
    ];
    let freshness =
        prop_oneof![Just(Freshness::Fresh), Just(Freshness::Stale), Just(Freshness::Broken)];
    let page = (freshness, 0..Condition::ALL.len()).prop_map(|(freshness, place)| PageReading {
        freshness,
        condition: Condition::ALL[place],
        posted_at: None,
        symptom: None,
    });
    prop_oneof![
        4 => (of.clone(), traffic())
            .prop_map(|(component, traffic)| Fact::Traffic { component, traffic }),
        2 => (of.clone(), probe).prop_map(|(component, result)| Fact::Probe { component, result }),
        1 => (of.clone(), 0..30_u32).prop_map(|(component, errors)| {
            Fact::Reports { component, reports: Reports { errors, ..Reports::default() } }
        }),
        1 => (of.clone(), page).prop_map(|(component, page)| Fact::Page { component, page }),
        1 => (of, any::<bool>()).prop_map(|(component, is_on)| {
            Fact::Drift { component, drift: Drift::Shape, is_on }
        }),
        1 => (0..3_u8, any::<bool>()).prop_map(|(host, is_reached)| {
            Fact::Canary { host: host.to_string().into(), is_reached }
        }),
        1 => any::<bool>().prop_map(|is_on| Fact::Attack { is_on }),
    ]
}

/// A step and how long after the one before; some judge, some tell.
fn story() -> impl Strategy<Value = Vec<(u64, Option<Fact>)>> {
    let gap = prop_oneof![8 => 0..3000_u64, 2 => 0..120_000_u64, 1 => 0..4_000_000_u64];
    prop::collection::vec((gap, prop::option::weighted(0.7, fact())), 1..120)
}

fn play(court: &mut Court, now: &mut UnixMs, story: &[(u64, Option<Fact>)]) -> Vec<Arc<Verdict>> {
    let mut verdicts = Vec::new();
    for (gap, fact) in story {
        *now = now.plus_ms(*gap);
        match fact {
            Some(fact) => court.take(&Evidence { at: *now, fact: fact.clone() }),
            None => verdicts.extend(court.judge(*now)),
        }
    }
    verdicts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_verdict_is_drawn_again_from_its_evidence(story in story(), cut in 0..120_usize) {
        let start = moment(2026, 3, 4, 12, 0);
        let first = play(&mut court(), &mut start.clone(), &story);
        prop_assert_eq!(&first, &play(&mut court(), &mut start.clone(), &story));

        // Also from a court that was set aside in the middle.
        let cut = cut.min(story.len());
        let mut now = start;
        let mut court = court();
        let mut pieces = play(&mut court, &mut now, &story[..cut]);
        let mut kept = court.clone();
        pieces.extend(play(&mut kept, &mut now, &story[cut..]));
        prop_assert_eq!(first, pieces);
    }

    #[test]
    fn incidents_keep_their_order(story in story()) {
        let components = [
            component("openai", Capability::Chat),
            component("openai", Capability::App),
            component("claude", Capability::Chat),
        ];
        let told = || {
            let mut now = moment(2026, 3, 4, 12, 0);
            let mut court = court();
            let dice = clock::Dice::seeded(9);
            let mut keeper = Keeper::new(components.to_vec(), KeeperSettings::default(), dice);
            let mut changes = Vec::new();
            for step in &story {
                let verdicts = play(&mut court, &mut now, std::slice::from_ref(step));
                if !verdicts.is_empty() {
                    changes.extend(keeper.hear(now, &verdicts));
                }
                for provider in ["openai", "claude"] {
                    let open = keeper.open().filter(|of| of.components[0].as_str().starts_with(provider));
                    assert!(open.count() <= 1, "siblings are one incident");
                }
            }
            changes
        };
        let changes = told();
        prop_assert_eq!(&changes, &told());
        for change in &changes {
            let incident = &change.incident;
            prop_assert!(incident.updates.is_sorted_by_key(|update| update.at));
            prop_assert!(incident.opened_at >= incident.started_at);
            prop_assert!(incident.resolved_at.is_none_or(|at| at >= incident.started_at));
            prop_assert_eq!(incident.resolved_at.is_some(), incident.phase.is_over());
            prop_assert_eq!(incident.lights.each_ref().map(|light| light.family), Family::LIGHTS);
            prop_assert!(!incident.title.is_empty() && incident.updates.len() <= 102);
        }
    }

    #[test]
    fn beliefs_are_probabilities_and_verdicts_have_reasons(story in story()) {
        let mut now = moment(2026, 3, 4, 12, 0);
        for verdict in play(&mut court(), &mut now, &story) {
            let belief = verdict.belief;
            let sum = belief.ok + belief.degraded + belief.down;
            prop_assert!((sum - 1.0).abs() < 1e-9, "{:?}", belief);
            prop_assert!(belief.ok >= 0.0 && belief.degraded >= 0.0 && belief.down >= 0.0);
            prop_assert!((0.0..=1.0).contains(&verdict.cause.confidence));
            prop_assert_eq!(verdict.readings.len(), 5);
            prop_assert!(verdict.readings.iter().all(|reading| !reading.why.is_empty()));
            prop_assert!(!verdict.why.is_empty() && !verdict.cause.why.is_empty());
            prop_assert!(verdict.since <= verdict.at);
        }
    }
}
