//! Probes: requests of our own with answers that can be checked. One failure is not yet a suspicion;
//! two in a row are. Wrong answers are counted apart, for they hide behind successes.

use clock::UnixMs;

use super::Say;
use crate::cusum::{ALARM_NATS, Cusum};
use crate::settings::weight;
use crate::{Family, ProbeResult, Symptom};

/// What one result says for degraded and for down, in nats: logarithms of how much likelier it is
/// then than on a good day, on which 3 % of probes fail and 95 % are right.
const RIGHT: (f64, f64) = (-0.5, -3.0);
const SLOW: (f64, f64) = (2.0, -1.0);
const FAILED: (f64, f64) = (2.3, 3.4);

/// Shares of wrong answers on a good day and on a day of lost quality.
const WRONG_USUAL: f64 = 0.01;
const WRONG_SOUGHT: f64 = 0.15;

/// What the alarm about wrong answers weighs, in nats: enough to hold against traffic whose status
/// codes are all good, for those say nothing about answers.
const WRONG_NATS: f64 = 6.0;

/// How much likelier down may be than degraded, in nats.
const KIND_NATS_MAX: f64 = 6.0;

/// A first bad result is not held up by more than this of good ones before it, in nats.
const CREDIT_NATS: f64 = -1.0;

/// A first right answer is not held up by more than this of bad results before it, in nats.
const DEBT_NATS: f64 = 2.0;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProbeSight {
    degraded_nats: f64,
    down_nats: f64,
    wrong: Cusum,
    count: u64,
    failed_in_row: u64,
    latest: Option<(UnixMs, ProbeResult)>,
    good_at: Option<UnixMs>,
    onset_at: Option<UnixMs>,
    refused: bool,
}

impl ProbeSight {
    pub(crate) fn new() -> Self {
        Self {
            degraded_nats: 0.0,
            down_nats: 0.0,
            wrong: Cusum::new(WRONG_USUAL, WRONG_SOUGHT, ALARM_NATS + 6.0),
            count: 0,
            failed_in_row: 0,
            latest: None,
            good_at: None,
            onset_at: None,
            refused: false,
        }
    }

    /// Takes one result.
    pub(crate) fn take(&mut self, at: UnixMs, result: ProbeResult) {
        self.refused = result == ProbeResult::OwnAccount;
        let says = match result {
            ProbeResult::OwnAccount | ProbeResult::OwnNetwork => return,
            ProbeResult::Right | ProbeResult::Wrong => RIGHT,
            ProbeResult::Slow => SLOW,
            ProbeResult::Failed(_) => FAILED,
        };
        let weight = weight(Family::Probe);
        let left = self.latest.map_or(0.0, |(before, _)| weight.left(at.since(before)));
        let is_bad = says.0 > 0.0;
        let bounds =
            if is_bad { (CREDIT_NATS, f64::INFINITY) } else { (f64::NEG_INFINITY, DEBT_NATS) };
        let add = |sum: f64, step: f64| (sum * left).clamp(bounds.0, bounds.1) + step;
        let (degraded, down) = (add(self.degraded_nats, says.0), add(self.down_nats, says.1));
        // What exceeds the cap is taken from both, or many failures in a row would look like some.
        let excess = (degraded.max(down) - weight.for_nats_max).max(0.0);
        self.down_nats = weight.cap(down - excess);
        self.degraded_nats = weight.cap(degraded - excess).max(self.down_nats - KIND_NATS_MAX);
        match result {
            ProbeResult::Wrong => self.wrong.take(0, 1),
            ProbeResult::Right => self.wrong.take(1, 0),
            _ => self.wrong.nats(),
        };
        if is_bad {
            self.onset_at = self.onset_at.or(Some(at));
            self.failed_in_row += 1;
        } else {
            self.onset_at = None;
            self.failed_in_row = 0;
        }
        if result == ProbeResult::Right {
            self.good_at = Some(at);
        }
        self.count += 1;
        self.latest = Some((at, result));
    }

    /// Forgets what was seen through a broken network, or over a jump of the clock.
    pub(crate) fn clear(&mut self) {
        let wrong = self.wrong.clone();
        *self = Self { wrong, ..Self::new() };
    }

    /// What they say now.
    pub(crate) fn say(&self, now: UnixMs) -> Say {
        let Some((at, result)) = self.latest else {
            let why = "no probe yet".into();
            return Say { degraded_nats: 0.0, down_nats: 0.0, observations: 0, why };
        };
        let left = weight(Family::Probe).left(now.since(at));
        let quality = if self.is_wrong() {
            self.wrong.nats() - ALARM_NATS + WRONG_NATS
        } else {
            f64::NEG_INFINITY
        };
        let why = match result {
            _ if self.is_wrong() => "too many wrong answers to questions with known answers".into(),
            ProbeResult::Failed(symptom) => {
                format!("{} probes failed in a row: {}", self.failed_in_row, symptom.in_words())
            }
            ProbeResult::Slow => "the last probe was answered slowly".to_owned(),
            ProbeResult::Wrong => "the last probe was answered wrongly".to_owned(),
            _ => format!("the last probe was answered {} s ago", now.since(at) / 1000),
        };
        Say {
            degraded_nats: (self.degraded_nats * left).max(quality),
            down_nats: self.down_nats * left,
            // A family's weight is in what it saw together: failures in a row, or wrong answers.
            observations: if self.is_wrong() { self.count } else { self.failed_in_row },
            why: why.into(),
        }
    }

    /// True if nothing in it could be the beginning of a fall.
    pub(crate) fn is_calm(&self) -> bool {
        self.onset_at.is_none() && !self.refused && self.wrong.nats() == 0.0
    }

    /// True if answers are wrong more often than chance has it.
    pub(crate) fn is_wrong(&self) -> bool {
        self.wrong.is_alarmed()
    }

    /// When the failures in a row began.
    pub(crate) fn onset(&self) -> Option<UnixMs> {
        self.onset_at
    }

    /// When the last right answer came.
    pub(crate) fn good_at(&self) -> Option<UnixMs> {
        self.good_at
    }

    /// True if the last probe told only that our own key is refused.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused
    }

    /// How the last failure showed itself.
    pub(crate) fn symptom(&self) -> Option<Symptom> {
        match self.latest {
            _ if self.is_wrong() => Some(Symptom::WrongAnswers),
            Some((_, ProbeResult::Failed(symptom))) => Some(symptom),
            Some((_, ProbeResult::Slow)) => Some(Symptom::Slow),
            _ => None,
        }
    }
}
