//! Instants and the clocks that tell them.

#![allow(
    clippy::disallowed_methods,
    reason = "this file is the door through which real time comes in"
)]

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A monotonic instant: nanoseconds since the clock's own origin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(u64);

impl Tick {
    /// From nanoseconds since the origin.
    pub fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// From milliseconds since the origin.
    pub fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the origin.
    pub fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the origin.
    pub fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Time since `earlier`; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Tick {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Tick {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// A moment of the calendar: milliseconds since 1970-01-01 UTC. For what is kept, shown and told;
/// waits are measured in [`Tick`]s, which do not jump.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMs(u64);

impl UnixMs {
    /// From milliseconds since 1970.
    pub fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// From seconds since 1970, as [`Clock::unix_seconds`] tells them; 1970 if they are negative or
    /// no number.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float becomes the nearest whole number that there is, and no number becomes 0"
    )]
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds * 1000.0) as u64)
    }

    /// Milliseconds since 1970.
    pub fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since 1970.
    pub fn as_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// Milliseconds since `earlier`; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// So many milliseconds later.
    pub fn plus_ms(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// So many milliseconds earlier, not before 1970.
    pub fn minus_ms(self, millis: u64) -> Self {
        Self(self.0.saturating_sub(millis))
    }
}

/// Tells the time. Shared by all threads.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The monotonic instant.
    fn now(&self) -> Tick;

    /// Seconds since 1970-01-01 UTC, for people and wire forms; it may jump.
    fn unix_seconds(&self) -> f64;
}

/// The system's own clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose origin is this moment.
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Tick {
        Tick(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn unix_seconds(&self) -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |span| span.as_secs_f64())
    }
}

/// A clock that stands still until it is turned.
#[derive(Debug, Default)]
pub struct ManualClock {
    nanos: AtomicU64,
}

impl ManualClock {
    /// A clock at its origin, which is 2024-06-04 00:00 UTC for [`Clock::unix_seconds`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Turns the clock forward.
    pub fn advance(&self, span: Duration) {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Tick {
        Tick(self.nanos.load(Ordering::SeqCst))
    }

    fn unix_seconds(&self) -> f64 {
        const ORIGIN_UNIX_SECONDS: f64 = 1_717_459_200.0;
        ORIGIN_UNIX_SECONDS + Duration::from_nanos(self.nanos.load(Ordering::SeqCst)).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_never_wrap() {
        let first = Tick::from_millis(5);
        assert_eq!(first.since(Tick::from_millis(9)), Duration::ZERO);
        assert_eq!((first - Duration::from_secs(1)).as_nanos(), 0);
        assert_eq!((first + Duration::MAX).as_nanos(), u64::MAX);
    }

    #[test]
    fn a_manual_clock_moves_only_when_turned() {
        let clock = ManualClock::new();
        let before = clock.now();
        clock.advance(Duration::from_millis(1500));
        assert_eq!(clock.now().since(before), Duration::from_millis(1500));
        assert_eq!(clock.unix_seconds(), 1_717_459_201.5);
    }
}
