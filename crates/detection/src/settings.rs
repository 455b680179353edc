//! The numbers of the judgement: priors, thresholds, and what each family of evidence may weigh.

use crate::Family;

/// How verdicts are drawn. The defaults are those of the fusion recipe; tests may turn them.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Share of minutes in which a component is not well: one failure every four to six days, of
    /// three hours.
    pub bad_share: f64,
    /// Suspected above this probability of not being well.
    pub suspected_above: f64,
    /// Confirmed above this one, if two families speak for it.
    pub confirmed_above: f64,
    /// Confirmed above this one, if one family stands alone.
    pub alone_above: f64,
    /// Requests that a family that stands alone must have seen since the onset.
    pub alone_requests_min: u64,
    /// Good windows in a row before a verdict is left.
    pub good_windows: u64,
    pub window_ms: u64,
    /// A suspicion that nothing speaks for any more lapses after so long, also if nobody looked.
    pub suspicion_ms_max: u64,
    /// A gap between two judgements above this is a jump of the clock, or a process that slept.
    pub gap_ms_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bad_share: 0.03,
            suspected_above: 0.5,
            confirmed_above: 0.95,
            alone_above: 0.999,
            alone_requests_min: 100,
            good_windows: 3,
            window_ms: 60_000,
            suspicion_ms_max: 1_800_000,
            gap_ms_max: 600_000,
        }
    }
}

/// A family speaks for an outage from this weight on, in nats: seven to one.
pub(crate) const SPEAKS_NATS: f64 = 2.0;

/// What a family may weigh at most, and how fast it is forgotten.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weight {
    pub(crate) for_nats_max: f64,
    pub(crate) against_nats_max: f64,
    /// How long until half of it is forgotten when nothing new comes, in milliseconds.
    pub(crate) half_life_ms: f64,
}

/// The weights. Traffic may outweigh all others together, since it is what we answer for. A spike of
/// reports weighs what was measured (a likelihood ratio of 200), their silence almost nothing.
pub(crate) fn weight(family: Family) -> Weight {
    let (for_nats_max, against_nats_max, half_life_ms) = match family {
        Family::Traffic => (14.0, 4.0, 300_000.0),
        Family::Probe => (8.0, 4.0, 180_000.0),
        Family::Reports => (5.4, 0.27, 900_000.0),
        Family::OfficialPage => (7.0, 2.0, 600_000.0),
        Family::SharedDependency => (4.0, 0.0, 600_000.0),
    };
    Weight { for_nats_max, against_nats_max, half_life_ms }
}

impl Weight {
    /// Within the caps.
    pub(crate) fn cap(&self, nats: f64) -> f64 {
        nats.clamp(-self.against_nats_max, self.for_nats_max)
    }

    /// What is left after so many milliseconds.
    pub(crate) fn left(&self, age_ms: u64) -> f64 {
        half(age_ms, self.half_life_ms)
    }
}

/// The share that is left after `age_ms` at a half-life.
pub(crate) fn half(age_ms: u64, half_life_ms: f64) -> f64 {
    (-std::f64::consts::LN_2 * as_f64(age_ms) / half_life_ms).exp()
}

/// Counts and milliseconds are far below 2^53, where floats have gaps.
#[allow(clippy::cast_precision_loss, reason = "counts and milliseconds are far below 2^53")]
pub(crate) fn as_f64(number: u64) -> f64 {
    number as f64
}
