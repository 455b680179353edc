//! Calls that wait for their first word: an outage by silence is seen here before any clock has run
//! out. What is usual is learnt: how many calls are still silent after one second, after two, and so
//! on. Late is an age at which hardly any call is silent on a good day.
//!
//! Nothing is summed up over time: a call that is late and then speaks is as good as any other, and
//! one that fails is counted with the failures.

use std::collections::VecDeque;

use clock::UnixMs;

use super::strength::STRONG_MS;
use crate::{ALARM_NATS, SILENCE_AGES, Silence};

/// A call is late at the least age, in seconds, at which no more than this share is silent on a good
/// day; before the first of these ages nobody is late, and what is silent after the last of them is
/// soon a failure.
const LATE_SHARE_MAX: f64 = 0.01;
const LATE_S: std::ops::RangeInclusive<usize> = 3..=9;

/// The share of silent calls that is to be found.
const SHARE_SOUGHT: f64 = 0.5;

/// A silence is strong if so many calls of so many different seconds are late, nearly all of those that
/// began with them, and it has been alarming for so long that its first calls are ten seconds old.
const STRONG_SILENT_MIN: u32 = 20;
const STRONG_SECONDS_MIN: u32 = 5;
const STRONG_SHARE: f64 = 0.9;

/// Late calls must have begun in so many different seconds: a pause of one second, however many meet
/// it, is none of them.
const SECONDS_MIN: u32 = 3;

/// Readings wait for so long, in seconds, before anything is learnt of them: what turns out to be the
/// beginning of a fall is no good day.
const LEARNT_AFTER: usize = 12;

/// Calls of an age before anything is known of it, and the most that are remembered.
const KNOWN_MIN: f64 = 50.0;
const KNOWN_MAX: f64 = 8_192.0;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SilenceSight {
    /// By age: calls that were seen at it, and those of them that were silent.
    usual: [(f64, f64); SILENCE_AGES],
    /// Readings of which nothing was learnt yet, oldest first.
    waiting: VecDeque<Silence>,
    late: Option<Late>,
    /// Since when it has been alarming, by the oldest of its calls.
    alarming_since: Option<UnixMs>,
}

/// Calls that are late now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Late {
    pub(crate) nats: f64,
    pub(crate) silent: u32,
    /// Those that began in the same seconds.
    pub(crate) all: u32,
    /// Seconds in which late calls began.
    seconds: u32,
    /// When the first of those seconds began.
    pub(crate) since: UnixMs,
}

impl SilenceSight {
    pub(crate) fn new() -> Self {
        Self {
            usual: [(0.0, 0.0); SILENCE_AGES],
            waiting: VecDeque::new(),
            late: None,
            alarming_since: None,
        }
    }

    /// Takes one reading; `is_well` if nothing else speaks for a fall, so that it is a good day to
    /// learn from.
    pub(crate) fn take(&mut self, at: UnixMs, silence: &Silence, is_well: bool) {
        self.late = self.weigh(at, silence);
        let alarming = self.late.filter(Late::is_alarming);
        self.alarming_since = alarming.map(|late| self.alarming_since.unwrap_or(late.since));
        if self.late.is_some() || !is_well {
            self.waiting.clear();
            return;
        }
        self.waiting.push_back(*silence);
        if self.waiting.len() <= LEARNT_AFTER {
            return;
        }
        let Some(learnt) = self.waiting.pop_front() else { return };
        for (usual, (begun, silent)) in self.usual.iter_mut().zip(learnt.0) {
            usual.0 += f64::from(begun);
            usual.1 += f64::from(silent);
            if usual.0 > KNOWN_MAX {
                *usual = (usual.0 / 2.0, usual.1 / 2.0);
            }
        }
    }

    /// What is late now, if it is worth a word.
    pub(crate) fn late(&self) -> Option<Late> {
        self.late
    }

    /// Since when it has been alarming without a break.
    pub(crate) fn alarming_since(&self) -> Option<UnixMs> {
        self.alarming_since
    }

    /// True if so many are late, for so long, that nothing else need speak for a fall.
    pub(crate) fn is_strong(&self, now: UnixMs) -> bool {
        let lasted = self.alarming_since.is_some_and(|since| now.since(since) >= STRONG_MS);
        lasted && self.late.is_some_and(|late| late.is_strong())
    }

    /// Forgets who is late; what is usual stays.
    pub(crate) fn clear(&mut self) {
        self.late = None;
        self.alarming_since = None;
    }

