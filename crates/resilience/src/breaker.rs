//! The breaker of one route, a (provider, model, key): when calls stay away from it, and how they
//! come back. It knows nothing of other routes, sends nothing, and reads no clock.
//!
//! - **Closed**: calls go through. A streak of hard failures, or their share in a window of ten
//!   exact buckets, opens it.
//! - **Resting**: the provider gave a `Retry-After`. Calls stay away until then and come back all
//!   at once, without a probe: this is a date that the provider set, not a doubt about its health.
//!   No other state lets a call through before that date either.
//! - **Open**: calls stay away for a cool-down that doubles with each failed probe.
//! - **Probing** ([`State::HalfOpen`]): the cool-down is over; one call at a time may try. Only a
//!   probe's success closes the breaker, never the time alone.
//!
//! A 429 is pacing, not ill health. It never counts in the streak, and in the window only if it
//! comes although the rest that the former one asked for was kept. One without `Retry-After`
//! changes nothing.
//!
//! An exhausted quota and a refused key are no ill health of the provider either, but they open
//! their own route at once: the first for [`STICKY_MS_MAX`], since no wait cures it; the second
//! for the least cool-down, doubling up to the same limit, since a provider's own fault may answer
//! 401 for a minute while a withdrawn key does so for ever. A spend limit is told with its reset, and
//! nothing is asked before that.
//!
//! A limit on how quickly calls become more paces like any 429, and never counts. A call that was
//! outrun by a second one counts in the window, since half of all calls being late is ill health, but
//! never in the streak.

use std::time::Duration;

use clock::{Dice, Tick};
use domain::FaultClass;

use crate::rollup::SPEND_MS_MAX;
use crate::window::Window;
use crate::{BreakerSettings, Verdict};

/// How long a probe holds its claim, in milliseconds. It exceeds the default time to connect and
/// to the first token, so a probe that has not failed by then is answering at length, and a next
/// call may try too. A lost probe locks nobody out for longer.
pub const PROBE_MS_MAX: u64 = 15_000;

/// The longest cool-down after an exhausted quota or a refused key, in milliseconds: half an hour.
pub const STICKY_MS_MAX: u64 = 1_800_000;

/// Cool-downs are spread over ±10 %, so that replicas do not probe together.
const JITTER_SHARE: f64 = 0.1;

/// Why a breaker stands as it does, or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BreakerWhy {
    /// Too many hard failures in a row.
    Streak,
    /// Too large a share of failures in the window.
    Ratio,
    /// The provider asked for a pause.
    RetryAfter,
    /// The pause that it asked for is over.
    RestOver,
    /// The key's account has nothing left.
    QuotaExhausted,
    /// The key has met its spend limit.
    SpendLimit,
    /// The key is refused.
    KeyRejected,
    /// Most other routes of the provider are down.
    Provider,
    /// The last probe failed.
    ProbeFailed,
    /// A probe came through.
    ProbeSucceeded,
    /// Another call is probing now.
    ProbeOut,
    /// The failures that had opened it were a request's own.
    Withdrawn,
    /// Whoever looks on has confirmed that the provider is down.
    OutageConfirmed,
}

impl BreakerWhy {
    /// The word used in logs, receipts and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Streak => "streak",
            Self::Ratio => "ratio",
            Self::RetryAfter => "retry_after",
            Self::RestOver => "rest_over",
            Self::QuotaExhausted => "quota_exhausted",
            Self::SpendLimit => "spend_limit",
            Self::KeyRejected => "key_rejected",
            Self::Provider => "provider",
            Self::ProbeFailed => "probe_failed",
            Self::ProbeSucceeded => "probe_succeeded",
            Self::ProbeOut => "probe_out",
            Self::Withdrawn => "withdrawn",
            Self::OutageConfirmed => "outage_confirmed",
        }
    }
}

/// The answer to a call that asks to go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Go.
    Admit,
    /// Go, as the one probe. Whoever gets this must [`Breaker::judge`] or [`Breaker::release`].
    Probe,
    /// Stay away, at least until then. The class is that of the last failure.
    Refuse { until: Tick, why: BreakerWhy, class: FaultClass },
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    Closed,
    Resting,
    Open,
    /// Waiting for a probe, or for its result.
    HalfOpen,
}

