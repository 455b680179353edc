//! The breaker of one route, a (provider, model, key). It is closed while all is well, open while
//! the route is left alone, and probing while one request finds out whether it is back.
//!
//! It opens on a streak of hard failures, or when failures are too large a share of an exact
//! window of ten buckets: averages over time would hide a tight burst. A 429 is about our pace and
//! not about the provider's health: it never enters the streak, and enters the share only if it
//! comes although the wait that was asked for was kept. A wait that a provider asks for makes the
//! route rest, which ends by itself; a cool-down ends by a probe only.

use std::time::Duration;

use clock::{Dice, Tick};
use domain::FaultClass;

use crate::window::Window;
use crate::{BreakerSettings, Verdict};

/// A probe that was never judged gives its place free after so long.
const PROBE_MAX: Duration = Duration::from_secs(120);
/// While another request probes, the news is expected about then.
const PROBE_NEWS: Duration = Duration::from_secs(1);
/// An account without money does not recover by waiting; look again this often.
const QUOTA_COOLDOWN: Duration = Duration::from_secs(600);
/// A refused key does not recover by waiting either, but keys are replaced in minutes.
const KEY_COOLDOWN: Duration = Duration::from_secs(60);
/// Share by which a cool-down is spread, so that replicas do not probe at the same instant.
const JITTER: f64 = 0.1;

/// Whether a call may go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    Admit,
    /// This call finds out whether the route is back; it must be judged or released.
    Probe,
    /// Not before `until`, as far as is known.
    Refuse {
        until: Tick,
        why: BreakerWhy,
    },
}

/// The three states in operators' words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    Closed,
    Open,
    Probing,
}

impl BreakerState {
    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::Probing => "probing",
        }
    }
}

/// Why a breaker is in its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerWhy {
    /// So many hard failures in a row.
    Streak,
    /// Too large a share of failures in the window.
    Ratio,
    /// The provider asked for this wait.
    RetryAfter,
    /// The account of the key has no quota left.
    Quota,
    /// The key is refused.
    Key,
    /// The probe failed.
    ProbeFailed,
    /// The probe succeeded.
    ProbeSucceeded,
    /// The cool-down is over.
    CoolDownOver,
}

impl BreakerWhy {
    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Streak => "streak",
            Self::Ratio => "ratio",
            Self::RetryAfter => "retry_after",
            Self::Quota => "quota",
            Self::Key => "key",
            Self::ProbeFailed => "probe_failed",
            Self::ProbeSucceeded => "probe_succeeded",
            Self::CoolDownOver => "cool_down_over",
        }
    }
}

/// A change of state, for telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    pub from: BreakerState,
    pub to: BreakerState,
    pub why: BreakerWhy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Tick, why: BreakerWhy },
    Probing { since: Tick, why: BreakerWhy },
}

/// The breaker of one route.
#[derive(Debug, Clone)]
pub struct Breaker {
    settings: BreakerSettings,
    state: State,
    /// Hard failures in a row.
    streak: u32,
    window: Window,
    /// Cool-downs in a row; each doubles the next.
    openings: u32,
    /// Until when the provider asked us to stay away.
    rest_until: Tick,
}