    /// The most that any run of seconds says, from the youngest that are late on.
    fn weigh(&self, at: UnixMs, silence: &Silence) -> Option<Late> {
        let (from, share) = LATE_S.clone().find_map(|age| {
            let (seen, silent) = *self.usual.get(age)?;
            let share = (silent + 1.0) / (seen + KNOWN_MIN);
            (seen >= KNOWN_MIN && share <= LATE_SHARE_MAX).then_some((age, share))
        })?;
        let usual = share.max(LATE_SHARE_MAX);
        let per_silent = (SHARE_SOUGHT / usual).ln();
        let per_other = ((1.0 - SHARE_SOUGHT) / (1.0 - usual)).ln();
        let (mut silent, mut all, mut seconds) = (0, 0, 0);
        let mut most: Option<Late> = None;
        for age in from..=*LATE_S.end() {
            let (begun, quiet) = silence.0.get(age).copied().unwrap_or_default();
            silent += quiet;
            all += begun;
            seconds += u32::from(quiet > 0);
            let nats = f64::from(silent) * per_silent + f64::from(all - silent) * per_other;
            if quiet > 0 && seconds >= SECONDS_MIN && most.is_none_or(|most| nats > most.nats) {
                let since = at.minus_ms(1_000 * (age as u64 + 1));
                most = Some(Late { nats, silent, all, seconds, since });
            }
        }
        most.filter(|late| late.nats > 0.0)
    }
}

impl Late {
    /// True if it is enough to suspect a fall.
    pub(crate) fn is_alarming(&self) -> bool {
        self.nats > ALARM_NATS
    }

    fn is_strong(&self) -> bool {
        self.silent >= STRONG_SILENT_MIN
            && self.seconds >= STRONG_SECONDS_MIN
            && f64::from(self.silent) >= STRONG_SHARE * f64::from(self.all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many calls a second; those of each age that are silent.
    fn reading(per_s: u32, silent: impl Fn(usize) -> u32) -> Silence {
        let mut silence = Silence::default();
        for (age, of_age) in silence.0.iter_mut().enumerate() {
            *of_age = (per_s, silent(age).min(per_s));
        }
        silence
    }

    fn learnt(per_s: u32) -> SilenceSight {
        let mut sight = SilenceSight::new();
        for second in 0..300 {
            let usual = reading(per_s, |age| per_s.saturating_sub(age as u32 * per_s));
            sight.take(UnixMs::new(second * 1_000), &usual, true);
        }
        sight
    }

    fn seconds_to_alarm(per_s: u32) -> Option<usize> {
        let mut sight = learnt(per_s);
        (1..=10).find(|fallen_s| {
            let at = UnixMs::new(300_000 + 1_000 * *fallen_s as u64);
            let silence = reading(per_s, |age| if age < *fallen_s { per_s } else { 0 });
            sight.take(at, &silence, true);
            sight.late().is_some_and(|late| late.is_alarming())
        })
    }

    #[test]
    fn silence_is_seen_before_a_clock_of_ten_seconds_runs_out() {
        assert_eq!([1, 10].map(seconds_to_alarm), [Some(6), Some(6)]);
    }

    #[test]
    fn many_silent_calls_are_strong_after_ten_seconds_and_few_are_not() {
        let strong = |per_s: u32, ages: usize| {
            let mut sight = learnt(per_s);
            (1..=14).find(|fallen_s| {
                let now = UnixMs::new(300_000 + 1_000 * *fallen_s as u64);
                let silent = |age| if age < (*fallen_s).min(ages) { per_s } else { 0 };
                sight.take(now, &reading(per_s, silent), true);
                sight.is_strong(now)
            })
        };
        assert_eq!([1, 2, 5, 10].map(|per_s| strong(per_s, 15)), [None, None, Some(10), Some(10)]);
        assert_eq!(strong(10, 7), None, "they speak before they are ten seconds old");
    }

    #[test]
    fn the_first_seconds_of_a_fall_are_not_learnt() {
        let mut sight = SilenceSight::new();
        for second in 0..130 {
            sight.take(UnixMs::new(second * 1_000), &reading(1, |_| 0), true);
        }
        let alarmed = (1..=8).find(|fallen_s| {
            let at = UnixMs::new(130_000 + 1_000 * *fallen_s as u64);
            sight.take(at, &reading(1, |age| u32::from(age < *fallen_s)), true);
            sight.late().is_some_and(|late| late.is_alarming())
        });
        assert_eq!(alarmed, Some(6));
    }

    #[test]
    fn a_pause_of_two_seconds_and_one_slow_call_are_nothing() {
        let mut sight = learnt(20);
        for age in 3..9 {
            let at = UnixMs::new(300_000 + age as u64 * 1_000);
            let paused = reading(20, |of| if of == age || of + 1 == age { 20 } else { 0 });
            sight.take(at, &paused, true);
            assert_eq!(sight.late(), None, "{age} s");
        }
        let at = UnixMs::new(400_000);
        sight.take(at, &reading(1, |age| u32::from(age == 5)), true);
        assert_eq!(sight.late(), None);
        assert_eq!(SilenceSight::new().late(), None, "nothing is usual yet");
    }

    #[test]
    fn who_is_always_slow_is_never_late() {
        let mut sight = SilenceSight::new();
        for second in 0..600 {
            let at = UnixMs::new(second * 1_000);
            // Half of the calls think for twelve seconds.
            sight.take(at, &reading(4, |age| if age < 12 { 2 } else { 0 }), true);
            assert_eq!(sight.late(), None, "{second}");
        }
    }
}
