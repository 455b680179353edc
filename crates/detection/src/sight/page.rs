//! The provider's own page. Red is near proof. Green says little: pages are late, by 20 to 40 minutes
//! in the middle, so that a green one may not veto in the first half hour, and after it only slowly.

use clock::UnixMs;

use super::Say;
use crate::settings::weight;
use crate::{Condition, Family, Freshness, PageReading, Symptom};

/// How likely a page is still green by the age of a real outage in minutes: OpenAI, 39 incidents
/// whose text states a start, December 2020 to August 2024.
const STILL_GREEN: [(f64, f64); 10] = [
    (0.0, 1.0),
    (2.0, 0.95),
    (5.0, 0.92),
    (10.0, 0.87),
    (15.0, 0.69),
    (20.0, 0.59),
    (30.0, 0.36),
    (45.0, 0.28),
    (60.0, 0.26),
    (120.0, 0.13),
];

/// For so long a green page may not veto, in minutes.
const NO_VETO_MINUTES: f64 = 30.0;

/// A reading counts for so long, in milliseconds; what is older is stale, whoever calls it fresh.
const FRESH_MS_MAX: u64 = 600_000;

/// What an unreadable page says for an outage, in nats: pages fell with their makers, seldom alone.
const BROKEN_NATS: f64 = 0.5;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PageSight {
    freshness: Option<Freshness>,
    /// The last reading that was fresh, and when.
    fresh: Option<(UnixMs, PageReading)>,
    /// Since when the page has told of trouble.
    bad_at: Option<UnixMs>,
}

impl PageSight {
    /// Takes one reading.
    pub(crate) fn take(&mut self, at: UnixMs, page: PageReading) {
        self.freshness = Some(page.freshness);
        if page.freshness == Freshness::Fresh {
            let is_bad = page.condition >= Condition::DegradedPerformance;
            // Pages are written by hand: a post from the future is one from now.
            let posted_at = page.posted_at.map(|posted| posted.min(at));
            self.bad_at = is_bad.then(|| posted_at.or(self.bad_at).unwrap_or(at));
            self.fresh = Some((at, page));
        }
    }

    /// What it says now of a fall that began at `onset`.
    pub(crate) fn say(&self, now: UnixMs, onset: Option<UnixMs>) -> Say {
        let (degraded_nats, down_nats, why) = match self.current(now) {
            Ok(condition) => says(condition, now, onset),
            Err(why) => self.says_of_old(now, why),
        };
        let observations = u64::from(self.freshness.is_some());
        Say { degraded_nats, down_nats, observations, why: why.into() }
    }

    /// When the page first told of the trouble that it tells of now.
    pub(crate) fn bad_at(&self, now: UnixMs) -> Option<UnixMs> {
        self.bad_at.filter(|_| self.left(now) > 0.25)
    }

    /// True if it is fresh and tells of planned work.
    pub(crate) fn is_maintenance(&self, now: UnixMs) -> bool {
        self.current(now) == Ok(Condition::UnderMaintenance)
    }

    /// True if it is fresh and says that all is well.
    pub(crate) fn is_good(&self, now: UnixMs) -> bool {
        self.current(now) == Ok(Condition::Operational)
    }

    /// What its post speaks of.
    pub(crate) fn symptom(&self, now: UnixMs) -> Option<Symptom> {
        self.bad_at(now).and(self.fresh).and_then(|(_, page)| page.symptom)
    }

    /// What was last read fades: trouble that a page told before it broke is not over with it. Good
    /// news does not outlive its reading.
    fn says_of_old(&self, now: UnixMs, why: &str) -> (f64, f64, String) {
        let broken = self.freshness == Some(Freshness::Broken);
        let floor = if broken { BROKEN_NATS } else { 0.0 };
        let old = self.fresh.filter(|_| self.bad_at.is_some());
        let Some((_, page)) = old else { return (floor, floor, why.to_owned()) };
        let (degraded, down, told) = says(page.condition, now, None);
        let left = self.left(now);
        let why = format!("{why}; when it was last read, {told}");
        ((degraded * left).max(floor), (down * left).max(floor), why)
    }

    fn left(&self, now: UnixMs) -> f64 {
        let age = self.fresh.map_or(u64::MAX, |(at, _)| now.since(at));
        weight(Family::OfficialPage).left(age.saturating_sub(FRESH_MS_MAX))
    }

    fn current(&self, now: UnixMs) -> Result<Condition, &'static str> {
        match (self.freshness, self.fresh) {
            (None, _) => Err("the page was never read"),
            (Some(Freshness::Broken), _) => Err("the page cannot be read"),
            (Some(Freshness::Fresh), Some((at, page))) if now.since(at) <= FRESH_MS_MAX => {
                Ok(page.condition)
            }
            (Some(Freshness::Fresh | Freshness::Stale), _) => Err("the page stands still"),
        }
    }
}

/// What a fresh page says for degraded and for down, in nats.
fn says(condition: Condition, now: UnixMs, onset: Option<UnixMs>) -> (f64, f64, String) {
    match condition {
        Condition::Unknown => (0.0, 0.0, "the page says nothing that we know".to_owned()),
        Condition::UnderMaintenance => (0.0, 0.0, "the page tells of planned work".to_owned()),
        Condition::DegradedPerformance => {
            (6.0, 3.0, "the page tells of slow or failing answers".to_owned())
        }
        Condition::PartialOutage => (6.5, 5.0, "the page tells of a partial outage".to_owned()),
        Condition::MajorOutage => (5.0, 7.0, "the page tells of a major outage".to_owned()),
        Condition::Operational => green(onset.map(|onset| now.since(onset))),
    }
}

fn green(outage_ms: Option<u64>) -> (f64, f64, String) {
    let Some(outage_ms) = outage_ms else {
        return (-0.3, -0.5, "the page says that all is well".to_owned());
    };
    let minutes = crate::settings::as_f64(outage_ms) / 60_000.0;
    let nats = if minutes <= NO_VETO_MINUTES { 0.0 } else { still_green(minutes).ln() };
    (nats, nats, format!("the page has said for {minutes:.0} min of this that all is well"))
}

/// Between the measured ages the share runs straight; after the last it stays.
fn still_green(minutes: f64) -> f64 {
    for pair in STILL_GREEN.windows(2) {
        if let [(from, high), (to, low)] = pair
            && minutes <= *to
        {
            return high + (low - high) * (minutes - from).max(0.0) / (to - from);
        }
    }
    STILL_GREEN.last().map_or(1.0, |last| last.1)
}