impl Breaker {
    /// A closed breaker that knows nothing yet.
    pub fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            state: State::Closed,
            streak: 0,
            window: Window::new(settings.window_ms),
            openings: 0,
            rest_until: Tick::default(),
        }
    }

    /// The state as of `now`; an open breaker whose time is over is still open, until somebody
    /// asks for a place.
    pub fn state(&self) -> BreakerState {
        match self.state {
            State::Closed => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::Probing { .. } => BreakerState::Probing,
        }
    }

    /// Asks for a place.
    pub fn admit(&mut self, now: Tick) -> Gate {
        if now < self.rest_until {
            return Gate::Refuse {
                until: self.rest_until,
                why: BreakerWhy::RetryAfter,
            };
        }
        match self.state {
            State::Closed => Gate::Admit,
            State::Open { until, why } if now < until => Gate::Refuse { until, why },
            State::Probing { since, why } if now < since + PROBE_MAX => Gate::Refuse {
                until: now + PROBE_NEWS,
                why,
            },
            State::Open { why, .. } | State::Probing { why, .. } => {
                self.state = State::Probing { since: now, why };
                Gate::Probe
            }
        }
    }

    /// Gives a place back that nothing was learnt from, such as a caller's who left.
    pub fn release(&mut self, probe: bool) {
        if probe && let State::Probing { since, why } = self.state {
            self.state = State::Open { until: since, why };
        }
    }

    /// Learns how an attempt ended.
    pub fn judge(
        &mut self,
        now: Tick,
        probe: bool,
        verdict: Verdict,
        dice: &mut Dice,
    ) -> Option<Transition> {
        let from = self.state();
        let why = match verdict {
            Verdict::Neutral => {
                self.release(probe);
                return None;
            }
            Verdict::Success => self.succeeded(now, probe),
            Verdict::Failure {
                class,
                retry_after_ms,
            } => {
                let asked = retry_after_ms.map(|wait_ms| {
                    Duration::from_millis(wait_ms.min(self.settings.retry_after_ms_max))
                });
                self.failed(now, probe, (class, asked), dice)
            }
        }?;
        let to = self.state();
        (from != to).then_some(Transition { from, to, why })
    }

    fn succeeded(&mut self, now: Tick, probe: bool) -> Option<BreakerWhy> {
        self.streak = 0;
        self.window.count(now, true);
        // Answers of calls that began before it opened say nothing about now.
        if !probe {
            return None;
        }
        self.state = State::Closed;
        self.openings = 0;
        self.window.clear();
        Some(BreakerWhy::ProbeSucceeded)
    }

    fn failed(
        &mut self,
        now: Tick,
        probe: bool,
        (class, asked): (FaultClass, Option<Duration>),
        dice: &mut Dice,
    ) -> Option<BreakerWhy> {
        let (why, cooldown) = match class {
            FaultClass::RateLimited => return self.rate_limited(now, probe, asked, dice),
            FaultClass::QuotaExhausted => (BreakerWhy::Quota, QUOTA_COOLDOWN),
            FaultClass::KeyRejected => (BreakerWhy::Key, KEY_COOLDOWN),
            _ => return self.hard_failure(now, probe, asked, dice),
        };
        self.open(now, why, cooldown.max(asked.unwrap_or_default()), dice);
        Some(why)
    }

    fn rate_limited(
        &mut self,
        now: Tick,
        probe: bool,
        asked: Option<Duration>,
        dice: &mut Dice,
    ) -> Option<BreakerWhy> {
        // The wait of an earlier answer was kept, and still it is too much.
        let although_obeyed = self.rest_until > Tick::default() && now >= self.rest_until;
        if let Some(asked) = asked {
            self.rest_until = self.rest_until.max(now + asked);
        }
        if although_obeyed {
            self.window.count(now, false);
        }
        if probe {
            // Its pace is wrong, not its health: the next cool-down is no longer than the last.
            let cooldown = self.cooldown(self.openings.saturating_sub(1));
            self.open(
                now,
                BreakerWhy::ProbeFailed,
                cooldown.max(asked.unwrap_or_default()),
                dice,
            );
            return Some(BreakerWhy::ProbeFailed);
        }
        self.open_if_too_many(now, asked, dice)
    }

    fn hard_failure(
        &mut self,
        now: Tick,
        probe: bool,
        asked: Option<Duration>,
        dice: &mut Dice,
    ) -> Option<BreakerWhy> {
        self.streak = self.streak.saturating_add(1);
        self.window.count(now, false);
        match self.state {
            State::Probing { .. } if probe => {
                self.open_longer(now, BreakerWhy::ProbeFailed, asked, dice);
                Some(BreakerWhy::ProbeFailed)
            }
            // A call that began before it opened fails too: stay away a little longer.
            State::Open { until, why } => {
                let cooldown = self.cooldown(self.openings.saturating_sub(1));
                let later = now + dice.jitter(cooldown, JITTER).max(asked.unwrap_or_default());
                self.state = State::Open {
                    until: until.max(later),
                    why,
                };
                None
            }
            State::Probing { .. } => None,
            State::Closed => {
                if let Some(asked) = asked {
                    self.rest_until = self.rest_until.max(now + asked);
                }
                self.open_if_too_many(now, asked, dice)
            }
        }
    }

    fn open_if_too_many(
        &mut self,
        now: Tick,
        asked: Option<Duration>,
        dice: &mut Dice,
    ) -> Option<BreakerWhy> {
        if self.state != State::Closed {
            return None;
        }
        let (failed, all) = self.window.sum(now);
        let why = if self.streak >= self.settings.streak_max {
            BreakerWhy::Streak
        } else if all >= self.settings.attempts_min
            && f64::from(failed) >= self.settings.ratio_max * f64::from(all)
        {
            BreakerWhy::Ratio
        } else {
            return None;
        };
        self.open_longer(now, why, asked, dice);
        Some(why)
    }

    /// Opens for the next longer cool-down.
    fn open_longer(
        &mut self,
        now: Tick,
        why: BreakerWhy,
        asked: Option<Duration>,
        dice: &mut Dice,
    ) {
        let cooldown = self.cooldown(self.openings);
        self.openings = self.openings.saturating_add(1);
        let spread = dice.jitter(cooldown, JITTER);
        let until = now + spread.max(asked.unwrap_or_default());
        self.state = State::Open { until, why };
    }

    fn open(&mut self, now: Tick, why: BreakerWhy, cooldown: Duration, dice: &mut Dice) {
        // Spread to later only: a wait that was asked for is a floor.
        let until = now + cooldown + dice.jitter(cooldown.mul_f64(JITTER), 1.0) / 2;
        self.state = State::Open { until, why };
    }

    /// `cooldown_ms_min × 2^openings`, bounded.
    fn cooldown(&self, openings: u32) -> Duration {
        let factor = 1_u64.checked_shl(openings.min(32)).unwrap_or(u64::MAX);
        let grown = self.settings.cooldown_ms_min.saturating_mul(factor);
        Duration::from_millis(grown.min(self.settings.cooldown_ms_max))
    }
}

