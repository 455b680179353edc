//! How many calls may be out at one (provider, model) at a time. The limit is the lesser of two:
//! a windowed Gradient2, which notices that answers become slower than they were, and a gradient
//! anchored to what is expected of the model, which notices that they are too slow whatever they
//! were. Either alone drowns one kind of provider: one that queues before it reads the prompt, or
//! one that decodes everybody more slowly.
//!
//! The signal is the [`Pulse`](crate::Pulse) of each answer. Both limits move at most once a
//! second and keep still while few calls are out, since an idle provider proves nothing.

use std::time::Duration;

use clock::Tick;

/// The shortest window.
const WINDOW: Duration = Duration::from_secs(1);
/// Samples below which a window goes on, for the limit by history and for the anchored one.
const SAMPLES_MIN: usize = 20;
/// Samples kept of one window; more of them say nothing new.
const SAMPLES_MAX: usize = 512;
/// The anchored limit aims at this share of what is expected.
pub(crate) const SET_POINT: f64 = 0.8;
/// Bounds of the anchored limit's step.
const STEP_DOWN: f64 = 0.7;
const STEP_UP: f64 = 1.2;
/// Below this share of the limit in use it is not raised.
const USE_MIN: f64 = 0.6;
/// For so long a step down waits for the calls that are out beyond it.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// Gradient2's constants (Netflix concurrency-limits).
const TOLERANCE: f64 = 1.5;
const SMOOTHING: f64 = 0.2;
const QUEUE: f64 = 4.0;
/// A large limit grows by this share of itself, or it would take an hour to open.
const GROWTH: f64 = 0.10;
const LONG_SAMPLES: f64 = 600.0;
/// The pulse that stands for a call which the provider refused as too much, or never answered.
const OVERLOAD_PULSE: f64 = 4.0;

/// Bounds of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimiterSettings {
    /// Where it starts; low, because a cold start in an overload learns a bad baseline.
    pub start: u32,
    /// It never falls below, so that something goes on telling how the provider is.
    pub limit_min: u32,
    pub limit_max: u32,
}

impl Default for LimiterSettings {
    fn default() -> Self {
        Self { start: 64, limit_min: 2, limit_max: 10_000 }
    }
}

/// Why the limit is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitWhy {
    /// Nothing was learned yet.
    Start,
    /// Answers became slower than they were.
    History,
    /// Answers are slower than expected.
    Expectation,
    /// More calls would stand in the provider's line for too long.
    Line,
    /// The operator's bound.
    Bound,
}

impl LimitWhy {
    /// The word used in logs, receipts and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::History => "slower_than_it_was",
            Self::Expectation => "slower_than_expected",
            Self::Line => "long_line",
            Self::Bound => "bound",
        }
    }
}

/// The limit of one (provider, model).
#[derive(Debug, Clone)]
pub struct Limiter {
    settings: LimiterSettings,
    /// `None` if only the expectation counts.
    by_history: Option<f64>,
    by_expectation: f64,
    /// The slow mean of the pulse.
    long: Option<f64>,
    samples: Vec<f64>,
    window_began: Tick,
    in_flight_max: u32,
    /// When the anchored limit was last lowered.
    lowered: Tick,
    moved: bool,
}

impl Limiter {
    /// A limiter at its start.
    pub fn new(settings: LimiterSettings) -> Self {
        let start = f64::from(settings.start.clamp(settings.limit_min, settings.limit_max));
        Self { by_history: Some(start), ..Self::anchored(settings) }
    }

    /// A limiter at its start for which it does not matter how answers were before.
    pub fn anchored(settings: LimiterSettings) -> Self {
        let start = f64::from(settings.start.clamp(settings.limit_min, settings.limit_max));
        Self {
            settings,
            by_history: None,
            by_expectation: start,
            long: None,
            samples: Vec::new(),
            window_began: Tick::default(),
            in_flight_max: 0,
            lowered: Tick::default(),
            moved: false,
        }
    }

