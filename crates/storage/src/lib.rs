//! Keeps what must outlive a restart: incidents, planned work, roll-ups, verdicts with their
//! evidence, reports, subscribers, messages on their way, feeds, callers' keys. One trait, [`Store`],
//! in memory and in a file; one suite for both; and [`Archive`], through which the rest of the house
//! reaches a store without ever waiting for a disk. What is kept is judged elsewhere.

mod answer;
mod archive;
mod board;
mod change;
mod clerk;
mod embedded;
mod forms;
mod memory;
mod query;
mod records;
mod settings;
mod store;
pub mod suite;

pub use answer::Answer;
pub use archive::{Archive, ArchiveError};
pub use board::Standing;
pub use change::Change;
pub use embedded::{Embedded, OpenError, Opened};
pub use forms::{read_facts, write_facts};
pub use memory::Memory;
pub use query::{Counts, IncidentQuery, Span, SubscriberKey};
pub use records::{
    Bin, CallerKeyRecord, Channel, ConditionSeconds, DAY_MS, Evidence, FeedState, MINUTE_MS,
    Outgoing, ReportBin, Said, Sealed, SeenPost, Subscriber, SubscriberState, Tally, Testimony,
    Timeline,
};
pub use settings::{Bound, Place, Retention, Settings};
pub use store::{Durability, Store, StoreError};
