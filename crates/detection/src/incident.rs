//! Incidents as they are kept, shown and told: plain data. How they open, merge and end is told by
//! the keeper of incidents.

use std::fmt;
use std::sync::Arc;

use clock::UnixMs;

use crate::{Cause, Certainty, ComponentId, Condition, Family};

/// The name of an incident or a maintenance, made by Seawall; never reused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IncidentId(Arc<str>);

impl IncidentId {
    /// From its text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far the work on an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    Investigating,
    Identified,
    Monitoring,
    Resolved,
    Postmortem,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; 5] =
        [Self::Investigating, Self::Identified, Self::Monitoring, Self::Resolved, Self::Postmortem];

    /// The word in the interface and in stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Investigating => "investigating",
            Self::Identified => "identified",
            Self::Monitoring => "monitoring",
            Self::Resolved => "resolved",
            Self::Postmortem => "postmortem",
        }
    }

    /// The phase of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }

    /// True once it is over.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Resolved | Self::Postmortem)
    }
}

/// How grave an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Impact {
    None,
    Maintenance,
    Minor,
    Major,
    Critical,
}

impl Impact {
    /// All of them, from the mildest to the gravest.
    pub const ALL: [Self; 5] =
        [Self::None, Self::Maintenance, Self::Minor, Self::Major, Self::Critical];

    /// The word in the interface and in stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Maintenance => "maintenance",
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Critical => "critical",
        }
    }

    /// The impact of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|impact| impact.as_str() == word)
    }
}

/// Who wrote an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    Seawall,
    /// An operator, by the name of his key; empty if nobody gave one.
    Operator(Box<str>),
    /// The provider's own page.
    Provider,
}

/// A component whose condition changed with an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    pub component: ComponentId,
    pub from: Condition,
    pub to: Condition,
}

/// One update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentUpdate {
    pub id: IncidentId,
    pub at: UnixMs,
    pub phase: Phase,
    /// Markdown.
    pub body: Box<str>,
    pub author: Author,
    pub affected: Vec<Affected>,
}

/// Whether a family of evidence speaks for the outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LightState {
    Lit,
    Unlit,
    /// Nobody can know, such as our traffic for an app that no gateway calls.
    DoesNotApply,
}

impl LightState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lit, Self::Unlit, Self::DoesNotApply];

    /// The word in stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lit => "lit",
            Self::Unlit => "unlit",
            Self::DoesNotApply => "does_not_apply",
        }
    }

    /// The state of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// One of the four lights of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Light {
    pub family: Family,
    pub state: LightState,
    /// When it came on; kept after it has gone out.
    pub lit_at: Option<UnixMs>,
    /// What it reads, with what is usual, such as "412 in 15 minutes; usual at this hour: 6".
    pub reading: Box<str>,
}

/// What the provider's own page said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficialPost {
    /// When the page first told; the lag is counted from the incident's start to here.
    pub posted_at: UnixMs,
    pub title: Box<str>,
    pub url: Option<Box<str>>,
    /// When the page said that it was over.
    pub resolved_at: Option<UnixMs>,
}

/// What operators did to an incident.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ByHand {
    /// An operator has taken it over: phases and texts are his, lights stay ours.
    pub is_taken: bool,
    /// Markdown, written after the end.
    pub postmortem: Option<Box<str>>,
}

/// One incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    pub id: IncidentId,
    /// What a reader meets, not what broke.
    pub title: Box<str>,
    pub phase: Phase,
    pub impact: Impact,
    pub certainty: Certainty,
    pub cause: Cause,
    /// When it began, as far as the evidence reaches back.
    pub started_at: UnixMs,
    /// When Seawall told of it first.
    pub opened_at: UnixMs,
    pub resolved_at: Option<UnixMs>,
    pub components: Vec<ComponentId>,
    /// Oldest first.
    pub updates: Vec<IncidentUpdate>,
    /// Always four, in the order of [`Family::LIGHTS`].
    pub lights: [Light; 4],
    pub official: Option<OfficialPost>,
    /// What Seawall did about it, one sentence each, oldest first.
    pub deeds: Vec<(UnixMs, Box<str>)>,
    pub by_hand: ByHand,
}

impl Incident {
    /// Milliseconds for which the provider's page told nothing: until its post, the end, or `now`.
    /// Zero if the page was first.
    pub fn official_lag_ms(&self, now: UnixMs) -> u64 {
        let told = self.official.as_ref().map(|post| post.posted_at);
        told.or(self.resolved_at).unwrap_or(now).since(self.started_at)
    }
}
