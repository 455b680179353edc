//! Exact counts of the recent past in a ring of ten buckets. Nothing is averaged or decayed.

use clock::Tick;

const BUCKETS: usize = 10;

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    /// Which span of time it counts; spans are numbered from the clock's origin.
    span: u64,
    failed: u32,
    all: u32,
}

/// Successes and failures of the last `window_ms`, to the accuracy of a tenth of it.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    span_ms: u64,
    buckets: [Bucket; BUCKETS],
}

impl Window {
    pub(crate) fn new(window_ms: u64) -> Self {
        let span_ms = (window_ms / BUCKETS as u64).max(1);
        Self {
            span_ms,
            buckets: [Bucket::default(); BUCKETS],
        }
    }

    /// Counts one more.
    pub(crate) fn count(&mut self, now: Tick, good: bool) {
        self.add(now, u32::from(!good), 1);
    }

    /// Adds to both counts at once.
    pub(crate) fn add(&mut self, now: Tick, failed: u32, all: u32) {
        let span = now.as_millis() / self.span_ms;
        let place = usize::try_from(span % BUCKETS as u64).unwrap_or_default();
        let Some(bucket) = self.buckets.get_mut(place) else {
            return;
        };
        if bucket.span != span {
            *bucket = Bucket {
                span,
                failed: 0,
                all: 0,
            };
        }
        bucket.failed = bucket.failed.saturating_add(failed);
        bucket.all = bucket.all.saturating_add(all);
    }

    /// (failed, all) of the window that ends now.
    pub(crate) fn sum(&self, now: Tick) -> (u32, u32) {
        let span = now.as_millis() / self.span_ms;
        let recent = |bucket: &&Bucket| bucket.span + (BUCKETS as u64) > span;
        self.buckets
            .iter()
            .filter(recent)
            .fold((0, 0), |(failed, all), bucket| {
                (
                    failed.saturating_add(bucket.failed),
                    all.saturating_add(bucket.all),
                )
            })
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.buckets = [Bucket::default(); BUCKETS];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_and_leave_after_the_window() {
        let mut window = Window::new(10_000);
        for second in 100..110 {
            window.count(Tick::from_millis(second * 1000), second % 2 == 0);
        }
        assert_eq!(window.sum(Tick::from_millis(109_999)), (5, 10));
        assert_eq!(window.sum(Tick::from_millis(110_000)), (5, 9));
        assert_eq!(window.sum(Tick::from_millis(200_000)), (0, 0));
    }
}
