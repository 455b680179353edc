//! Keeps calls on one (provider, model, key) within what its provider allows, so that there is
//! nothing to refuse. What a provider says of its limits seeds local buckets, with a margin; where
//! it says nothing, a rate is learned by additive increase and multiplicative decrease; and the
//! formula of the SRE book is the last guard. A 429 paces; it is no ill health.

use std::time::Duration;

use clock::{Dice, Tick};
use domain::{Allowance, Quantity};

use crate::window::Window;

/// The share of a limit that is left unused.
const MARGIN_SHARE: f64 = 0.02;
/// AIMD: the factor for each second with a refusal, but not below this share of the rate at which
/// it began, and the growth for each second without one, as a share of the same.
const DECREASE: f64 = 0.8;
const DECREASED_MIN: f64 = 0.1;
const INCREASE_PER_S: f64 = 0.02;
/// Whoever calls seldom is no flood: a learned rate begins at no less than so many calls a second.
const BEGAN_PER_S_MIN: f64 = 1.0;
/// A learned rate is forgotten when no call was refused for so long.
const FORGET_MS: u64 = 300_000;
/// The SRE book's factor: so many times the accepted calls may be tried.
const SRE_FACTOR: f64 = 2.0;
/// Calls in two minutes below which the last guard says nothing.
const SRE_CALLS_MIN: u32 = 20;
/// A reset that a provider tells is not believed beyond this, in milliseconds (a day).
const RESET_MS_MAX: u64 = DAY_MS;
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 86_400_000;
/// So much of a limit must be missing before its reset tells anything.
const TELLING_SHARE: f64 = 0.05;
/// A pause that was asked for is kept up to this, in milliseconds (an hour).
const REST_MS_MAX: u64 = 3_600_000;

/// What a call will take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Take {
    pub input_tokens: u64,
    /// Tokens that the answer may have; reserved, and given back at its end.
    pub output_tokens: u64,
}

/// Whether a call may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Paced {
    Go,
    Wait { until: Tick, why: PaceWhy },
}

/// Why a call must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaceWhy {
    /// A limit that the provider told is used up.
    Told(Quantity),
    /// The provider asked for a pause.
    RetryAfter,
    /// The rate that was learned from refusals.
    Learned,
    /// Too many calls are refused in spite of everything.
    Guard,
}

impl PaceWhy {
    /// The word used in logs, receipts and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Told(Quantity::Requests) => "requests_limit",
            Self::Told(Quantity::Tokens) => "tokens_limit",
            Self::Told(Quantity::InputTokens) => "input_tokens_limit",
            Self::Told(Quantity::OutputTokens) => "output_tokens_limit",
            Self::RetryAfter => "retry_after",
            Self::Learned => "learned_rate",
            Self::Guard => "refusal_guard",
        }
    }
}

/// One limit that the provider told. What was taken counts for as long as the limit's own window,
/// which is what the strictest kind of provider does; a kinder one refills in the same time.
#[derive(Debug, Clone)]
struct Bucket {
    quantity: Quantity,
    limit: f64,
    window_ms: u64,
    taken: Window<13>,
    /// What others have taken of the same limit, as the provider told, and when.
    foreign: (f64, Tick),
}

impl Bucket {
    fn new(quantity: Quantity) -> Self {
        Self {
            quantity,
            limit: 0.0,
            window_ms: MINUTE_MS,
            taken: Window::new(MINUTE_MS / 12),
            foreign: (0.0, Tick::default()),
        }
    }

