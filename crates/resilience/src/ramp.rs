//! How fast calls that belong elsewhere may come onto a rung: the spill onto an alternate when the
//! rungs above it are down, and the return to a rung that was down. An instant full shift is what
//! fells the next provider, and a return at full width is the second domino.
//!
//! A ramp starts at a small rate, at most doubles every thirty seconds while first tokens and
//! refusals stay in band, and halves on stress. A rung's own traffic is not ramped; it only tells
//! what the rung is used to.

use std::time::Duration;

use clock::Tick;

use crate::window::Window;

/// The shortest time between two doublings.
const DOUBLE_MS_MIN: u64 = 30_000;
/// The least time between two halvings, so that one burst of refusals is one stress.
const HALVE_MS_MIN: u64 = 5_000;
/// Without a ramped call for so long, the next one starts anew.
const IDLE_MS_MAX: u64 = 600_000;
/// The start is at least so many calls a second, and at least this share of the rung's own traffic
/// of the last five minutes.
const START_PER_S_MIN: f64 = 2.0;
const START_SHARE: f64 = 0.10;
/// Calls that may come at once, in seconds of the rate.
const BURST_S: f64 = 1.0;
/// In band: so many refusals and slow first tokens as a share of the answers since the last step.
const REFUSED_SHARE_MAX: f64 = 0.01;
const SLOW_SHARE_MAX: f64 = 0.10;
/// Answers without which a step proves nothing, unless the rate itself is that small.
const ANSWERS_MIN: u32 = 10;

/// Whether a ramped call may go now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    Go,
    /// Not before then.
    Wait {
        until: Tick,
    },
}

/// How a ramped rung answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feel {
    /// In time.
    Good,
    /// The first token came later than expected.
    Slow,
    /// Refused as too much, too fast, or not answered.
    Stressed,
}

/// The ramp onto one rung.
#[derive(Debug, Clone)]
pub struct Ramp {
    /// Ramped calls a second; `None` while nobody is ramped.
    rate: Option<f64>,
    calls: f64,
    refilled: Tick,
    last_call: Tick,
    stepped: Tick,
    halved: Option<Tick>,
    answers: u32,
    slow: u32,
    stressed: u32,
    /// Calls held back since the last step: a rate that nobody needs is not raised.
    held_back: u32,
    /// A whole step passed in which nobody was held back.
    wide: bool,
    /// The rung's own calls: thirty buckets of ten seconds.
    own: Window<30>,
}

impl Default for Ramp {
    fn default() -> Self {
        Self {
            rate: None,
            calls: 0.0,
            refilled: Tick::default(),
            last_call: Tick::default(),
            stepped: Tick::default(),
            halved: None,
            answers: 0,
            slow: 0,
            stressed: 0,
            held_back: 0,
            wide: false,
            own: Window::new(10_000),
        }
    }
}

impl Ramp {
    /// A call of the rung's own traffic went out.
    pub fn own_call(&mut self, now: Tick) {
        self.own.add(now, 1);
    }

    /// The rate in force, in calls a second; `None` while nobody is ramped.
    pub fn rate_per_s(&self) -> Option<f64> {
        self.rate
    }

    /// May a ramped call go, if only this share of the rate is to be used, which is above 0 and at
    /// most 1? [`Pace::Go`] takes its place.
    pub fn ask(&mut self, now: Tick, share: f64) -> Pace {
        let idle = now.since(self.last_call) >= Duration::from_millis(IDLE_MS_MAX);
        let rate = match self.rate {
            Some(rate) if !idle => rate,
            _ => self.start(now),
        };
        let rate = self.step(now, rate) * share;
        let span = now.since(self.refilled).as_secs_f64();
        let most = (rate * BURST_S).max(1.0);
        self.calls = (self.calls + span * rate).min(most);
        self.refilled = now;
        self.last_call = now;
        if self.calls >= 1.0 {
            self.calls -= 1.0;
            return Pace::Go;
        }
        self.held_back = self.held_back.saturating_add(1);
        let wait = Duration::from_secs_f64(((1.0 - self.calls) / rate).clamp(0.001, 60.0));
        Pace::Wait { until: now + wait }
    }

    /// A call that was let go did not go after all.
    pub fn give_back(&mut self) {
        self.calls += 1.0;
    }

    /// How an answer of this rung felt; all of its answers count, ramped or not.
    pub fn felt(&mut self, now: Tick, feel: Feel) {
        let Some(rate) = self.rate else { return };
        self.answers = self.answers.saturating_add(1);
        match feel {
            Feel::Good => {}
            Feel::Slow => self.slow = self.slow.saturating_add(1),
            Feel::Stressed => {
                self.stressed = self.stressed.saturating_add(1);
                let recently = |at: Tick| now.since(at) < Duration::from_millis(HALVE_MS_MIN);
                if !self.halved.is_some_and(recently) {
                    self.halved = Some(now);
                    self.rate = Some((rate / 2.0).max(START_PER_S_MIN / 4.0));
                    self.calls = self.calls.min(0.0);
                    self.begin_step(now);
                }
            }
        }
    }

    /// True if nobody was held back for a whole step: there is nothing left to ramp.
    pub fn is_wide(&self) -> bool {
        self.wide
    }

    /// True while calls come along it, and not yet as many as would like to.
    pub fn is_rising(&self, now: Tick) -> bool {
        let lately = now.since(self.last_call) < Duration::from_millis(2 * DOUBLE_MS_MIN);
        self.rate.is_some() && lately && !self.wide
    }

    /// Lets the ramp end: the rung has its own traffic again.
    pub fn end(&mut self) {
        self.rate = None;
    }

    fn start(&mut self, now: Tick) -> f64 {
        let own = f64::from(self.own.sum(now)) / 300.0;
        let rate = (own * START_SHARE).max(START_PER_S_MIN);
        self.rate = Some(rate);
        self.calls = 1.0;
        self.refilled = now;
        self.halved = None;
        self.wide = false;
        self.begin_step(now);
        rate
    }

    fn begin_step(&mut self, now: Tick) {
        self.stepped = now;
        self.answers = 0;
        self.slow = 0;
        self.stressed = 0;
        self.held_back = 0;
    }

    /// Doubles the rate if it is time, somebody waits for it, and all is in band.
    fn step(&mut self, now: Tick, rate: f64) -> f64 {
        if now.since(self.stepped) < Duration::from_millis(DOUBLE_MS_MIN) {
            return rate;
        }
        let answers = f64::from(self.answers);
        let enough = f64::from(ANSWERS_MIN).min(rate * 10.0);
        let in_band = f64::from(self.stressed) <= answers * REFUSED_SHARE_MAX
            && f64::from(self.slow) <= answers * SLOW_SHARE_MAX;
        if self.held_back == 0 {
            self.wide = in_band;
            self.begin_step(now);
            return rate;
        }
        if answers < enough {
            return rate;
        }
        let rate = if in_band { rate * 2.0 } else { rate };
        self.wide = false;
        self.rate = Some(rate);
        self.begin_step(now);
        rate
    }
}