impl State {
    /// The word used in logs, receipts and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Resting => "resting",
            Self::Open => "open",
            Self::HalfOpen => "probing",
        }
    }
}

/// A change of state worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    pub from: State,
    pub to: State,
    pub why: BreakerWhy,
}

/// How a route has answered since it is known. What was taken back is not in it, nor is a 429.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub answered: u64,
    pub failed: u64,
}

impl Tally {
    /// Of two routes together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            answered: self.answered.saturating_add(other.answered),
            failed: self.failed.saturating_add(other.failed),
        }
    }
}

/// A pause that the provider asked for. It is kept in every state.
#[derive(Debug, Clone, Copy)]
struct Rest {
    until: Tick,
    /// A call went through after it was kept.
    kept: bool,
}

/// What an open breaker remembers.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// The end of our own cool-down.
    until: Tick,
    why: BreakerWhy,
    /// When it opened, or a call failed after that.
    failed_at: Tick,
    /// Failed probes since it opened.
    level: u32,
    /// When the probe that is out was sent.
    probe_at: Option<Tick>,
}

/// The breaker of one route. Each call on it is short and allocates nothing.
#[derive(Debug, Clone)]
pub struct Breaker {
    settings: BreakerSettings,
    judged: Window<10>,
    failed: Window<10>,
    streak: u32,
    tally: Tally,
    /// How the last call failed that did.
    failed_by: FaultClass,
    rest: Option<Rest>,
    open: Option<Open>,
    /// Probes handed out and not yet back, those with an expired claim included.
    probes_out: u32,
    /// The state that was last told in a transition.
    told: State,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(settings: BreakerSettings) -> Self {
        let bucket_ms = settings.window_ms / 10;
        Self {
            settings,
            judged: Window::new(bucket_ms),
            failed: Window::new(bucket_ms),
            streak: 0,
            tally: Tally::default(),
            failed_by: FaultClass::Overloaded,
            rest: None,
            open: None,
            probes_out: 0,
            told: State::Closed,
        }
    }

    /// Whether a call may go through now. A [`Gate::Probe`] is claimed by asking: nobody else gets
    /// one until it is judged or released, or [`PROBE_MS_MAX`] has passed.
    pub fn admit(&mut self, now: Tick) -> Gate {
        let gate = self.peek(now);
        match gate {
            Gate::Admit => {
                if let Some(rest) = &mut self.rest {
                    rest.kept = true;
                }
            }
            Gate::Probe => {
                if let Some(open) = &mut self.open {
                    open.probe_at = Some(now);
                    self.probes_out = self.probes_out.saturating_add(1);
                }
            }
            Gate::Refuse { .. } => {}
        }
        gate
    }

    /// What [`Breaker::admit`] would say, without claiming anything.
    pub fn peek(&self, now: Tick) -> Gate {
        let rest_until = self.rest.map(|rest| rest.until).filter(|until| now < *until);
        let class = self.failed_by;
        let Some(open) = &self.open else {
            let refuse = |until| Gate::Refuse { until, why: BreakerWhy::RetryAfter, class };
            return rest_until.map_or(Gate::Admit, refuse);
        };
        let until = rest_until.map_or(open.until, |until| until.max(open.until));
        if now < until {
            return Gate::Refuse { until, why: open.why, class };
        }
        let claim_ends = open.probe_at.map(|at| at + Duration::from_millis(PROBE_MS_MAX));
        match claim_ends {
            Some(until) if now < until => Gate::Refuse { until, why: BreakerWhy::ProbeOut, class },
            _ => Gate::Probe,
        }
    }

    /// Where it stands.
    pub fn state(&self, now: Tick) -> State {
        let resting = self.rest.is_some_and(|rest| now < rest.until);
        match &self.open {
            None if resting => State::Resting,
            None => State::Closed,
            Some(open) if open.probe_at.is_some() => State::HalfOpen,
            Some(open) if resting || now < open.until => State::Open,
            Some(_) => State::HalfOpen,
        }
    }