    fn told(&mut self, now: Tick, told: &Allowance) {
        let missing = real(told.limit.saturating_sub(told.remaining));
        // The time for what is missing tells the window, once enough is missing to tell anything.
        // A fixed window tells the time to its end instead, which is shorter and does no harm.
        if let Some(reset_ms) = told.reset_ms.map(|ms| ms.min(RESET_MS_MAX))
            && missing >= real(told.limit) * TELLING_SHARE
        {
            let window = real(told.limit) * real(reset_ms) / missing;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped between a minute and a day"
            )]
            let window_ms = window.clamp(real(MINUTE_MS), real(DAY_MS)) as u64;
            if window_ms / 2 > self.window_ms || window_ms * 2 < self.window_ms {
                self.window_ms = window_ms;
                self.taken = Window::new(window_ms / 12);
            }
        }
        self.limit = real(told.limit) * (1.0 - MARGIN_SHARE);
        let own = f64::from(self.taken.sum(now));
        self.foreign = ((missing - own).max(0.0), now);
    }

    fn left(&self, now: Tick) -> f64 {
        let (foreign, at) = self.foreign;
        let passed = now.since(at).as_secs_f64() * 1000.0 / real(self.window_ms);
        self.limit - f64::from(self.taken.sum(now)) - foreign * (1.0 - passed).max(0.0)
    }

    /// When a call that needs so much may go, if it may not go now.
    fn wait(&self, now: Tick, take: Take) -> Option<Tick> {
        // A call that is larger than the whole limit may go when the limit is full; the provider
        // will say what it thinks of it.
        let wanted = real(amount(self.quantity, take)).min(self.limit);
        let short = wanted - self.left(now);
        if short <= 0.0 {
            return None;
        }
        let (foreign, at) = self.foreign;
        let own = f64::from(self.taken.sum(now));
        if own >= short {
            return Some(self.taken.freed_at(now, whole(short)));
        }
        // Only what others took can make room: it is taken to flow back evenly.
        let share = ((short - own) / foreign.max(1.0)).min(1.0);
        let wait = Duration::from_millis(self.window_ms).mul_f64(share);
        Some(at.max(now) + wait.max(Duration::from_millis(1)))
    }

    fn take(&mut self, now: Tick, take: Take) {
        self.taken.add(now, counted(amount(self.quantity, take)));
    }

    fn take_back(&mut self, now: Tick, count: u64) {
        self.taken.take_back(now, counted(count));
    }
}

fn counted(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of u32"
)]
fn whole(count: f64) -> u32 {
    count.ceil().clamp(1.0, f64::from(u32::MAX)) as u32
}

/// The pacer of one (provider, model, key).
#[derive(Debug, Clone)]
pub struct Pacer {
    buckets: Vec<Bucket>,
    rest_until: Option<Tick>,
    /// Calls a second, learned; `None` until a refusal without a limit that explains it.
    learned: Option<Learned>,
    calls: Window<12>,
    refused: Window<12>,
}

#[derive(Debug, Clone, Copy)]
struct Learned {
    per_s: f64,
    /// The rate at which the refusals began.
    began: f64,
    left: f64,
    at: Tick,
    decreased: Tick,
}

impl Learned {
    /// Grows and refills up to now.
    fn advance(&mut self, now: Tick) {
        let span = now.since(self.at).as_secs_f64();
        if now.since(self.decreased) >= Duration::from_secs(1) {
            self.per_s += self.began * INCREASE_PER_S * span;
        }
        self.left = (self.left + span * self.per_s).min(self.per_s.max(1.0));
        self.at = now;
    }

    fn decrease(&mut self, now: Tick) {
        self.advance(now);
        // Far above where it began last time, this is a new beginning.
        if self.per_s > self.began {
            self.began = self.per_s;
        }
        self.per_s = (self.per_s * DECREASE).max(self.began * DECREASED_MIN);
        self.left = self.left.min(0.0);
        self.decreased = now;
    }
}

impl Default for Pacer {
    fn default() -> Self {
        Self {
            buckets: Vec::new(),
            rest_until: None,
            learned: None,
            // Two minutes.
            calls: Window::new(10_000),
            refused: Window::new(10_000),
        }
    }
}

fn amount(quantity: Quantity, take: Take) -> u64 {
    match quantity {
        Quantity::Requests => 1,
        Quantity::Tokens => take.input_tokens.saturating_add(take.output_tokens),
        Quantity::InputTokens => take.input_tokens,
        Quantity::OutputTokens => take.output_tokens,
    }
}

#[expect(clippy::cast_precision_loss, reason = "limits and tokens are far below 2^52")]
fn real(count: u64) -> f64 {
    count as f64
}

fn after(now: Tick, seconds: f64) -> Tick {
    now + Duration::from_secs_f64(seconds.clamp(0.001, 3_600.0))
}

