//! Whether a series of measurements does what it has not done before: for drift of answers, first
//! words, rates. Counts that people make have [`crate::HourBaseline`].
//!
//! The last 64 values are seen as eight numbers: seven means over ever longer spans (1, 1, 2, 4, … 32
//! values back) and how much the last 16 scatter, all in units of the series' own scatter. A
//! moment is strange by its distance to the moments kept that are most like it, and surprising by how far
//! that distance is from the usual one. What a series does every day is among those kept, so that a
//! daily peak surprises once. One threshold serves all series.

use std::collections::VecDeque;

/// How surprising a value must be, in standard deviations of the logarithm of strangeness.
pub const SURPRISE_ALARM: f64 = 2.0;

/// Lengths of the spans, newest first.
const SPANS: [usize; 7] = [1, 1, 2, 4, 8, 16, 32];
const VALUES_MAX: usize = 64;
const SCATTER_VALUES: usize = 16;

/// Moments kept, one for every second value.
const MOMENTS_MAX: usize = 700;
const KEEP_EVERY: u64 = 2;

/// Half of what is known of the usual level and scatter is forgotten after so many values.
const LEVEL_HALF_LIFE: f64 = 100_000.0;

/// Distances are learnt for so many values before any is judged, and for twice as many before an
/// alarm.
const LEARN_VALUES: f64 = 50.0;

/// After an alarm the next is not raised for so many values: it would tell of the same.
const REST_VALUES: u32 = 200;

/// How much of the former surprise stays.
const SMOOTHING: f64 = 0.6;

/// Deviations are compressed beyond about seven scatters, so that one wild value is not the measure
/// of all others.
const COMPRESSION: f64 = 0.15;

/// What the scatter of the last values weighs beside their means.
const SCATTER_WEIGHT: f64 = 1.5;

/// Longer spans have steadier means: each weighs so much more than the one before.
const SPAN_WEIGHT: f64 = 1.2;

type Moment = [f64; SPANS.len() + 1];

/// The detector of one series. Its memory is bounded: 700 moments of eight numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    level: Usual,
    /// Newest last.
    values: VecDeque<f64>,
    moments: VecDeque<Moment>,
    strangeness: Usual,
    surprise: f64,
    rest: u32,
    taken: u64,
}

/// What a series said with its last value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surprise {
    /// In standard deviations; an alarm needs [`SURPRISE_ALARM`].
    pub deviations: f64,
    /// True for the first value of something new.
    pub is_alarm: bool,
}

impl Stream {
    /// A detector that knows nothing yet.
    pub fn new() -> Self {
        Self {
            level: Usual::forgetting(LEVEL_HALF_LIFE),
            values: VecDeque::with_capacity(VALUES_MAX),
            moments: VecDeque::with_capacity(MOMENTS_MAX),
            strangeness: Usual::forgetting(f64::INFINITY),
            surprise: 0.0,
            rest: 0,
            taken: 0,
        }
    }

    /// Takes the next value, in the series' own units. What is no number is passed over.
    pub fn take(&mut self, value: f64) -> Surprise {
        if !value.is_finite() {
            return Surprise { deviations: self.surprise, is_alarm: false };
        }
        self.level.take(value);
        if self.values.len() == VALUES_MAX {
            self.values.pop_front();
        }
        self.values.push_back(value);
        let moment = self.moment();
        let mut is_alarm = false;
        if let Some(distance) = nearest(&self.moments, &moment) {
            let strange = (distance + 0.01).ln();
            is_alarm = self.judge(strange);
            self.strangeness.take(strange);
        }
        if self.taken.is_multiple_of(KEEP_EVERY) {
            if self.moments.len() == MOMENTS_MAX {
                self.moments.pop_front();
            }
            self.moments.push_back(moment);
        }
        self.taken += 1;
        Surprise { deviations: self.surprise, is_alarm }
    }

    fn judge(&mut self, strange: f64) -> bool {
        let seen = self.strangeness.count;
        if seen >= LEARN_VALUES {
            let deviations =
                (strange - self.strangeness.mean) / self.strangeness.scatter().max(0.15);
            self.surprise = SMOOTHING * self.surprise + (1.0 - SMOOTHING) * deviations;
        }
        if self.rest > 0 {
            self.rest -= 1;
            return false;
        }
        let is_alarm = seen >= 2.0 * LEARN_VALUES && self.surprise > SURPRISE_ALARM;
        if is_alarm {
            self.rest = REST_VALUES;
        }
        is_alarm
    }

    fn moment(&self) -> Moment {
        let scatter = self.level.scatter().max(1e-9 + self.level.mean.abs() * 1e-6);
        let mut moment = [0.0; SPANS.len() + 1];
        let mut newest = self.values.iter().rev();
        let mut weight = 1.0;
        for (place, span) in moment.iter_mut().zip(SPANS) {
            let (count, sum) = newest
                .by_ref()
                .take(span)
                .fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
            if count > 0.0 {
                let deviation = (sum / count - self.level.mean) / scatter;
                let size = (1.0 + COMPRESSION * deviation.abs()).ln() / COMPRESSION;
                *place = weight * size.copysign(deviation);
            }
            weight *= SPAN_WEIGHT;
        }
        let mut last = Usual::forgetting(f64::INFINITY);
        self.values.iter().rev().take(SCATTER_VALUES).for_each(|value| last.take(*value));
        if let Some(place) = moment.last_mut() {
            *place = SCATTER_WEIGHT * (last.scatter() / scatter + 0.05).ln();
        }
        moment
    }
}

impl Default for Stream {
    fn default() -> Self {
        Self::new()
    }
}

/// The distance to the second most alike, since one like moment may be an accident; none before there
/// are enough to compare with.
fn nearest(moments: &VecDeque<Moment>, to: &Moment) -> Option<f64> {
    const MOMENTS_MIN: usize = 4;
    if moments.len() < MOMENTS_MIN {
        return None;
    }
    let (mut first, mut second) = (f64::INFINITY, f64::INFINITY);
    for moment in moments {
        let squared: f64 = moment.iter().zip(to).map(|(a, b)| (a - b) * (a - b)).sum();
        if squared < first {
            (first, second) = (squared, first);
        } else if squared < second {
            second = squared;
        }
    }
    Some(second.sqrt())
}

/// A mean and a scatter that forget.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Usual {
    mean: f64,
    variance: f64,
    count: f64,
    share_min: f64,
}

impl Usual {
    fn forgetting(half_life: f64) -> Self {
        Self {
            mean: 0.0,
            variance: 0.0,
            count: 0.0,
            share_min: 1.0 - 0.5_f64.powf(1.0 / half_life),
        }
    }

    fn take(&mut self, value: f64) {
        self.count += 1.0;
        let share = (1.0 / self.count).max(self.share_min);
        let deviation = value - self.mean;
        self.mean += share * deviation;
        self.variance = (1.0 - share) * (self.variance + share * deviation * deviation);
    }

    fn scatter(&self) -> f64 {
        self.variance.sqrt()
    }
}