    /// Learns how an attempt ended; `probe` if it went through as one. An attempt is judged once.
    /// Returns the change of state, if this made one worth telling.
    pub fn judge(
        &mut self,
        now: Tick,
        probe: bool,
        verdict: Verdict,
        dice: &mut Dice,
    ) -> Option<Transition> {
        if probe {
            self.probe_is_back();
        }
        match verdict {
            Verdict::Success => self.tally.answered += 1,
            Verdict::Failure { class, .. } => {
                self.failed_by = class;
                self.tally.failed += u64::from(!is_of_pace(class));
            }
            Verdict::Neutral => {}
        }
        let (from, why) = match (self.open, probe) {
            (None, _) => (self.told, self.judge_closed(now, verdict, dice)),
            (Some(open), true) => (State::HalfOpen, self.judge_probe(now, open, verdict, dice)),
            (Some(open), false) => {
                self.judge_straggler(now, open, verdict, dice);
                return None;
            }
        };
        let why = why?;
        // Another probe may still be out when one fails: it is told as open all the same.
        let to = if self.open.is_some() { State::Open } else { self.state(now) };
        self.told = to;
        Some(Transition { from, to, why })
    }

    /// Most other routes of the provider are down. If nothing was heard of this one lately, it begins
    /// with a probe too; one that is in use knows better by itself.
    pub fn doubt(&mut self, now: Tick) {
        if self.open.is_none() && self.judged.sum(now) == 0 {
            let why = BreakerWhy::Provider;
            self.open = Some(Open { until: now, why, failed_at: now, level: 0, probe_at: None });
        }
    }

    /// When its provider last failed it, if it is open for that and no probe is out. One that is open
    /// for its key or account, or is at rest, has nothing to be looked into.
    pub fn failed_at(&self, now: Tick) -> Option<Tick> {
        let open = self.open.filter(|open| open.probe_at.is_none() && is_of_health(open.why))?;
        let rests = self.rest.is_some_and(|rest| now < rest.until);
        (!rests).then_some(open.failed_at)
    }

    /// Shortens the cool-down, so that the next probe may go at `until`: somebody wants to know soon
    /// whether the provider is down, and the probes are what there is to see. What makes cool-downs
    /// longer stays as it was.
    pub fn hasten(&mut self, now: Tick, until: Tick) {
        if self.failed_at(now).is_some()
            && let Some(open) = &mut self.open
        {
            open.until = open.until.min(until.max(now));
        }
    }

    /// Opens a closed one because others know that the provider is down. From there on it is like any
    /// other: a probe's success closes it. One that is open, or answers, keeps what it knows.
    pub fn shut(&mut self, now: Tick, dice: &mut Dice) -> Option<Transition> {
        if self.open.is_some() || self.answers(now) {
            return None;
        }
        let why = BreakerWhy::OutageConfirmed;
        let until = now + self.cooldown(0, (FaultClass::ServerError, None), dice);
        self.open = Some(Open { until, why, failed_at: now, level: 0, probe_at: None });
        let from = std::mem::replace(&mut self.told, State::Open);
        Some(Transition { from, to: State::Open, why })
    }

    /// Takes back an attempt that ended without a judgement, because the caller left.
    pub fn release(&mut self, probe: bool) {
        if probe {
            self.probe_is_back();
        }
    }

    /// Takes back so many of the last failures, since they were a request's own and not the
    /// route's; what they had opened closes. Nothing is taken back if others failed as well and
    /// nobody was answered. Returns the change of state, if this made one.
    pub fn withdraw(&mut self, now: Tick, failures: u32) -> Option<Transition> {
        if !self.may_withdraw(now, failures) {
            return None;
        }
        self.tally.failed = self.tally.failed.saturating_sub(u64::from(failures));
        self.streak = self.streak.saturating_sub(failures);
        self.judged.take_back(now, failures);
        self.failed.take_back(now, failures);
        let open = self.open?;
        let by_count = matches!(open.why, BreakerWhy::Streak | BreakerWhy::Ratio);
        if !by_count || open.level > 0 || self.count_reached(now).is_some() {
            return None;
        }
        self.open = None;
        let to = self.state(now);
        let from = std::mem::replace(&mut self.told, to);
        Some(Transition { from, to, why: BreakerWhy::Withdrawn })
    }

