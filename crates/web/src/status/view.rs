//! What the status page shows, as plain data: whoever keeps verdicts and incidents fills it, the
//! pages and interfaces only read it. Nothing is judged here.

use std::sync::Arc;

use clock::UnixMs;
use detection::{
    Certainty, Component, ComponentId, Condition, Family, Incident, IncidentId, Maintenance,
};
use domain::ReportKind;

/// Asks for the present view. It is called at most once a second, and must be quick.
pub type StatusSource = Arc<dyn Fn() -> Arc<StatusView> + Send + Sync>;

/// Days on a wall.
pub const DAYS_MAX: usize = 90;

/// Everything that the public may know at one moment.
#[derive(Debug, Clone)]
pub struct StatusView {
    pub page: PageInfo,
    /// When these figures were true; an old view is told to be old.
    pub at: UnixMs,
    pub ourselves: Ourselves,
    /// Our own things first, then what they stand on.
    pub groups: Vec<ComponentGroup>,
    /// Not over yet, the newest first.
    pub open: Vec<IncidentView>,
    /// Over, the newest first.
    pub past: Vec<IncidentView>,
    /// All that is known, the newest first.
    pub maintenances: Vec<Maintenance>,
    /// `None` if load and capacity are not for the public, or not known.
    pub tide: Option<Tide>,
    pub answered: Option<Answered>,
    /// One series for each component that people reported about, the most troubled first.
    pub reports: Vec<ReportSeries>,
    /// Where the figures come from, and how old they are.
    pub sources: Vec<SourceAge>,
}

/// Whose page this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageInfo {
    /// The id in interfaces.
    pub id: Box<str>,
    pub name: Box<str>,
    /// Where the page can be reached from outside, without a slash at the end; empty if nobody
    /// told, and then addresses are relative.
    pub url: Box<str>,
}

/// A text in English, and in Chinese where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub en: Box<str>,
    pub zh: Option<Box<str>>,
}

impl Text {
    /// A text that is the same in both languages, such as a name.
    pub fn plain(en: impl Into<Box<str>>) -> Self {
        Self { en: en.into(), zh: None }
    }

    /// A text in both languages.
    pub fn both(en: impl Into<Box<str>>, zh: impl Into<Box<str>>) -> Self {
        Self { en: en.into(), zh: Some(zh.into()) }
    }
}

/// Whether we ourselves answer at this moment, by whatever means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ourselves {
    /// Ready, and nothing was asked lately.
    Idle,
    Answering,
    ReserveOnly,
    Silent,
}

/// Components under one title.
#[derive(Debug, Clone)]
pub struct ComponentGroup {
    pub title: Text,
    pub note: Option<Text>,
    /// True for what we make, false for what it stands on.
    pub ours: bool,
    pub components: Vec<ComponentView>,
}

/// One component with its present and its past.
#[derive(Debug, Clone)]
pub struct ComponentView {
    pub component: Component,
    pub name: Text,
    pub condition: Condition,
    pub certainty: Certainty,
    /// The word for the state where the six conditions have none, such as "Loading".
    pub state: Option<Text>,
    /// One grey line under the wall.
    pub note: Option<Text>,
    /// Oldest first; the last one is the day of [`StatusView::at`]. At most [`DAYS_MAX`].
    pub days: Vec<Day>,
    pub uptime: Uptime,
    /// When the page began to show it.
    pub created_at: UnixMs,
    /// When its condition changed last.
    pub updated_at: UnixMs,
}

/// What is recorded of one day (UTC), in minutes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Day {
    /// False if nobody looked: a gap, never a good day.
    pub known: bool,
    pub slow_min: u32,
    pub partial_min: u32,
    pub major_min: u32,
    pub planned_min: u32,
    pub incidents: u32,
}

/// Shares of good requests or minutes from 0 to 1; `None` where nobody counted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Uptime {
    /// Of our own requests in ninety days.
    pub own_requests: Option<f64>,
    /// Of minutes in ninety days, as we measured them.
    pub own_minutes: Option<f64>,
    /// By the provider's page: a partial outage counts three tenths.
    pub official_weighted: Option<f64>,
    /// By the provider's page: every minute of an outage counts in full.
    pub official_strict: Option<f64>,
    /// For badges, in the order of [`Span::ALL`].
    pub spans: [Option<f64>; 4],
    /// Median milliseconds to the first words, in the same order.
    pub first_words_ms: [Option<f64>; 4],
}

/// The spans of badges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    Hour,
    Day,
    Week,
    Month,
}

impl Span {
    /// All of them, from the shortest.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The word in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }
}

/// An incident, with its words in Chinese where there are some.
#[derive(Debug, Clone)]
pub struct IncidentView {
    pub incident: Incident,
    pub zh: Option<IncidentZh>,
    /// In the order in which they began.
    pub testimonies: Arc<[Testimony]>,
}

/// One family of evidence that spoke for an incident without a long break.
#[derive(Debug, Clone, PartialEq)]
pub struct Testimony {
    pub family: Family,
    pub first: Said,
    /// The heaviest of it; the first one, if nothing was clearly heavier.
    pub strongest: Said,
    /// When it spoke last, once it is silent.
    pub ended_at: Option<UnixMs>,
}

/// What a family said at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub at: UnixMs,
    /// Its weight for an outage, in nats of log-odds.
    pub nats: f64,
    pub why: Text,
}

/// The Chinese words of an incident. A list that is too short leaves the English in place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncidentZh {
    pub title: Box<str>,
    pub why: Box<str>,
    /// In the order of the lights.
    pub readings: Vec<Box<str>>,
    /// In the order of the deeds.
    pub deeds: Vec<Box<str>>,
    /// By update.
    pub bodies: Vec<(IncidentId, Box<str>)>,
}

/// Load and capacity of the last hours.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tide {
    /// Oldest first, evenly spaced; the last is now.
    pub points: Vec<TidePoint>,
    /// Events to be marked.
    pub marks: Vec<(UnixMs, Text)>,
    /// Why the capacity is not what it could be; empty if it is.
    pub why: Option<Text>,
}

/// One moment of the tide, in requests a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TidePoint {
    pub at: UnixMs,
    pub asked_per_s: f64,
    pub capacity_per_s: f64,
}

/// How many of the latest requests were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    pub minutes: u32,
    pub asked: u64,
    pub answered: u64,
    pub by_first_choice: u64,
}

/// What people reported about one component, in buckets of 15 minutes.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportSeries {
    pub component: ComponentId,
    pub name: Text,
    /// Oldest first; the last is now. At most 96.
    pub buckets: Vec<ReportBucket>,
}

/// A quarter of an hour of reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReportBucket {
    pub at: UnixMs,
    pub count: u32,
    /// The same by kind, in the order of [`ReportKind::ALL`].
    pub by_kind: [u32; ReportKind::ALL.len()],
    /// What is usual at this hour of the week.
    pub usual: f64,
    /// The most that is still usual.
    pub usual_max: f64,
}

/// Where figures come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceAge {
    pub name: Text,
    /// When it was last read; `None` if never.
    pub read_at: Option<UnixMs>,
    pub state: SourceState,
}

/// How good a source is at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceState {
    Fresh,
    Stale,
    Broken,
}

impl StatusView {
    /// All components, in the order of the page.
    pub fn components(&self) -> impl Iterator<Item = &ComponentView> {
        self.groups.iter().flat_map(|group| &group.components)
    }

    /// All incidents, the open ones first.
    pub fn incidents(&self) -> impl Iterator<Item = &IncidentView> {
        self.open.iter().chain(&self.past)
    }
}
