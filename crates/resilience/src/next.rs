//! What a request does after a failed attempt: the same rung after a pause, another key, the next
//! rung, or nothing more. It looks at one request only; breakers and the retry budget have their
//! say afterwards.

use std::time::Duration;

use clock::Dice;
use domain::{Fault, FaultClass, Retry};

use crate::FailoverSettings;

/// What is known when an attempt has failed and nothing of its answer has reached the caller.
#[derive(Debug, Clone, Copy)]
pub struct AfterFault<'a> {
    pub fault: &'a Fault,
    /// Attempts of this request on this rung, all its keys together, the failed one included.
    pub tries_on_rung: u32,
    /// Attempts of this request on all rungs, the failed one included.
    pub tries: u32,
    /// The rung has a key that this request has not tried.
    pub other_key: bool,
    /// The ladder has a rung that this request has not tried.
    pub other_rung: bool,
    /// Left of the time for the whole request.
    pub time_left: Duration,
    pub settings: &'a FailoverSettings,
}

/// Where to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The same rung with the same key, after a pause.
    SameRung { pause: Duration },
    /// The same rung with another key, at once.
    NextKey,
    /// The next rung, at once.
    NextRung,
    /// Nowhere: tell the caller.
    Stop,
}

/// Where to go, and why in a few fixed words that may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    pub next: Next,
    pub why: &'static str,
}

/// Decides after a failed attempt.
///
/// - An answer that would be the same everywhere ends it, and so do `attempts_max` and the time.
/// - Quota and key faults move to another key of the same provider without a pause.
/// - A fault that a moment may cure is tried once more on its rung. A 429 is, if the provider
///   named a wait of at most `pause_ms_max`; a 429 without one is not while another rung exists,
///   because a refused try counts against our quota too. For other faults the pause is short with
///   full jitter, and a wait that the provider names is sat out only where there is no other rung.
/// - The last attempt is never spent on the same rung if there is another.
/// - Without another rung, the attempts that are left go to this one, with doubling pauses.
/// - Everything else goes to the next rung: a silent or slow route is never tried twice.
pub fn after_fault(facts: &AfterFault<'_>, dice: &mut Dice) -> Decision {
    let class = facts.fault.class;
    let retry = class.retry();
    if retry == Retry::Never {
        return stop("the answer would be the same elsewhere");
    }
    if facts.tries >= facts.settings.attempts_max {
        return stop("attempts used up");
    }
    if facts.time_left.is_zero() {
        return stop("time used up");
    }
    let keep_for_other_rung =
        facts.other_rung && facts.tries.saturating_add(1) >= facts.settings.attempts_max;
    let by_key = matches!(
        class,
        FaultClass::RateLimited
            | FaultClass::Acceleration
            | FaultClass::QuotaExhausted
            | FaultClass::SpendLimit
            | FaultClass::KeyRejected
    );
    if by_key && facts.other_key && !keep_for_other_rung {
        return Decision { next: Next::NextKey, why: "next key" };
    }
    let mut why_not_same = "next rung";
    if retry == Retry::SameAfterPause && !keep_for_other_rung {
        match pause_on_same_rung(facts, dice) {
            Ok(decision) => return decision,
            Err(why) => why_not_same = why,
        }
    }
    if facts.other_rung {
        return Decision { next: Next::NextRung, why: why_not_same };
    }
    stop(if why_not_same == "next rung" { "no other rung" } else { why_not_same })
}

/// The pause before the same rung is tried again, or why it is not.
fn pause_on_same_rung(facts: &AfterFault<'_>, dice: &mut Dice) -> Result<Decision, &'static str> {
    let AfterFault { fault, settings, other_rung, .. } = *facts;
    let asked_ms = fault.retry_after_ms.unwrap_or(0);
    let rate_limited = matches!(fault.class, FaultClass::RateLimited | FaultClass::Acceleration);
    // Another rung spares us the wait, unless it is the short one that a 429 names.
    if other_rung && (facts.tries_on_rung >= 2 || rate_limited != (asked_ms > 0)) {
        return Err("next rung");
    }
    if asked_ms > settings.pause_ms_max {
        return Err("retry-after too long");
    }
    let doublings = 1_u64.checked_shl(facts.tries_on_rung.saturating_sub(1)).unwrap_or(u64::MAX);
    let backoff_ms = settings.pause_ms_min.saturating_mul(doublings).min(settings.pause_ms_max);
    let jittered_ms = dice.below(backoff_ms.saturating_add(1));
    // Everybody who was refused was told the same wait; up to a tenth more spreads their return.
    let spread_ms = asked_ms.saturating_add(dice.below(asked_ms / 10 + 1));
    let pause_ms = spread_ms.max(jittered_ms).min(settings.pause_ms_max).max(asked_ms);
    let pause = Duration::from_millis(pause_ms);
    if pause >= facts.time_left {
        return Err("no time for the pause");
    }
    let why = if asked_ms > 0 { "same rung after retry-after" } else { "same rung after pause" };
    Ok(Decision { next: Next::SameRung { pause }, why })
}

fn stop(why: &'static str) -> Decision {
    Decision { next: Next::Stop, why }
}
