//! What a status feed says, whatever its engine: plain data. What nobody told is `None` or unknown,
//! never good. Which of the feed's parts matter to us is decided by the poller's map.

use clock::UnixMs;
use detection::{Condition, Impact, MaintenancePhase, Phase};

/// The program that makes a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Engine {
    Statuspage,
    IncidentIo,
    Instatus,
    GoogleCloud,
    Azure,
    /// A feed that does not tell who made it.
    Unknown,
}

impl Engine {
    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Statuspage => "statuspage",
            Self::IncidentIo => "incident_io",
            Self::Instatus => "instatus",
            Self::GoogleCloud => "google_cloud",
            Self::Azure => "azure",
            Self::Unknown => "unknown",
        }
    }
}

/// One document of a page, read.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedReading {
    pub engine: Engine,
    pub page: FeedPage,
    /// `None` if this document does not list components.
    pub components: Option<Vec<FeedComponent>>,
    /// `None` if this document tells nothing of incidents, which is not the same as that there are
    /// none.
    pub incidents: Option<Vec<FeedIncident>>,
    /// `None` if this document tells nothing of planned work.
    pub maintenances: Option<Vec<FeedMaintenance>>,
    /// What was in the document and could not be taken.
    pub doubts: Doubts,
}

impl FeedReading {
    pub(crate) fn of(engine: Engine) -> Self {
        Self {
            engine,
            page: FeedPage::default(),
            components: None,
            incidents: None,
            maintenances: None,
            doubts: Doubts::default(),
        }
    }
}

/// Who speaks. No time of this is a sign of freshness: healthy pages carry times that are months
/// old.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedPage {
    pub id: Option<Box<str>>,
    pub name: Option<Box<str>>,
    pub url: Option<Box<str>>,
    pub time_zone: Option<Box<str>>,
    pub updated_at: Option<UnixMs>,
    /// The page's own light and its words, for people. It speaks for parts that nobody here uses,
    /// so that no verdict is drawn from it.
    pub light: Option<Box<str>>,
    pub light_words: Option<Box<str>>,
}

/// What could not be taken as it stood; all counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Doubts {
    /// Entries that could not be read, or were beyond the bound.
    pub dropped: u32,
    /// Words of states that we do not know, read as unknown.
    pub words: u32,
    /// Instants that could not be read, or lie before what they follow.
    pub instants: u32,
}

impl Doubts {
    pub(crate) fn add(&mut self, more: Self) {
        self.dropped = self.dropped.saturating_add(more.dropped);
        self.words = self.words.saturating_add(more.words);
        self.instants = self.instants.saturating_add(more.instants);
    }
}

/// One part of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedComponent {
    /// Empty if the engine names parts by their titles only.
    pub id: Box<str>,
    pub name: Box<str>,
    pub condition: Condition,
    pub description: Option<Box<str>>,
    /// The id of the group that it stands in.
    pub group_id: Option<Box<str>>,
    pub group_name: Option<Box<str>>,
    /// It is a group itself; its condition is made from those of its parts.
    pub is_group: bool,
    pub position: Option<i64>,
    pub created_at: Option<UnixMs>,
    pub updated_at: Option<UnixMs>,
}

/// A part that an incident or an update names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPart {
    pub id: Option<Box<str>>,
    pub name: Box<str>,
    /// Before the update, where it is told.
    pub from: Option<Condition>,
    /// `None` if the part is named without its condition.
    pub to: Option<Condition>,
}

/// One incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedIncident {
    /// Names it among all incidents of the page, in every document of it. Where the feed reuses
    /// ids, the time is part of it.
    pub key: Box<str>,
    pub title: Box<str>,
    /// `None` if its word is not known.
    pub phase: Option<Phase>,
    /// `None` if it is not told, or its word is not known.
    pub impact: Option<Impact>,
    pub started_at: Option<UnixMs>,
    /// When the page first told of it, as far as the feed or the id knows.
    pub posted_at: Option<UnixMs>,
    pub updated_at: Option<UnixMs>,
    pub monitoring_at: Option<UnixMs>,
    pub resolved_at: Option<UnixMs>,
    /// The parts that it concerns; `None` if the feed does not name parts of incidents.
    pub parts: Option<Vec<FeedPart>>,
    /// Newest first, as feeds have them.
    pub updates: Vec<FeedUpdate>,
    pub url: Option<Box<str>>,
}

impl FeedIncident {
    /// True unless the feed says that it is over. What is not told is taken for open.
    pub fn is_open(&self) -> bool {
        !self.phase.is_some_and(Phase::is_over) && self.resolved_at.is_none()
    }
}

/// One update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedUpdate {
    pub id: Option<Box<str>>,
    pub at: Option<UnixMs>,
    /// `None` if its word is not known.
    pub phase: Option<Phase>,
    /// Plain text.
    pub text: Box<str>,
    pub parts: Vec<FeedPart>,
}

/// One piece of planned work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedMaintenance {
    pub key: Box<str>,
    pub title: Box<str>,
    /// `None` if its word is not known.
    pub phase: Option<MaintenancePhase>,
    pub starts_at: Option<UnixMs>,
    pub ends_at: Option<UnixMs>,
    pub posted_at: Option<UnixMs>,
    pub parts: Option<Vec<FeedPart>>,
    pub updates: Vec<FeedUpdate>,
    pub url: Option<Box<str>>,
}
