//! The last ten minutes of outcomes in slices of ten seconds: whether trouble lasts, or was a burst.

use std::collections::VecDeque;

use clock::UnixMs;

use crate::cusum::Cusum;

const SLICE_MS: u64 = 10_000;
const SLICES_MAX: u64 = 60;
const SLICES_PER_MINUTE: u64 = 6;
const KEPT_MAX: usize = 240;

/// What a slice and a minute must say for the fall by themselves, in nats. At ten requests a second
/// a slice needs three faults, of which chance makes one slice in three hundred.
const BAD_SLICE_NATS: f64 = 3.0;
const BAD_MINUTE_NATS: f64 = 1.0;

/// Bad slices of the last minute that make it last. A burst of twenty seconds touches three.
const BAD_SLICES_MIN: usize = 5;

/// Bad minutes of the last ten that make a slow burn last. Such a burst touches two.
const BAD_MINUTES_MIN: usize = 8;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Slices {
    /// Oldest first; the number of the slice since 1970, good and bad.
    kept: VecDeque<(u64, u32, u32)>,
}

impl Slices {
    /// Takes outcomes of a span that ends at `at`. A long span is spread evenly over its slices.
    pub(crate) fn take(&mut self, at: UnixMs, span_ms: u32, good: u32, bad: u32) {
        let last = number(at);
        let first = number(at.minus_ms(u64::from(span_ms).saturating_sub(1)));
        let first = first.max(last.saturating_sub(SLICES_MAX - 1));
        let count = u32::try_from(last - first + 1).unwrap_or(1);
        for place in 0..count {
            let part = |of: u32| of / count + u32::from(place < of % count);
            self.add(first + u64::from(place), part(good), part(bad));
        }
        // The second bound is for evidence that comes from long ago.
        while self.kept.front().is_some_and(|slice| slice.0 + SLICES_MAX <= last)
            || self.kept.len() > KEPT_MAX
        {
            self.kept.pop_front();
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.kept.clear();
    }

    /// Good and bad outcomes of the last minute.
    pub(crate) fn last_minute(&self, now: UnixMs) -> (u32, u32) {
        self.sum(number(now), SLICES_PER_MINUTE)
    }

    /// True if trouble fills the last minute, or burns through the last ten.
    pub(crate) fn last(&self, now: UnixMs, detector: &Cusum) -> bool {
        let newest = number(now);
        let is_bad = |(good, bad), nats| detector.step(good, bad) > nats;
        let slices = (0..=SLICES_PER_MINUTE)
            .filter(|back| is_bad(self.sum(newest.saturating_sub(*back), 1), BAD_SLICE_NATS))
            .count();
        let minutes = (0..SLICES_MAX / SLICES_PER_MINUTE)
            .map(|back| newest.saturating_sub(back * SLICES_PER_MINUTE))
            .filter(|end| is_bad(self.sum(*end, SLICES_PER_MINUTE), BAD_MINUTE_NATS))
            .count();
        slices >= BAD_SLICES_MIN || minutes >= BAD_MINUTES_MIN
    }

    /// Outcomes of so many slices up to and with the slice `newest`.
    fn sum(&self, newest: u64, count: u64) -> (u32, u32) {
        let inside = |number: u64| number <= newest && number + count > newest;
        let chosen = self.kept.iter().rev().take_while(|slice| slice.0 + count > newest);
        chosen.filter(|slice| inside(slice.0)).fold((0, 0), |sum, slice| {
            (sum.0.saturating_add(slice.1), sum.1.saturating_add(slice.2))
        })
    }

    fn add(&mut self, number: u64, good: u32, bad: u32) {
        // Evidence that comes late finds its slice; what is older than all is not worth a place.
        let place = self.kept.iter().rposition(|slice| slice.0 <= number);
        match place.and_then(|place| self.kept.get_mut(place)) {
            Some(slice) if slice.0 == number => {
                slice.1 = slice.1.saturating_add(good);
                slice.2 = slice.2.saturating_add(bad);
            }
            _ => self.kept.insert(place.map_or(0, |place| place + 1), (number, good, bad)),
        }
    }
}

fn number(at: UnixMs) -> u64 {
    at.as_millis() / SLICE_MS
}
