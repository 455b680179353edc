//! What a breaker learns from the end of an attempt. Not what the request does next: that is
//! `after_fault`.

use domain::{Fault, FaultClass};

/// How an attempt on a route ended, in the breaker's eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The answer came to its end.
    Success,
    /// The route failed.
    Failure {
        class: FaultClass,
        /// The provider's `Retry-After`, in milliseconds from now.
        retry_after_ms: Option<u64>,
    },
    /// Nothing was learned about the route.
    Neutral,
}

/// What the breaker of a (provider, model, key) learns from a fault.
///
/// The caller's faults and our own say nothing about the route. Neither does an unknown model: the
/// route will be refused again, but at once and at no cost, and a provider that has just learned
/// the name must not stay out for it.
pub fn verdict_of(fault: &Fault) -> Verdict {
    match fault.class {
        FaultClass::ModelUnknown
        | FaultClass::ContextLength
        | FaultClass::ContentFilter
        | FaultClass::CallerFault
        | FaultClass::TotalTime
        | FaultClass::CallerGone
        | FaultClass::Unfit
        | FaultClass::ForeignProofs
        | FaultClass::Busy
        | FaultClass::Internal => Verdict::Neutral,
        class @ (FaultClass::Connect
        | FaultClass::Reset
        | FaultClass::Silent
        | FaultClass::SlowFirstToken
        | FaultClass::Stalled
        | FaultClass::Crawling
        | FaultClass::Cut
        | FaultClass::Empty
        | FaultClass::Malformed
        | FaultClass::ServerError
        | FaultClass::Overloaded
        | FaultClass::RateLimited
        | FaultClass::Acceleration
        | FaultClass::QuotaExhausted
        | FaultClass::SpendLimit
        | FaultClass::Outrun
        | FaultClass::KeyRejected) => {
            Verdict::Failure { class, retry_after_ms: fault.retry_after_ms }
        }
    }
}
