//! A second call for a first token that is late. After how long one is worth it is learned from how
//! the rung answered lately; whether it may be made is asked when that time has come. A hedge takes
//! from the retry budget, and none is made while a rung has enough to do: what is late because its
//! provider is full would only be late twice. It makes no call and knows no ladder.

use std::time::Duration;

use crate::{HedgeSettings, Take};

/// First tokens that are remembered, and how many there must be to tell a late one.
const SAMPLES: usize = 128;
const SAMPLES_MIN: usize = 40;
/// The share of them that came in time; the trigger is the time within which they did.
const IN_TIME: f64 = 0.95;
/// The quantile is taken anew after so many more.
const ANEW_EVERY: usize = 16;
/// A prompt of so many tokens doubles the time that a first token may take, as for the pulse.
const PROMPT_TOKENS_DOUBLE: f64 = 8_000.0;
/// So much of the limit may be in use: near its bound a rung has nothing to give.
const IN_USE_MAX: f64 = 0.75;

/// What a prompt of this length does to a first-token time.
#[expect(clippy::cast_precision_loss, reason = "a prompt has far fewer than 2^52 tokens")]
fn prompt_factor(prompt_tokens: u64) -> f64 {
    1.0 + prompt_tokens as f64 / PROMPT_TOKENS_DOUBLE
}

/// How long a rung's first tokens took lately, for a prompt of no length.
#[derive(Debug, Clone, Default)]
pub struct Tail {
    /// Milliseconds, the newest in the place of the oldest.
    samples: Vec<f64>,
    next: usize,
    since: usize,
    late_ms: Option<f64>,
}

impl Tail {
    /// A first token came after so long.
    pub fn add(&mut self, after: Duration, prompt_tokens: u64) {
        let ms = after.as_secs_f64() * 1000.0 / prompt_factor(prompt_tokens);
        if self.samples.len() < SAMPLES {
            self.samples.push(ms);
        } else if let Some(oldest) = self.samples.get_mut(self.next) {
            *oldest = ms;
        }
        self.next = (self.next + 1) % SAMPLES;
        self.since += 1;
        if self.samples.len() >= SAMPLES_MIN && (self.since >= ANEW_EVERY || self.late_ms.is_none())
        {
            self.since = 0;
            self.late_ms = self.quantile();
        }
    }

    /// None had come when the call was given up. If it was late already it counts as just that, so
    /// that the trigger does not sink towards what came quickly; taken at its length, each wait that
    /// the trigger cut off would move the trigger up. A shorter wait tells nothing.
    pub fn add_cut_off(&mut self, after: Duration, prompt_tokens: u64) {
        match self.late_after(prompt_tokens) {
            Some(late) if after >= late => self.add(late, prompt_tokens),
            _ => {}
        }
    }

    fn quantile(&self) -> Option<f64> {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "at most SAMPLES"
        )]
        let place = (sorted.len() as f64 * IN_TIME) as usize;
        sorted.get(place).copied()
    }

    /// After how long a first token is late for such a prompt; `None` until enough is known.
    pub fn late_after(&self, prompt_tokens: u64) -> Option<Duration> {
        let ms = self.late_ms? * prompt_factor(prompt_tokens);
        Some(Duration::from_secs_f64((ms / 1000.0).clamp(0.0, 3_600.0)))
    }
}

/// What a request is, as far as it decides whether a second call for it is worth its price.
#[derive(Debug, Clone, Copy)]
pub struct HedgeAsk {
    /// A first token can be waited for.
    pub streams: bool,
    pub tools: bool,
    pub take: Take,
    /// The clock of the first token, after which the call is given up anyway.
    pub first_token_ms_max: u64,
}

impl HedgeSettings {
    /// True if a second call for such a request is never made, whatever the tail.
    pub fn spares(&self, ask: &HedgeAsk) -> bool {
        !self.enabled
            || !ask.streams
            || (ask.tools && !self.tools)
            || ask.take.input_tokens > self.input_tokens_max
            || ask.take.output_tokens > self.output_tokens_max
    }

    /// After how long a second call is worth it; `None` if never.
    pub fn after(&self, ask: &HedgeAsk, tail: &Tail) -> Option<Duration> {
        if self.spares(ask) {
            return None;
        }
        let late = tail.late_after(ask.take.input_tokens)?;
        let after = late.max(Duration::from_millis(self.after_ms_min));
        (after < Duration::from_millis(ask.first_token_ms_max)).then_some(after)
    }
}

/// How a rung stands when a hedge is thought of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ease {
    /// All its breakers let ordinary calls through.
    pub closed: bool,
    /// Calls come onto it, or back to it, along a ramp.
    pub ramped: bool,
    pub in_flight: u32,
    pub limit: u32,
}

impl Ease {
    /// True if one more call is nothing to it.
    pub fn is_at_ease(&self) -> bool {
        let in_use = f64::from(self.in_flight) <= IN_USE_MAX * f64::from(self.limit);
        self.closed && !self.ramped && in_use
    }
}