#[cfg(test)]
mod tests {
    use domain::Fault;
    use proptest::prelude::*;

    use super::*;
    use crate::verdict_of;

    fn at(ms: u64) -> Tick {
        Tick::from_millis(1_000_000 + ms)
    }

    fn fail(class: FaultClass) -> Verdict {
        Verdict::Failure {
            class,
            retry_after_ms: None,
        }
    }

    fn limited(wait_ms: Option<u64>) -> Verdict {
        Verdict::Failure {
            class: FaultClass::RateLimited,
            retry_after_ms: wait_ms,
        }
    }

    fn breaker() -> (Breaker, Dice) {
        (Breaker::new(BreakerSettings::default()), Dice::seeded(1))
    }

    fn opened() -> (Breaker, Dice, Tick) {
        let (mut breaker, mut dice) = breaker();
        for _ in 0..3 {
            breaker.judge(at(0), false, fail(FaultClass::ServerError), &mut dice);
        }
        let Gate::Refuse { until, .. } = breaker.admit(at(0)) else {
            panic!("still closed")
        };
        (breaker, dice, until)
    }

    #[test]
    fn three_hard_failures_in_a_row_open_it_and_a_success_between_does_not() {
        let (mut breaker, mut dice) = breaker();
        for verdict in [
            fail(FaultClass::Cut),
            fail(FaultClass::Cut),
            Verdict::Success,
        ] {
            assert_eq!(breaker.judge(at(0), false, verdict, &mut dice), None);
        }
        assert_eq!(breaker.admit(at(1)), Gate::Admit);
        breaker.judge(at(2), false, fail(FaultClass::Cut), &mut dice);
        let (mut breaker, ..) = opened();
        assert!(matches!(
            breaker.admit(at(1)),
            Gate::Refuse {
                why: BreakerWhy::Streak,
                ..
            }
        ));
    }

    #[test]
    fn half_of_the_attempts_failing_opens_it_without_any_streak() {
        let (mut breaker, mut dice) = breaker();
        let mut transition = None;
        for round in 0..5 {
            breaker.judge(at(round), false, Verdict::Success, &mut dice);
            transition = breaker.judge(at(round), false, fail(FaultClass::Reset), &mut dice);
            if transition.is_some() {
                break;
            }
        }
        assert_eq!(
            transition.map(|t| (t.to, t.why)),
            Some((BreakerState::Open, BreakerWhy::Ratio))
        );
    }

    #[test]
    fn old_failures_leave_the_window() {
        let (mut breaker, mut dice) = breaker();
        for _ in 0..2 {
            breaker.judge(at(0), false, fail(FaultClass::Reset), &mut dice);
        }
        for _ in 0..3 {
            breaker.judge(at(40_000), false, Verdict::Success, &mut dice);
        }
        breaker.judge(at(40_000), false, fail(FaultClass::Reset), &mut dice);
        let changed = breaker.judge(at(40_000), false, fail(FaultClass::Reset), &mut dice);
        assert_eq!(changed, None, "two of five within the window");
    }

    #[test]
    fn any_number_of_429s_paces_and_never_opens() {
        let (mut breaker, mut dice) = breaker();
        for round in 0..100 {
            assert_eq!(
                breaker.judge(at(round), false, limited(None), &mut dice),
                None
            );
        }
        assert_eq!(breaker.admit(at(200)), Gate::Admit);
    }

    #[test]
    fn a_wait_that_is_asked_for_is_kept_and_ends_by_itself() {
        let (mut breaker, mut dice) = breaker();
        breaker.judge(at(0), false, limited(Some(2_000)), &mut dice);
        assert_eq!(
            breaker.admit(at(1_999)),
            Gate::Refuse {
                until: at(2_000),
                why: BreakerWhy::RetryAfter
            }
        );
        assert_eq!(breaker.admit(at(2_000)), Gate::Admit);
    }

    #[test]
    fn a_429_that_persists_although_the_wait_was_kept_enters_the_share() {
        let (mut breaker, mut dice) = breaker();
        let mut now = 0;
        let mut opened_by = None;
        for _ in 0..10 {
            if let Some(transition) = breaker.judge(at(now), false, limited(Some(100)), &mut dice) {
                opened_by = Some(transition.why);
                break;
            }
            now += 150;
        }
        assert_eq!(opened_by, Some(BreakerWhy::Ratio));
    }

