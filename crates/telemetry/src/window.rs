//! Counts over the last minute and the last quarter of an hour, in rings of slots. A window ends
//! at the current, unfinished slot, so it covers up to one slot less than its name says.

use std::time::Duration;

use clock::Tick;

const MINUTE_SLOT: Duration = Duration::from_secs(5);
const MINUTE_SLOTS: u64 = 12;
const QUARTER_SLOT: Duration = Duration::from_secs(60);
const QUARTER_SLOTS: u64 = 15;

/// A ring of slots; each holds what happened in one span of time.
#[derive(Debug)]
struct Ring<T> {
    slot: Duration,
    count: u64,
    /// Slot number since the clock's origin, and its counts.
    slots: Vec<Option<(u64, T)>>,
}

impl<T: Default> Ring<T> {
    fn new(slot: Duration, count: u64) -> Self {
        Self { slot, count, slots: (0..count).map(|_| None).collect() }
    }

    fn number(&self, now: Tick) -> u64 {
        let slot_ns = u64::try_from(self.slot.as_nanos()).unwrap_or(u64::MAX).max(1);
        now.as_nanos() / slot_ns
    }

    fn with_slot(&mut self, now: Tick, change: impl FnOnce(&mut T)) {
        let number = self.number(now);
        let place = usize::try_from(number % self.count).unwrap_or_default();
        if let Some(place) = self.slots.get_mut(place) {
            if place.as_ref().is_none_or(|(then, _)| *then != number) {
                *place = Some((number, T::default()));
            }
            if let Some((_, counts)) = place {
                change(counts);
            }
        }
    }

    fn recent(&self, now: Tick) -> impl Iterator<Item = &T> {
        let number = self.number(now);
        self.slots
            .iter()
            .flatten()
            .filter(move |(then, _)| *then <= number && number - *then < self.count)
            .map(|(_, counts)| counts)
    }
}

/// Both windows of one thing.
#[derive(Debug)]
pub(crate) struct Windows<T> {
    minute: Ring<T>,
    quarter: Ring<T>,
}

impl<T: Default> Windows<T> {
    pub(crate) fn new() -> Self {
        Self {
            minute: Ring::new(MINUTE_SLOT, MINUTE_SLOTS),
            quarter: Ring::new(QUARTER_SLOT, QUARTER_SLOTS),
        }
    }

    /// Counts something in both windows.
    pub(crate) fn count(&mut self, now: Tick, change: impl Fn(&mut T)) {
        self.minute.with_slot(now, &change);
        self.quarter.with_slot(now, &change);
    }

    /// The slots of the last 60 seconds.
    pub(crate) fn minute(&self, now: Tick) -> impl Iterator<Item = &T> {
        self.minute.recent(now)
    }

    /// The slots of the last 15 minutes.
    pub(crate) fn quarter(&self, now: Tick) -> impl Iterator<Item = &T> {
        self.quarter.recent(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(windows: &Windows<u64>, second: u64) -> (u64, u64) {
        let now = Tick::from_millis(second * 1000);
        (windows.minute(now).sum(), windows.quarter(now).sum())
    }

    #[test]
    fn what_is_old_is_not_counted() {
        let mut windows = Windows::new();
        windows.count(Tick::from_millis(1_000), |count| *count += 1);
        windows.count(Tick::from_millis(50_000), |count| *count += 10);
        assert_eq!(sums(&windows, 59), (11, 11));
        assert_eq!(sums(&windows, 61), (10, 11));
        assert_eq!(sums(&windows, 111), (0, 11));
        assert_eq!(sums(&windows, 901), (0, 0));
    }

    #[test]
    fn a_slot_used_again_starts_anew() {
        let mut windows = Windows::new();
        windows.count(Tick::from_millis(0), |count| *count += 1);
        windows.count(Tick::from_millis(60_000), |count| *count += 10);
        assert_eq!(sums(&windows, 60), (10, 11));
    }
}
