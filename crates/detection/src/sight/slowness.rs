//! Whether first words take longer than they do usually. The usual is learnt from this component's
//! own good days, so that a slow model is not an ill one.

use clock::UnixMs;

use crate::FirstWords;
use crate::settings::{as_f64, half};

/// How fast the usual follows, in milliseconds: a quarter of a day, slower than any outage grows.
const USUAL_HALF_LIFE_MS: f64 = 6.0 * 3_600_000.0;

/// Answers until the usual can be trusted.
const ANSWERS_MIN: u64 = 200;

/// Slower than usual by less than this factor is not counted.
const FACTOR_MIN: f64 = 1.6;

/// The sum's least and most change in ten seconds, in nats.
const STEP_NATS: (f64, f64) = (-1.0, 1.5);

/// Where the sum stops, in nats: slowness that lasts two minutes can be sure alone.
const SUM_NATS_MAX: f64 = crate::cusum::ALARM_NATS + 8.0;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Slowness {
    usual_ln_ms: f64,
    answers: u64,
    sum_nats: f64,
    factor: f64,
    slow_answers: u64,
    taken_at: UnixMs,
}

impl Slowness {
    /// Takes the first words of a span.
    pub(crate) fn take(&mut self, at: UnixMs, span_ms: u32, words: FirstWords) {
        if words.answers == 0 {
            return;
        }
        let ln_ms = f64::from(words.median_ms.max(1)).ln();
        let answers = u64::from(words.answers);
        if self.answers < ANSWERS_MIN {
            let share = as_f64(answers) / as_f64(self.answers + answers);
            self.usual_ln_ms += share * (ln_ms - self.usual_ln_ms);
            self.answers += answers;
            self.taken_at = at;
            return;
        }
        self.factor = (ln_ms - self.usual_ln_ms).exp();
        let weight = f64::from(words.answers.min(3)) / 3.0 * f64::from(span_ms) / 10_000.0;
        let excess = 2.0 * (ln_ms - self.usual_ln_ms - FACTOR_MIN.ln());
        let step = excess.clamp(STEP_NATS.0, STEP_NATS.1) * weight;
        self.sum_nats = (self.sum_nats + step).clamp(0.0, SUM_NATS_MAX);
        self.slow_answers += answers;
        if self.sum_nats == 0.0 {
            self.slow_answers = 0;
            let share = 1.0 - half(at.since(self.taken_at).max(1), USUAL_HALF_LIFE_MS);
            self.usual_ln_ms += share * (ln_ms - self.usual_ln_ms);
        }
        self.taken_at = at;
    }

    /// The sum, in nats.
    pub(crate) fn nats(&self) -> f64 {
        self.sum_nats
    }

    /// How many times slower than usual the last answers were; 0 if nothing is known.
    pub(crate) fn factor(&self) -> f64 {
        self.factor
    }

    /// Answers since it began to be slow.
    pub(crate) fn slow_answers(&self) -> u64 {
        self.slow_answers
    }

    /// True if it has been slow for about two minutes.
    pub(crate) fn is_plain(&self) -> bool {
        self.sum_nats >= SUM_NATS_MAX - 1.0
    }

    /// Forgets what looks like slowness; the usual stays.
    pub(crate) fn clear(&mut self) {
        self.sum_nats = 0.0;
        self.slow_answers = 0;
    }
}
