//! The nouns that are kept and that no other room owns. Incidents, maintenances and verdicts are
//! detection's.

mod caller;
mod evidence;
mod feed;
mod notice;
mod report;
mod rollup;
mod timeline;

pub use caller::CallerKeyRecord;
pub use evidence::Evidence;
pub use feed::{FeedState, SeenPost};
pub use notice::{Channel, Outgoing, Sealed, Subscriber, SubscriberState};
pub use report::ReportBin;
pub use rollup::{Bin, ConditionSeconds, DAY_MS, MINUTE_MS, Tally};
pub use timeline::{Said, Testimony, Timeline};
