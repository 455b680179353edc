//! Counts over a sliding stretch of time, kept in a ring of equal buckets. The counts are exact:
//! nothing fades. The stretch ends now and moves bucket by bucket. Not an average, and not a rate.

use clock::Tick;

/// A ring of `BUCKETS` counts.
#[derive(Debug, Clone)]
pub(crate) struct Window<const BUCKETS: usize> {
    counts: [u32; BUCKETS],
    bucket_nanos: u64,
    /// Number of the newest bucket, counted from the clock's origin.
    newest: u64,
}

impl<const BUCKETS: usize> Window<BUCKETS> {
    /// An empty window of buckets that last `bucket_ms` each, at least one millisecond.
    pub(crate) fn new(bucket_ms: u64) -> Self {
        Self {
            counts: [0; BUCKETS],
            bucket_nanos: bucket_ms.max(1).saturating_mul(1_000_000),
            newest: 0,
        }
    }

    /// Counts `n` more. An instant before the newest bucket, as threads may bring it, counts as
    /// the newest.
    pub(crate) fn add(&mut self, now: Tick, n: u32) {
        self.advance(now);
        let place = place_of::<BUCKETS>(self.newest);
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(n);
        }
    }

    /// The count over all buckets.
    pub(crate) fn sum(&self, now: Tick) -> u32 {
        self.sum_of(now, BUCKETS)
    }

    /// The count over the `buckets` newest, at most all.
    pub(crate) fn sum_of(&self, now: Tick, buckets: usize) -> u32 {
        let newest = self.newest.max(now.as_nanos() / self.bucket_nanos);
        let buckets = u64::try_from(buckets.min(BUCKETS)).unwrap_or(u64::MAX);
        let first = (newest + 1).saturating_sub(buckets);
        let counts = (first..=self.newest)
            .map(|bucket| self.counts.get(place_of::<BUCKETS>(bucket)).copied().unwrap_or(0));
        counts.fold(0, u32::saturating_add)
    }

    /// Takes back up to `n` of what was counted, the newest first.
    pub(crate) fn take_back(&mut self, now: Tick, n: u32) {
        self.advance(now);
        let mut left = n;
        let buckets = u64::try_from(BUCKETS).unwrap_or(u64::MAX);
        let first = (self.newest + 1).saturating_sub(buckets);
        for bucket in (first..=self.newest).rev() {
            let Some(count) = self.counts.get_mut(place_of::<BUCKETS>(bucket)) else { continue };
            let taken = left.min(*count);
            *count -= taken;
            left -= taken;
        }
    }

    /// When at least `n` of what is counted will have left the window, if nothing more comes; the
    /// end of the window if there is less.
    pub(crate) fn freed_at(&self, now: Tick, n: u32) -> Tick {
        let newest = self.newest.max(now.as_nanos() / self.bucket_nanos);
        let buckets = u64::try_from(BUCKETS).unwrap_or(u64::MAX);
        let first = (newest + 1).saturating_sub(buckets);
        let mut freed = 0_u32;
        for bucket in first..=self.newest {
            let count = self.counts.get(place_of::<BUCKETS>(bucket)).copied().unwrap_or(0);
            freed = freed.saturating_add(count);
            if freed >= n {
                return Tick::from_nanos((bucket + buckets).saturating_mul(self.bucket_nanos));
            }
        }
        Tick::from_nanos((newest + 1).saturating_mul(self.bucket_nanos))
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.counts = [0; BUCKETS];
    }

    fn advance(&mut self, now: Tick) {
        let bucket = now.as_nanos() / self.bucket_nanos;
        let passed = usize::try_from(bucket.saturating_sub(self.newest)).unwrap_or(usize::MAX);
        if passed == 0 {
            return;
        }
        if passed >= BUCKETS {
            self.clear();
        } else {
            for stale in (self.newest + 1)..=bucket {
                if let Some(count) = self.counts.get_mut(place_of::<BUCKETS>(stale)) {
                    *count = 0;
                }
            }
        }
        self.newest = bucket;
    }
}

fn place_of<const BUCKETS: usize>(bucket: u64) -> usize {
    let buckets = u64::try_from(BUCKETS).unwrap_or(u64::MAX).max(1);
    usize::try_from(bucket % buckets).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The ring agrees with a list of everything that was counted.
        #[test]
        fn counts_are_those_of_a_plain_list(
            steps in prop::collection::vec((0_u64..2_500, 0_u32..5), 1..200),
        ) {
            const BUCKET_MS: u64 = 100;
            let mut window = Window::<10>::new(BUCKET_MS);
            let mut list: Vec<(u64, u32)> = Vec::new();
            let mut now_ms = 0;
            for (pause_ms, n) in steps {
                now_ms += pause_ms;
                let newest = now_ms / BUCKET_MS;
                let since = |list: &[(u64, u32)], buckets: u64| -> u32 {
                    let counted = list.iter().filter(|(bucket, _)| bucket + buckets > newest);
                    counted.map(|(_, n)| n).sum()
                };
                prop_assert_eq!(window.sum(Tick::from_millis(now_ms)), since(&list, 10));
                window.add(Tick::from_millis(now_ms), n);
                list.push((newest, n));
                prop_assert_eq!(window.sum(Tick::from_millis(now_ms)), since(&list, 10));
                prop_assert_eq!(window.sum_of(Tick::from_millis(now_ms), 9), since(&list, 9));
            }
        }
    }

    #[test]
    fn an_instant_that_comes_late_is_still_counted() {
        let mut window = Window::<10>::new(100);
        window.add(Tick::from_millis(5_000), 1);
        window.add(Tick::from_millis(4_000), 1);
        assert_eq!(window.sum(Tick::from_millis(5_000)), 2);
        assert_eq!(window.sum(Tick::from_millis(6_000)), 0);
    }
}
