//! How unlikely a count is. Reports come in clumps (their variance is 7 to 100 times their mean), so
//! that neither a fixed ratio nor a z-score fits them; the negative binomial does.

/// The chance of `count` or more when `mean` are usual and the variance is `dispersion` times the
/// mean; Poisson's if `dispersion` is 1 or less. `mean` must be positive.
pub(crate) fn tail(count: u64, mean: f64, dispersion: f64) -> f64 {
    if count == 0 {
        return 1.0;
    }
    // Nearly Poisson is Poisson: the shape below would be too large to subtract.
    let excess = (dispersion - 1.0).max(1e-6);
    let shape = mean / excess;
    let success = excess / (1.0 + excess);
    let start = crate::settings::as_f64(count);
    let ln_first = ln_gamma(start + shape)
        - ln_gamma(shape)
        - ln_gamma(start + 1.0)
        - shape * (1.0 + excess).ln()
        + start * success.ln();
    if start <= mean {
        return 1.0 - sum_down(start, shape, success, ln_first);
    }
    sum_up(start, shape, success, ln_first)
}

/// The sum from `start` upwards, where each term is smaller than the one before.
fn sum_up(start: f64, shape: f64, success: f64, ln_first: f64) -> f64 {
    let (mut term, mut sum, mut k) = (1.0, 1.0, start);
    while term > sum * 1e-12 {
        term *= success * (k + shape) / (k + 1.0);
        sum += term;
        k += 1.0;
    }
    (ln_first + f64::ln(sum)).exp().min(1.0)
}

/// The sum from below `start` down to nothing.
fn sum_down(start: f64, shape: f64, success: f64, ln_first: f64) -> f64 {
    let (mut term, mut sum, mut k) = (1.0, 0.0, start);
    while k > 0.0 && (k > start - 1.0 || term > sum * 1e-12) {
        term *= k / (success * (k - 1.0 + shape));
        sum += term;
        k -= 1.0;
    }
    (ln_first + f64::ln(sum)).exp().min(1.0)
}

/// The logarithm of the gamma function by Stirling's series, for positive numbers; good to 1e-10.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 10.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square / 1260.0));
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_those_of_the_tables() {
        let near = |found: f64, told: f64| {
            assert!((found / told - 1.0).abs() < 1e-5, "{found} is not {told}");
        };
        // Poisson of mean 1: 1 - 1/e, and 1 - e^-1 (1 + 1 + 1/2).
        near(tail(1, 1.0, 1.0), 0.632_120_558_8);
        near(tail(3, 1.0, 1.0), 0.080_301_397_1);
        // Shape 1 is geometric: mean 1, dispersion 2 gives 2^-count.
        near(tail(5, 1.0, 2.0), 0.031_25);
        near(tail(20, 1.0, 2.0), 0.5_f64.powi(20));
        // The same on the near side of the mean.
        near(tail(3, 7.0, 8.0), (7.0_f64 / 8.0).powi(3));
        assert_eq!(tail(0, 5.0, 3.0), 1.0);
    }
}
