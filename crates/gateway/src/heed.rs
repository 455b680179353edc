//! What onlookers advise on a provider, for all its rungs and all cores: whether its outage is
//! confirmed, and how much of their ramps its rungs should use. One number that is read without a
//! lock, and only for a call that belongs elsewhere or finds a shut door. Nobody is judged here.

use std::sync::atomic::{AtomicU32, Ordering};

/// The share of a ramp is kept in thousandths.
const WHOLE: u32 = 1_000;
/// Set while the outage is confirmed.
const OUT: u32 = 1 << 31;
/// Less of a ramp is never left: if nobody else stands, a trickle must find that out.
const RAMP_FACTOR_MIN: f64 = 0.1;

/// Advice on one provider.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Advised {
    /// Its outage is confirmed.
    pub is_out: bool,
    /// The share of its usual ramp that calls from elsewhere should use, from 0 to 1; a tenth is
    /// left in any case.
    pub ramp_factor: f64,
}

impl Default for Advised {
    fn default() -> Self {
        Self { is_out: false, ramp_factor: 1.0 }
    }
}

/// The advice in force.
#[derive(Debug)]
pub(crate) struct Heed(AtomicU32);

impl Default for Heed {
    fn default() -> Self {
        Self(AtomicU32::new(WHOLE))
    }
}

impl Heed {
    /// Puts advice in force; true if the outage is news.
    pub(crate) fn set(&self, advised: Advised) -> bool {
        let factor = advised.ramp_factor.clamp(RAMP_FACTOR_MIN, 1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped between nothing and a thousand"
        )]
        let share = (factor * f64::from(WHOLE)).round() as u32;
        let packed = share | if advised.is_out { OUT } else { 0 };
        let before = self.0.swap(packed, Ordering::Relaxed);
        advised.is_out && before & OUT == 0
    }

    pub(crate) fn is_out(&self) -> bool {
        self.0.load(Ordering::Relaxed) & OUT != 0
    }

    pub(crate) fn ramp_factor(&self) -> f64 {
        f64::from(self.0.load(Ordering::Relaxed) & !OUT) / f64::from(WHOLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_told_once_and_never_stops_a_ramp() {
        let heed = Heed::default();
        assert!(!heed.is_out() && heed.ramp_factor() == 1.0);
        assert!(heed.set(Advised { is_out: true, ramp_factor: 0.5 }));
        assert!(heed.is_out() && heed.ramp_factor() == 0.5);
        assert!(!heed.set(Advised { is_out: true, ramp_factor: 0.0 }), "it is no news");
        assert_eq!(heed.ramp_factor(), RAMP_FACTOR_MIN);
        assert!(!heed.set(Advised::default()) && !heed.is_out());
        assert!(heed.set(Advised { is_out: true, ..Advised::default() }), "a second outage");
    }
}
