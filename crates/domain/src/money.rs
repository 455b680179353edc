//! Money as whole numbers. Prices of single tokens are tiny, so the unit is the picodollar: a
//! price of 0.15 USD for a million tokens is 150,000 of them a token.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use crate::Usage;

const PICODOLLARS_PER_DOLLAR: u64 = 1_000_000_000_000;

/// An amount in picodollars (1e-12 USD), never negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(u64);

impl Money {
    /// An amount of picodollars.
    pub const fn from_picodollars(picodollars: u64) -> Self {
        Self(picodollars)
    }

    /// The amount in picodollars.
    pub const fn picodollars(self) -> u64 {
        self.0
    }

    /// The amount in dollars, for showing only.
    #[expect(clippy::cast_precision_loss, reason = "shown, never counted with")]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / PICODOLLARS_PER_DOLLAR as f64
    }

    /// So many times the amount; stays at the largest amount rather than wrap.
    #[must_use]
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), |sum, amount| sum + amount)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / PICODOLLARS_PER_DOLLAR, self.0 % PICODOLLARS_PER_DOLLAR);
        let fraction = format!("{rest:012}");
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { write!(f, "{whole}") } else { write!(f, "{whole}.{fraction}") }
    }
}

/// What one token costs, by kind. `None` is unknown, which is not free of charge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prices {
    pub input: Option<Money>,
    pub output: Option<Money>,
    /// A prompt token that came from the provider's cache.
    pub cache_read: Option<Money>,
    /// A prompt token that was written into the provider's cache.
    pub cache_write: Option<Money>,
    /// One that was written there to be kept for an hour.
    pub cache_write_hour: Option<Money>,
    /// Where a long prompt makes every token of its call cost another price.
    pub long: Option<LongPrompt>,
}

/// What a token costs in a call whose prompt is long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LongPrompt {
    /// Prompts of more tokens than this one are long, cached ones counted.
    pub above_tokens: u64,
    pub input: Option<Money>,
    pub output: Option<Money>,
    pub cache_read: Option<Money>,
    pub cache_write: Option<Money>,
}

impl Prices {
    /// What an answer cost. `None` if a price is unknown that is needed. A cache price that is
    /// not listed is taken for the input's, which is what a provider without a discount charges;
    /// but nobody keeps tokens for an hour at the price of reading them.
    pub fn cost(&self, usage: &Usage) -> Option<Money> {
        let part = |count: u64, price: Option<Money>| match (count, price) {
            (0, _) => Some(Money::default()),
            (count, price) => Some(price?.times(count)),
        };
        let of = self.in_force(usage);
        let hour = usage.cache_write_hour.min(usage.cache_write);
        let is_usual = of.above_tokens == 0;
        Some(
            part(usage.input_uncached, of.input)?
                + part(usage.cache_read, of.cache_read)?
                + part(usage.cache_write - hour, of.cache_write)?
                + part(hour, self.cache_write_hour.filter(|_| is_usual))?
                + part(usage.output, of.output)?,
        )
    }

    /// The prices of a call with this prompt, each cache's own or the input's.
    fn in_force(&self, usage: &Usage) -> LongPrompt {
        let usual = LongPrompt {
            above_tokens: 0,
            input: self.input,
            output: self.output,
            cache_read: self.cache_read.or(self.input),
            cache_write: self.cache_write.or(self.input),
        };
        let Some(long) = self.long.filter(|long| usage.input() > long.above_tokens) else {
            return usual;
        };
        // A discount that is told of short prompts alone is unknown for long ones.
        let cached = |long_price: Option<Money>, usual_price: Option<Money>| {
            long_price.or(long.input.filter(|_| usual_price.is_none()))
        };
        LongPrompt {
            cache_read: cached(long.cache_read, self.cache_read),
            cache_write: cached(long.cache_write, self.cache_write),
            ..long
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_have_their_own_price() {
        let prices = Prices {
            input: Some(Money::from_picodollars(3_000_000)),
            output: Some(Money::from_picodollars(15_000_000)),
            cache_read: Some(Money::from_picodollars(300_000)),
            ..Prices::default()
        };
        let usage = Usage {
            input_uncached: 100,
            cache_read: 1000,
            cache_write: 10,
            output: 50,
            ..Usage::default()
        };
        // 110 x 3e-6 + 1000 x 3e-7 + 50 x 15e-6 dollars.
        assert_eq!(prices.cost(&usage).unwrap().to_string(), "0.00138");
    }

    #[test]
    fn a_long_prompt_makes_every_token_dearer_and_its_cached_ones_count() {
        let price = |picodollars| Some(Money::from_picodollars(picodollars));
        let long = LongPrompt {
            above_tokens: 200_000,
            input: price(4),
            output: price(6),
            cache_read: None,
            cache_write: None,
        };
        let (input, output) = (price(2), price(3));
        let mut prices = Prices { input, output, long: Some(long), ..Prices::default() };
        let usage = |cached| Usage {
            input_uncached: 100_000,
            cache_read: cached,
            output: 10,
            ..Usage::default()
        };
        let cost = |prices: &Prices, cached| prices.cost(&usage(cached)).map(Money::picodollars);
        assert_eq!(cost(&prices, 100_000), Some(200_000 * 2 + 10 * 3));
        assert_eq!(cost(&prices, 100_001), Some(200_001 * 4 + 10 * 6));
        // The discount of a long prompt is not known where only that of a short one is.
        prices.cache_read = price(1);
        assert_eq!(cost(&prices, 100_000), Some(100_000 * 3 + 10 * 3));
        assert_eq!(cost(&prices, 100_001), None);
        prices.long = Some(LongPrompt { cache_read: price(2), ..long });
        assert_eq!(cost(&prices, 100_001), Some(100_000 * 4 + 100_001 * 2 + 10 * 6));
        prices.long = Some(LongPrompt { output: None, ..long });
        assert_eq!(cost(&prices, 100_001), None);
    }

    #[test]
    fn tokens_that_are_kept_for_an_hour_have_a_price_of_their_own() {
        let price = |picodollars| Some(Money::from_picodollars(picodollars));
        let mut prices = Prices { input: price(4), cache_write: price(5), ..Prices::default() };
        let usage = Usage { cache_write: 10, cache_write_hour: 3, ..Usage::default() };
        assert_eq!(prices.cost(&usage), None);
        prices.cache_write_hour = price(8);
        assert_eq!(prices.cost(&usage), price(7 * 5 + 3 * 8));
    }

    #[test]
    fn unknown_is_not_zero() {
        let usage = Usage { output: 1, ..Usage::default() };
        assert_eq!(Prices::default().cost(&usage), None);
        assert_eq!(Prices::default().cost(&Usage::default()), Some(Money::default()));
    }

    #[test]
    fn amounts_are_shown_exactly_and_never_wrap() {
        assert_eq!(Money::from_picodollars(1_500_000_000_000).to_string(), "1.5");
        assert_eq!(Money::from_picodollars(1).to_string(), "0.000000000001");
        assert_eq!(Money::default().to_string(), "0");
        assert_eq!(Money::from_picodollars(u64::MAX).times(2), Money::from_picodollars(u64::MAX));
    }
}