    #[test]
    fn one_probe_at_a_time_and_its_success_closes() {
        let (mut breaker, mut dice, until) = opened();
        assert_eq!(breaker.admit(until), Gate::Probe);
        assert!(matches!(breaker.admit(until), Gate::Refuse { .. }));
        let transition = breaker
            .judge(until, true, Verdict::Success, &mut dice)
            .unwrap();
        assert_eq!(
            (transition.from, transition.to),
            (BreakerState::Probing, BreakerState::Closed)
        );
        assert_eq!(breaker.admit(until), Gate::Admit);
    }

    #[test]
    fn a_probe_that_is_given_back_or_lost_does_not_lock_the_route() {
        let (mut breaker, _, until) = opened();
        assert_eq!(breaker.admit(until), Gate::Probe);
        breaker.release(true);
        assert_eq!(breaker.admit(until), Gate::Probe);
        assert_eq!(breaker.admit(until + PROBE_MAX), Gate::Probe);
    }

    #[test]
    fn failed_probes_wait_longer_each_time_but_recovery_is_seen_within_thirty_seconds() {
        let (mut breaker, mut dice, mut until) = opened();
        let mut last = Duration::ZERO;
        for round in 0..12 {
            let probed_at = until;
            assert_eq!(breaker.admit(probed_at), Gate::Probe);
            breaker.judge(probed_at, true, fail(FaultClass::ServerError), &mut dice);
            let Gate::Refuse { until: next, .. } = breaker.admit(probed_at) else {
                panic!("admitted")
            };
            let wait = next.since(probed_at);
            assert!(wait < Duration::from_secs(30), "round {round}: {wait:?}");
            if round < 2 {
                assert!(wait > last, "round {round}: {wait:?} after {last:?}");
            }
            last = wait;
            until = next;
        }
        assert!(last > Duration::from_secs(15));
    }

    #[test]
    fn retry_after_is_a_floor_of_the_cool_down() {
        let (mut breaker, mut dice) = breaker();
        let asked = Verdict::Failure {
            class: FaultClass::Overloaded,
            retry_after_ms: Some(120_000),
        };
        for _ in 0..3 {
            breaker.judge(at(0), false, asked, &mut dice);
        }
        assert!(matches!(breaker.admit(at(119_999)), Gate::Refuse { .. }));
        assert_eq!(breaker.admit(at(120_000)), Gate::Probe);
    }

    #[test]
    fn an_empty_account_stops_the_key_at_once() {
        let (mut breaker, mut dice) = breaker();
        let changed = breaker.judge(at(0), false, fail(FaultClass::QuotaExhausted), &mut dice);
        assert_eq!(changed.map(|t| t.why), Some(BreakerWhy::Quota));
        assert!(matches!(breaker.admit(at(599_999)), Gate::Refuse { .. }));
    }

    #[test]
    fn a_callers_fault_is_no_failure_and_a_fault_of_ours_is_nothing() {
        let class = |class| verdict_of(&Fault::new(class, ""));
        assert_eq!(class(FaultClass::CallerFault), Verdict::Success);
        assert_eq!(class(FaultClass::CallerGone), Verdict::Neutral);
        assert!(matches!(
            class(FaultClass::Stalled),
            Verdict::Failure { .. }
        ));
    }

    proptest! {
        /// Whatever happens: never two probes at once, never a call before the time told, and a
        /// probe within the longest cool-down of our own.
        #[test]
        fn no_history_breaks_the_promises(steps in prop::collection::vec((0_u64..9_000, 0_u8..5), 1..200)) {
            let (mut breaker, mut dice) = breaker();
            let mut now = 0;
            let mut probing = false;
            let mut told: Option<Tick> = None;
            for (wait, kind) in steps {
                now += wait;
                let gate = breaker.admit(at(now));
                let probe = gate == Gate::Probe;
                match gate {
                    Gate::Refuse { until, .. } => {
                        prop_assert!(until > at(now));
                        told = Some(told.map_or(until, |known| known.max(until)));
                        prop_assert!(until.since(at(now)) <= Duration::from_secs(23));
                        continue;
                    }
                    Gate::Probe => {
                        prop_assert!(!probing);
                        probing = true;
                    }
                    Gate::Admit => prop_assert!(!probing),
                }
                let verdict = match kind {
                    0 => Verdict::Success,
                    1 => fail(FaultClass::Silent),
                    2 => limited(Some(500)),
                    3 => Verdict::Neutral,
                    _ => limited(None),
                };
                breaker.judge(at(now), probe, verdict, &mut dice);
                probing = false;
            }
        }
    }
}
