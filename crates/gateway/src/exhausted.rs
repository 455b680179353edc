//! What a caller is told when no rung answered: the provider's own words if the fault is the
//! caller's, else a refusal of ours with an honest wait.

use dialects::{Refusal, RefusalKind};
use domain::{Blame, Dialect, Fault, FaultClass};
use telemetry::Outcome;

use crate::receipt::Ticket;
use crate::reply::TurnedAway;
use crate::trail::Trail;

/// The wait that is told when nobody knows a better one.
const WAIT_S_UNKNOWN: u64 = 5;

/// Ends a request that no rung could serve.
pub(crate) fn turn_away(dialect: Dialect, ticket: Ticket, trail: Trail) -> Box<TurnedAway> {
    if let Some(fault) = last_word(&trail)
        && let Some(error) = fault.relayable.clone()
    {
        // The provider's sentence in the caller's own form.
        let (kind, reason) = match fault.class {
            FaultClass::ContextLength => (RefusalKind::ContextLength, "context_length"),
            FaultClass::ContentFilter => (RefusalKind::ContentFilter, "content_filter"),
            _ => (RefusalKind::InvalidRequest, "caller_fault"),
        };
        let refusal = Refusal {
            status: error.status,
            kind,
            message: error.message.into(),
            param: None,
            retry_after_s: None,
        };
        if let Some(body) = error.body.filter(|_| error.dialect == dialect) {
            return TurnedAway::by_provider(ticket, dialect, (body, refusal), trail);
        }
        let end = (Outcome::CallerFault, trail);
        return TurnedAway::after_attempts(ticket, dialect, refusal, reason, end);
    }
    let (refusal, reason) = refusal_of(&trail);
    let outcome = match refusal.status {
        400..=428 => Outcome::CallerFault,
        _ => Outcome::Failed,
    };
    TurnedAway::after_attempts(ticket, dialect, refusal, reason, (outcome, trail))
}

/// The fault whose words the caller is told, if a provider found some for him: the one that ended
/// it, or that the request is too long where nothing else went wrong before.
fn last_word(trail: &Trail) -> Option<&Fault> {
    if let Some(fault) = trail.faults.iter().rev().find(|fault| ends_it(fault.class)) {
        return Some(fault);
    }
    let first = trail.faults.iter().find(|fault| !is_unfit(fault.class));
    let too_long = first.is_none_or(|fault| fault.class == FaultClass::ContextLength);
    trail.faults.iter().find(|fault| too_long && fault.relayable.is_some())
}

/// Classes of rungs that cannot serve a request as it is; their details are our own words.
const UNFIT: [FaultClass; 2] = [FaultClass::Unfit, FaultClass::ForeignProofs];

fn is_unfit(class: FaultClass) -> bool {
    UNFIT.contains(&class)
}

/// Faults after which no other rung is asked.
fn ends_it(class: FaultClass) -> bool {
    matches!(class, FaultClass::CallerFault | FaultClass::ContentFilter)
}

/// What a caller is told whose answer will not be complete.
pub(crate) fn broken_off(class: FaultClass) -> Refusal {
    let (kind, why) = match class {
        FaultClass::Stalled => (RefusalKind::UpstreamTimeout, "the provider stopped sending"),
        FaultClass::Crawling => (RefusalKind::UpstreamTimeout, "the provider hardly sent anything"),
        FaultClass::TotalTime => (RefusalKind::UpstreamTimeout, "the request's time is over"),
        FaultClass::ContentFilter => {
            (RefusalKind::InvalidRequest, "the provider's content filter ended the answer")
        }
        _ => (RefusalKind::UpstreamFailed, "the provider's stream broke off"),
    };
    let message = format!("{why} ({class}); what came so far is not the whole answer");
    Refusal { status: 502, kind, message, param: None, retry_after_s: None }
}

fn refusal_of(trail: &Trail) -> (Refusal, &'static str) {
    let say = |status, kind, message: String| Refusal {
        status,
        kind,
        message,
        param: None,
        retry_after_s: None,
    };
    let all = |wanted: &[FaultClass]| {
        !trail.faults.is_empty() && trail.faults.iter().all(|fault| wanted.contains(&fault.class))
    };
    if let Some(fault) = trail.faults.iter().find(|fault| ends_it(fault.class)) {
        let text = format!("the provider refused the request ({})", fault.class);
        let kind = match fault.class {
            FaultClass::ContentFilter => RefusalKind::ContentFilter,
            _ => RefusalKind::InvalidRequest,
        };
        return (say(400, kind, text), "caller_fault");
    }
    if all(&UNFIT) {
        let text =
            format!("no rung of this model's ladder can serve this request: {}", reasons(trail));
        return (say(400, RefusalKind::InvalidRequest, text), "unfit");
    }
    if all(&[FaultClass::Unfit, FaultClass::ForeignProofs, FaultClass::ContextLength]) {
        let told = trail.faults.iter().find(|fault| fault.class == FaultClass::ContextLength);
        let text = told.filter(|fault| fault.status.is_none()).map_or_else(
            || "the request is longer than the model's context".to_owned(),
            |fault| fault.detail.to_string(),
        );
        return (say(400, RefusalKind::ContextLength, text), "context_length");
    }
    if trail.faults.iter().all(|fault| fault.class == FaultClass::ModelUnknown)
        && !trail.faults.is_empty()
    {
        let text = "the provider does not know this model".to_owned();
        return (say(404, RefusalKind::ModelNotFound, text), "model_unknown");
    }
    if trail.poisoned {
        let text = "every provider of this model failed on this very request (server_error); \
            asking again in the same words will not help";
        return (say(502, RefusalKind::UpstreamFailed, text.to_owned()), "poison");
    }
    let accounts = [
        FaultClass::QuotaExhausted,
        FaultClass::SpendLimit,
        FaultClass::KeyRejected,
        FaultClass::Unfit,
    ];
    let wait_ms = trail.wait_ms().or(trail.accounts_out_ms.filter(|_| all(&accounts)));
    let wait_s = wait_ms.map_or(WAIT_S_UNKNOWN, |wait_ms| wait_ms.div_ceil(1000).max(1));
    let limited = [
        FaultClass::RateLimited,
        FaultClass::Acceleration,
        FaultClass::QuotaExhausted,
        FaultClass::SpendLimit,
        FaultClass::Unfit,
        FaultClass::ForeignProofs,
    ];
    let (mut refusal, reason) = if all(&limited) {
        let text = "every provider of this model limits our rate at present".to_owned();
        (say(429, RefusalKind::RateLimited, text), "rate_limited")
    } else {
        let text = format!("no provider of this model can answer at present ({})", classes(trail));
        (say(503, RefusalKind::UpstreamFailed, text), "no_rung_left")
    };
    refusal.retry_after_s = Some(wait_s);
    (refusal, reason)
}

/// Our own reasons for passing rungs over; they hold no text from upstream.
fn reasons(trail: &Trail) -> String {
    let each = trail.faults.iter().filter(|fault| is_unfit(fault.class));
    let mut text = String::new();
    for fault in each {
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&fault.detail);
    }
    text
}

/// The classes of the first and the last failure.
fn classes(trail: &Trail) -> String {
    let counts = |fault: &&Fault| fault.class.blame() != Blame::Caller;
    let first = trail.faults.iter().find(counts).map(|fault| fault.class.as_str());
    let last = trail.faults.iter().rev().find(counts).map(|fault| fault.class.as_str());
    match (first, last) {
        (Some(first), Some(last)) if first != last => format!("first {first}, last {last}"),
        (Some(first), _) => first.to_owned(),
        _ => "nothing was tried".to_owned(),
    }
}
