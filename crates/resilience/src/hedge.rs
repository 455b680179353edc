//! When a second call may be made beside one whose first token is late. A hedge is paid from the
//! retry budget like any other extra try; this file only tells how late is late.

use std::time::Duration;

/// First-token times kept.
const SAMPLES: usize = 256;
/// Below so many nothing is known of the usual.
const SAMPLES_MIN: usize = 40;
/// Times are sorted anew after so many answers.
const REFRESH: usize = 16;

/// How many tokens a request may reserve and still be hedged: beyond that the second call costs
/// more than the wait.
pub const HEDGE_TOKENS_MAX: u64 = 8_000;

/// The usual first-token times of one (provider, model).
#[derive(Debug, Clone, Default)]
pub struct HedgeClock {
    times_ms: Vec<u32>,
    next: usize,
    since_refresh: usize,
    p95_ms: Option<u32>,
}

impl HedgeClock {
    /// A first token came after so long.
    pub fn first_token(&mut self, after: Duration) {
        let ms = u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
        match self.times_ms.get_mut(self.next) {
            Some(place) => *place = ms,
            None => self.times_ms.push(ms),
        }
        self.next = (self.next + 1) % SAMPLES;
        self.since_refresh += 1;
        if self.times_ms.len() >= SAMPLES_MIN
            && (self.p95_ms.is_none() || self.since_refresh >= REFRESH)
        {
            let mut sorted = self.times_ms.clone();
            sorted.sort_unstable();
            self.p95_ms = sorted.get(sorted.len() * 95 / 100).copied();
            self.since_refresh = 0;
        }
    }

    /// After how long a second call makes sense for a request that reserves so many tokens; `None`
    /// if it never does, or if nobody knows.
    pub fn hedge_after(&self, reserved_tokens: u64) -> Option<Duration> {
        if reserved_tokens > HEDGE_TOKENS_MAX {
            return None;
        }
        self.p95_ms.map(|ms| Duration::from_millis(u64::from(ms)))
    }
}