impl Pacer {
    /// May a call go? [`Paced::Go`] takes what it needs from every limit.
    pub fn ask(&mut self, now: Tick, take: Take, dice: &mut Dice) -> Paced {
        if let Some(wait) = self.must_wait(now, take, dice) {
            return wait;
        }
        self.buckets.iter_mut().for_each(|bucket| bucket.take(now, take));
        if let Some(learned) = &mut self.learned {
            learned.left -= 1.0;
        }
        self.calls.add(now, 1);
        Paced::Go
    }

    fn must_wait(&mut self, now: Tick, take: Take, dice: &mut Dice) -> Option<Paced> {
        if let Some(until) = self.rest_until {
            if now < until {
                return Some(Paced::Wait { until, why: PaceWhy::RetryAfter });
            }
            self.rest_until = None;
        }
        let waits = self.buckets.iter().filter_map(|bucket| {
            bucket.wait(now, take).map(|until| (until, PaceWhy::Told(bucket.quantity)))
        });
        if let Some((until, why)) = waits.max_by_key(|(until, _)| *until) {
            return Some(Paced::Wait { until: until.max(now + Duration::from_millis(1)), why });
        }
        if let Some(learned) = &mut self.learned {
            learned.advance(now);
            if now.since(learned.decreased) >= Duration::from_millis(FORGET_MS) {
                self.learned = None;
            } else if learned.left < 1.0 {
                let seconds = (1.0 - learned.left) / learned.per_s.max(0.01);
                return Some(Paced::Wait { until: after(now, seconds), why: PaceWhy::Learned });
            }
        }
        let calls = f64::from(self.calls.sum(now));
        // Not what was answered: a call that is still being answered is no refused one.
        let accepted = (calls - f64::from(self.refused.sum(now))).max(0.0);
        let refuse = ((calls - SRE_FACTOR * accepted) / (calls + 1.0)).max(0.0);
        if calls >= f64::from(SRE_CALLS_MIN) && dice.fraction() < refuse {
            return Some(Paced::Wait { until: after(now, 1.0), why: PaceWhy::Guard });
        }
        None
    }

    /// A call that was let go was never sent.
    pub fn give_back(&mut self, now: Tick, take: Take) {
        for bucket in &mut self.buckets {
            bucket.take_back(now, amount(bucket.quantity, take));
        }
        if let Some(learned) = &mut self.learned {
            learned.left += 1.0;
        }
        self.calls.take_back(now, 1);
    }

    /// What the provider's answer says of its limits.
    pub fn told(&mut self, now: Tick, allowances: &[Allowance]) {
        for told in allowances.iter().filter(|told| told.limit > 0) {
            let known = self.buckets.iter_mut().find(|known| known.quantity == told.quantity);
            if let Some(bucket) = known {
                bucket.told(now, told);
                continue;
            }
            let mut bucket = Bucket::new(told.quantity);
            bucket.told(now, told);
            self.buckets.push(bucket);
        }
    }

    /// A call was answered, having used so much of what it took.
    pub fn answered(&mut self, now: Tick, taken: Take, used: Take) {
        for bucket in &mut self.buckets {
            let back = amount(bucket.quantity, taken).saturating_sub(amount(bucket.quantity, used));
            bucket.take_back(now, back);
        }
    }

    /// The provider refused a call for our pace.
    pub fn refused(&mut self, now: Tick, retry_after_ms: Option<u64>) {
        self.refused.add(now, 1);
        if let Some(ms) = retry_after_ms {
            let until = now + Duration::from_millis(ms.min(REST_MS_MAX));
            self.rest_until = Some(self.rest_until.map_or(until, |known| known.max(until)));
            return;
        }
        match &mut self.learned {
            None => {
                let rate = (f64::from(self.calls.sum_of(now, 2)) / 20.0).max(BEGAN_PER_S_MIN);
                let per_s = rate * DECREASE;
                let (left, at, decreased) = (0.0, now, now);
                self.learned = Some(Learned { per_s, began: rate, left, at, decreased });
            }
            Some(learned) if now.since(learned.decreased) >= Duration::from_secs(1) => {
                learned.decrease(now);
            }
            Some(_) => {}
        }
    }
}
