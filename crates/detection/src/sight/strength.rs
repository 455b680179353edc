//! Whether a fall is so strong that it need not last for a minute to be believed: most calls fail,
//! second after second. It is a sum of evidence for "most fail" against "a burst as every day brings
//! some", in which what fails within one second is one witness, however many meet it. So the time to
//! be sure follows from how many independent calls there are: many callers make it short, few make it
//! long, and a burst in which every tenth call fails never gets there.

use clock::UnixMs;

/// The share of faults of a strong fall, and of the bursts of a usual day.
const SHARE_STRONG: f64 = 0.6;
const SHARE_BURST: f64 = 0.1;

/// What one second may say, in nats: three calls that fail say all of it.
const SECOND_NATS_MAX: f64 = 5.4;

/// Enough, in nats: of 160,000 calls in bursts one brings it about by chance, and ninety bursts a month
/// of twenty seconds at ten calls a second are 18,000.
const STRONG_NATS: f64 = 12.0;

/// Where the sum stops, in nats, so that it can come down again.
const SUM_NATS_MAX: f64 = 24.0;

/// For so long a fall must have been seen, from its first fault to its latest one, in milliseconds: a
/// hiccup is no outage, however many meet it.
pub(crate) const STRONG_MS: u64 = 10_000;

/// After so long without a call nothing is left of the sum, in milliseconds.
const FORGOTTEN_MS: u64 = 60_000;

/// The sum, over our own calls and over probes alike: each is a call of its own moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Strength {
    nats: f64,
    /// When the sum last left zero.
    since: UnixMs,
    taken_at: UnixMs,
    /// What the second of `taken_at` has said so far, before its bound.
    second_nats: f64,
    bad_at: Option<UnixMs>,
}

/// Calls of one span, by how they ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcomes {
    pub(crate) span_ms: u64,
    pub(crate) good: u32,
    pub(crate) bad: u32,
    /// Callers who met the faults; 0 if nobody told.
    pub(crate) callers_failed: u16,
}

impl Outcomes {
    /// One call, such as a probe.
    pub(crate) fn one(is_good: bool) -> Self {
        let (good, bad) = (u32::from(is_good), u32::from(!is_good));
        Self { span_ms: 1_000, good, bad, callers_failed: 0 }
    }
}

impl Strength {
    /// Takes the calls of a span that ends at `at`.
    pub(crate) fn take(&mut self, at: UnixMs, of: Outcomes) {
        if of.good == 0 && of.bad == 0 {
            return;
        }
        if at.since(self.taken_at) > FORGOTTEN_MS {
            self.nats = 0.0;
        }
        if at != self.taken_at {
            self.second_nats = 0.0;
        }
        self.taken_at = at;
        if of.bad > 0 {
            self.bad_at = Some(at);
        }
        if self.nats == 0.0 {
            self.since = at.minus_ms(of.span_ms);
        }
        let for_strong = f64::from(of.bad) * (SHARE_STRONG / SHARE_BURST).ln();
        let against = f64::from(of.good) * ((1.0 - SHARE_STRONG) / (1.0 - SHARE_BURST)).ln();
        let step = for_strong + against;
        // One caller who fails while others are answered may bring it about himself.
        let is_one_callers = of.callers_failed == 1 && of.good > 0;
        let step = if is_one_callers { step.min(0.0) } else { step };
        let bounded = |nats: f64| nats.clamp(-SECOND_NATS_MAX, SECOND_NATS_MAX);
        let before = bounded(self.second_nats);
        self.second_nats += step;
        let step = bounded(self.second_nats) - before;
        self.nats = (self.nats + step).clamp(0.0, SUM_NATS_MAX);
    }

    /// When the latest fault was met.
    pub(crate) fn bad_at(&self) -> Option<UnixMs> {
        self.bad_at
    }

