//! A store in a file of SQLite, written by one connection. Each [`apply`](Store::apply) is one
//! transaction that is on the disk when it returns, so a kill at any moment leaves a whole file
//! with all that was acknowledged.
//!
//! When the file cannot be written (no room, a disk that was made read-only, another process that
//! does not let go), the same changes are made in a transaction that stays open: it lives in
//! SQLite's page cache, so reads see it and the disk does not. From time to time it is undone, and
//! all that is held is tried again for good. A file that is damaged while it is open is another
//! matter: that is told as an error, and mended at the next opening.

mod hold;
mod open;
mod prune;
mod read;
mod row;
mod schema;
mod write;

use clock::UnixMs;
use detection::{ComponentId, Incident, IncidentId, Maintenance, Verdict};
use rusqlite::{Connection, TransactionBehavior};

use crate::change::check_sizes;
use crate::{
    Bin, CallerKeyRecord, Change, Counts, Durability, Evidence, FeedState, IncidentQuery, Outgoing,
    ReportBin, Settings, Span, Store, StoreError, Subscriber, SubscriberKey, Testimony,
};
use hold::Held;
pub use open::{OpenError, Opened};

/// Keeps things in a file.
#[derive(Debug)]
pub struct Embedded {
    db: Connection,
    settings: Settings,
    /// What waits for room; `None` on a good day.
    held: Option<Held>,
    /// Since the opening.
    lost: u64,
}

impl Embedded {
    /// Writes the changes in one transaction.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let behavior = TransactionBehavior::Immediate;
        let whole = self.db.transaction_with_behavior(behavior).map_err(row::failed("write"))?;
        for change in changes {
            write::make(&whole, change)?;
        }
        whole.commit().map_err(row::failed("write"))
    }
}

impl Store for Embedded {
    fn apply(&mut self, changes: &[Change]) -> Result<Durability, StoreError> {
        if changes.is_empty() {
            return Ok(self.durability());
        }
        check_sizes(changes, self.settings.change_bytes_max)?;
        if self.held.is_some() {
            return self.hold(changes);
        }
        match self.commit(changes) {
            Ok(()) => Ok(Durability::OnDisk),
            Err(error) => match hold::why_unwritable(&error) {
                Some(why) => self.begin_to_hold(changes, why),
                None => Err(error),
            },
        }
    }

    fn retry(&mut self) -> Result<Durability, StoreError> {
        self.write_held()
    }

    fn durability(&self) -> Durability {
        self.held.as_ref().map_or(Durability::OnDisk, Held::durability)
    }

    fn lost(&self) -> u64 {
        self.lost
    }

    fn prune(&mut self, now: UnixMs) -> Result<usize, StoreError> {
        self.remove_old(now)
    }

    fn incident(&self, id: &IncidentId) -> Result<Option<Incident>, StoreError> {
        read::incident(&self.db, id)
    }

    fn incidents(&self, wanted: &IncidentQuery) -> Result<Vec<Incident>, StoreError> {
        read::incidents(&self.db, wanted)
    }

    fn testimonies(&self, incident: &IncidentId) -> Result<Vec<Testimony>, StoreError> {
        read::testimonies(&self.db, incident)
    }

    fn maintenance(&self, id: &IncidentId) -> Result<Option<Maintenance>, StoreError> {
        read::maintenance(&self.db, id)
    }

    fn maintenances(&self, span: Span, limit: usize) -> Result<Vec<Maintenance>, StoreError> {
        read::maintenances(&self.db, span, limit)
    }

    fn minutes(
        &self,
        component: &ComponentId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Bin>, StoreError> {
        read::bins(&self.db, "minutes", (component, span, limit))
    }

    fn days(
        &self,
        component: &ComponentId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Bin>, StoreError> {
        read::bins(&self.db, "days", (component, span, limit))
    }

    fn verdicts(
        &self,
        component: &ComponentId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Verdict>, StoreError> {
        read::verdicts(&self.db, (component, span, limit))
    }

    fn evidence(
        &self,
        component: &ComponentId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Evidence>, StoreError> {
        read::evidence(&self.db, (component, span, limit))
    }

    fn report_bins(
        &self,
        component: &ComponentId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<ReportBin>, StoreError> {
        read::report_bins(&self.db, (component, span, limit))
    }

    fn subscriber(&self, key: SubscriberKey<'_>) -> Result<Option<Subscriber>, StoreError> {
        read::subscriber(&self.db, key)
    }

    fn subscribers(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Subscriber>, StoreError> {
        read::subscribers(&self.db, after, limit)
    }

    fn outgoing(&self, id: &str) -> Result<Option<Outgoing>, StoreError> {
        read::outgoing(&self.db, id)
    }

    fn outgoing_due(&self, now: UnixMs, limit: usize) -> Result<Vec<Outgoing>, StoreError> {
        read::outgoing_due(&self.db, now, limit)
    }

    fn outgoing_of(
        &self,
        receiver: &str,
        topic: &str,
        limit: usize,
    ) -> Result<Vec<Outgoing>, StoreError> {
        read::outgoing_of(&self.db, (receiver, topic), limit)
    }

    fn next_due(&self) -> Result<Option<UnixMs>, StoreError> {
        read::next_due(&self.db)
    }

    fn feeds(&self) -> Result<Vec<FeedState>, StoreError> {
        read::feeds(&self.db)
    }

    fn caller_keys(&self) -> Result<Vec<CallerKeyRecord>, StoreError> {
        read::caller_keys(&self.db)
    }

    fn setting(&self, name: &str) -> Result<Option<Box<str>>, StoreError> {
        read::setting(&self.db, name)
    }

    fn counts(&self) -> Result<Counts, StoreError> {
        read::counts(&self.db)
    }
}
