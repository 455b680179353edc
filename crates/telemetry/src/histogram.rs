//! Histograms with fixed bounds, kept without locks or allocation. The bounds of the `gen_ai_*`
//! series are those that the OpenTelemetry conventions advise.

use std::time::Duration;

/// Seconds of one call.
pub(crate) const CALL_SECONDS: &[f64; 14] =
    &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// Seconds to the first content.
pub(crate) const FIRST_SECONDS: &[f64; 16] =
    &[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Seconds between pieces of content.
pub(crate) const PIECE_SECONDS: &[f64; 13] =
    &[0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5];

/// Tokens of one call.
pub(crate) const TOKENS: &[f64; 14] = &[
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// Attempts of one request.
pub(crate) const ATTEMPTS: &[f64; 7] = &[0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0];

/// Seconds to the first content, finer, for the percentiles on pages.
pub(crate) const PAGE_SECONDS: &[f64; 24] = &[
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.5, 2.0,
    3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 60.0,
];

/// Counts per bucket, not cumulated. A value equal to a bound is below it.
#[derive(Debug, Clone)]
pub(crate) struct Histogram<const N: usize> {
    bounds: &'static [f64; N],
    counts: [u64; N],
    over: u64,
    sum: f64,
}

impl<const N: usize> Histogram<N> {
    /// An empty one. The bounds rise.
    pub(crate) fn new(bounds: &'static [f64; N]) -> Self {
        Self { bounds, counts: [0; N], over: 0, sum: 0.0 }
    }

    /// Counts one value.
    pub(crate) fn observe(&mut self, value: f64) {
        let place = self.bounds.iter().position(|bound| value <= *bound);
        match place.and_then(|place| self.counts.get_mut(place)) {
            Some(count) => *count += 1,
            None => self.over += 1,
        }
        self.sum += value;
    }

    /// Counts a span in seconds.
    pub(crate) fn observe_span(&mut self, span: Duration) {
        self.observe(span.as_secs_f64());
    }

    /// How many values there are.
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.over
    }

    /// The sum of all values.
    pub(crate) fn sum(&self) -> f64 {
        self.sum
    }

    /// Upper bounds and their own counts, the last one without an end.
    pub(crate) fn buckets(&self) -> Vec<(f64, u64)> {
        let bounded = self.bounds.iter().copied().zip(self.counts);
        bounded.chain([(f64::INFINITY, self.over)]).collect()
    }

    /// Adds another's counts.
    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        self.over += other.over;
        self.sum += other.sum;
    }

    /// The value below which the share `q` lies, straight between the bounds of its bucket; the
    /// highest bound if it lies above all; `None` if there is nothing.
    pub(crate) fn quantile(&self, q: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let wanted = q.clamp(0.0, 1.0) * to_f64(count);
        let (mut below, mut lower) = (0.0, 0.0);
        for (bound, here) in self.bounds.iter().zip(self.counts) {
            let here = to_f64(here);
            if here > 0.0 && below + here >= wanted {
                return Some(lower + (bound - lower) * ((wanted - below) / here));
            }
            below += here;
            lower = *bound;
        }
        self.bounds.last().copied()
    }
}

/// Counts as floating figures; exact up to 2^53, which no counter here reaches.
#[allow(clippy::cast_precision_loss, reason = "exact up to 2^53")]
pub(crate) fn to_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_is_below_it() {
        let mut histogram = Histogram::new(ATTEMPTS);
        for value in [0.0, 1.0, 1.5, 9.0] {
            histogram.observe(value);
        }
        let counts: Vec<u64> = histogram.buckets().iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [1, 1, 1, 0, 0, 0, 0, 1]);
        assert_eq!((histogram.count(), histogram.sum()), (4, 11.5));
    }

    #[test]
    fn quantiles_lie_in_their_bucket() {
        let mut histogram = Histogram::new(PAGE_SECONDS);
        assert_eq!(histogram.quantile(0.5), None);
        for millis in 1..=1000_u32 {
            histogram.observe(f64::from(millis) / 1000.0);
        }
        let (middle, high) = (histogram.quantile(0.5).unwrap(), histogram.quantile(0.95).unwrap());
        assert!((middle - 0.5).abs() < 0.01, "{middle}");
        assert!((high - 0.95).abs() < 0.01, "{high}");
        histogram.observe(1e9);
        assert_eq!(histogram.quantile(1.0), Some(60.0));
    }

    #[test]
    fn all_bounds_rise() {
        fn rises(bounds: &[f64]) -> bool {
            bounds.is_sorted_by(|a, b| a < b)
        }
        assert!(rises(CALL_SECONDS) && rises(FIRST_SECONDS) && rises(PIECE_SECONDS));
        assert!(rises(TOKENS) && rises(ATTEMPTS) && rises(PAGE_SECONDS));
    }
}
