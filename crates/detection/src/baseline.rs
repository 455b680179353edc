//! What is usual for counts at this hour of the week, and when a count is far above it. For counts
//! that people make, such as reports; series of measurements have [`crate::Stream`].
//!
//! Usual are the values of the same hour of the week and its two neighbours, the last 24 of each,
//! winsorised at their 95th percentile plus one, so that an alarm does not poison the next. Until
//! there are thirty, a shared prior stands in.

use std::collections::{BTreeMap, VecDeque};

use clock::UnixMs;

use crate::negative_binomial::tail;
use crate::settings::as_f64;

/// A count this unlikely is a spike.
pub const SPIKE_CHANCE: f64 = 1e-4;

const HOUR_MS: u64 = 3_600_000;
const HOURS_OF_WEEK: u64 = 168;
const VALUES_PER_HOUR: usize = 24;
const VALUES_MIN: usize = 30;
const QUIET_BINS: u32 = 3;

/// Fewer than this are never a spike: the first three strangers are no crowd.
const COUNT_MIN: u64 = 3;

/// What is usual for a bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    pub mean: f64,
    /// Variance over mean, at least 1.
    pub dispersion: f64,
}

/// Before there is anything to learn from: few, in clumps.
const COLD: Usual = Usual { mean: 0.25, dispersion: 4.0 };

impl Usual {
    /// The chance of `count` or more.
    pub fn chance(&self, count: u64) -> f64 {
        tail(count, self.mean, self.dispersion)
    }
}

/// The baseline of one series of counts, and its alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct HourBaseline {
    bin_ms: u64,
    /// By hour of the week, oldest first.
    hours: BTreeMap<u64, VecDeque<u32>>,
    bin: Option<u64>,
    count: u64,
    usual: Option<Usual>,
    alarmed: bool,
    quiet: u32,
}

impl HourBaseline {
    /// For bins of so many milliseconds: between a minute and an hour.
    pub fn new(bin_ms: u64) -> Self {
        Self {
            bin_ms: bin_ms.clamp(60_000, HOUR_MS),
            hours: BTreeMap::new(),
            bin: None,
            count: 0,
            usual: None,
            alarmed: false,
            quiet: 0,
        }
    }

    /// What was learnt, as a text for a store: one line for each hour of the week, its counts from the
    /// oldest.
    pub fn learnt_text(&self) -> String {
        let line = |(hour, counts): (&u64, &VecDeque<u32>)| {
            let counts: Vec<String> = counts.iter().map(u32::to_string).collect();
            format!("{hour} {}\n", counts.join(" "))
        };
        self.hours.iter().map(line).collect()
    }

    /// Takes up such a text, after a start; what cannot be read is passed over.
    pub fn learn(&mut self, text: &str) {
        for line in text.lines() {
            let mut numbers = line.split(' ').filter_map(|word| word.parse::<u32>().ok());
            let Some(hour) = numbers.next().filter(|hour| u64::from(*hour) < HOURS_OF_WEEK) else {
                continue;
            };
            let kept = self.hours.entry(hour.into()).or_default();
            kept.extend(numbers.take(VALUES_PER_HOUR));
            while kept.len() > VALUES_PER_HOUR {
                kept.pop_front();
            }
        }
        self.usual = None;
    }

    /// Takes a count; gives true if it begins a new bin.
    pub fn take(&mut self, at: UnixMs, count: u32) -> bool {
        let is_new = self.pass(at);
        self.count = self.count.saturating_add(u64::from(count));
        if self.is_spike() {
            self.alarmed = true;
            self.quiet = 0;
        }
        is_new
    }

    /// Lets time pass; bins without any count are counts of zero. Gives true if a bin ended.
    pub fn pass(&mut self, now: UnixMs) -> bool {
        let bin = now.as_millis() / self.bin_ms;
        let Some(mut open) = self.bin else {
            self.bin = Some(bin);
            return true;
        };
        if bin <= open {
            return false;
        }
        // After a long absence nothing is known of the bins between: they are not zeros.
        let gap_max = 4 * HOUR_MS / self.bin_ms;
        if bin - open > gap_max {
            self.close(open);
            open = bin - 1;
        }
        while open < bin {
            self.close(open);
            open += 1;
        }
        self.bin = Some(bin);
        self.usual = None;
        true
    }

    /// The count of the bin that is open.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What is usual at this moment.
    pub fn usual(&mut self, now: UnixMs) -> Usual {
        if let Some(usual) = self.usual {
            return usual;
        }
        let usual = self.learnt(now.as_millis() / HOUR_MS);
        self.usual = Some(usual);
        usual
    }

    /// True if the open bin already holds more than a whole one should.
    pub fn is_spike(&mut self) -> bool {
        let Some(bin) = self.bin else { return false };
        let usual = self.usual(UnixMs::new(bin * self.bin_ms));
        self.count >= COUNT_MIN && usual.chance(self.count) < SPIKE_CHANCE
    }

    /// True from a spike until three quiet bins have passed.
    pub fn is_alarmed(&self) -> bool {
        self.alarmed
    }

    fn close(&mut self, bin: u64) {
        if self.is_spike() {
            self.quiet = 0;
        } else {
            self.quiet = self.quiet.saturating_add(1);
            self.alarmed &= self.quiet < QUIET_BINS;
        }
        let hour = bin * self.bin_ms / HOUR_MS % HOURS_OF_WEEK;
        let kept = self.hours.entry(hour).or_default();
        kept.push_back(u32::try_from(self.count).unwrap_or(u32::MAX));
        while kept.len() > VALUES_PER_HOUR {
            kept.pop_front();
        }
        self.count = 0;
        self.usual = None;
        self.bin = Some(bin + 1);
    }

    fn learnt(&self, hour: u64) -> Usual {
        let around = [hour + HOURS_OF_WEEK - 1, hour, hour + 1];
        let hours = around.iter().filter_map(|hour| self.hours.get(&(hour % HOURS_OF_WEEK)));
        let mut values: Vec<u64> = hours.flatten().map(|value| u64::from(*value)).collect();
        if values.len() < VALUES_MIN {
            return COLD;
        }
        values.sort_unstable();
        let place = values.len() * 95 / 100;
        let cap = values.get(place).copied().unwrap_or(0) + 1;
        let (mut sum, mut squares) = (0.0, 0.0);
        for value in &values {
            let value = as_f64((*value).min(cap));
            sum += value;
            squares += value * value;
        }
        let count = as_f64(values.len() as u64);
        let mean = sum / count;
        let variance = (squares / count - mean * mean) * count / (count - 1.0);
        // A week without one report does not make the first one impossible.
        let mean = mean.max(0.05);
        Usual { mean, dispersion: (variance / mean).max(1.0) }
    }
}
