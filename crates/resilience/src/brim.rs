//! How many calls may be out at one (provider, model) before whoever comes next would wait longer
//! than can be borne. It is what counts while nobody else is free, so it aims at a provider that is
//! never idle and never late. What is answered with ease is the [`Limiter`]'s affair.
//!
//! Where answers stand in the provider's line, the news of it is as old as the line is long: who
//! goes by lateness alone goes on letting calls in for seconds after there are too many, and goes on
//! holding them back for seconds after there are too few. So each first token is taken together with
//! the number of calls that were out when its own began. With `rate` first tokens a second, a call
//! that waited `took` behind `ahead` would have waited `aim` behind
//! `ahead + (aim - took) * rate`, which is the same number however late it is heard, and however
//! long the line was. (The same idea as the product of bandwidth and delay in congestion control.)
//!
//! Where answers do not stand in line but become slow word by word, that number has no bound; there
//! the anchored gradient holds, which hears of words and of refusals.

use std::time::Duration;

use clock::Tick;

use crate::limiter::SET_POINT;
use crate::{LimitWhy, Limiter, LimiterSettings};

/// The shortest window, and the fewest first tokens in it; where they come slowly, which may be the
/// news itself, fewer must do.
const WINDOW: Duration = Duration::from_secs(1);
const SAMPLES_MIN: usize = 20;
const SLOW_WINDOW: Duration = Duration::from_secs(3);
const SLOW_SAMPLES_MIN: usize = 8;
/// First tokens kept of one window; more of them say nothing new.
const SAMPLES_MAX: usize = 512;
/// What is aimed at, as a share of what can be borne. Less would keep the provider's line shorter, but
/// hold back one that is merely slow: the two cannot be told apart by the time alone.
const AIM: f64 = SET_POINT;
/// Below this share of what is aimed at nobody stands in line, and how many are out tells how many
/// came and not how many can be served.
const IN_LINE_SHARE: f64 = 0.25;
/// What the gradient hears of a first token that is late: enough room to grow, and no more.
const IN_TIME: f64 = 0.99 * SET_POINT;
/// Bounds of one step.
const STEP_DOWN: f64 = 0.7;
const STEP_UP: f64 = 1.2;
/// The weight of the newest window in the rate.
const RATE_WEIGHT: f64 = 0.5;

/// A first token as it is heard.
#[derive(Debug, Clone, Copy)]
pub struct FirstToken {
    /// Its time against what can be borne.
    pub strain: f64,
    /// Calls that were out when its own began, itself included.
    pub ahead: u32,
    /// Calls that are out now.
    pub in_flight: u32,
}

/// The limit of what can be borne.
#[derive(Debug, Clone)]
pub struct Brim {
    settings: LimiterSettings,
    by_feel: Limiter,
    by_wait: f64,
    /// What is aimed at, in seconds.
    aim_s: f64,
    window: Vec<(f64, f64)>,
    window_began: Tick,
    /// First tokens a second.
    rate: Option<f64>,
    moved: bool,
}

impl Brim {
    /// At its start, where a first token may take so long at most.
    pub fn new(settings: LimiterSettings, first_token_max: Duration) -> Self {
        Self {
            settings,
            by_feel: Limiter::anchored(settings),
            by_wait: f64::from(settings.start),
            aim_s: first_token_max.as_secs_f64() * AIM,
            window: Vec::new(),
            window_began: Tick::default(),
            rate: None,
            moved: false,
        }
    }

    /// How many calls may be out, and why not more.
    pub fn limit(&self) -> (u32, LimitWhy) {
        let by_feel = self.by_feel.limit();
        let least = f64::from(self.settings.limit_min.max(1));
        let most = f64::from(self.settings.limit_max).max(least);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the bounds, which are u32"
        )]
        let by_wait = self.by_wait.clamp(least, most) as u32;
        if by_wait < by_feel.0 && self.moved {
            (by_wait, LimitWhy::Line)
        } else {
            (by_feel.0.min(by_wait), by_feel.1)
        }
    }

    /// The first content of an answer came.
    pub fn first_token(&mut self, now: Tick, first: FirstToken) {
        if !first.strain.is_finite() || first.strain < 0.0 {
            return;
        }
        // Lateness is answered below; here it only tells that somebody is answered.
        self.by_feel.answered(now, first.strain.min(IN_TIME), first.in_flight);
        if self.window.is_empty() {
            self.window_began = now;
        }
        if self.window.len() < SAMPLES_MAX {
            self.window.push((first.strain / AIM, f64::from(first.ahead)));
        }
        let span = now.since(self.window_began);
        let samples = self.window.len();
        let enough = span >= WINDOW && samples >= SAMPLES_MIN;
        if enough || (span >= SLOW_WINDOW && samples >= SLOW_SAMPLES_MIN) {
            self.close_window(span.as_secs_f64());
        }
    }

    /// How the words of an answer came, against what can be borne.
    pub fn words(&mut self, now: Tick, strain: f64, in_flight: u32) {
        self.by_feel.answered(now, strain, in_flight);
    }

    /// A call that the provider refused as too much for it, or never answered in time.
    pub fn overloaded(&mut self, now: Tick, in_flight: u32) {
        self.by_feel.overloaded(now, in_flight);
    }

    fn close_window(&mut self, span_s: f64) {
        let mut window = std::mem::take(&mut self.window);
        #[expect(clippy::cast_precision_loss, reason = "at most SAMPLES_MAX")]
        let newest = (window.len() - 1) as f64 / span_s;
        let rate = self.rate.map_or(newest, |rate| rate + (newest - rate) * RATE_WEIGHT);
        self.rate = Some(rate);
        let took = middle(&mut window, |(took, _)| took);
        let brim = middle(&mut window, |(took, ahead)| ahead + (1.0 - took) * self.aim_s * rate);
        let least = f64::from(self.settings.limit_min.max(1));
        if brim > self.by_wait {
            let most = f64::from(self.settings.limit_max).max(least);
            self.by_wait = brim.min(self.by_wait * STEP_UP + 1.0).min(most);
        } else if took > IN_LINE_SHARE {
            self.by_wait = brim.max(self.by_wait * STEP_DOWN).max(least);
        }
        self.moved = true;
        window.clear();
        self.window = window;
    }
}

/// The median; 0 of nothing.
fn middle(window: &mut [(f64, f64)], of: impl Fn((f64, f64)) -> f64) -> f64 {
    let at = window.len() / 2;
    if window.is_empty() {
        return 0.0;
    }
    let (_, middle, _) = window.select_nth_unstable_by(at, |a, b| of(*a).total_cmp(&of(*b)));
    of(*middle)
}
