//! The plain settings of this room, with the house's defaults. They are read from text in
//! `config`, which is also where they are checked.

use crate::LimiterSettings;

/// The clocks of a request, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// To make a connection.
    pub connect_ms_max: u64,
    /// From sending the request to the head of a streamed answer.
    pub headers_ms_max: u64,
    /// From sending the request to the first content of a stream; pings and empty deltas do not
    /// count.
    pub first_token_ms_max: u64,
    /// From the head of a provider's stream to its first content. If none has come by then, the
    /// caller's own head waits no longer; 0 lets it wait for as long as it takes.
    pub head_held_ms_max: u64,
    /// From sending the request to the end of an answer that is not streamed. Its head comes when
    /// all of it is done, so neither the headers nor a first token can be waited for.
    pub unstreamed_ms_max: u64,
    /// Between two pieces of content.
    pub gap_ms_max: u64,
    /// A stream that has crawled for so long is taken over by another rung; 0 lets it crawl.
    pub crawl_ms_max: u64,
    /// For the whole request, all attempts together.
    pub total_ms_max: u64,
}

impl Default for Clocks {
    fn default() -> Self {
        Self {
            connect_ms_max: 2_000,
            headers_ms_max: 10_000,
            first_token_ms_max: 10_000,
            head_held_ms_max: 3_000,
            unstreamed_ms_max: 90_000,
            gap_ms_max: 10_000,
            crawl_ms_max: 15_000,
            total_ms_max: 600_000,
        }
    }
}

/// How far failover may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FailoverSettings {
    /// Upstream calls per request, all rungs together.
    pub attempts_max: u32,
    /// Extra attempts as a share of live requests in the last ten seconds, of all providers together
    /// and of each one.
    pub retry_budget_ratio: f64,
    /// The first pause before the same rung is tried again; it doubles, with full jitter.
    pub pause_ms_min: u64,
    /// The longest pause that a request waits for, `Retry-After` included; a longer one sends it
    /// to the next rung.
    pub pause_ms_max: u64,
    /// A stream that breaks off after content is taken over by another rung.
    pub takeover: bool,
    /// Tool calls are held back until they are complete, so that a break in them can be mended.
    pub hold_tool_calls: bool,
    pub hedge: HedgeSettings,
}

impl Default for FailoverSettings {
    fn default() -> Self {
        Self {
            attempts_max: 3,
            retry_budget_ratio: 0.10,
            pause_ms_min: 250,
            pause_ms_max: 5_000,
            takeover: true,
            hold_tool_calls: false,
            hedge: HedgeSettings::default(),
        }
    }
}

/// When a second call is made because a first token is late.
///
/// Off by default: in our drills it changes no percentile of the first tokens on a day without
/// trouble, for up to 3 % more calls. Where one call in twenty or in five falls silent, most of those
/// still wait for their clock, since hedges may earn a tenth of the traffic at most; and the breaker,
/// which is what ends such a day, hears of fewer faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HedgeSettings {
    pub enabled: bool,
    /// Never before so long, however quick the rung usually is.
    pub after_ms_min: u64,
    /// A request with more tokens of input is too dear to be asked twice, estimated at four bytes
    /// each.
    pub input_tokens_max: u64,
    /// So is one whose answer may have more tokens.
    pub output_tokens_max: u64,
    /// Requests that offer tools may be asked twice.
    pub tools: bool,
}

impl Default for HedgeSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            after_ms_min: 500,
            input_tokens_max: 4_000,
            output_tokens_max: 4_096,
            tools: false,
        }
    }
}

/// When a breaker opens and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerSettings {
    /// Hard failures in a row that open it.
    pub streak_max: u32,
    /// The window of the failure ratio, ten exact buckets.
    pub window_ms: u64,
    /// Failures as a share of judged attempts that open it.
    pub ratio_max: f64,
    /// Judged attempts in the window below which the ratio says nothing.
    pub attempts_min: u32,
    /// The first cool-down; it doubles with each failed probe.
    pub cooldown_ms_min: u64,
    /// The longest cool-down of our own making; a provider's `Retry-After` may exceed it. With
    /// its jitter it bounds how late a recovery is noticed: 22 seconds by default.
    pub cooldown_ms_max: u64,
    /// The longest cool-down that a provider's `Retry-After` can ask for.
    pub retry_after_ms_max: u64,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            streak_max: 3,
            window_ms: 30_000,
            ratio_max: 0.5,
            attempts_min: 5,
            cooldown_ms_min: 5_000,
            cooldown_ms_max: 20_000,
            retry_after_ms_max: 3_600_000,
        }
    }
}

/// How calls are kept at the pace that a provider can take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaceSettings {
    /// Without it every call that a breaker lets through goes out at once.
    pub enabled: bool,
    /// Calls out at one (provider, model) at a time.
    pub limiter: LimiterSettings,
    /// A first token that is still in time, for a short prompt; `None` is learned.
    pub first_token_ms: Option<u64>,
    /// A gap between two tokens that is still in time; `None` is learned.
    pub inter_token_ms: Option<u64>,
    /// Calls that belong elsewhere come onto a rung, and back to one that was down, at a rate that
    /// rises from a small start.
    pub ramp: bool,
}

impl Default for PaceSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            limiter: LimiterSettings::default(),
            first_token_ms: None,
            inter_token_ms: None,
            ramp: true,
        }
    }
}

/// Which model a rung asks its provider for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RungModel {
    /// This one.
    Named(Box<str>),
    /// The name that the caller asked for (`provider/*`).
    AsAsked,
}

/// One rung as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RungSpec {
    pub provider: Box<str>,
    pub model: RungModel,
}

/// A ladder as configured: steps from the first choice to the last, each with one rung or several
/// equals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LadderSpec {
    pub steps: Vec<Vec<RungSpec>>,
}

/// A model name, or a pattern with `*`, that callers may ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSpec {
    pub pattern: Box<str>,
    pub ladder: LadderSpec,
    pub clocks: Clocks,
}
