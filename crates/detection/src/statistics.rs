//! How incidents go: how long until they are found, mended and over, and how far apart they come. The
//! definitions are those of "An Empirical Characterization of Outages and Incidents in Public Services
//! for Large Language Models" (ICPE 2025), so that figures can be laid beside the published ones.

use clock::UnixMs;

use crate::settings::as_f64;
use crate::{Incident, Phase};

/// A page that never told is counted as so late, in milliseconds.
const NEVER_MS: u64 = 240 * 60_000;

/// When an incident reached each stage; a stage that was skipped has no moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stages {
    pub started_at: UnixMs,
    pub investigating_at: Option<UnixMs>,
    pub identified_at: Option<UnixMs>,
    pub monitoring_at: Option<UnixMs>,
    pub resolved_at: Option<UnixMs>,
    pub postmortem_at: Option<UnixMs>,
}

impl Stages {
    /// Of an incident kept here: when an update first had each phase.
    pub fn of(incident: &Incident) -> Self {
        let first = |phase| incident.updates.iter().find(|of| of.phase == phase).map(|of| of.at);
        Self {
            started_at: incident.started_at,
            investigating_at: first(Phase::Investigating),
            identified_at: first(Phase::Identified),
            monitoring_at: first(Phase::Monitoring),
            resolved_at: incident.resolved_at.or(first(Phase::Resolved)),
            postmortem_at: first(Phase::Postmortem),
        }
    }

    /// True if the stages that are there follow each other. Those of pages do not always.
    pub fn is_in_order(&self) -> bool {
        let there: Vec<UnixMs> = self.all().into_iter().flatten().collect();
        there.is_sorted()
    }

    /// The stages that are there, in order.
    pub fn path(&self) -> Vec<Phase> {
        let all = self.all().into_iter().zip(Phase::ALL);
        all.filter(|(at, _)| at.is_some()).map(|(_, phase)| phase).collect()
    }

    fn all(&self) -> [Option<UnixMs>; 5] {
        [
            self.investigating_at,
            self.identified_at,
            self.monitoring_at,
            self.resolved_at,
            self.postmortem_at,
        ]
    }

    /// From the first word to the end, in hours.
    fn recover_h(&self) -> Option<f64> {
        let first = [self.investigating_at, self.identified_at, self.monitoring_at];
        between_h(first.into_iter().flatten().min(), self.resolved_at)
    }
}

/// Means over incidents; a mean over nothing is none. Hours but where days are said.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct IncidentFigures {
    pub incidents: usize,
    /// Identified after investigating.
    pub investigate_h: Option<f64>,
    /// Monitoring after identified.
    pub repair_h: Option<f64>,
    /// Resolved after monitoring.
    pub check_h: Option<f64>,
    /// The mean time to recover: resolved after the first word.
    pub recover_h: Option<f64>,
    pub recover_median_h: Option<f64>,
    /// The mean time between failures: between successive starts.
    pub between_days: Option<f64>,
    /// Post-mortem after resolved.
    pub learn_days: Option<f64>,
}

impl IncidentFigures {
    /// Over these incidents. Those whose stages are out of order are dropped.
    pub fn of(incidents: &[Stages]) -> Self {
        let kept: Vec<&Stages> = incidents.iter().filter(|of| of.is_in_order()).collect();
        let mean_of = |of: fn(&Stages) -> Option<f64>| {
            mean(&kept.iter().filter_map(|stages| of(stages)).collect::<Vec<_>>())
        };
        let mut recover: Vec<f64> = kept.iter().filter_map(|stages| stages.recover_h()).collect();
        recover.sort_by(f64::total_cmp);
        let mut starts: Vec<UnixMs> = kept.iter().map(|stages| stages.started_at).collect();
        starts.sort_unstable();
        let gap = |pair: &[UnixMs]| between_h(pair.first().copied(), pair.last().copied());
        let gaps: Vec<f64> = starts.windows(2).filter_map(gap).collect();
        Self {
            incidents: kept.len(),
            investigate_h: mean_of(|of| between_h(of.investigating_at, of.identified_at)),
            repair_h: mean_of(|of| between_h(of.identified_at, of.monitoring_at)),
            check_h: mean_of(|of| between_h(of.monitoring_at, of.resolved_at)),
            recover_h: mean(&recover),
            recover_median_h: quantile(&recover, 0.5),
            between_days: mean(&gaps).map(|hours| hours / 24.0),
            learn_days: mean_of(|of| between_h(of.resolved_at, of.postmortem_at))
                .map(|hours| hours / 24.0),
        }
    }
}

/// How late a provider's page tells of what falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LagGrade {
    /// Within a quarter of an hour.
    A,
    /// Within half an hour.
    B,
    /// Within two hours.
    C,
    /// Within four hours.
    D,
    F,
}

/// The grade of these lags in milliseconds, by their mean; one that was never told counts four hours.
/// None without any.
pub fn lag_grade(lags_ms: &[Option<u64>]) -> Option<LagGrade> {
    let lags: Vec<f64> = lags_ms.iter().map(|lag| as_f64(lag.unwrap_or(NEVER_MS))).collect();
    let minutes = mean(&lags)? / 60_000.0;
    Some(match minutes {
        _ if minutes < 15.0 => LagGrade::A,
        _ if minutes < 30.0 => LagGrade::B,
        _ if minutes < 120.0 => LagGrade::C,
        _ if minutes < 240.0 => LagGrade::D,
        _ => LagGrade::F,
    })
}

/// The value below which this share of `sorted` lies, straight between neighbours; none of nothing.
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * as_f64(last as u64);
    let below = sorted.iter().enumerate().take_while(|(number, _)| as_f64(*number as u64) <= place);
    let (number, low) = below.last()?;
    let high = sorted.get(number + 1).unwrap_or(low);
    Some(low + (high - low) * (place - as_f64(number as u64)))
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / as_f64(values.len() as u64))
}

fn between_h(from: Option<UnixMs>, to: Option<UnixMs>) -> Option<f64> {
    Some(as_f64(to?.since(from?)) / 3_600_000.0)
}
