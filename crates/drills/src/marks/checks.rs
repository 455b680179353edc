//! What is looked at after a scenario, and the verdict that follows. The scenarios themselves are
//! in `scenarios` and `further`.

use std::fmt;
use std::time::Duration;

use super::super::wall::{AttemptEnd, Told};
use super::ask::Extra;
use super::read::{Answer, Kind};

/// How well a gateway did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Rescued, and every check is clean.
    Pass,
    /// Rescued, but an advisory check failed.
    Partial,
    /// Not rescued, but the caller has a clear error.
    Safe,
    /// A hang, a wrong answer told as a right one, or a required check failed.
    Fail,
}

impl Verdict {
    /// The word in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Partial => "partial",
            Self::Safe => "safe",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the requests of a scenario follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// One request for each of these.
    Row(&'static [Extra]),
    /// So many requests, one every so many milliseconds.
    Steady { count: usize, every_ms: u64 },
    /// Six at once.
    Burst,
    /// Through the outage of S15, and on until the primary serves again.
    Outage,
    /// The caller leaves after the first words.
    Leave,
}

/// What is right as an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rescue {
    Whole,
    WholeOrError,
    /// There is nobody who could answer.
    Error,
    /// The refusal itself, be it an error or an ending.
    Refusal,
}

/// One check, with what is said when it does not hold.
#[derive(Clone, Copy)]
pub(crate) struct Check {
    pub(crate) lost: &'static str,
    pub(crate) holds: fn(&Run) -> bool,
}

/// One row of the table.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) id: String,
    /// For each request.
    pub(crate) limit_s: u64,
    pub(crate) course: Course,
    pub(crate) rescue: Rescue,
    pub(crate) spare: Spare,
    pub(crate) required: Vec<Check>,
    pub(crate) advisory: Vec<Check>,
}

/// Who stands on the second rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spare {
    Model(&'static str),
    /// Another model with the same fault.
    Twin,
}

impl Scenario {
    /// The wall's model on the first rung, which is also what the caller asks for.
    pub(crate) fn model(&self) -> String {
        format!("fb-{}", self.id.to_ascii_lowercase())
    }

    pub(crate) fn spare_model(&self) -> String {
        match self.spare {
            Spare::Model(name) => name.to_owned(),
            Spare::Twin => format!("{}-b", self.model()),
        }
    }

    /// What an answer amounts to in this scenario.
    pub(crate) fn kind(&self, answer: &Answer, extra: Extra) -> Kind {
        let kind = answer.kind(extra);
        let refused = self.rescue == Rescue::Refusal && answer.names_filter();
        if refused && kind == Kind::Truncated && answer.text.is_empty() {
            return Kind::CleanError;
        }
        kind
    }

    fn is_rescued(&self, kind: Kind, extra: Extra) -> bool {
        match (self.rescue, kind) {
            // Nobody can answer what brings every provider down.
            (_, Kind::CleanError) if extra == Extra::Poison => true,
            (Rescue::Whole, _) => kind == Kind::Complete,
            (Rescue::WholeOrError, _) => matches!(kind, Kind::Complete | Kind::CleanError),
            (Rescue::Error | Rescue::Refusal, _) => kind == Kind::CleanError,
        }
    }

    /// The verdict, and every reason why it is not a better one.
    pub(crate) fn verdict(&self, run: &Run) -> (Verdict, Vec<String>) {
        let lost = |checks: &[Check]| -> Vec<String> {
            let lost = checks.iter().filter(|check| !(check.holds)(run));
            lost.map(|check| check.lost.to_owned()).collect()
        };
        let kinds: Vec<(Kind, Extra)> =
            run.asked.iter().map(|(answer, extra)| (self.kind(answer, *extra), *extra)).collect();
        let worst = kinds.iter().map(|(kind, _)| *kind).max().unwrap_or(Kind::Hang);
        let mut failed = lost(&self.required);
        let leaves = self.course == Course::Leave;
        if worst > Kind::CleanError && !leaves {
            let bad = kinds.iter().filter(|(kind, _)| *kind > Kind::CleanError).count();
            failed.insert(0, of_many(worst.as_str(), bad, kinds.len()));
        }
        if !run.alive {
            failed.push("no healthy call within 10 s after it".to_owned());
        }
        if !failed.is_empty() {
            return (Verdict::Fail, failed);
        }
        let unsaved: Vec<_> =
            kinds.iter().filter(|(kind, extra)| !self.is_rescued(*kind, *extra)).collect();
        if let (Some((kind, _)), false) = (unsaved.first(), leaves) {
            return (Verdict::Safe, vec![of_many(kind.as_str(), unsaved.len(), kinds.len())]);
        }
        let missed = lost(&self.advisory);
        let verdict = if missed.is_empty() { Verdict::Pass } else { Verdict::Partial };
        (verdict, missed)
    }
}

fn of_many(what: &str, count: usize, all: usize) -> String {
    if all == 1 { what.to_owned() } else { format!("{what} ({count} of {all})") }
}

/// What is known after a scenario.
#[derive(Debug, Clone, Default)]
pub(crate) struct Run {
    pub(crate) asked: Vec<(Answer, Extra)>,
    pub(crate) primary: Vec<Told>,
    pub(crate) spare: Vec<Told>,
    pub(crate) alive: bool,
    /// How long after its recovery the primary served again; S15 only.
    pub(crate) back: Option<Duration>,
    /// How long the thinking of S34 takes.
    pub(crate) thinking: Duration,
}

impl Run {
    /// The last answer.
    pub(crate) fn answer(&self) -> Option<&Answer> {
        self.asked.last().map(|(answer, _)| answer)
    }

    pub(crate) fn took(&self) -> Duration {
        self.asked.iter().map(|(answer, _)| answer.took).max().unwrap_or_default()
    }

    /// Attempts on the primary within a time after its first.
    pub(crate) fn early(&self, window: Duration) -> usize {
        let Some(first) = self.primary.first() else { return 0 };
        self.primary.iter().filter(|told| told.at.saturating_sub(first.at) <= window).count()
    }

    /// Between the first two attempts on the primary.
    pub(crate) fn gap(&self) -> Option<Duration> {
        let second = self.primary.get(1)?;
        Some(second.at.saturating_sub(self.primary.first()?.at))
    }

    pub(crate) fn served(&self) -> usize {
        self.primary.iter().filter(|told| told.status == Some(200)).count()
    }

    pub(crate) fn is_in_place(&self) -> bool {
        self.primary.len() == self.asked.len() && self.spare.is_empty()
    }

    /// Whether the wall saw the caller's leaving soon after it.
    pub(crate) fn is_left(&self) -> bool {
        let first = self.primary.first();
        let left = first.filter(|told| told.end == Some(AttemptEnd::HungUp));
        left.and_then(|told| told.ended).zip(self.answer()).is_some_and(|(ended, answer)| {
            let at = first.map(|told| told.at).unwrap_or_default();
            ended.saturating_sub(at) <= answer.took + Duration::from_secs(2)
        })
    }
}

macro_rules! check {
    ($lost:literal, $holds:expr) => {
        $crate::marks::checks::Check { lost: $lost, holds: $holds }
    };
}
pub(crate) use check;
