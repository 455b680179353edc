//! The one trait of what keeps things, and its errors. Calls may wait for a disk, so they are made
//! from a thread that may; [`Archive`](crate::Archive) has one.

use std::fmt;

use clock::UnixMs;
use detection::{ComponentId, Incident, IncidentId, Maintenance, Verdict};

use crate::{
    Bin, CallerKeyRecord, Change, Counts, Evidence, FeedState, IncidentQuery, Outgoing, ReportBin,
    Span, Subscriber, SubscriberKey, Testimony,
};

/// What a crash would leave of what was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Durability {
    /// All of it.
    OnDisk,
    /// Nothing: this store is in memory, as it was asked to be.
    InMemory,
    /// What was written before; the rest is held in memory, because the file cannot be written now.
    Held {
        /// Changes that wait for room.
        changes: usize,
        why: Box<str>,
    },
}

/// Why a store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no.
    #[error("the store cannot {doing}")]
    Database {
        doing: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A change is too large, and so its whole batch was refused.
    #[error("a change of {bytes} bytes is larger than the {bytes_max} that the store takes")]
    TooLarge { bytes: usize, bytes_max: usize },
    /// The file cannot be written, and as much is held in memory as may be.
    #[error("the store cannot be written, and {held} changes are held already")]
    NoPlace { held: usize },
    /// A row that this Seawall cannot read.
    #[error("a row of `{table}` in the store cannot be read: {why}")]
    Unreadable { table: &'static str, why: Box<str> },
}

/// Keeps things. What is applied is seen by the next read, in the order of applying.
///
/// Lists come in the order that each method names, and no longer than `limit`.
pub trait Store: Send + fmt::Debug {
    /// Makes the changes, all or none. What comes back says whether a crash from now on would lose
    /// them.
    ///
    /// # Errors
    /// If none was made. A file that has no room is no error as long as changes can be held.
    fn apply(&mut self, changes: &[Change]) -> Result<Durability, StoreError>;

    /// Tries to write what is held, if anything is.
    ///
    /// # Errors
    /// If it cannot be written for another reason than room.
    fn retry(&mut self) -> Result<Durability, StoreError>;

    /// What a crash would lose now.
    fn durability(&self) -> Durability;

    /// Changes that were taken and yet lost since the opening: too many had to be held.
    fn lost(&self) -> u64;

    /// Removes some of what has grown too old or too much, a bounded number of rows, and tells how
    /// many; zero once nothing is left to remove.
    ///
    /// # Errors
    /// If the database says no.
    fn prune(&mut self, now: UnixMs) -> Result<usize, StoreError>;

    /// The incident of that id.
    fn incident(&self, id: &IncidentId) -> Result<Option<Incident>, StoreError>;

    /// Incidents, newest start first.
    fn incidents(&self, wanted: &IncidentQuery) -> Result<Vec<Incident>, StoreError>;

    /// What evidence said of the incident of that id, in the order in which it began.
    fn testimonies(&self, incident: &IncidentId) -> Result<Vec<Testimony>, StoreError>;

    /// The maintenance of that id.
    fn maintenance(&self, id: &IncidentId) -> Result<Option<Maintenance>, StoreError>;

    /// Planned work that lies within `span` or reaches into it, by start and id.
    fn maintenances(&self, span: Span, limit: usize) -> Result<Vec<Maintenance>, StoreError>;

    /// A component's minutes that start within `span`, oldest first.
    fn minutes(
        &self,
        component: &ComponentId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Bin>, StoreError>;

    /// A component's days that start within `span`, oldest first.
    fn days(
        &self,
        component: &ComponentId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Bin>, StoreError>;

    /// Verdicts on a component within `span`, oldest first.
    fn verdicts(
        &self,
        component: &ComponentId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Verdict>, StoreError>;

    /// Evidence about a component within `span`, oldest first, of one moment by the family's word.
    fn evidence(
        &self,
        component: &ComponentId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Evidence>, StoreError>;

    /// A component's bins of reports that start within `span`, oldest first, of one start by the
    /// kind's word.
    fn report_bins(
        &self,
        component: &ComponentId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<ReportBin>, StoreError>;

    /// The subscriber of that key; of several the one with the least id.
    fn subscriber(&self, key: SubscriberKey<'_>) -> Result<Option<Subscriber>, StoreError>;

    /// Subscribers by id, from the first after `after`.
    fn subscribers(&self, after: Option<&str>, limit: usize)
    -> Result<Vec<Subscriber>, StoreError>;

    /// The message of that id.
    fn outgoing(&self, id: &str) -> Result<Option<Outgoing>, StoreError>;

    /// Messages that are due at `now` or before, the longest due first, then by id.
    fn outgoing_due(&self, now: UnixMs, limit: usize) -> Result<Vec<Outgoing>, StoreError>;

    /// Messages of one topic to one receiver, also those that are not due, oldest first, of one
    /// moment by id.
    fn outgoing_of(
        &self,
        receiver: &str,
        topic: &str,
        limit: usize,
    ) -> Result<Vec<Outgoing>, StoreError>;

    /// When the next message is due, past or to come.
    fn next_due(&self) -> Result<Option<UnixMs>, StoreError>;

    /// All feeds by name.
    fn feeds(&self) -> Result<Vec<FeedState>, StoreError>;

    /// All callers' keys by id, revoked ones too.
    fn caller_keys(&self) -> Result<Vec<CallerKeyRecord>, StoreError>;

    /// One of Seawall's own facts.
    fn setting(&self, name: &str) -> Result<Option<Box<str>>, StoreError>;

    /// How much is kept.
    fn counts(&self) -> Result<Counts, StoreError>;
}
