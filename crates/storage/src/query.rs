//! What can be asked of a store.

use clock::UnixMs;
use detection::{ComponentId, Incident, IncidentId};

use crate::Channel;

/// From `from` until just before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: UnixMs,
    pub until: UnixMs,
}

impl Span {
    /// All of time.
    pub fn all() -> Self {
        // The largest moment that an SQLite integer holds.
        Self { from: UnixMs::new(0), until: UnixMs::new(i64::MAX.unsigned_abs()) }
    }

    /// True if the moment lies within.
    pub fn holds(&self, at: UnixMs) -> bool {
        self.from <= at && at < self.until
    }

    /// True if something that lasts from `start` to `end` is seen within; `None` lasts still.
    pub fn meets(&self, start: UnixMs, end: Option<UnixMs>) -> bool {
        start < self.until && end.is_none_or(|end| end >= self.from)
    }
}

/// Which incidents are wanted. They come newest start first, ties by id downwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentQuery {
    /// Those that are not over.
    pub open_only: bool,
    pub component: Option<ComponentId>,
    /// Those that lasted at some moment of it.
    pub span: Option<Span>,
    /// Start and id of the last one of the page before.
    pub after: Option<(UnixMs, IncidentId)>,
    pub limit: usize,
}

impl IncidentQuery {
    /// The newest ones.
    pub fn newest(limit: usize) -> Self {
        Self { open_only: false, component: None, span: None, after: None, limit }
    }

    /// Those that are not over.
    pub fn open(limit: usize) -> Self {
        Self { open_only: true, ..Self::newest(limit) }
    }

    /// True if the incident is wanted, the limit aside.
    pub fn wants(&self, incident: &Incident) -> bool {
        let newer =
            |(start, id): &(UnixMs, IncidentId)| (incident.started_at, &incident.id) < (*start, id);
        (!self.open_only || !incident.phase.is_over())
            && self.component.as_ref().is_none_or(|id| incident.components.contains(id))
            && self.span.is_none_or(|span| span.meets(incident.started_at, incident.resolved_at))
            && self.after.as_ref().is_none_or(newer)
    }
}

/// What a subscriber is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriberKey<'k> {
    Id(&'k str),
    /// SHA-256 of the token in the confirming link.
    Confirm(&'k [u8; 32]),
    /// SHA-256 of the token in the link that ends the subscription.
    Unsubscribe(&'k [u8; 32]),
    /// The keyed hash of an address, and its channel.
    Address(Channel, &'k [u8; 32]),
}

/// How much is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub incidents: u64,
    pub timelines: u64,
    pub maintenances: u64,
    pub minutes: u64,
    pub days: u64,
    pub verdicts: u64,
    pub evidence: u64,
    pub report_bins: u64,
    pub subscribers: u64,
    pub outgoing: u64,
    pub feeds: u64,
    pub caller_keys: u64,
    pub settings: u64,
}
