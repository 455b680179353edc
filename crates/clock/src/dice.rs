//! Seeded chance: the same seed gives the same throws.

use std::time::Duration;

/// A source of chance for one owner; it is not for secrets.
#[derive(Debug, Clone)]
pub struct Dice(fastrand::Rng);

impl Dice {
    /// Dice that repeat themselves for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Dice that differ from process to process.
    pub fn from_entropy() -> Self {
        Self(fastrand::Rng::new())
    }

    /// A number in `0..below`; 0 if `below` is 0.
    pub fn below(&mut self, below: u64) -> u64 {
        if below == 0 { 0 } else { self.0.u64(0..below) }
    }

    /// A number in `0.0..1.0`.
    pub fn fraction(&mut self) -> f64 {
        self.0.f64()
    }

    /// Sixty-four even bits.
    pub fn bits(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// A span spread evenly over `span × (1 ± share)`.
    pub fn jitter(&mut self, span: Duration, share: f64) -> Duration {
        let factor = 1.0 + share.clamp(0.0, 1.0) * (2.0 * self.fraction() - 1.0);
        span.mul_f64(factor)
    }

    /// Independent dice for another owner, such as another core.
    pub fn split(&mut self) -> Self {
        Self(self.0.fork())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same() {
        let (mut a, mut b) = (Dice::seeded(7), Dice::seeded(7));
        assert!((0..100).all(|_| a.bits() == b.bits()));
        assert_eq!(a.below(0), 0);
    }

    #[test]
    fn jitter_stays_in_its_share() {
        let mut dice = Dice::seeded(1);
        for _ in 0..1000 {
            let span = dice.jitter(Duration::from_secs(10), 0.1);
            assert!((9.0..=11.0).contains(&span.as_secs_f64()), "{span:?}");
        }
    }
}
