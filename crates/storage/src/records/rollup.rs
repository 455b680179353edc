//! A component's minute and its day: what was asked, what went badly, and for how long it was in
//! which condition. Uptimes are computed from these by whoever shows them.

use clock::UnixMs;
use detection::{ComponentId, Condition};

/// A minute in milliseconds.
pub const MINUTE_MS: u64 = 60 * 1000;
/// A day in milliseconds.
pub const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// Seconds spent in each condition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConditionSeconds([u32; Condition::ALL.len()]);

impl ConditionSeconds {
    /// All of a span in one condition.
    pub fn all_in(condition: Condition, seconds: u32) -> Self {
        let mut all = Self::default();
        all.add(condition, seconds);
        all
    }

    /// From seconds in the order of [`Condition::ALL`].
    pub fn of(seconds: [u32; Condition::ALL.len()]) -> Self {
        Self(seconds)
    }

    /// Seconds in the order of [`Condition::ALL`].
    pub fn all(&self) -> [u32; Condition::ALL.len()] {
        self.0
    }

    /// Seconds in that condition.
    pub fn seconds(&self, condition: Condition) -> u32 {
        self.0.get(condition as usize).copied().unwrap_or_default()
    }

    /// So many more seconds in that condition.
    pub fn add(&mut self, condition: Condition, seconds: u32) {
        if let Some(place) = self.0.get_mut(condition as usize) {
            *place = place.saturating_add(seconds);
        }
    }

    fn each(&mut self, other: &Self, change: impl Fn(u32, u32) -> u32) {
        for (place, other) in self.0.iter_mut().zip(other.0) {
            *place = change(*place, other);
        }
    }
}

/// What a span of time brought. Sums stay at the largest number rather than wrap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub requests: u64,
    /// Those that count against the uptime of requests.
    pub bad_requests: u64,
    /// Answers whose first token was timed.
    pub first_tokens: u64,
    /// Milliseconds to the first token, summed over them.
    pub first_token_ms_sum: u64,
    /// By our own verdict.
    pub own: ConditionSeconds,
    /// By the provider's page.
    pub official: ConditionSeconds,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        self.change(other, u64::saturating_add, u32::saturating_add);
        self
    }

    /// Without what is in `other`; nothing falls below zero.
    #[must_use]
    pub fn minus(mut self, other: &Self) -> Self {
        self.change(other, u64::saturating_sub, u32::saturating_sub);
        self
    }

    fn change(
        &mut self,
        other: &Self,
        counts: impl Fn(u64, u64) -> u64,
        seconds: impl Fn(u32, u32) -> u32,
    ) {
        self.requests = counts(self.requests, other.requests);
        self.bad_requests = counts(self.bad_requests, other.bad_requests);
        self.first_tokens = counts(self.first_tokens, other.first_tokens);
        self.first_token_ms_sum = counts(self.first_token_ms_sum, other.first_token_ms_sum);
        self.own.each(&other.own, &seconds);
        self.official.each(&other.official, &seconds);
    }
}

/// A component's minute or day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bin {
    pub component: ComponentId,
    /// The first millisecond of the minute or of the day (UTC).
    pub start: UnixMs,
    pub tally: Tally,
}

impl Bin {
    /// The start of the day that `start` lies in.
    pub fn day_start(&self) -> UnixMs {
        UnixMs::new(self.start.as_millis() / DAY_MS * DAY_MS)
    }
}