    /// True if so many of the last failures would be taken back.
    pub fn may_withdraw(&self, now: Tick, failures: u32) -> bool {
        let others_failed = self.failed.sum(now) > failures;
        !others_failed || self.answers(now)
    }

    /// How it has answered since it is known.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// True if somebody was answered within the window.
    pub fn answers(&self, now: Tick) -> bool {
        self.judged.sum(now) > self.failed.sum(now)
    }

    /// The claim ends when no probe is out any more. While one whose claim has expired is still
    /// out, nobody can say whose return this is, and the claim runs to its end.
    fn probe_is_back(&mut self) {
        self.probes_out = self.probes_out.saturating_sub(1);
        if let Some(open) = &mut self.open
            && self.probes_out == 0
        {
            open.probe_at = None;
        }
    }

    fn judge_closed(&mut self, now: Tick, verdict: Verdict, dice: &mut Dice) -> Option<BreakerWhy> {
        let was_resting = self.told == State::Resting;
        match verdict {
            Verdict::Neutral => return None,
            Verdict::Success => {
                self.streak = 0;
                self.judged.add(now, 1);
                self.end_kept_rest();
            }
            Verdict::Failure { class, retry_after_ms } => {
                self.count_failure(now, class);
                self.note_pause(now, retry_after_ms);
                if let Some(why) = self.reason_to_open(now, class) {
                    let until = now + self.cooldown(0, (class, retry_after_ms), dice);
                    self.open = Some(Open { until, why, failed_at: now, level: 0, probe_at: None });
                    return Some(why);
                }
            }
        }
        match (was_resting, self.state(now)) {
            (false, State::Resting) => Some(BreakerWhy::RetryAfter),
            (true, State::Closed) => Some(BreakerWhy::RestOver),
            _ => None,
        }
    }

    fn count_failure(&mut self, now: Tick, class: FaultClass) {
        let kept_rest = self.end_kept_rest();
        match class {
            FaultClass::QuotaExhausted
            | FaultClass::SpendLimit
            | FaultClass::KeyRejected
            | FaultClass::Acceleration => return,
            FaultClass::RateLimited if !kept_rest => return,
            FaultClass::RateLimited | FaultClass::Outrun => {}
            _ => self.streak = self.streak.saturating_add(1),
        }
        self.judged.add(now, 1);
        self.failed.add(now, 1);
    }

    /// True if this is the first judgement after a pause that was kept.
    fn end_kept_rest(&mut self) -> bool {
        let kept = self.rest.is_some_and(|rest| rest.kept);
        if kept {
            self.rest = None;
        }
        kept
    }

    /// Remembers the pause that the provider asks for, unless it asked for a longer one before.
    fn note_pause(&mut self, now: Tick, retry_after_ms: Option<u64>) {
        let asked_ms = retry_after_ms.unwrap_or(0).min(self.settings.retry_after_ms_max);
        let until = now + Duration::from_millis(asked_ms);
        let later = self.rest.is_none_or(|rest| rest.until < until);
        if asked_ms > 0 && later {
            self.rest = Some(Rest { until, kept: false });
        }
    }

    fn reason_to_open(&self, now: Tick, class: FaultClass) -> Option<BreakerWhy> {
        why_of(class).or_else(|| self.count_reached(now))
    }

    /// There were too many failures in a row, or too large a share.
    fn count_reached(&self, now: Tick) -> Option<BreakerWhy> {
        if self.streak >= self.settings.streak_max.max(1) {
            return Some(BreakerWhy::Streak);
        }
        let (judged, failed) = (self.judged.sum(now), self.failed.sum(now));
        let enough = failed > 0 && judged >= self.settings.attempts_min;
        let share_reached = f64::from(failed) >= self.settings.ratio_max * f64::from(judged);
        (enough && share_reached).then_some(BreakerWhy::Ratio)
    }

