//! What the pollers are told: which pages, where, how often, and what their parts mean to us.

use detection::ComponentId;

/// The pollers' settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedSettings {
    pub pages: Vec<PageSettings>,
    /// The mean time between two rounds; each lies within a third of it (so 30 to 60 s).
    pub every_ms: u64,
    /// For one document, from the connection to its last byte.
    pub document_ms_max: u64,
    /// A page whose last good round is older than this is stale.
    pub fresh_ms_max: u64,
    /// A page whose last good round is older than this is broken.
    pub stale_ms_max: u64,
    /// Redirects of one document.
    pub redirects_max: u32,
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            every_ms: 45_000,
            document_ms_max: 5_000,
            fresh_ms_max: 180_000,
            stale_ms_max: 900_000,
            redirects_max: 3,
        }
    }
}

/// One provider's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSettings {
    /// Its name in views, logs and metrics.
    pub name: Box<str>,
    /// Each is read in every round. Where several tell of the same part, the worst counts.
    pub sources: Vec<SourceSettings>,
    pub parts: Vec<PartRule>,
    /// That this page is green says something. False for pages that tell of broad or of few
    /// incidents only.
    pub tells_green: bool,
}

/// One document of a page, with its fallbacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSettings {
    /// In the order of trying; the first that gives a feed counts.
    pub urls: Vec<Box<str>>,
}

/// Which parts of a page are one of our components. A part may be several components', and a
/// component may be several parts'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRule {
    pub component: ComponentId,
    pub any_of: Vec<PartMatch>,
}

/// How a part is known. Case does not matter in names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartMatch {
    Id(Box<str>),
    Name(Box<str>),
    /// These words stand in the name.
    NameHas(Box<str>),
    /// Every part of this group.
    Group(Box<str>),
    /// These words stand in the title of an incident that names no parts, or that stands in a feed
    /// without a list of parts.
    TitleHas(Box<str>),
}
