//! Everything that can be written, as values: they can wait in a queue, be written together, and be
//! written again after a failure. Writing one twice in a row is writing it once.

use detection::{Incident, IncidentId, Maintenance, Verdict};

use crate::{Bin, CallerKeyRecord, Evidence, FeedState, Outgoing, Report, Subscriber};

/// One change. What has an id or another key takes the place of what had it before.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Incident(Box<Incident>),
    /// For what was written by mistake.
    RemoveIncident(IncidentId),
    Maintenance(Box<Maintenance>),
    /// A whole minute. Its day is moved by the difference to what the minute was before.
    Minute(Box<Bin>),
    /// A whole day, such as one of an imported history.
    Day(Box<Bin>),
    Verdict(Box<Verdict>),
    Evidence(Box<Evidence>),
    /// Adds one to its bin, unless it is known.
    Report(Box<Report>),
    Subscriber(Box<Subscriber>),
    /// By id; also removes what was on its way to him.
    RemoveSubscriber(Box<str>),
    Outgoing(Box<Outgoing>),
    /// By id: it was delivered or given up.
    RemoveOutgoing(Box<str>),
    Feed(Box<FeedState>),
    CallerKey(Box<CallerKeyRecord>),
    /// One of Seawall's own few facts, such as the key of a hash, by its name.
    Setting {
        name: Box<str>,
        value: Box<str>,
    },
}

impl Change {
    /// True for what may be lost on a bad day without anybody being told something wrong: the
    /// fine grain, of which there is always more.
    pub fn is_fine_grain(&self) -> bool {
        match self {
            Self::Minute(_) | Self::Verdict(_) | Self::Evidence(_) | Self::Report(_) => true,
            Self::Incident(_)
            | Self::RemoveIncident(_)
            | Self::Maintenance(_)
            | Self::Day(_)
            | Self::Subscriber(_)
            | Self::RemoveSubscriber(_)
            | Self::Outgoing(_)
            | Self::RemoveOutgoing(_)
            | Self::Feed(_)
            | Self::CallerKey(_)
            | Self::Setting { .. } => false,
        }
    }
}
