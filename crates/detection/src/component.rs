//! What can be up or down: a provider, or one thing that it can do. Not how it is judged.

use std::fmt;
use std::sync::Arc;

/// The name of a component: the provider's, or the provider's and the capability's with a slash
/// between, such as `openai/chat`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComponentId(Arc<str>);

impl ComponentId {
    /// From its text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a provider does for its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Capability {
    /// Text answers, whole.
    Chat,
    /// Text answers, word by word.
    Streaming,
    Embeddings,
    Images,
    Audio,
    /// Files and uploads.
    Files,
    /// The app in the browser or on the phone. No gateway calls it; its feed is a leading indicator.
    App,
    /// Signing in. Interfaces with keys do not need it.
    Login,
    /// Whatever else a provider's page lists.
    Other,
}

impl Capability {
    /// All of them, in the order of pages.
    pub const ALL: [Self; 9] = [
        Self::Chat,
        Self::Streaming,
        Self::Embeddings,
        Self::Images,
        Self::Audio,
        Self::Files,
        Self::App,
        Self::Login,
        Self::Other,
    ];

    /// The word in ids, metrics and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Streaming => "streaming",
            Self::Embeddings => "embeddings",
            Self::Images => "images",
            Self::Audio => "audio",
            Self::Files => "files",
            Self::App => "app",
            Self::Login => "login",
            Self::Other => "other",
        }
    }

    /// The capability of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.as_str() == word)
    }

    /// True if requests through an interface with keys need it.
    pub fn is_routed(self) -> bool {
        !matches!(self, Self::App | Self::Login | Self::Other)
    }
}

/// One component. Providers are trees: a provider has no parent, its capabilities have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    pub id: ComponentId,
    /// The name on pages, such as "OpenAI's interface".
    pub name: Box<str>,
    /// The provider's name in the configuration, or the name of its feed.
    pub provider: Arc<str>,
    /// `None` for a whole provider.
    pub capability: Option<Capability>,
    pub parent: Option<ComponentId>,
}

/// How a component stands, in the words of the common status page interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Condition {
    /// Nobody told. Never to be shown as good.
    Unknown,
    Operational,
    UnderMaintenance,
    DegradedPerformance,
    PartialOutage,
    MajorOutage,
}

impl Condition {
    /// All of them, from the mildest to the gravest.
    pub const ALL: [Self; 6] = [
        Self::Unknown,
        Self::Operational,
        Self::UnderMaintenance,
        Self::DegradedPerformance,
        Self::PartialOutage,
        Self::MajorOutage,
    ];

    /// The word in the interface, metrics and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Operational => "operational",
            Self::UnderMaintenance => "under_maintenance",
            Self::DegradedPerformance => "degraded_performance",
            Self::PartialOutage => "partial_outage",
            Self::MajorOutage => "major_outage",
        }
    }

    /// The condition of that word; a word that nobody knows is [`Condition::Unknown`], never good.
    pub fn of(word: &str) -> Self {
        let known = Self::ALL.into_iter().find(|condition| condition.as_str() == word);
        known.unwrap_or(if word == "full_outage" { Self::MajorOutage } else { Self::Unknown })
    }
}