    /// True if the fall is strong and has been seen for long enough.
    pub(crate) fn is_strong(&self) -> bool {
        let seen_ms = self.bad_at.map_or(0, |at| at.since(self.since));
        self.nats >= STRONG_NATS && seen_ms >= STRONG_MS
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use clock::Dice;

    use super::*;

    /// Seconds of calls until the fall is strong, if it ever is.
    fn seconds_to_strong(
        seconds: u64,
        mut calls: impl FnMut(u64) -> (u32, u32),
        callers_failed: u16,
    ) -> Option<u64> {
        let mut strength = Strength::default();
        (1..=seconds).find(|second| {
            let at = UnixMs::new(1_000_000 + second * 1_000);
            let (good, bad) = calls(*second);
            strength.take(at, Outcomes { span_ms: 1_000, good, bad, callers_failed });
            strength.is_strong()
        })
    }

    #[test]
    fn time_follows_from_how_many_calls_there_are() {
        let full = |per_s: u32| seconds_to_strong(300, move |_| (0, per_s), 0);
        assert_eq!([1, 2, 10, 500].map(full), [Some(10), Some(10), Some(10), Some(10)]);
        let seldom = |every: u64| {
            let of = move |second: u64| (0, u32::from(second.is_multiple_of(every)));
            seconds_to_strong(300, of, 0)
        };
        assert_eq!([5, 20].map(seldom), [Some(35), Some(140)]);
        let mut dice = Dice::seeded(3);
        let partly =
            seconds_to_strong(300, |_| if dice.fraction() < 0.6 { (0, 1) } else { (1, 0) }, 0);
        println!("six of ten fail, one call a second: strong after {partly:?} s");
        assert!(partly.is_some_and(|seconds| (10..90).contains(&seconds)), "{partly:?}");
    }

    #[test]
    fn a_hiccup_a_burst_and_one_callers_own_faults_are_not_strong() {
        let hiccup = |second| if second <= 9 { (0, 1_000) } else { (1_000, 0) };
        assert_eq!(seconds_to_strong(120, hiccup, 0), None);
        for per_s in [1_u32, 10, 100] {
            let mut dice = Dice::seeded(u64::from(per_s));
            let burst = |_| {
                let bad = (0..per_s).filter(|_| dice.fraction() < SHARE_BURST).count();
                let bad = u32::try_from(bad).unwrap();
                (per_s - bad, bad)
            };
            assert_eq!(seconds_to_strong(20_000, burst, 0), None, "{per_s} a second");
        }
        let half = |_| (5, 5);
        assert_eq!(seconds_to_strong(120, half, 1), None, "one caller's");
        assert!(seconds_to_strong(120, half, 2).is_some());
        assert!(seconds_to_strong(120, |_| (0, 5), 1).is_some(), "nobody else is answered");
    }

    /// Three calls shut the door, and four that try it are all that is seen of ten seconds.
    #[test]
    fn a_door_that_is_tried_in_haste_is_enough() {
        let mut strength = Strength::default();
        let at = |second: u64| UnixMs::new(1_000_000 + second * 1_000);
        let three = Outcomes { span_ms: 1_000, good: 0, bad: 3, callers_failed: 2 };
        strength.take(at(1), three);
        for second in [3, 6, 8] {
            strength.take(at(second), Outcomes::one(false));
            assert!(!strength.is_strong());
        }
        let mut answered = strength.clone();
        strength.take(at(11), Outcomes::one(false));
        assert!(strength.is_strong());
        answered.take(at(11), Outcomes::one(true));
        assert!(!answered.is_strong());
        // Ten who try at the same moment are one witness.
        let mut at_once = Strength::default();
        at_once.take(at(1), three);
        (0..10).for_each(|_| at_once.take(at(12), Outcomes::one(false)));
        assert!(!at_once.is_strong());
    }

    #[test]
    fn what_is_long_past_does_not_count() {
        let mut strength = Strength::default();
        let mut bad = |at_s: u64| {
            let at = UnixMs::new(1_000_000 + at_s * 1_000);
            let failed = Outcomes { span_ms: 1_000, good: 0, bad: 9, callers_failed: 0 };
            strength.take(at, failed);
            strength.is_strong()
        };
        assert!(!(1..=3).any(&mut bad));
        assert!(!bad(100) && !bad(109), "the first three are forgotten");
        assert!(bad(111));
    }
}
