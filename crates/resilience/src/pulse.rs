//! How an answer feels, as one number: its first-token time, and later its inter-token time, each
//! against what is expected of the model. 1 is as slow as is still good. Total time does not
//! come in, because it tells the length of the answer and not the provider's health.
//!
//! What is expected is learned: three times the median of the first answers, until an operator
//! says it. It is learned once, since a baseline that follows the present learns the overload.

use std::time::Duration;

/// Answers that a baseline is learned from.
const LEARN_SAMPLES: usize = 100;
/// The expectation is so many times the median.
const MEDIAN_FACTOR: f64 = 3.0;
/// A prompt of so many tokens doubles the time that a first token may take.
const PROMPT_TOKENS_DOUBLE: f64 = 8_000.0;
/// The least that is expected, so that a very quick start does not make noise look like distress.
const FIRST_MS_MIN: f64 = 500.0;
const GAP_MS_MIN: f64 = 40.0;
const GAP_MS_GUESS: f64 = 100.0;
const GAP_MS_MAX: f64 = 1_000.0;
/// Words that come so many times more slowly than expected are borne while nobody else is free.
const GAP_STRAIN_FACTOR: f64 = 4.0;

/// What an operator expects, in milliseconds; `None` is learned.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Expectation {
    pub first_token_ms: Option<u64>,
    pub inter_token_ms: Option<u64>,
    /// Nothing learned may be above it: half of the clock of the first token.
    pub first_token_ms_max: u64,
}

impl Expectation {
    /// The first-token time that can be borne while nobody else is free, for a prompt of no length.
    pub fn first_token_borne(&self) -> Duration {
        Duration::from_secs_f64(self.first_most_ms() / 1000.0)
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a setting are few")]
    fn first_most_ms(&self) -> f64 {
        (self.first_token_ms_max as f64).max(FIRST_MS_MIN)
    }
}

/// How an answer felt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Felt {
    /// Against what is expected: above 1 another provider would be better.
    pub pulse: f64,
    /// Against what can be borne: above 1 a wait would be better.
    pub strain: f64,
}

/// Turns times into the one number.
#[derive(Debug, Clone)]
pub struct Pulse {
    expectation: Expectation,
    first_ms: Baseline,
    gap_ms: Baseline,
}

#[derive(Debug, Clone)]
enum Baseline {
    Learning(Vec<f64>),
    Known(f64),
}

impl Baseline {
    fn new(told_ms: Option<u64>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a setting are few")]
        told_ms.map_or(Self::Learning(Vec::new()), |ms| Self::Known(ms as f64))
    }

    /// What is expected now; `guess` until enough is known.
    fn expected(&self, guess: f64) -> f64 {
        match self {
            Self::Known(ms) => *ms,
            Self::Learning(_) => guess,
        }
    }

    fn learn(&mut self, ms: f64, (least, most): (f64, f64)) {
        let Self::Learning(samples) = self else { return };
        samples.push(ms);
        if samples.len() < LEARN_SAMPLES {
            return;
        }
        samples.sort_by(f64::total_cmp);
        let median = samples.get(LEARN_SAMPLES / 2).copied().unwrap_or(most);
        *self = Self::Known((median * MEDIAN_FACTOR).clamp(least, most.max(least)));
    }
}

impl Pulse {
    /// A pulse that knows what the operator says.
    pub fn new(expectation: Expectation) -> Self {
        Self {
            expectation,
            first_ms: Baseline::new(expectation.first_token_ms),
            gap_ms: Baseline::new(expectation.inter_token_ms),
        }
    }

    /// What is felt of a first token, which also teaches the baseline. It is felt as soon as the
    /// token is there: an answer's end comes too late to steer by.
    pub fn first_token(&mut self, after: Duration, prompt_tokens: u64) -> Felt {
        #[expect(clippy::cast_precision_loss, reason = "a prompt has far fewer than 2^52 tokens")]
        let prompt = 1.0 + prompt_tokens as f64 / PROMPT_TOKENS_DOUBLE;
        let first = after.as_secs_f64() * 1000.0 / prompt;
        let most = self.expectation.first_most_ms();
        let pulse = first / self.first_ms.expected(most);
        self.first_ms.learn(first, (FIRST_MS_MIN, most));
        Felt { pulse, strain: first / most }
    }

    /// What is felt of the mean time between two pieces of content of one answer.
    pub fn inter_token(&mut self, gap: Duration) -> Felt {
        let gap = gap.as_secs_f64() * 1000.0;
        // Nobody reads faster than ten tokens a second, so a slower start of learning is no harm.
        let pulse = gap / self.gap_ms.expected(GAP_MS_GUESS);
        self.gap_ms.learn(gap, (GAP_MS_MIN, GAP_MS_MAX));
        Felt { pulse, strain: pulse / GAP_STRAIN_FACTOR }
    }

    /// The time that a token usually takes, once that is known.
    pub fn inter_token_usual(&self) -> Option<Duration> {
        match self.gap_ms {
            Baseline::Known(ms) => Some(Duration::from_secs_f64(ms / MEDIAN_FACTOR / 1000.0)),
            Baseline::Learning(_) => None,
        }
    }

    /// The first-token time that is expected, for a prompt of no length.
    pub fn first_token_expected(&self) -> Duration {
        Duration::from_secs_f64(self.first_ms.expected(self.expectation.first_most_ms()) / 1000.0)
    }
}
