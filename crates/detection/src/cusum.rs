//! The passive detector: a cumulative sum of log-likelihood ratios over good and bad outcomes
//! (Page 1954). It says that a rate of faults changed; what follows from that is not decided here.
//! Its alarm may open a breaker. It never opens an incident: for that the fall must last, or a
//! second family must agree.

/// Share of faults on a good day.
pub const SHARE_USUAL: f64 = 0.003;

/// Share of faults that is to be found.
pub const SHARE_SOUGHT: f64 = 0.03;

/// Where the sum raises the alarm, in nats: one false alarm in about 9,500 independent looks.
pub const ALARM_NATS: f64 = 9.16;

/// A reflected sum of evidence for one share of faults against another.
#[derive(Debug, Clone, PartialEq)]
pub struct Cusum {
    sum_nats: f64,
    per_bad_nats: f64,
    per_good_nats: f64,
    nats_max: f64,
}

impl Cusum {
    /// For `sought` against `usual`, both shares between 0 and 1. The sum never exceeds `nats_max`,
    /// so that it can come down again.
    pub fn new(usual: f64, sought: f64, nats_max: f64) -> Self {
        let (usual, sought) = (inner(usual), inner(sought));
        Self {
            sum_nats: 0.0,
            per_bad_nats: (sought / usual).ln(),
            per_good_nats: ((1.0 - sought) / (1.0 - usual)).ln(),
            nats_max,
        }
    }

    /// The detector of faults in traffic, with the numbers above.
    pub fn of_traffic(nats_max: f64) -> Self {
        Self::new(SHARE_USUAL, SHARE_SOUGHT, nats_max)
    }

    /// Takes outcomes whose order within the span nobody kept; gives the sum, in nats.
    pub fn take(&mut self, good: u32, bad: u32) -> f64 {
        let step = self.step(good, bad);
        self.sum_nats = (self.sum_nats + step).clamp(0.0, self.nats_max);
        self.sum_nats
    }

    /// What these outcomes alone say, in nats.
    pub fn step(&self, good: u32, bad: u32) -> f64 {
        f64::from(bad) * self.per_bad_nats + f64::from(good) * self.per_good_nats
    }

    /// The sum, in nats.
    pub fn nats(&self) -> f64 {
        self.sum_nats
    }

    /// True from the alarm on, until the sum has come down or is cleared.
    pub fn is_alarmed(&self) -> bool {
        self.sum_nats > ALARM_NATS
    }

    /// Keeps this share of the sum, from 0 to 1.
    pub fn fade(&mut self, kept: f64) {
        self.sum_nats *= kept.clamp(0.0, 1.0);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.sum_nats = 0.0;
    }
}

/// A share that has logarithms on both sides.
fn inner(share: f64) -> f64 {
    share.clamp(1e-6, 1.0 - 1e-6)
}
