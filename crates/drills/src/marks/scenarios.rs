//! The sixteen scenarios of the public Failover Bench: limits, required checks, advisory checks.

use std::time::Duration;

use super::ask::Extra;
use super::checks::{Check, Course, Rescue, Run, Scenario, Spare, check};

/// How long after its recovery the primary of S15 may stay away.
pub(crate) const BACK_S_MAX: u64 = 30;

const ONCE: Course = Course::Row(&[Extra::None]);

fn scenario(id: &str, limit_s: u64, required: &[Check], advisory: &[Check]) -> Scenario {
    Scenario {
        id: id.to_owned(),
        limit_s,
        course: ONCE,
        rescue: Rescue::Whole,
        spare: Spare::Model("fb-ok"),
        required: required.to_vec(),
        advisory: advisory.to_vec(),
    }
}

pub(super) const PRIMARY_SIX: Check =
    check!("more than 6 attempts on the primary", |run| run.primary.len() <= 6);
pub(super) const PRIMARY_ONE: Check =
    check!("not exactly one attempt on the primary", |run| run.primary.len() == 1);
pub(super) const PRIMARY_AGAIN: Check =
    check!("the primary was not tried again", |run| run.primary.len() >= 2);
pub(super) const USAGE: Check = check!("no usage", |run| {
    run.answer().is_some_and(|answer| answer.output_tokens.is_some_and(|tokens| tokens > 0))
});
pub(super) const IN_PLACE: Check = check!("not in place", Run::is_in_place);
pub(super) const FIFTEEN_S: Check =
    check!("took over 15 s", |run| run.took() <= Duration::from_secs(15));
pub(super) const SPARE_USED: Check =
    check!("the fallback got no request", |run| !run.spare.is_empty());
pub(super) const NO_PREFILL: Check = check!("ended in the rejected prefill", |run| {
    run.answer().is_some_and(|answer| !answer.names_prefill())
});

const NAMES_SPARE: Check = check!("names another model than the one that answered", |run| {
    run.answer().is_some_and(|answer| answer.error.is_some() || answer.model.ends_with("fb-ok"))
});
const NAMES_FILTER: Check = check!("the filter's reason is lost", |run| {
    run.answer().is_some_and(super::read::Answer::names_filter)
});
const DONE: Check = check!("without the mark of the end", |run| {
    run.answer().is_some_and(|answer| answer.after_mark.is_some())
});

/// S01 to S16.
pub(crate) fn bench() -> Vec<Scenario> {
    let mut all = vec![
        scenario(
            "S01",
            30,
            &[check!("more than 2 attempts in 1.5 s", |run| {
                run.early(Duration::from_millis(1_500)) <= 2
            })],
            &[
                PRIMARY_AGAIN,
                check!("Retry-After not kept", |run| {
                    run.gap().is_some_and(|gap| gap >= Duration::from_millis(1_800))
                }),
            ],
        ),
        scenario(
            "S02",
            40,
            &[
                check!("more than 4 attempts in 3 s", |run| {
                    run.early(Duration::from_secs(3)) <= 4
                }),
                PRIMARY_SIX,
            ],
            &[],
        ),
        scenario("S03", 20, &[], &[PRIMARY_AGAIN]),
        scenario("S04", 40, &[PRIMARY_SIX], &[]),
        scenario("S05", 20, &[], &[]),
        scenario("S06", 100, &[], &[PRIMARY_ONE]),
        scenario(
            "S07",
            60,
            &[],
            &[FIFTEEN_S, check!("waited instead of failing over", |run| !run.spare.is_empty())],
        ),
        scenario("S08", 40, &[], &[]),
        scenario("S09", 45, &[], &[]),
        scenario("S10", 30, &[], &[IN_PLACE]),
        scenario("S11", 8, &[], &[USAGE, DONE, IN_PLACE]),
        scenario("S12", 30, &[PRIMARY_ONE], &[]),
        scenario(
            "S13",
            30,
            &[PRIMARY_ONE],
            &[
                check!("shopped around for another answer", |run| run.spare.is_empty()),
                NAMES_FILTER,
            ],
        ),
        scenario("S14", 40, &[NO_PREFILL], &[]),
        scenario(
            "S15",
            30,
            &[check!("not back on the primary 30 s after recovery", |run| {
                run.back.is_some_and(|back| back <= Duration::from_secs(BACK_S_MAX))
            })],
            &[],
        ),
        scenario("S16", 40, &[PRIMARY_SIX, NAMES_SPARE], &[USAGE]),
    ];
    for scenario in &mut all {
        match scenario.id.as_str() {
            "S13" => scenario.rescue = Rescue::Refusal,
            "S14" => scenario.spare = Spare::Model("fb-ok-noprefill"),
            "S15" => scenario.course = Course::Outage,
            _ => {}
        }
    }
    all
}
