//! When one target is probed next: seldom while all is well, often while something is suspected,
//! never beyond the day's tokens. Pure: time and chance come in.

use std::collections::VecDeque;
use std::time::Duration;

use clock::{Dice, Tick, UnixMs};

use super::ProbeOutcome;

const DAY_MS: u64 = 86_400_000;
/// Good probes in a row that end a suspicion of our own.
const GOOD_ENOUGH: u32 = 3;
/// First contents that are remembered as usual.
const USUAL_KEPT: usize = 21;
/// Fewer are no usual.
const USUAL_MIN: usize = 5;

/// How targets are probed. Tokens and times are of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeSettings {
    /// Between two probes while all is well, on average; each lies within a third of it.
    pub every_ms: u64,
    /// The same while something is suspected.
    pub suspect_every_ms: u64,
    /// Prompt and answer together, by UTC day.
    pub tokens_per_day_max: u64,
    /// The part of the day's tokens, in percent, that is kept for suspicion.
    pub suspect_tokens_percent: u64,
    /// Tokens of one answer.
    pub output_tokens_max: u64,
    /// The same for a model that is known to think.
    pub thinking_output_tokens_max: u64,
    pub connect_ms_max: u64,
    pub first_content_ms_max: u64,
    pub total_ms_max: u64,
    /// A first content is slow if it took so many times the usual …
    pub slow_times: u64,
    /// … and longer than this.
    pub slow_ms_min: u64,
}

impl Default for ProbeSettings {
    fn default() -> Self {
        Self {
            every_ms: 60_000,
            suspect_every_ms: 10_000,
            tokens_per_day_max: 200_000,
            suspect_tokens_percent: 40,
            output_tokens_max: 24,
            thinking_output_tokens_max: 256,
            connect_ms_max: 3_000,
            first_content_ms_max: 15_000,
            total_ms_max: 30_000,
            slow_times: 4,
            slow_ms_min: 4_000,
        }
    }
}

/// One target's schedule.
#[derive(Debug)]
pub struct Schedule {
    settings: ProbeSettings,
    dice: Dice,
    due: Tick,
    is_suspected: bool,
    /// Good probes still missing after a bad one.
    good_missing: u32,
    day: u64,
    spent: u64,
    usual: VecDeque<u64>,
}

impl Schedule {
    /// A schedule whose first probe lies somewhere within the first interval.
    pub fn new(settings: ProbeSettings, mut dice: Dice, now: Tick) -> Self {
        let due = now + Duration::from_millis(dice.below(settings.every_ms));
        Self {
            settings,
            dice,
            due,
            is_suspected: false,
            good_missing: 0,
            day: 0,
            spent: 0,
            usual: VecDeque::with_capacity(USUAL_KEPT),
        }
    }

    /// When the next probe is due.
    pub fn due(&self) -> Tick {
        self.due
    }

    /// Whether something is wrong, as far as this target's probes or others can tell.
    pub fn is_watchful(&self) -> bool {
        self.is_suspected || self.good_missing > 0
    }

    /// Others suspect something, or do so no more. A suspicion brings the next probe near at once.
    pub fn suspect(&mut self, is_suspected: bool, now: Tick) {
        let was = self.is_watchful();
        self.is_suspected = is_suspected;
        if is_suspected && !was {
            // All replicas hear of it at once, and must not all ask at once.
            let within = Duration::from_millis(self.settings.suspect_every_ms.min(2_000));
            let soon = now + self.dice.jitter(within / 2, 1.0);
            self.due = self.due.min(soon);
        }
    }

    /// Whether a probe of at most `tokens_max` tokens may start now. If so they are taken from the
    /// day's tokens, and the next one is put off; if the day has none left, until more are due.
    pub fn start(&mut self, (now, today): (Tick, UnixMs), tokens_max: u64) -> bool {
        if now < self.due {
            return false;
        }
        let day = today.as_millis() / DAY_MS;
        if day != self.day {
            (self.day, self.spent) = (day, 0);
        }
        let kept = self.settings.suspect_tokens_percent.min(100);
        let percent = if self.is_watchful() { 100 } else { 100 - kept };
        let allowed = self.settings.tokens_per_day_max.saturating_mul(percent) / 100;
        let fits = self.spent.saturating_add(tokens_max) <= allowed;
        if fits {
            self.spent += tokens_max;
        }
        self.put_off(now);
        fits
    }

    /// A probe that was started has ended; `taken` is what it was allowed, `used` what it used.
    pub fn ended(&mut self, now: Tick, outcome: ProbeOutcome, (taken, used): (u64, Option<u64>)) {
        if let Some(used) = used {
            self.spent = self.spent.saturating_sub(taken).saturating_add(used);
        }
        let was = self.is_watchful();
        if outcome.is_bad() {
            self.good_missing = GOOD_ENOUGH;
        } else if outcome.is_good() {
            self.good_missing = self.good_missing.saturating_sub(1);
        }
        if self.is_watchful() != was {
            self.put_off(now);
        }
    }

    /// Tokens used on the day of the last probe.
    pub fn spent(&self) -> u64 {
        self.spent
    }

    /// A right answer's first content came after so long.
    pub fn usual(&mut self, first_content_ms: u64) {
        if self.usual.len() == USUAL_KEPT {
            self.usual.pop_front();
        }
        self.usual.push_back(first_content_ms);
    }

    /// From when on a first content is slow: several times the median of the last right answers,
    /// and never below the least.
    pub fn slow_ms(&self) -> u64 {
        if self.usual.len() < USUAL_MIN {
            return self.settings.first_content_ms_max;
        }
        let mut sorted: Vec<u64> = self.usual.iter().copied().collect();
        sorted.sort_unstable();
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        median.saturating_mul(self.settings.slow_times).max(self.settings.slow_ms_min)
    }

    fn put_off(&mut self, now: Tick) {
        let every = match self.is_watchful() {
            true => self.settings.suspect_every_ms,
            false => self.settings.every_ms,
        };
        self.due = now + self.dice.jitter(Duration::from_millis(every), 1.0 / 3.0);
    }
}