    /// How many calls may be out, and why not more.
    pub fn limit(&self) -> (u32, LimitWhy) {
        let least = f64::from(self.settings.limit_min.max(1));
        let most = f64::from(self.settings.limit_max.max(self.settings.limit_min).max(1));
        let by_history = self.by_history.unwrap_or(f64::INFINITY);
        let lesser = by_history.min(self.by_expectation);
        let why = if !self.moved {
            LimitWhy::Start
        } else if lesser >= most || lesser <= least {
            LimitWhy::Bound
        } else if by_history <= self.by_expectation {
            LimitWhy::History
        } else {
            LimitWhy::Expectation
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the bounds, which are u32"
        )]
        let limit = lesser.clamp(least, most) as u32;
        (limit, why)
    }

    /// An answer with this pulse, while so many calls were out.
    pub fn answered(&mut self, now: Tick, pulse: f64, in_flight: u32) {
        if !pulse.is_finite() || pulse < 0.0 {
            return;
        }
        if self.samples.is_empty() {
            self.window_began = now;
            self.in_flight_max = 0;
        }
        self.in_flight_max = self.in_flight_max.max(in_flight);
        if self.samples.len() < SAMPLES_MAX {
            self.samples.push(pulse);
        }
        if now.since(self.window_began) >= WINDOW && self.samples.len() >= SAMPLES_MIN {
            self.close_window(now);
        }
    }

    /// A call that the provider refused as too much for it, or never answered in time.
    pub fn overloaded(&mut self, now: Tick, in_flight: u32) {
        self.answered(now, OVERLOAD_PULSE, in_flight);
    }

    fn close_window(&mut self, now: Tick) {
        let mut samples = std::mem::take(&mut self.samples);
        samples.sort_by(f64::total_cmp);
        #[expect(clippy::cast_precision_loss, reason = "at most SAMPLES_MAX")]
        let count = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / count;
        let p90 = samples.get(samples.len() * 9 / 10).copied().unwrap_or(mean);
        let in_use = f64::from(self.in_flight_max);
        self.move_by_history(mean, count, in_use);
        self.move_by_expectation(p90, in_use, now);
        self.moved = true;
        samples.clear();
        self.samples = samples;
    }

    fn move_by_history(&mut self, mean: f64, count: f64, in_use: f64) {
        let Some(by_history) = self.by_history else { return };
        let long = self.long.map_or(mean, |long| {
            let weight = count / LONG_SAMPLES;
            long + (mean - long) * weight
        });
        // A slow mean far above the present is a leftover of bad times.
        let long = if mean > 0.0 && long / mean > 2.0 { long * 0.95 } else { long };
        self.long = Some(long);
        if in_use < by_history / 2.0 {
            return;
        }
        let gradient = (TOLERANCE * long / mean.max(1e-6)).clamp(0.5, 1.0);
        // Growth is not smoothed as in the original: the other limit guards it, and a low start
        // must not cost minutes.
        self.by_history = Some(self.bounded(if gradient < 1.0 {
            let aim = by_history * gradient + QUEUE;
            by_history * (1.0 - SMOOTHING) + aim * SMOOTHING
        } else {
            by_history + QUEUE.max(by_history * GROWTH)
        }));
    }

    fn move_by_expectation(&mut self, p90: f64, in_use: f64, now: Tick) {
        let step = (SET_POINT / p90.max(1e-6)).clamp(STEP_DOWN, STEP_UP);
        if step > 1.0 && in_use < USE_MIN * self.by_expectation {
            return;
        }
        if step < 1.0 {
            // Calls from before the last step down are still out: their slowness was answered
            // already, and to answer it again would empty the provider.
            let draining = in_use > self.by_expectation && now.since(self.lowered) < DRAIN_MAX;
            if draining {
                return;
            }
            self.lowered = now;
        }
        let moved = self.by_expectation * step;
        let headroom = if step >= 1.0 { 0.25 * moved.sqrt() } else { 0.0 };
        self.by_expectation = self.bounded(moved + headroom);
    }

    fn bounded(&self, limit: f64) -> f64 {
        let least = f64::from(self.settings.limit_min.max(1));
        limit.clamp(least, f64::from(self.settings.limit_max).max(least))
    }
}
