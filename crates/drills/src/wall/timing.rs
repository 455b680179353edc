//! How long the faults last, in two profiles.

use std::fmt;
use std::time::Duration;

/// Which set of timings the wall uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// The timings of the public bench: silence lasts two minutes, the outage of S15 one.
    #[default]
    Full,
    /// The same faults, short enough for every test run.
    Fast,
}

impl Profile {
    /// Reads `full` or `fast`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "full" => Some(Self::Full),
            "fast" => Some(Self::Fast),
            _ => None,
        }
    }

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Fast => "fast",
        }
    }

    pub(crate) fn timings(self) -> Timings {
        let [silence_ms, first_token_ms, stall_ms, down_ms, between_ms] = match self {
            Self::Full => [120_000, 20_000, 30_000, 60_000, 15],
            Self::Fast => [15_000, 3_000, 4_000, 6_000, 5],
        };
        let [thinking_ms, ping_ms, crawl_ms, rest_ms, drip_ms] = match self {
            Self::Full => [8_000, 1_000, 1_000, 3_000, 500],
            Self::Fast => [1_500, 200, 400, 1_000, 100],
        };
        let (endless_mib, huge_kib) = match self {
            Self::Full => (128, 4 << 10),
            Self::Fast => (16, 1 << 10),
        };
        Timings {
            retry_after_s: 2,
            silence: Duration::from_millis(silence_ms),
            first_token: Duration::from_millis(first_token_ms),
            stall: Duration::from_millis(stall_ms),
            down: Duration::from_millis(down_ms),
            between: Duration::from_millis(between_ms),
            slow_between: Duration::from_millis(200),
            thinking: Duration::from_millis(thinking_ms),
            ping_every: Duration::from_millis(ping_ms),
            crawl: Duration::from_millis(crawl_ms),
            rest: Duration::from_millis(rest_ms),
            flap: Duration::from_millis(rest_ms),
            drip: Duration::from_millis(drip_ms),
            endless_mib,
            huge_kib,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The waits of one profile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timings {
    /// What S01 asks for in `Retry-After`, in seconds.
    pub(crate) retry_after_s: u32,
    /// S06 says nothing for so long, then closes.
    pub(crate) silence: Duration,
    /// S07 sends its first word after so long.
    pub(crate) first_token: Duration,
    /// S09 hangs for so long, then closes.
    pub(crate) stall: Duration,
    /// S15 is down for so long after a reset.
    pub(crate) down: Duration,
    /// Between two tokens.
    pub(crate) between: Duration,
    /// Between two tokens of `fb-ok-slow`.
    pub(crate) slow_between: Duration,
    /// S34 thinks for so long.
    pub(crate) thinking: Duration,
    /// Between two keep-alives.
    pub(crate) ping_every: Duration,
    /// Between two tokens of S18.
    pub(crate) crawl: Duration,
    /// S31 wants to be left alone for so long.
    pub(crate) rest: Duration,
    /// S67 is up for so long, then down for as long.
    pub(crate) flap: Duration,
    /// Between two bytes of the head of S68.
    pub(crate) drip: Duration,
    /// The line of S48, at most.
    pub(crate) endless_mib: usize,
    /// The event of S49.
    pub(crate) huge_kib: usize,
}
