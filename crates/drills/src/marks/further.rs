//! How the faults beyond S16 are scored: the whole text, or the clear error that the fault calls
//! correct, and what the wall's ledger must show beside it.

use std::time::Duration;

use super::super::wall::{Plot, further_faults};
use super::ask::Extra;
use super::checks::{Check, Course, Rescue, Scenario, Spare, check};
use super::scenarios::{
    FIFTEEN_S, IN_PLACE, NO_PREFILL, PRIMARY_AGAIN, PRIMARY_ONE, PRIMARY_SIX, SPARE_USED,
};

/// For each request.
const LIMIT_S: u64 = 60;

const SOON: Check = check!("took over 5 s", |run| run.took() <= Duration::from_secs(5));
const PACED: Check = check!("asked again before the wait was over", |run| {
    run.gap().is_none_or(|gap| gap >= Duration::from_millis(1_800))
});
const RARELY: Check = check!("the primary was asked for nearly every request", |run| {
    run.primary.len() * 3 <= run.asked.len() * 2
});
const KEY_RARELY: Check = check!("the expired key was used for each request", |run| {
    run.primary.iter().filter(|told| told.status != Some(200)).count() <= 2
});
const BACK: Check = check!("the primary did not come back", |run| run.served() >= 1);
const TWICE_SERVED: Check =
    check!("the primary was shut out for the caller's fault", |run| { run.served() >= 2 });
const LEFT: Check = check!("the call did not end with the caller's leaving", |run| run.is_left());
const BEGUN: Check = check!("the caller saw nothing while the model thought", |run| {
    run.answer().and_then(|answer| answer.head_at).is_some_and(|at| at < run.thinking / 2)
});
const RETRY_AFTER: Check = check!("no Retry-After of 60 s at most", |run| {
    run.answer().and_then(|answer| answer.retry_after_s).is_some_and(|wait| wait <= 60)
});
const NOTHING_AFTER: Check = check!("told what came after the mark of the end", |run| {
    run.answer().is_some_and(|answer| answer.after_mark.unwrap_or_default() == 0)
});
const PLAIN: Course = Course::Row(&[Extra::None]);

/// Every fault beyond S16 as a scenario.
pub(crate) fn further() -> Vec<Scenario> {
    further_faults().map(|(id, plot)| scenario(id, plot)).collect()
}

fn scenario(id: &str, plot: Plot) -> Scenario {
    let takeover = plot.is_of_takeover();
    let spare = match plot {
        Plot::CutCall | Plot::StallCall => Spare::Model("fb-ok-tools"),
        Plot::CutJson => Spare::Model("fb-ok-json"),
        Plot::Down | Plot::Poison | Plot::SealedElsewhere => Spare::Twin,
        _ if takeover => Spare::Twin,
        _ => Spare::Model("fb-ok"),
    };
    let course = course(plot);
    let mut required = Vec::new();
    if matches!(course, Course::Row([_])) {
        required.push(PRIMARY_SIX);
    }
    if plot == Plot::RefusesPrefill {
        required.push(NO_PREFILL);
    }
    if plot == Plot::Left {
        required.push(LEFT);
    }
    Scenario {
        id: id.trim_start_matches("fb-").to_ascii_uppercase(),
        limit_s: LIMIT_S,
        course,
        rescue: rescue(plot),
        spare,
        required,
        advisory: advisory(plot).to_vec(),
    }
}

fn course(plot: Plot) -> Course {
    match plot {
        Plot::Accelerated => Course::Burst,
        Plot::Left => Course::Leave,
        Plot::Straight | Plot::Restless => Course::Steady { count: 15, every_ms: 400 },
        Plot::Flap => Course::Steady { count: 12, every_ms: 600 },
        Plot::Blip | Plot::ExpiredKey | Plot::LateKey => {
            Course::Steady { count: 5, every_ms: 1_200 }
        }
        Plot::Poison => Course::Row(&[Extra::Poison, Extra::Poison, Extra::None, Extra::None]),
        Plot::Probe => Course::Row(&[Extra::Tiny, Extra::Tiny, Extra::Tiny, Extra::None]),
        Plot::SealedElsewhere => Course::Row(&[Extra::Sealed, Extra::None]),
        Plot::CutCall | Plot::StallCall => Course::Row(&[Extra::Tool]),
        Plot::CutJson => Course::Row(&[Extra::Json]),
        _ => PLAIN,
    }
}

fn rescue(plot: Plot) -> Rescue {
    match plot {
        Plot::Down => Rescue::Error,
        Plot::ResetMid
        | Plot::FailsMid
        | Plot::CutCall
        | Plot::CutJson
        | Plot::StallCall
        | Plot::SealedElsewhere
        | Plot::Unfinished
        | Plot::MidChunk
        | Plot::BadChunk
        | Plot::LengthLong
        | Plot::LengthShort
        | Plot::GoAway
        | Plot::StreamReset
        | Plot::OtherAnswer
        | Plot::ShortAnswer
        | Plot::Paraphrase
        | Plot::Preface
        | Plot::ForeignSeal
        | Plot::KeepAliveMid => Rescue::WholeOrError,
        _ => Rescue::Whole,
    }
}

fn advisory(plot: Plot) -> &'static [Check] {
    match plot {
        Plot::KeepAlive | Plot::Hollow | Plot::HeadOnly | Plot::SlowHead => {
            &[FIFTEEN_S, PRIMARY_ONE]
        }
        Plot::Crawl => &[check!("took over 30 s", |run| run.took() <= Duration::from_secs(30))],
        Plot::QuotaInBand | Plot::Spent => &[PRIMARY_ONE],
        Plot::Limited | Plot::RetryDay => &[PRIMARY_ONE, SOON],
        Plot::RetryDate | Plot::RetryInBody => &[PACED],
        Plot::ResetMid | Plot::FailsMid | Plot::MidChunk | Plot::BadChunk | Plot::Unfinished => {
            &[SPARE_USED]
        }
        Plot::StartFails => {
            &[check!("no second attempt", |run| run.primary.len() + run.spare.len() >= 2)]
        }
        Plot::Straight | Plot::Restless => &[RARELY],
        Plot::Blip => &[BACK],
        Plot::Poison => &[TWICE_SERVED],
        Plot::Probe => &[IN_PLACE],
        Plot::ExpiredKey => &[KEY_RARELY, PRIMARY_AGAIN],
        Plot::Thinks => &[IN_PLACE, BEGUN],
        Plot::Down => &[RETRY_AFTER],
        Plot::Hints
        | Plot::Twice
        | Plot::Stray
        | Plot::Unknown
        | Plot::Bom
        | Plot::Crlf
        | Plot::NoSpace
        | Plot::Tiny
        | Plot::Split
        | Plot::Fields
        | Plot::Comments => &[IN_PLACE],
        Plot::Afterword => &[IN_PLACE, NOTHING_AFTER],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenarios::bench;
    use super::*;

    #[test]
    fn every_fault_of_the_wall_is_scored_once() {
        let mut ids: Vec<String> =
            bench().into_iter().chain(further()).map(|scenario| scenario.model()).collect();
        let of_wall = super::super::super::wall::catalogue().map(|entry| entry.id);
        let of_wall: Vec<&str> = of_wall.filter(|id| id.starts_with("fb-s")).collect();
        assert_eq!(ids, of_wall);
        ids.dedup();
        assert!(ids.len() >= 56);
    }
}
