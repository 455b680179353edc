//! What is known of a page after a round: plain data for whoever judges, keeps and shows.

use std::collections::BTreeMap;
use std::fmt;

use clock::UnixMs;
use detection::{ComponentId, Condition};

use crate::feeds::{Doubts, Engine, FeedIncident, FeedMaintenance};

/// How far a page can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FeedState {
    Fresh,
    /// Its last words are minutes old.
    Stale,
    /// It was not read for long, or never. That is weak evidence itself: pages fall with what they
    /// tell of.
    Broken,
}

impl FeedState {
    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Broken => "broken",
        }
    }
}

/// An incident of a page that concerns components of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageIncident {
    pub components: Vec<ComponentId>,
    pub incident: FeedIncident,
}

/// Planned work that concerns components of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageMaintenance {
    pub components: Vec<ComponentId>,
    pub maintenance: FeedMaintenance,
}

/// What one page says.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedView {
    pub page: Box<str>,
    pub at: UnixMs,
    pub state: FeedState,
    /// When every document of the page was last read.
    pub read_at: Option<UnixMs>,
    pub engine: Option<Engine>,
    /// What the page told last; a component that it does not tell of is not here.
    pub conditions: BTreeMap<ComponentId, Condition>,
    /// Components that are looked for on the page and are not there: it was rebuilt, perhaps.
    pub missing: Vec<ComponentId>,
    /// False if no document told of incidents, not even that there are none.
    pub tells_incidents: bool,
    pub incidents: Vec<PageIncident>,
    pub maintenances: Vec<PageMaintenance>,
    /// Whether green says something on this page.
    pub tells_green: bool,
    pub doubts: Doubts,
    /// Why the last round was not good, for the log and the console.
    pub trouble: Option<Box<str>>,
}

/// Where views go.
pub trait FeedSink: Send + Sync + fmt::Debug {
    /// Takes the view of a page after a round. It must not block.
    fn take(&self, view: FeedView);
}
