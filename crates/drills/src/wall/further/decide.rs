//! Which act follows from a fault beyond S16 and the circumstances of a request.

use std::time::Duration;

use super::super::decide::{
    Act, CUT_AFTER, Circumstances, Failing, Fault, Page, Play, STALL_AFTER,
};
use super::super::dress::Dress;
use super::super::refusal::Cause;
use super::super::timing::Timings;
use super::Plot;

/// Where S22 and S41 stop.
const THIRTY: usize = 30;
/// Within a call whose pieces are a name and three parts, and within a structured answer.
const IN_CALL: usize = 2;
const IN_JSON: usize = 1;
/// The thought, its seal and twenty words.
const THOUGHT_AND_TWENTY: usize = 33;
/// More requests within a second make S29 refuse.
const PER_SECOND_MAX: u32 = 3;
/// S30 fails so often.
const STRAIGHT: u32 = 25;
/// S88 takes its key so often.
const KEY_USES: u32 = 2;
const LONG_WAIT_S: u32 = 30;
const DAY_S: u32 = 86_400;

pub(in super::super) fn decide(plot: Plot, case: &Circumstances, timings: &Timings) -> Act {
    refused(plot, case, timings)
        .map(Act::Refuse)
        .or_else(|| withheld(plot, timings))
        .unwrap_or_else(|| Act::Answer(play(plot, case, timings)))
}

/// The refusal, if these circumstances bring one.
fn refused(plot: Plot, case: &Circumstances, timings: &Timings) -> Option<Cause> {
    let first = case.earlier == 0;
    let wait = timings.retry_after_s;
    let bad = match plot {
        Plot::RefusesPrefill if case.prefilled => return Some(Cause::NoPrefill),
        Plot::ForeignSeal | Plot::SealedElsewhere if case.sealed => Cause::ForeignSeal,
        Plot::QuotaInBand if !case.streamed => Cause::Spent,
        Plot::FailsMid | Plot::FailsFirst if !case.streamed => Cause::ServerError,
        Plot::Busy => Cause::Busy,
        Plot::Accelerated if case.last_second > PER_SECOND_MAX => Cause::Accelerated,
        Plot::Straight if case.earlier < STRAIGHT => Cause::ServerError,
        Plot::Restless if case.since_last.is_none_or(|rest| rest < timings.rest) => {
            Cause::Overloaded
        }
        Plot::Blip if first => Cause::Overloaded,
        Plot::Poison if case.poisoned => Cause::ServerError,
        Plot::Down => Cause::Overloaded,
        Plot::ExpiredKey if case.first_key => Cause::BadKey,
        Plot::LateKey if case.earlier >= KEY_USES => Cause::BadKey,
        Plot::Limited => Cause::RateLimited { retry_after_s: Some(LONG_WAIT_S) },
        // A date has no fractions: it is cut off, and so the wait is up to a second shorter.
        Plot::RetryDate if first => Cause::LimitedUntil { seconds: wait + 1 },
        Plot::RetryDay => Cause::RateLimited { retry_after_s: Some(DAY_S) },
        Plot::RetryInBody if first => Cause::LimitedInBody { seconds: wait },
        Plot::Spent => Cause::Spent,
        Plot::Flap if is_down(case.since_reset, timings.flap) => Cause::Overloaded,
        _ => return None,
    };
    Some(bad)
}

/// Up for a span, down for a span, and so on.
fn is_down(since: Duration, span: Duration) -> bool {
    since.as_millis() / span.as_millis().max(1) % 2 == 1
}

/// What comes instead of an answer in the dialect's form.
fn withheld(plot: Plot, timings: &Timings) -> Option<Act> {
    match plot {
        Plot::PageOk => Some(Act::Page(Page::Html(200))),
        Plot::PageBad => Some(Act::Page(Page::Html(502))),
        Plot::Gzip => Some(Act::Page(Page::Gzip)),
        Plot::SlowHead => Some(Act::Page(Page::Drip(timings.drip))),
        Plot::HangsUp | Plot::TlsBroken => Some(Act::Silence(Duration::ZERO)),
        Plot::AlwaysReset => Some(Act::Reset),
        _ => None,
    }
}

fn play(plot: Plot, case: &Circumstances, timings: &Timings) -> Play {
    let between = match plot {
        Plot::Crawl => timings.crawl,
        Plot::Left => timings.slow_between,
        // A byte at a time is slow enough.
        Plot::Tiny => Duration::ZERO,
        _ => timings.between,
    };
    let healthy = Play::healthy(between);
    if plot == Plot::Thinks {
        let (first_wait, whole_wait) = (timings.thinking, timings.thinking);
        return Play { first_wait, whole_wait, ping_every: Some(timings.ping_every), ..healthy };
    }
    if matches!(plot, Plot::Left | Plot::Crawl) {
        return Play { whole_wait: between * 60, ..healthy };
    }
    match (fault(plot, case, timings), dress(plot)) {
        (Some(fault), _) => healthy.with(fault),
        (None, dress) => Play { dress, ..healthy },
    }
}

