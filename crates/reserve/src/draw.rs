//! Draws the next token from the model's scores.

use clock::Dice;

use crate::model::softmax;
use crate::tokenizer::Token;

/// Above this a small model only babbles; the dialects allow no more either.
const TEMPERATURE_MAX: f64 = 2.0;
/// Scores so far below the best one, after the temperature, have no chance worth its arithmetic.
const FAR_BELOW: f32 = 30.0;

/// How one answer's tokens are drawn.
pub(crate) struct Draw {
    /// 0 takes the likeliest token always.
    temperature: f32,
    top_p: f32,
    dice: Dice,
    candidates: Vec<(f32, Token)>,
    shares: Vec<f32>,
}

impl Draw {
    /// Out-of-range numbers are taken as the nearest possible ones.
    pub(crate) fn new(temperature: f64, top_p: f64, dice: Dice) -> Self {
        let temperature = if temperature.is_nan() { 0.0 } else { temperature };
        let top_p = if top_p.is_nan() { 1.0 } else { top_p };
        Self {
            temperature: temperature.clamp(0.0, TEMPERATURE_MAX) as f32,
            top_p: top_p.clamp(0.0, 1.0) as f32,
            dice,
            candidates: Vec::new(),
            shares: Vec::new(),
        }
    }

    /// The next token; `None` if no score is a number.
    pub(crate) fn next(&mut self, scores: &[f32]) -> Option<Token> {
        let best = scores
            .iter()
            .copied()
            .filter(|score| !score.is_nan())
            .fold(None, |best, score| Some(best.map_or(score, |best: f32| best.max(score))))?;
        // Colder than this is frozen: the division below would leave nothing but the best.
        if self.temperature < 1e-3 || self.top_p <= 0.0 {
            return place_of(scores, best);
        }
        let far = best - FAR_BELOW * self.temperature;
        self.candidates.clear();
        let scored = scores.iter().copied().zip(0..);
        self.candidates.extend(scored.filter(|(score, _)| *score >= far));
        self.candidates.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.shares.clear();
        self.shares.extend(self.candidates.iter().map(|(score, _)| score / self.temperature));
        softmax(&mut self.shares);
        let mut kept = 0.0;
        let enough = self.shares.iter().position(|share| {
            kept += share;
            kept >= self.top_p
        });
        let count = enough.map_or(self.shares.len(), |last| last + 1);
        let mut point = self.dice.fraction() as f32 * kept;
        let drawn = self.shares.iter().take(count).position(|share| {
            point -= share;
            point < 0.0
        });
        // Rounding may leave the point just beyond the last share.
        let drawn = drawn.unwrap_or(count.saturating_sub(1));
        self.candidates.get(drawn).map(|(_, token)| *token)
    }
}

fn place_of(scores: &[f32], best: f32) -> Option<Token> {
    scores.iter().zip(0..).find(|(score, _)| **score == best).map(|(_, token)| token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cold_takes_the_best() {
        let mut draw = Draw::new(0.0, 0.9, Dice::seeded(1));
        assert_eq!(draw.next(&[0.5, 3.0, f32::NAN, 2.9]), Some(1));
        assert_eq!(draw.next(&[f32::NAN]), None);
        assert_eq!(draw.next(&[]), None);
    }

    #[test]
    fn the_same_seed_draws_the_same_and_another_differs() {
        let scores: Vec<f32> = (0..100_u8).map(|n| f32::from(n % 7)).collect();
        let run = |seed| {
            let mut draw = Draw::new(1.0, 1.0, Dice::seeded(seed));
            (0..50).map(|_| draw.next(&scores)).collect::<Vec<_>>()
        };
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
    }

    #[test]
    fn what_is_beyond_top_p_is_never_drawn() {
        // Shares: 0.64, 0.24, 0.09, 0.03.
        let scores = [3.0, 2.0, 1.0, 0.0];
        let mut draw = Draw::new(1.0, 0.7, Dice::seeded(9));
        let mut seen = [0_u32; 4];
        for _ in 0..2000 {
            seen[draw.next(&scores).unwrap() as usize] += 1;
        }
        assert!(seen[0] > 1200 && seen[1] > 300, "{seen:?}");
        assert_eq!((seen[2], seen[3]), (0, 0));
    }
}