/// May a second call be made now? It must still be paid from the retry budget.
pub fn may_hedge(late: Ease, other: Ease) -> bool {
    late.is_at_ease() && other.is_at_ease()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn tail_of(times: &[u64]) -> Tail {
        let mut tail = Tail::default();
        times.iter().for_each(|time| tail.add(ms(*time), 0));
        tail
    }

    fn ask(input_tokens: u64) -> HedgeAsk {
        let take = Take { input_tokens, output_tokens: 1 };
        HedgeAsk { streams: true, tools: false, take, first_token_ms_max: 10_000 }
    }

    const ON: HedgeSettings = HedgeSettings {
        enabled: true,
        after_ms_min: 500,
        input_tokens_max: 8_000,
        output_tokens_max: 4_000,
        tools: false,
    };

    #[test]
    fn nothing_is_late_before_enough_is_known() {
        assert_eq!(tail_of(&[900; SAMPLES_MIN - 1]).late_after(0), None);
        assert_eq!(tail_of(&[900; SAMPLES_MIN]).late_after(0), Some(ms(900)));
        assert_eq!(ON.after(&ask(0), &Tail::default()), None);
    }

    #[test]
    fn a_longer_prompt_may_take_longer() {
        let tail = tail_of(&[1_000; SAMPLES_MIN]);
        assert_eq!(tail.late_after(8_000), Some(ms(2_000)));
        assert_eq!(ON.after(&ask(8_000), &tail), Some(ms(2_000)));
        assert_eq!(ON.after(&ask(8_001), &tail), None, "it is dear");
        assert_eq!(ON.after(&ask(0), &tail_of(&[30; SAMPLES_MIN])), Some(ms(500)));
        assert_eq!(ON.after(&ask(0), &tail_of(&[10_000; SAMPLES_MIN])), None, "the clock is first");
    }

    /// Cut-off waits keep the trigger from sinking towards what came quickly.
    #[test]
    fn what_was_cut_off_counts_as_late() {
        let mut tail = tail_of(&[1_000; SAMPLES]);
        (0..SAMPLES).for_each(|_| tail.add_cut_off(ms(400), 0));
        assert_eq!(tail.late_after(0), Some(ms(1_000)), "too short to tell anything");
        for round in 0..SAMPLES {
            let late = round % 10 == 0;
            if late { tail.add_cut_off(ms(1_500), 0) } else { tail.add(ms(300), 0) }
        }
        assert_eq!(tail.late_after(0), Some(ms(1_000)), "neither up nor down");
    }

    proptest! {
        /// Few of what is remembered were later than the trigger, which is at most fifteen answers
        /// old and one of the times that were seen.
        #[test]
        fn few_are_late(times in prop::collection::vec(1_u64..20_000, SAMPLES_MIN..500)) {
            let late = tail_of(&times).late_after(0).unwrap();
            prop_assert!(times.iter().any(|time| ms(*time).abs_diff(late) < ms(1)));
            let lately = &times[times.len().saturating_sub(SAMPLES)..];
            let later = lately.iter().filter(|time| ms(**time) > late + ms(1)).count();
            prop_assert!(later < lately.len() / 20 + ANEW_EVERY, "{} of {}", later, lately.len());
        }

        /// No hedge for what is dear, none after the clock, none before the floor.
        #[test]
        fn bounds_are_kept(
            times in prop::collection::vec(1_u64..20_000, 0..200),
            input_tokens in 0_u64..20_000,
            output_tokens in 0_u64..8_000,
            (tools, streams, enabled) in any::<(bool, bool, bool)>(),
        ) {
            let settings = HedgeSettings { enabled, ..ON };
            let take = Take { input_tokens, output_tokens };
            let ask = HedgeAsk { streams, tools, take, first_token_ms_max: 10_000 };
            if let Some(after) = settings.after(&ask, &tail_of(&times)) {
                prop_assert!(enabled && streams && !tools);
                prop_assert!(input_tokens <= 8_000 && output_tokens <= 4_000);
                prop_assert!(after >= ms(500) && after < ms(10_000));
            }
        }

        /// Whoever is under pressure is neither hedged nor asked beside another.
        #[test]
        fn pressure_forbids_it(
            in_flight in 0_u32..200, limit in 1_u32..200,
            (closed, ramped, first) in any::<(bool, bool, bool)>(),
        ) {
            let one = Ease { closed, ramped, in_flight, limit };
            let easy = Ease { closed: true, ramped: false, in_flight: 0, limit: 64 };
            let may = if first { may_hedge(one, easy) } else { may_hedge(easy, one) };
            let calm = closed && !ramped && f64::from(in_flight) <= 0.75 * f64::from(limit);
            prop_assert_eq!(may, calm);
        }
    }
}
