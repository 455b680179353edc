//! How much is let in: the cost of the last minute, second by second, and the pace that follows
//! from it. It knows nobody who waits.

use std::time::Duration;

use clock::Tick;

/// Seconds over which the cost that was let in is counted.
const SPAN_S: u64 = 60;
/// Within them a second counts half as much for every ten that have passed since, so that a
/// provider which lost half of its strength is believed after seconds and not after the minute.
const FADE_PER_S: f64 = 0.933;
/// A line that was gone for less is the same line.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Fewer seconds are no measure of a pace.
const MEASURED_S_MIN: u64 = 5;

/// One second's cost.
#[derive(Debug, Clone, Copy, Default)]
struct Second {
    number: u64,
    cost: u64,
}

/// The cost that was let in during the last minute.
#[derive(Debug)]
pub(super) struct Flow {
    seconds: [Second; SPAN_S as usize],
    /// Since when there is a line. What was let in before it tells how much came, and not how much
    /// could be served.
    line: Option<Stands>,
}

/// There is a line, or was one a moment ago.
#[derive(Debug, Clone, Copy)]
struct Stands {
    since: Tick,
    /// When it was gone.
    gone: Option<Tick>,
}

impl Default for Flow {
    fn default() -> Self {
        Self { seconds: [Second::default(); SPAN_S as usize], line: None }
    }
}

impl Flow {
    /// So much is let in now.
    pub(super) fn add(&mut self, now: Tick, cost: u64) {
        let number = second_of(now);
        if let Some(second) = self.seconds.get_mut((number % SPAN_S) as usize) {
            if second.number != number {
                *second = Second { number, cost: 0 };
            }
            second.cost = second.cost.saturating_add(cost);
        }
    }

    /// There is a line.
    pub(super) fn line_stands(&mut self, now: Tick) {
        let known =
            self.line.filter(|line| line.gone.is_none_or(|gone| now.since(gone) < PAUSE_MAX));
        self.line = Some(Stands { since: known.map_or(now, |line| line.since), gone: None });
    }

    /// There is none.
    pub(super) fn line_is_gone(&mut self, now: Tick) {
        if let Some(line) = &mut self.line {
            line.gone.get_or_insert(now);
        }
    }

    /// For how long there has been a line.
    pub(super) fn line_age(&self, now: Tick) -> Duration {
        let line = self.line.filter(|line| line.gone.is_none());
        line.map_or(Duration::ZERO, |line| now.since(line.since))
    }

    /// Cost a second; `None` while nothing is known. Once a line has stood for some seconds, only
    /// what was let in since it formed counts.
    pub(super) fn per_s(&self, now: Tick) -> Option<f64> {
        let newest = second_of(now);
        let first = (newest + 1).saturating_sub(SPAN_S);
        let line = self.line.filter(|line| line.gone.is_none());
        let formed = line.map(|line| second_of(line.since) + 1);
        let formed = formed.filter(|formed| formed + MEASURED_S_MIN <= newest + 1);
        let measured = formed.and_then(|formed| self.pace(first.max(formed), newest));
        // Nothing at all since the line formed: what there was before is the best that is known.
        measured.or_else(|| {
            let some = |second: &&Second| second.cost > 0 && second.number >= first;
            let oldest = self.seconds.iter().filter(some).map(|second| second.number).min()?;
            self.pace(oldest.min((newest + 1).saturating_sub(MEASURED_S_MIN)), newest)
        })
    }

    /// The mean of these seconds, the newest weighing most.
    fn pace(&self, first: u64, newest: u64) -> Option<f64> {
        let (mut cost, mut span, mut weight) = (0.0, 0.0, 1.0);
        for number in (first..=newest).rev() {
            let second = self.seconds.get((number % SPAN_S) as usize).copied().unwrap_or_default();
            if second.number == number {
                #[expect(clippy::cast_precision_loss, reason = "a second's cost is far below 2^52")]
                let of_second = second.cost as f64;
                cost += weight * of_second;
            }
            span += weight;
            weight *= FADE_PER_S;
        }
        (cost > 0.0).then(|| cost / span)
    }
}

/// A time that is reckoned, however odd the figures are.
pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(if seconds.is_finite() {
        seconds.clamp(0.0, 86_400.0)
    } else {
        86_400.0
    })
}

fn second_of(at: Tick) -> u64 {
    at.as_millis() / 1000
}
