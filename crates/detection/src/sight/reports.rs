//! Users' reports: a spike weighs what was measured, silence almost nothing, and a flood of them can
//! never do more than raise a suspicion, for the family is capped.

use clock::UnixMs;

use super::Say;
use crate::baseline::HourBaseline;
use crate::settings::weight;
use crate::{Family, Reports, Symptom};

/// Reports are counted in bins of this length: long enough to have a usual number.
const BIN_MS: u64 = 900_000;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReportSight {
    baseline: HourBaseline,
    recent: Reports,
    spike_at: Option<UnixMs>,
    began_at: Option<UnixMs>,
}

impl ReportSight {
    pub(crate) fn new() -> Self {
        Self {
            baseline: HourBaseline::new(BIN_MS),
            recent: Reports::default(),
            spike_at: None,
            began_at: None,
        }
    }

    /// Takes the reports of the last minute.
    pub(crate) fn take(&mut self, at: UnixMs, reports: Reports) {
        let was_on = self.baseline.is_alarmed();
        let starts_bin = self.baseline.take(at, reports.total());
        if starts_bin {
            self.recent = Reports::default();
        }
        self.recent = joined(self.recent, reports);
        if self.baseline.is_alarmed() {
            if !was_on {
                self.began_at = Some(at);
            }
            if self.baseline.is_spike() {
                self.spike_at = Some(at);
            }
        }
    }

    /// Takes up what was learnt before a restart.
    pub(crate) fn learn(&mut self, text: &str) {
        self.baseline.learn(text);
    }

    /// What they say now.
    pub(crate) fn say(&mut self, now: UnixMs) -> Say {
        self.baseline.pass(now);
        let weight = weight(Family::Reports);
        let count = self.baseline.count();
        let usual = self.baseline.usual(now).mean;
        let spike = self.spike_at.filter(|_| self.baseline.is_alarmed());
        let nats = match spike {
            Some(at) => weight.for_nats_max * weight.left(now.since(at).saturating_sub(BIN_MS)),
            None => -weight.against_nats_max,
        };
        let down = if self.symptom() == Some(Symptom::Slow) { nats.min(0.0) } else { nats };
        let usual = if usual < 10.0 { format!("{usual:.1}") } else { format!("{usual:.0}") };
        let why = format!("{count} in this quarter of an hour; usual at this hour: {usual}");
        Say { degraded_nats: nats, down_nats: down, observations: count, why: why.into() }
    }

    /// True while reports are far above the usual.
    pub(crate) fn is_on(&self) -> bool {
        self.baseline.is_alarmed()
    }

    /// When the spike began.
    pub(crate) fn onset(&self) -> Option<UnixMs> {
        self.began_at.filter(|_| self.is_on())
    }

    /// What most people report.
    pub(crate) fn symptom(&self) -> Option<Symptom> {
        let of = self.recent;
        let kinds = [
            (of.over_capacity, Symptom::Overload),
            (of.cannot_log_in, Symptom::Login),
            (of.slow, Symptom::Slow),
            (of.wrong_answers, Symptom::WrongAnswers),
            (of.errors, Symptom::ServerErrors),
        ];
        kinds.into_iter().max_by_key(|kind| kind.0).filter(|kind| kind.0 > 0).map(|kind| kind.1)
    }
}

fn joined(a: Reports, b: Reports) -> Reports {
    Reports {
        errors: a.errors.saturating_add(b.errors),
        slow: a.slow.saturating_add(b.slow),
        cannot_log_in: a.cannot_log_in.saturating_add(b.cannot_log_in),
        wrong_answers: a.wrong_answers.saturating_add(b.wrong_answers),
        over_capacity: a.over_capacity.saturating_add(b.over_capacity),
        other: a.other.saturating_add(b.other),
    }
}
