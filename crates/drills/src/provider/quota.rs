//! What an account may use of a provider: requests and tokens a minute, and how fast it may grow.
//! It says yes or no and for how long; what the answer looks like on the wire is not known here.

use std::collections::VecDeque;
use std::time::Duration;

use clock::Tick;

/// An account's limits; what is absent does not limit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QuotaSettings {
    pub requests_per_min: Option<f64>,
    pub tokens_per_min: Option<f64>,
    /// Whether refused tries use up the requests too, as OpenAI's do.
    pub refused_count: bool,
    /// The rate of the last ten seconds may be so many times that of the last minute, plus one a
    /// second.
    pub growth_max: Option<f64>,
}

/// Why a try is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    Requests,
    Tokens,
    Acceleration,
}

/// A refusal with the wait after which it would have been granted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Refused {
    pub limit: Limit,
    pub wait: Duration,
}

/// A bucket that fills evenly to one minute's worth.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    per_min: f64,
    level: f64,
    at: Tick,
}

impl Bucket {
    fn new(per_min: f64) -> Self {
        Self { per_min, level: per_min, at: Tick::default() }
    }

    fn fill(&mut self, now: Tick) {
        let gained = now.since(self.at).as_secs_f64() / 60.0 * self.per_min;
        self.level = (self.level + gained).min(self.per_min);
        self.at = self.at.max(now);
    }

    fn wait_for(&self, amount: f64) -> Option<Duration> {
        let missing = amount.min(self.per_min) - self.level;
        (missing > 0.0).then(|| Duration::from_secs_f64(missing / self.per_min * 60.0))
    }
}

/// What is left of a limit, as the rate-limit headers tell it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Left {
    pub limit: f64,
    pub remaining: f64,
    pub reset: Duration,
}

/// One account at one provider.
#[derive(Debug)]
pub(crate) struct Quota {
    settings: QuotaSettings,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    /// Granted and refused tries of the last minute.
    recent: VecDeque<Tick>,
}

impl Quota {
    /// Full buckets.
    pub(crate) fn new(settings: QuotaSettings) -> Self {
        let requests = settings.requests_per_min.map(Bucket::new);
        let tokens = settings.tokens_per_min.map(Bucket::new);
        Self { settings, requests, tokens, recent: VecDeque::new() }
    }

    /// Grants a try of so many tokens, prompt and possible answer together, or refuses it.
    ///
    /// # Errors
    /// Which limit refuses it.
    pub(crate) fn ask(&mut self, now: Tick, tokens: f64) -> Result<(), Refused> {
        let grown = self.has_grown(now);
        for bucket in [&mut self.requests, &mut self.tokens].into_iter().flatten() {
            bucket.fill(now);
        }
        let wait = |bucket: &Option<Bucket>, amount| {
            bucket.as_ref().and_then(|bucket| bucket.wait_for(amount))
        };
        let refused = if let Some(wait) = wait(&self.requests, 1.0) {
            Some(Refused { limit: Limit::Requests, wait })
        } else if let Some(wait) = wait(&self.tokens, tokens) {
            Some(Refused { limit: Limit::Tokens, wait })
        } else {
            grown.then_some(Refused { limit: Limit::Acceleration, wait: Duration::from_secs(5) })
        };
        if refused.is_none() || self.settings.refused_count {
            if let Some(bucket) = &mut self.requests {
                bucket.level = (bucket.level - 1.0).max(0.0);
            }
            self.recent.push_back(now);
        }
        if refused.is_none()
            && let Some(bucket) = &mut self.tokens
        {
            bucket.level = (bucket.level - tokens).max(0.0);
        }
        refused.map_or(Ok(()), Err)
    }

    /// Changes how fast the account may grow.
    pub(crate) fn set_growth_max(&mut self, growth_max: Option<f64>) {
        self.settings.growth_max = growth_max;
    }

    /// What is left of requests and tokens.
    pub(crate) fn left(&self) -> (Option<Left>, Option<Left>) {
        let left = |bucket: &Bucket| Left {
            limit: bucket.per_min,
            remaining: bucket.level.floor(),
            reset: bucket.wait_for(bucket.per_min).unwrap_or_default(),
        };
        (self.requests.as_ref().map(left), self.tokens.as_ref().map(left))
    }

    fn has_grown(&mut self, now: Tick) -> bool {
        let minute_ago = now - Duration::from_secs(60);
        while self.recent.front().is_some_and(|at| *at < minute_ago) {
            self.recent.pop_front();
        }
        let Some(growth_max) = self.settings.growth_max else {
            return false;
        };
        let lately_from = now - Duration::from_secs(10);
        let lately = self.recent.iter().rev().take_while(|at| **at > lately_from).count();
        let before = self.recent.len() - lately;
        lately as f64 / 10.0 > growth_max * before as f64 / 50.0 + 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_tries_count_where_they_do() {
        for (refused_count, granted) in [(false, 120), (true, 60)] {
            let settings = QuotaSettings {
                requests_per_min: Some(60.0),
                refused_count,
                ..QuotaSettings::default()
            };
            let mut quota = Quota::new(settings);
            // Four a second for one minute, where one a second is allowed.
            let tries = (0..240).map(|n| quota.ask(Tick::from_millis(n * 250), 0.0));
            let got = tries.filter(Result::is_ok).count();
            assert!(got.abs_diff(granted) <= 20, "{refused_count}: {got}");
        }
    }

    #[test]
    fn a_sudden_rise_is_refused_and_a_slow_one_is_not() {
        let settings = QuotaSettings { growth_max: Some(1.5), ..QuotaSettings::default() };
        let mut sudden = Quota::new(settings.clone());
        let refused = (0..50).filter(|n| sudden.ask(Tick::from_millis(n * 100), 0.0).is_err());
        assert!(refused.count() > 30);
        let mut slow = Quota::new(settings);
        let refused = (0..300).filter(|n| slow.ask(Tick::from_millis(n * 1_000), 0.0).is_err());
        assert_eq!(refused.count(), 0);
    }

    #[test]
    fn what_is_left_and_the_wait_are_told() {
        let settings = QuotaSettings { tokens_per_min: Some(600.0), ..QuotaSettings::default() };
        let mut quota = Quota::new(settings);
        quota.ask(Tick::default(), 500.0).unwrap();
        let refused = quota.ask(Tick::default(), 200.0).unwrap_err();
        assert_eq!((refused.limit, refused.wait.as_secs()), (Limit::Tokens, 10));
        let left = quota.left().1.unwrap();
        assert_eq!((left.limit, left.remaining, left.reset.as_secs()), (600.0, 100.0, 50));
    }
}
