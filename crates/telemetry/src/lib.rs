//! Turns receipts and state changes into Prometheus series, the request log and live snapshots.
//! It never decides anything.

mod receipt;
mod settings;

pub use receipt::{AnswerRecord, AttemptRecord, Outcome, Receipt};
pub use settings::{LogTo, RequestLogSettings};
