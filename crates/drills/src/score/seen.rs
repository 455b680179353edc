//! What the product's observer said of the day: verdicts, incidents and advice, and whether that is
//! what the story expects.

use std::time::Duration;

use detection::{CauseClass, Certainty, ComponentId, Health};
use serde::{Serialize, Serializer};

use super::Judged;
use crate::scenario::{Foreseen, Foresight, Window};

/// Everything that it said, oldest first; seconds are counted from the story's start.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Seen {
    /// Every change of a verdict.
    pub verdicts: Vec<VerdictTold>,
    pub incidents: Vec<IncidentTold>,
    /// Every change of what the plan was told to heed.
    pub advice: Vec<Advised>,
}

/// A verdict that differs from the one before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictTold {
    pub at_s: u64,
    #[serde(serialize_with = "as_text")]
    pub component: ComponentId,
    #[serde(serialize_with = "health")]
    pub state: Health,
    #[serde(serialize_with = "certainty")]
    pub certainty: Certainty,
    #[serde(serialize_with = "cause")]
    pub cause: CauseClass,
    /// From 0 to 1.
    pub confidence: f64,
    pub why: String,
}

/// An incident as it stood at the end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IncidentTold {
    pub title: String,
    pub components: Vec<String>,
    #[serde(serialize_with = "cause")]
    pub cause: CauseClass,
    /// Where the evidence begins.
    pub began_s: i64,
    pub suspected_s: Option<i64>,
    pub confirmed_s: Option<i64>,
    /// When it was told of first.
    pub opened_s: i64,
    pub resolved_s: Option<i64>,
    /// When the provider's page told of it.
    pub official_s: Option<i64>,
    /// For how long the page told nothing.
    pub official_lag_s: u64,
}

/// What the plan was told of a provider from then on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advised {
    pub at_s: u64,
    pub provider: String,
    /// The share of its usual ramp, from 0 to 1.
    pub ramp_factor: f64,
    /// Its outage is confirmed.
    pub is_out: bool,
}

fn as_text<S: Serializer>(of: &ComponentId, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(of.as_str())
}

fn health<S: Serializer>(of: &Health, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(of.as_str())
}

fn certainty<S: Serializer>(of: &Certainty, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(of.as_str())
}

fn cause<S: Serializer>(of: &CauseClass, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(of.as_str())
}

/// Judges what was foreseen.
pub(crate) fn judge_seen(foreseen: &[Foreseen], seen: &Seen) -> Vec<Judged> {
    foreseen.iter().map(|one| judged(one, seen)).collect()
}

fn judged(foreseen: &Foreseen, seen: &Seen) -> Judged {
    let (held, figure, wanted) = match &foreseen.what {
        Foresight::Verdict { window, never, .. } => {
            let first = seen.stands_so(&foreseen.what);
            let after = first.map(|at| at.saturating_sub(window.from).as_secs_f64());
            let span = (window.until.saturating_sub(window.from)).as_secs();
            let word = if *never { "not within" } else { "within" };
            (first.is_none() == *never, after, format!("{word} {span} s"))
        }
        Foresight::Count { of, count } => {
            let all = seen.incidents_of(of).count();
            (all == *count as usize, Some(all as f64), format!("{count} incidents"))
        }
        Foresight::Incident { of, number, cause, lag: (least, most) } => {
            let one = seen.incidents_of(of).nth(number - 1);
            let fits = one.is_some_and(|one| {
                let lag = Duration::from_secs(one.official_lag_s);
                cause.is_none_or(|cause| cause == one.cause) && (*least..=*most).contains(&lag)
            });
            let cause = cause.map_or("any cause", CauseClass::as_str);
            let (least, most) = (least.as_secs(), most.as_secs());
            let wanted = format!("{cause}, the page's lag {least} to {most} s");
            (fits, one.map(|one| one.official_lag_s as f64), wanted)
        }
        Foresight::Advice { provider, at_least, at_most, window } => {
            let lowest = seen.ramp_factor_min(provider, *window);
            let fits = (*at_least..=*at_most).contains(&lowest);
            (fits, Some(lowest), format!("from {at_least} to {at_most} of its ramp"))
        }
    };
    let (name, policy) = (foreseen.name.clone(), "seawall".to_owned());
    Judged { name, policy, about: "verdicts", held, figure, wanted }
}

impl Seen {
    fn incidents_of<'a>(&'a self, of: &'a str) -> impl Iterator<Item = &'a IncidentTold> {
        let is_of = move |component: &String| {
            component.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.incidents.iter().filter(move |incident| incident.components.iter().any(is_of))
    }

    /// When a verdict first stood so within its window, be it since before.
    fn stands_so(&self, what: &Foresight) -> Option<Duration> {
        let Foresight::Verdict { component, certainty, state, cause, window, .. } = what else {
            return None;
        };
        let fits = |told: &VerdictTold| {
            told.certainty >= *certainty
                && state.is_none_or(|state| state == told.state)
                && cause.is_none_or(|cause| cause == told.cause)
        };
        let mut own: Vec<&VerdictTold> =
            self.verdicts.iter().filter(|told| told.component == *component).collect();
        let at = |told: &VerdictTold| Duration::from_secs(told.at_s);
        let before = own.iter().take_while(|told| at(told) < window.from).count();
        if let Some(standing) = before.checked_sub(1).and_then(|last| own.get(last))
            && fits(standing)
        {
            return Some(window.from);
        }
        let mut later = own.drain(before..).filter(|told| at(told) <= window.until);
        later.find(|told| fits(told)).map(at)
    }

    fn ramp_factor_min(&self, provider: &str, window: Window) -> f64 {
        let own = self.advice.iter().filter(|told| told.provider == provider);
        let at = |told: &Advised| Duration::from_secs(told.at_s);
        let mut lowest = 1.0_f64;
        let mut standing = 1.0;
        for told in own {
            if at(told) <= window.from {
                standing = told.ramp_factor;
            } else if at(told) <= window.until {
                lowest = lowest.min(told.ramp_factor);
            }
        }
        lowest.min(standing)
    }
}
