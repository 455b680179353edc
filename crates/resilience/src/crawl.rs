//! Notices a stream that crawls: words come, but far more slowly than this rung's usually do, and for
//! long. Only time in which the provider was waited for counts, so that a caller who reads slowly is
//! no slow provider; and only answer text does, since a model that thinks shows little of it and
//! seldom. What follows from it is decided elsewhere.

use std::time::Duration;

use clock::Tick;

/// Waiting is looked at in stretches of at least this length.
const STRETCH: Duration = Duration::from_secs(4);
/// A stretch crawls if its tokens took so many times as long as usual, and at least so long each:
/// nobody reads one word in this time.
const USUAL_FACTOR: f64 = 10.0;
const GAP_MIN: Duration = Duration::from_millis(600);
/// What a token takes where nothing is known, and what is taken for the least.
const USUAL_MS_GUESS: f64 = 50.0;
/// Characters of a token, for events that carry many.
const CHARS_A_TOKEN: u32 = 4;
/// For so long it must have crawled to be judged as crawling.
const JUDGED_AFTER: Duration = Duration::from_secs(10);

/// One stream.
#[derive(Debug, Clone)]
pub struct Crawl {
    last: Tick,
    /// Of the stretch that runs.
    waited: Duration,
    tokens: u32,
    /// Waiting in all stretches that crawled since the last that did not.
    crawled: Duration,
    judged: bool,
}

impl Crawl {
    /// A stream whose first content came now.
    pub fn new(now: Tick) -> Self {
        Self {
            last: now,
            waited: Duration::ZERO,
            tokens: 0,
            crawled: Duration::ZERO,
            judged: false,
        }
    }

    /// More content came now, after waiting for it or at once: so many deltas with so many characters
    /// of answer text. `usual` is asked seldom: the time
    /// that a token of this rung usually takes. Gives for how long the stream has crawled by now, at
    /// the end of a stretch that did.
    pub fn content(
        &mut self,
        (now, had_to_wait): (Tick, bool),
        (deltas, chars): (u32, u32),
        usual: impl FnOnce() -> Option<Duration>,
    ) -> Option<Duration> {
        let span = now.since(std::mem::replace(&mut self.last, now));
        if chars == 0 {
            return None;
        }
        if had_to_wait {
            self.waited += span;
        }
        self.tokens = self.tokens.saturating_add(deltas.max(chars / CHARS_A_TOKEN));
        if self.waited < STRETCH {
            return None;
        }
        let gap = self.waited / self.tokens.max(1);
        let usual_ms = usual().map_or(USUAL_MS_GUESS, |usual| usual.as_secs_f64() * 1000.0);
        let slow = Duration::from_secs_f64(usual_ms * USUAL_FACTOR / 1000.0).max(GAP_MIN);
        let crawls = gap >= slow;
        self.crawled = if crawls { self.crawled + self.waited } else { Duration::ZERO };
        self.judged |= self.crawled >= JUDGED_AFTER;
        self.waited = Duration::ZERO;
        self.tokens = 0;
        crawls.then_some(self.crawled)
    }

    /// True if it crawled for long at some time.
    pub fn is_crawling(&self) -> bool {
        self.judged
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Plays events of one token each, so many milliseconds apart.
    fn play(
        gaps_ms: impl IntoIterator<Item = u64>,
        waits: bool,
        usual_ms: u64,
    ) -> (Crawl, Duration) {
        let mut crawl = Crawl::new(Tick::default());
        let (mut now_ms, mut longest) = (0, Duration::ZERO);
        for gap_ms in gaps_ms {
            now_ms += gap_ms;
            let usual = || Some(Duration::from_millis(usual_ms));
            let at = (Tick::from_millis(now_ms), waits);
            longest = longest.max(crawl.content(at, (1, 4), usual).unwrap_or_default());
        }
        (crawl, longest)
    }

    #[test]
    fn a_token_a_second_crawls_where_fifty_are_usual() {
        let (crawl, longest) = play([1_000; 30], true, 20);
        assert!(crawl.is_crawling() && longest >= Duration::from_secs(28), "{longest:?}");
        assert!(!play([1_000; 9], true, 20).0.is_crawling(), "not for long");
        assert!(!play([1_000; 60], true, 200).0.is_crawling(), "it is always so slow");
        assert!(!play([300; 300], true, 20).0.is_crawling(), "slow, but one can read it");
        assert!(!play([1_000; 60], false, 20).0.is_crawling(), "it is the caller who is slow");
    }

    #[test]
    fn many_tokens_in_one_event_are_many() {
        let mut crawl = Crawl::new(Tick::default());
        for second in 1..60 {
            let at = (Tick::from_millis(second * 1_000), true);
            assert_eq!(crawl.content(at, (1, 200), || None), None);
        }
        assert!(!crawl.is_crawling());
    }

    #[test]
    fn a_model_that_thinks_does_not_crawl() {
        let mut crawl = Crawl::new(Tick::default());
        for second in (3..90).step_by(3) {
            let at = (Tick::from_millis(second * 1_000), true);
            assert_eq!(crawl.content(at, (1, 0), || None), None);
        }
        assert!(!crawl.is_crawling());
    }

    #[test]
    fn one_that_recovers_begins_anew() {
        let gaps = [1_000; 9].into_iter().chain([20; 600]).chain([1_000; 9]);
        let (crawl, longest) = play(gaps, true, 20);
        assert!(!crawl.is_crawling() && longest < Duration::from_secs(10), "{longest:?}");
    }

    proptest! {
        /// Whatever comes at more than two tokens a second never crawls.
        #[test]
        fn a_readable_pace_is_never_a_crawl(gaps in prop::collection::vec(0_u64..500, 1..400)) {
            prop_assert_eq!(play(gaps, true, 20).1, Duration::ZERO);
        }
    }
}
