//! Stories and properties of the whole room, through its public face.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod after_fault;
mod bench;
mod breaker;
mod breaker_laws;
mod budget;
mod fit;
mod foreign;
mod formulas;
mod ladder;
mod limiter;
mod pacer;
mod quarantine;
mod ramp;
mod splice;
mod wall;

use domain::FaultClass;

/// Every class of fault.
const CLASSES: [FaultClass; 26] = [
    FaultClass::Connect,
    FaultClass::Reset,
    FaultClass::Silent,
    FaultClass::SlowFirstToken,
    FaultClass::Stalled,
    FaultClass::Crawling,
    FaultClass::Cut,
    FaultClass::Empty,
    FaultClass::Malformed,
    FaultClass::ServerError,
    FaultClass::Overloaded,
    FaultClass::RateLimited,
    FaultClass::Acceleration,
    FaultClass::QuotaExhausted,
    FaultClass::SpendLimit,
    FaultClass::KeyRejected,
    FaultClass::ModelUnknown,
    FaultClass::ContextLength,
    FaultClass::ContentFilter,
    FaultClass::CallerFault,
    FaultClass::TotalTime,
    FaultClass::CallerGone,
    FaultClass::Unfit,
    FaultClass::Outrun,
    FaultClass::Busy,
    FaultClass::Internal,
];