fn fault(plot: Plot, case: &Circumstances, timings: &Timings) -> Option<Fault> {
    let cut = |after| Some(Fault::Break { after, stall: Duration::ZERO });
    let idle = |after, hollow| {
        let (every, span) = (timings.ping_every, timings.silence);
        Some(Fault::Idle { after, every, span, hollow })
    };
    match plot {
        _ if plot.is_of_takeover() && case.continues => None,
        Plot::ForeignSeal => cut(THOUGHT_AND_TWENTY),
        _ if plot.is_of_takeover() => cut(CUT_AFTER),
        Plot::StartFails if case.earlier == 0 => cut(0),
        Plot::CutCall => cut(IN_CALL),
        Plot::CutJson => cut(IN_JSON),
        Plot::GoAway => cut(STALL_AFTER),
        Plot::StallCall => Some(Fault::Break { after: IN_CALL, stall: timings.stall }),
        Plot::HeadOnly => Some(Fault::Break { after: 0, stall: timings.silence }),
        Plot::KeepAlive => idle(0, false),
        Plot::KeepAliveMid => idle(STALL_AFTER, false),
        Plot::Hollow => idle(0, true),
        Plot::QuotaInBand => Some(Fault::Error { after: 0, failing: Failing::Quota }),
        Plot::FailsFirst => Some(Fault::Error { after: 0, failing: Failing::Server }),
        Plot::FailsMid => Some(Fault::Error { after: STALL_AFTER, failing: Failing::Server }),
        Plot::EmptyStream => Some(Fault::Bare),
        Plot::ResetMid => Some(Fault::Reset { after: THIRTY }),
        Plot::StreamReset => Some(Fault::Reset { after: STALL_AFTER }),
        Plot::Unfinished => Some(Fault::Unfinished { after: THIRTY }),
        Plot::EndlessLine => Some(Fault::EndlessLine { mib: timings.endless_mib }),
        Plot::HugeEvent => Some(Fault::Aside { kib: timings.huge_kib }),
        Plot::Unknown => Some(Fault::Aside { kib: 0 }),
        Plot::MidChunk => Some(Fault::MidChunk { after: STALL_AFTER }),
        Plot::BadChunk => Some(Fault::BadChunk { after: STALL_AFTER }),
        Plot::Twice => Some(Fault::Twice),
        Plot::Stray => Some(Fault::Stray),
        Plot::Afterword => Some(Fault::Afterword),
        _ => None,
    }
}

fn dress(plot: Plot) -> Dress {
    match plot {
        Plot::WrongType => Dress::Typed("text/plain; charset=utf-8"),
        Plot::Hints => Dress::Hinted,
        Plot::LengthLong => Dress::LengthLong,
        Plot::LengthShort => Dress::LengthShort,
        Plot::Bom => Dress::Bom,
        Plot::Crlf => Dress::Crlf,
        Plot::NoSpace => Dress::NoSpace,
        Plot::Tiny => Dress::Tiny,
        Plot::Split => Dress::Split,
        Plot::Fields => Dress::Fields,
        Plot::Comments => Dress::Comments,
        _ => Dress::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::timing::Profile;
    use super::super::FURTHER;
    use super::*;

    fn case(earlier: u32) -> Circumstances {
        Circumstances { earlier, streamed: true, ..Circumstances::default() }
    }

    fn act(plot: Plot, case: &Circumstances) -> Act {
        decide(plot, case, &Profile::Full.timings())
    }

    fn healthy() -> Act {
        Act::Answer(Play::healthy(Profile::Full.timings().between))
    }

    #[test]
    fn ids_are_in_order_and_many() {
        assert!(FURTHER.len() >= 40);
        assert!(FURTHER.windows(2).all(|pair| pair[0].id < pair[1].id));
        for entry in FURTHER {
            assert!(!entry.what.is_empty() && !entry.correct.is_empty(), "{}", entry.id);
        }
    }

    #[test]
    fn what_happens_once_or_for_a_while_ends() {
        for plot in [Plot::Blip, Plot::StartFails, Plot::RetryDate, Plot::RetryInBody] {
            assert_ne!(act(plot, &case(0)), healthy(), "{plot:?}");
            assert_eq!(act(plot, &case(1)), healthy(), "{plot:?}");
        }
        assert_eq!(act(Plot::Straight, &case(24)), Act::Refuse(Cause::ServerError));
        assert_eq!(act(Plot::Straight, &case(25)), healthy());
        assert_eq!(act(Plot::LateKey, &case(1)), healthy());
        assert_eq!(act(Plot::LateKey, &case(2)), Act::Refuse(Cause::BadKey));
    }

    #[test]
    fn circumstances_decide() {
        let plain = case(5);
        for (plot, refused) in [
            (Plot::Poison, Circumstances { poisoned: true, ..plain }),
            (Plot::ExpiredKey, Circumstances { first_key: true, ..plain }),
            (Plot::SealedElsewhere, Circumstances { sealed: true, ..plain }),
            (Plot::Accelerated, Circumstances { last_second: 4, ..plain }),
            (Plot::Flap, Circumstances { since_reset: Duration::from_secs(4), ..plain }),
        ] {
            assert_eq!(act(plot, &plain), healthy(), "{plot:?}");
            assert!(matches!(act(plot, &refused), Act::Refuse(_)), "{plot:?}");
        }
        let rested = |ms| {
            let since_last = Some(Duration::from_millis(ms));
            act(Plot::Restless, &Circumstances { since_last, ..plain })
        };
        assert_eq!(rested(2_999), Act::Refuse(Cause::Overloaded));
        assert_eq!(rested(3_000), healthy());
        assert_eq!(act(Plot::Restless, &plain), Act::Refuse(Cause::Overloaded));
    }

    #[test]
    fn a_model_of_a_takeover_cuts_its_own_answer_alone() {
        for entry in FURTHER {
            let super::super::super::catalogue::Scene::Further(plot) = entry.scene else {
                panic!("{}", entry.id)
            };
            if plot.is_of_takeover() {
                assert_ne!(act(plot, &case(0)), healthy(), "{plot:?}");
                let on = Circumstances { continues: true, ..case(1) };
                assert_eq!(act(plot, &on), healthy(), "{plot:?}");
            }
        }
        let prefilled = Circumstances { prefilled: true, continues: true, ..case(1) };
        assert_eq!(act(Plot::RefusesPrefill, &prefilled), Act::Refuse(Cause::NoPrefill));
    }
}
