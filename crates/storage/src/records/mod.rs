//! The nouns that are kept and that no other room owns. Incidents, maintenances and verdicts are
//! detection's.

mod caller;
mod evidence;
mod feed;
mod notice;
mod report;
mod rollup;

pub use caller::CallerKeyRecord;
pub use evidence::Evidence;
pub use feed::{FeedState, SeenPost};
pub use notice::{Channel, Outgoing, Sealed, Subscriber, SubscriberState};
pub use report::{REPORT_BIN_MS, Report, ReportBin, ReportKind, ReporterHash};
pub use rollup::{Bin, ConditionSeconds, DAY_MS, MINUTE_MS, Tally};
