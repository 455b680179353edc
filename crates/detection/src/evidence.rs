//! What comes in: facts about components and about ourselves, each with its moment. Plain data that
//! can be stored and played again; what they weigh is told by the family that reads them.

use clock::UnixMs;

use crate::{ComponentId, Condition, Maintenance};

/// One fact and when it was so. Facts are taken in the order in which they were stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub at: UnixMs,
    pub fact: Fact,
}

/// What can be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Requests of one second or one minute, counted by how they ended.
    Traffic { component: ComponentId, traffic: Traffic },
    /// Streamed calls that wait for their first word, told once a second.
    Silence { component: ComponentId, silence: Silence },
    /// One probe's result.
    Probe { component: ComponentId, result: ProbeResult },
    /// Users' reports of the last minute, one per person and two hours, counted by kind.
    Reports { component: ComponentId, reports: Reports },
    /// What the provider's page shows, told anew with every reading, also if nothing changed.
    Page { component: ComponentId, page: PageReading },
    /// A measure of answers left its usual band, or came back. Status codes play no part in it.
    Drift { component: ComponentId, drift: Drift, is_on: bool },
    /// Whether a host that has nothing to do with any provider could be reached.
    Canary { host: Box<str>, is_reached: bool },
    /// Whether admission sees an attack on us.
    Attack { is_on: bool },
    /// Planned work, told anew with every change.
    Maintenance(Maintenance),
}

/// Requests that ended within a span, counted. Every one is in `good` or in exactly one other count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How long the span was, in milliseconds; it ends at the evidence's moment.
    pub span_ms: u32,
    pub good: u32,
    pub faults: Faults,
    pub refusals: Refusals,
    /// Faults of callers: told to the log, ignored here.
    pub caller_faults: u32,
    /// Callers who met the provider's faults; 0 if nobody told.
    pub callers_failed: u16,
    pub first_words: Option<FirstWords>,
}

/// Faults that are the provider's, by class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// 429 about our pace that came although the pace was kept, 503, 529, a page that says
    /// "at capacity".
    pub overload: u32,
    /// 5xx that says nothing more, and answers that cannot be read.
    pub server_errors: u32,
    /// No head, or no first words, in time.
    pub timeouts: u32,
    /// Streams that stalled or were cut.
    pub cuts: u32,
    /// No connection, or one that broke before the head.
    pub connections: u32,
}

impl Faults {
    /// All of them.
    pub fn total(&self) -> u32 {
        self.overload
            .saturating_add(self.server_errors)
            .saturating_add(self.timeouts)
            .saturating_add(self.cuts)
            .saturating_add(self.connections)
    }
}

/// Refusals of our own account: 401, 402, 403, an exhausted quota. They speak about the provider
/// only if several keys or tenants agree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refusals {
    pub count: u32,
    /// Keys, or tenants with keys of their own, that were refused within the span.
    pub refused: u16,
    /// Keys or tenants that asked within the span.
    pub asking: u16,
}

impl Refusals {
    /// True if they speak about the provider: at least two agree, and they are most of those that
    /// asked.
    pub fn agree(&self) -> bool {
        self.refused >= 2 && u32::from(self.refused) * 2 > u32::from(self.asking)
    }
}

/// Ages of waiting calls that are told apart, in seconds.
pub const SILENCE_AGES: usize = 15;

/// Streamed calls by their age in whole seconds: how many began that long ago, and how many of those
/// have not said a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Silence(pub [(u32, u32); SILENCE_AGES]);

/// How long the first words took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstWords {
    pub answers: u32,
    pub median_ms: u32,
}

/// How a probe ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProbeResult {
    Right,
    /// An answer came, and it was wrong.
    Wrong,
    /// Right, but far slower than usual.
    Slow,
    /// No answer, or an error of the provider's.
    Failed(Symptom),
    /// Our key or quota was refused: nothing is known about the provider.
    OwnAccount,
    /// We could not reach anything: nothing is known about the provider.
    OwnNetwork,
}

impl ProbeResult {
    /// Whether it was answered; `None` if it says nothing of the provider.
    pub(crate) fn is_answered(self) -> Option<bool> {
        match self {
            Self::Right | Self::Wrong | Self::Slow => Some(true),
            Self::Failed(_) => Some(false),
            Self::OwnAccount | Self::OwnNetwork => None,
        }
    }

    /// The word in metrics and stores; the symptom of a failure has its own.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Slow => "slow",
            Self::Failed(_) => "failed",
            Self::OwnAccount => "own_account",
            Self::OwnNetwork => "own_network",
        }
    }
}

/// Users' reports by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reports {
    pub errors: u32,
    pub slow: u32,
    pub cannot_log_in: u32,
    pub wrong_answers: u32,
    /// "At capacity", "too many people".
    pub over_capacity: u32,
    pub other: u32,
}

impl Reports {
    /// All of them.
    pub fn total(&self) -> u32 {
        [self.errors, self.slow, self.cannot_log_in, self.wrong_answers, self.over_capacity]
            .into_iter()
            .fold(self.other, u32::saturating_add)
    }
}

/// What a provider's page shows for one component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageReading {
    pub freshness: Freshness,
    /// Of the component itself, never the light of the whole page.
    pub condition: Condition,
    /// When the post behind a bad condition was first published.
    pub posted_at: Option<UnixMs>,
    /// What the post's words speak of, if they speak of one thing.
    pub symptom: Option<Symptom>,
}

/// Whether a feed can be believed to be of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Freshness {
    Fresh,
    /// It was read, but too long ago, or its own date stands still.
    Stale,
    /// It cannot be read. That alone is weak evidence: pages fall with their makers.
    Broken,
}

impl Freshness {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fresh, Self::Stale, Self::Broken];

    /// The word in metrics and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Broken => "broken",
        }
    }

    /// The freshness of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|freshness| freshness.as_str() == word)
    }
}

/// How trouble shows itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Symptom {
    ServerErrors,
    Overload,
    Timeouts,
    Cuts,
    Connections,
    Slow,
    WrongAnswers,
    Login,
}

impl Symptom {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ServerErrors,
        Self::Overload,
        Self::Timeouts,
        Self::Cuts,
        Self::Connections,
        Self::Slow,
        Self::WrongAnswers,
        Self::Login,
    ];

    /// The word in metrics and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServerErrors => "server_errors",
            Self::Overload => "overload",
            Self::Timeouts => "timeouts",
            Self::Cuts => "cuts",
            Self::Connections => "connections",
            Self::Slow => "slow",
            Self::WrongAnswers => "wrong_answers",
            Self::Login => "login",
        }
    }

    /// The symptom of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|symptom| symptom.as_str() == word)
    }

    /// What a reader of pages meets.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::ServerErrors => "errors instead of answers",
            Self::Overload => "refusals for too much load",
            Self::Timeouts => "no answer in time",
            Self::Cuts => "answers that break off",
            Self::Connections => "no connection",
            Self::Slow => "slow first words",
            Self::WrongAnswers => "wrong answers",
            Self::Login => "signing in fails",
        }
    }
}

/// A measure of answers that can leave its usual band while every request succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Drift {
    /// Answers that break the shape that was asked for.
    Shape,
    Refusals,
    Length,
}

impl Drift {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Shape, Self::Refusals, Self::Length];

    /// The word in metrics and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shape => "shape",
            Self::Refusals => "refusals",
            Self::Length => "length",
        }
    }

    /// The measure of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|drift| drift.as_str() == word)
    }
}
