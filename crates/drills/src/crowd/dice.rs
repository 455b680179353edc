//! Throws of particular shapes: exponential, Gamma, Poisson, and from a table of quantiles.

use clock::Dice;

/// A waiting time with this mean.
pub(crate) fn exponential(dice: &mut Dice, mean: f64) -> f64 {
    -(1.0 - dice.fraction()).ln() * mean
}

/// A standard normal figure (Box and Muller's way).
fn normal(dice: &mut Dice) -> f64 {
    let radius = (-2.0 * (1.0 - dice.fraction()).ln()).sqrt();
    radius * (2.0 * std::f64::consts::PI * dice.fraction()).cos()
}

/// A Gamma figure with this mean and coefficient of variation (Marsaglia and Tsang's way).
pub fn gamma(dice: &mut Dice, mean: f64, cv: f64) -> f64 {
    let shape = 1.0 / (cv * cv);
    // Below one the shape is lifted and the result lowered by a power of chance.
    let (lifted, lower) = if shape < 1.0 {
        (shape + 1.0, (1.0 - dice.fraction()).powf(1.0 / shape))
    } else {
        (shape, 1.0)
    };
    let d = lifted - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(dice);
        let v = (1.0 + c * x).powi(3);
        let u = 1.0 - dice.fraction();
        if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v * lower * mean / shape;
        }
    }
}

/// How many of a flow with this mean come.
pub(crate) fn poisson(dice: &mut Dice, mean: f64) -> u32 {
    if mean > 60.0 {
        return (mean + mean.sqrt() * normal(dice)).round().max(0.0) as u32;
    }
    let floor = (-mean).exp();
    let mut product = dice.fraction();
    let mut count = 0;
    while product > floor {
        product *= dice.fraction();
        count += 1;
    }
    count
}

/// A figure whose evenly spaced quantiles, from the least to the greatest, are these.
pub(crate) fn by_quantiles(dice: &mut Dice, quantiles: &[f64]) -> f64 {
    let place = dice.fraction() * quantiles.len().saturating_sub(1) as f64;
    let below = quantiles.get(place as usize).copied().unwrap_or_default();
    let above = quantiles.get(place as usize + 1).copied().unwrap_or(below);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_and_cv(mut throw: impl FnMut() -> f64) -> (f64, f64) {
        let throws: Vec<f64> = (0..40_000).map(|_| throw()).collect();
        let mean = throws.iter().sum::<f64>() / throws.len() as f64;
        let square = throws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / throws.len() as f64;
        (mean, square.sqrt() / mean)
    }

    #[test]
    fn shapes_have_their_means_and_widths() {
        let mut dice = Dice::seeded(4);
        let near = |(mean, cv): (f64, f64), wanted: (f64, f64)| {
            let off = (mean / wanted.0 - 1.0).abs().max((cv / wanted.1 - 1.0).abs());
            assert!(off < 0.05, "{mean} {cv} instead of {wanted:?}");
        };
        near(mean_and_cv(|| exponential(&mut dice, 2.0)), (2.0, 1.0));
        near(mean_and_cv(|| gamma(&mut dice, 0.5, 2.0)), (0.5, 2.0));
        near(mean_and_cv(|| gamma(&mut dice, 3.0, 0.5)), (3.0, 0.5));
        near(mean_and_cv(|| f64::from(poisson(&mut dice, 9.0))), (9.0, 1.0 / 3.0));
        near(mean_and_cv(|| f64::from(poisson(&mut dice, 100.0))), (100.0, 0.1));
        near(mean_and_cv(|| by_quantiles(&mut dice, &[1.0, 1.0, 3.0])), (1.5, 0.43));
    }
}
