//! Everything that can be written, as values: they can wait in a queue, be written together, and be
//! written again after a failure. Writing one twice in a row is writing it once.

use detection::{Incident, IncidentId, Maintenance, Verdict};

use crate::forms::{
    write_components, write_incident, write_maintenance, write_posts, write_testimonies,
    write_verdict,
};
use crate::{
    Bin, CallerKeyRecord, Evidence, FeedState, Outgoing, ReportBin, StoreError, Subscriber,
    Timeline,
};

/// One change. What has an id or another key takes the place of what had it before.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Incident(Box<Incident>),
    /// What evidence said of an incident, which is to be there already.
    Timeline(Box<Timeline>),
    /// For what was written by mistake; its timeline goes with it.
    RemoveIncident(IncidentId),
    Maintenance(Box<Maintenance>),
    /// A whole minute. Its day is moved by the difference to what the minute was before.
    Minute(Box<Bin>),
    /// A whole day, such as one of an imported history.
    Day(Box<Bin>),
    Verdict(Box<Verdict>),
    Evidence(Box<Evidence>),
    /// A whole bin, by component, start and kind.
    ReportBin(Box<ReportBin>),
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
            Self::Minute(_) | Self::Verdict(_) | Self::Evidence(_) | Self::ReportBin(_) => true,
            Self::Incident(_)
            | Self::Timeline(_)
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

    /// Bytes of its text, as it is kept; what has the same small size always counts nothing.
    fn bytes(&self) -> usize {
        match self {
            Self::Incident(incident) => write_incident(incident).len(),
            Self::Timeline(timeline) => write_testimonies(&timeline.testimonies).len(),
            Self::Maintenance(work) => write_maintenance(work).len(),
            Self::Verdict(verdict) => write_verdict(verdict).len(),
            Self::Evidence(evidence) => evidence.text.len(),
            Self::Subscriber(one) => {
                one.address.as_bytes().len() + write_components(&one.components).len()
            }
            Self::Outgoing(message) => {
                message.body.len()
                    + message.subject.len()
                    + message.fault.as_ref().map_or(0, |fault| fault.len())
            }
            Self::Feed(feed) => write_posts(feed).len(),
            Self::Setting { name, value } => name.len() + value.len(),
            Self::RemoveIncident(_)
            | Self::Minute(_)
            | Self::Day(_)
            | Self::ReportBin(_)
            | Self::RemoveSubscriber(_)
            | Self::RemoveOutgoing(_)
            | Self::CallerKey(_) => 0,
        }
    }
}

/// Refuses a batch with a change that is too large.
pub(crate) fn check_sizes(changes: &[Change], bytes_max: usize) -> Result<(), StoreError> {
    let largest = changes.iter().map(Change::bytes).max().unwrap_or_default();
    if largest > bytes_max {
        return Err(StoreError::TooLarge { bytes: largest, bytes_max });
    }
    Ok(())
}