    fn judge_probe(
        &mut self,
        now: Tick,
        mut open: Open,
        verdict: Verdict,
        dice: &mut Dice,
    ) -> Option<BreakerWhy> {
        let (class, retry_after_ms) = match verdict {
            Verdict::Neutral => return None,
            Verdict::Success => {
                self.open = None;
                self.streak = 0;
                self.judged.clear();
                self.failed.clear();
                return Some(BreakerWhy::ProbeSucceeded);
            }
            Verdict::Failure { class, retry_after_ms } => (class, retry_after_ms),
        };
        self.note_pause(now, retry_after_ms);
        // A 429 shows that the provider is up and busy: the probe failed, but that is no reason to
        // come back more seldom.
        if !is_of_pace(class) {
            open.level = open.level.saturating_add(1);
        }
        open.why = why_of(class).unwrap_or(BreakerWhy::ProbeFailed);
        open.failed_at = now;
        let cooldown = self.cooldown(open.level, (class, retry_after_ms), dice);
        open.until = open.until.max(now + cooldown);
        self.open = Some(open);
        Some(BreakerWhy::ProbeFailed)
    }

    /// An attempt that began before the breaker opened. Its failure starts the cool-down afresh,
    /// but does not lengthen it: a hundred calls that were under way when a provider fell are one
    /// outage, not a hundred. Its success says nothing about now.
    fn judge_straggler(&mut self, now: Tick, mut open: Open, verdict: Verdict, dice: &mut Dice) {
        let Verdict::Failure { class, retry_after_ms } = verdict else {
            return;
        };
        self.note_pause(now, retry_after_ms);
        if !is_of_pace(class) && class != FaultClass::Outrun {
            let cooldown = self.cooldown(open.level, (class, retry_after_ms), dice);
            open.until = open.until.max(now + cooldown);
            open.why = why_of(class).unwrap_or(open.why);
            open.failed_at = now;
            self.open = Some(open);
        }
    }

    /// How long to stay away of our own accord.
    fn cooldown(
        &self,
        level: u32,
        (class, retry_after_ms): (FaultClass, Option<u64>),
        dice: &mut Dice,
    ) -> Duration {
        if let (FaultClass::SpendLimit, Some(reset_ms)) = (class, retry_after_ms) {
            return Duration::from_millis(reset_ms.min(SPEND_MS_MAX));
        }
        let doublings = 1_u64.checked_shl(level).unwrap_or(u64::MAX);
        let grown_ms = self.settings.cooldown_ms_min.saturating_mul(doublings);
        let cooldown_ms = match class {
            FaultClass::QuotaExhausted | FaultClass::SpendLimit => STICKY_MS_MAX,
            FaultClass::KeyRejected => grown_ms.min(STICKY_MS_MAX),
            _ => grown_ms.min(self.settings.cooldown_ms_max),
        };
        dice.jitter(Duration::from_millis(cooldown_ms), JITTER_SHARE)
    }
}

/// A 429 of any kind: the provider is up.
fn is_of_pace(class: FaultClass) -> bool {
    matches!(class, FaultClass::RateLimited | FaultClass::Acceleration)
}

/// True if it stands open because the provider failed, and not for a key or an account.
fn is_of_health(why: BreakerWhy) -> bool {
    matches!(why, BreakerWhy::Streak | BreakerWhy::Ratio | BreakerWhy::ProbeFailed)
}

/// The reason that one fault of this class is enough to open a breaker, if it is.
fn why_of(class: FaultClass) -> Option<BreakerWhy> {
    match class {
        FaultClass::QuotaExhausted => Some(BreakerWhy::QuotaExhausted),
        FaultClass::SpendLimit => Some(BreakerWhy::SpendLimit),
        FaultClass::KeyRejected => Some(BreakerWhy::KeyRejected),
        _ => None,
    }
}
