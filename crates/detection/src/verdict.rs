//! What is thought of a component, how sure that is, and why: plain data. How it comes about is told
//! by the judge of each component.

use clock::UnixMs;

use crate::settings::SPEAKS_NATS;
use crate::{ComponentId, Condition};

/// Families of evidence. Two readings of one family are one witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    Probe,
    Traffic,
    Reports,
    OfficialPage,
    /// Others that stand on the same ground fell at the same time.
    SharedDependency,
}

impl Family {
    /// The four lights of an incident, in the order of pages, which never changes.
    pub const LIGHTS: [Self; 4] = [Self::Probe, Self::Traffic, Self::Reports, Self::OfficialPage];

    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Probe, Self::Traffic, Self::Reports, Self::OfficialPage, Self::SharedDependency];

    /// The word in metrics and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Traffic => "traffic",
            Self::Reports => "reports",
            Self::OfficialPage => "official_page",
            Self::SharedDependency => "shared_dependency",
        }
    }

    /// The family of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.as_str() == word)
    }
}

/// How a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Health {
    Ok,
    Degraded,
    Down,
}

impl Health {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Degraded, Self::Down];

    /// The word in metrics and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }

    /// The health of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|health| health.as_str() == word)
    }
}

/// Probabilities of the three; they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Belief {
    pub ok: f64,
    pub degraded: f64,
    pub down: f64,
}

/// How sure a verdict is that something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Certainty {
    /// Nothing is wrong, as far as anyone can tell.
    Clear,
    Suspected,
    Confirmed,
}

impl Certainty {
    /// All of them, from the least sure to the surest.
    pub const ALL: [Self; 3] = [Self::Clear, Self::Suspected, Self::Confirmed];

    /// The word in metrics and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Suspected => "suspected",
            Self::Confirmed => "confirmed",
        }
    }

    /// The certainty of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|certainty| certainty.as_str() == word)
    }
}

/// Why something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CauseClass {
    ProviderOutage,
    /// Something that several providers stand on.
    SharedDependency,
    /// Users who fled from another provider: the domino.
    FleeingUsers,
    OurNetwork,
    OurKeyOrQuota,
    AttackOnUs,
    ClientSide,
    Maintenance,
    /// It answers, and answers badly.
    QualityLoss,
    Inconclusive,
}

impl CauseClass {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ProviderOutage,
        Self::SharedDependency,
        Self::FleeingUsers,
        Self::OurNetwork,
        Self::OurKeyOrQuota,
        Self::AttackOnUs,
        Self::ClientSide,
        Self::Maintenance,
        Self::QualityLoss,
        Self::Inconclusive,
    ];

    /// The word in metrics and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProviderOutage => "provider_outage",
            Self::SharedDependency => "shared_dependency",
            Self::FleeingUsers => "overload_by_diversion",
            Self::OurNetwork => "our_network",
            Self::OurKeyOrQuota => "our_key_or_quota",
            Self::AttackOnUs => "attack_on_us",
            Self::ClientSide => "client_side",
            Self::Maintenance => "maintenance",
            Self::QualityLoss => "quality_loss",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// The class of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == word)
    }
}

/// A cause, how sure it is, and what speaks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    pub class: CauseClass,
    /// From 0 to 1.
    pub confidence: f64,
    pub why: Box<str>,
}

/// Probes that must fail in a row before the family speaks: a burst of twenty seconds meets two.
const PROBES_MIN: u64 = 3;

/// What one family says, in nats of log-odds against [`Health::Ok`].
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub family: Family,
    pub degraded_nats: f64,
    pub down_nats: f64,
    /// Requests, probes or reports behind it.
    pub observations: u64,
    pub why: Box<str>,
}

impl Reading {
    /// What it says against [`Health::Ok`] at most, in nats.
    pub fn nats(&self) -> f64 {
        self.degraded_nats.max(self.down_nats)
    }

    /// True if it speaks for an outage as a witness of its own.
    pub fn speaks(&self) -> bool {
        let is_enough = self.family != Family::Probe || self.observations >= PROBES_MIN;
        is_enough && self.nats() >= SPEAKS_NATS
    }
}

/// What kept a verdict from being drawn as the numbers would have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Guard {
    OwnNetwork,
    OwnAccount,
    LowVolume,
    Maintenance,
    ClockJump,
}

impl Guard {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::OwnNetwork, Self::OwnAccount, Self::LowVolume, Self::Maintenance, Self::ClockJump];

    /// The word in metrics and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OwnNetwork => "own_network",
            Self::OwnAccount => "own_account",
            Self::LowVolume => "low_volume",
            Self::Maintenance => "maintenance",
            Self::ClockJump => "clock_jump",
        }
    }

    /// The guard of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|guard| guard.as_str() == word)
    }
}

/// What is thought of one component.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    pub component: ComponentId,
    pub at: UnixMs,
    /// Since when health and certainty have been what they are.
    pub since: UnixMs,
    pub health: Health,
    pub certainty: Certainty,
    pub belief: Belief,
    pub cause: Cause,
    pub readings: Vec<Reading>,
    pub guards: Vec<Guard>,
    pub why: Box<str>,
}

impl Verdict {
    /// How the component is to be shown. What is only suspected is not shown as trouble, and what
    /// nobody has seen well is not shown as good: reports that do not come, a page that cannot be read
    /// or says what nobody knows, are no sight.
    pub fn condition(&self) -> Condition {
        let looks = [Family::Probe, Family::Traffic, Family::OfficialPage];
        let was_seen_well = self.readings.iter().any(|reading| {
            looks.contains(&reading.family) && reading.degraded_nats.min(reading.down_nats) < 0.0
        });
        match (self.certainty, self.health) {
            _ if self.guards.contains(&Guard::Maintenance) => Condition::UnderMaintenance,
            (Certainty::Confirmed, Health::Degraded) => Condition::DegradedPerformance,
            (Certainty::Confirmed, Health::Down) => Condition::MajorOutage,
            (Certainty::Suspected, _) => Condition::Operational,
            _ if was_seen_well => Condition::Operational,
            _ => Condition::Unknown,
        }
    }
}
