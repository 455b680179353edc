//! Turns receipts and state changes into Prometheus series, the request log and live snapshots.
//! It never decides anything, and the line never waits for it: what it cannot take is dropped and
//! counted.

mod book;
mod calls;
mod histogram;
mod labels;
mod log_writer;
mod mask;
mod names;
mod process;
mod prometheus;
mod receipt;
mod request_log;
mod settings;
mod snapshot;
mod telemetry;
mod totals;
mod window;
mod worker;

pub use calls::ProviderCalls;
pub use labels::OTHER;
pub use mask::mask_secrets;
pub use names::Gauge;
pub use receipt::{
    AnswerRecord, AttemptRecord, FailedCall, Outcome, Receipt, Source, TakeoverEnd, Takeovers,
};
pub use settings::{LogTo, RequestLogSettings};
pub use snapshot::{BreakerView, RequestWindow, Snapshot, TargetView, TargetWindow};
pub use telemetry::{BreakerChange, CONTENT_TYPE, Telemetry};
pub use worker::{Running, Worker};
