//! What the families of evidence said of an incident, from when to when, and how strongly. Who speaks
//! is found out elsewhere.

use clock::UnixMs;
use detection::{Family, IncidentId};

/// What was read at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub at: UnixMs,
    /// Its weight for an outage, in nats of log-odds.
    pub nats: f64,
    /// In the words of verdicts.
    pub why: Box<str>,
}

/// One family that spoke for an outage without a long break.
#[derive(Debug, Clone, PartialEq)]
pub struct Testimony {
    pub family: Family,
    pub first: Said,
    /// The heaviest so far; the first one, as long as nothing was clearly heavier.
    pub strongest: Said,
    /// When it spoke last, once it is silent.
    pub ended_at: Option<UnixMs>,
}

/// All that was said of one incident. It lives as long as the incident is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    pub incident: IncidentId,
    /// In the order in which they began.
    pub testimonies: Vec<Testimony>,
}
