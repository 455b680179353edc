//! Stories of one breaker.

use std::time::Duration;

use clock::{Dice, Tick};
use domain::{Blame, Fault, FaultClass};
use resilience::{
    Breaker, BreakerSettings, BreakerWhy, Gate, PROBE_MS_MAX, STICKY_MS_MAX, State, Transition,
    Verdict, verdict_of,
};

use crate::CLASSES;

/// A breaker with a clock and dice of its own.
struct Story {
    breaker: Breaker,
    now: Tick,
    dice: Dice,
}

impl Story {
    fn new() -> Self {
        Self::with(BreakerSettings::default())
    }

    fn with(settings: BreakerSettings) -> Self {
        let breaker = Breaker::new(settings);
        Self { breaker, now: Tick::from_millis(50_000), dice: Dice::seeded(4) }
    }

    /// One that three failures have just opened.
    fn opened() -> Self {
        let mut story = Self::new();
        for _ in 0..3 {
            story.fail(FaultClass::ServerError);
        }
        assert_eq!(story.state(), State::Open);
        story
    }

    fn wait_ms(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
    }

    fn admit(&mut self) -> Gate {
        let foreseen = self.breaker.peek(self.now);
        let gate = self.breaker.admit(self.now);
        assert_eq!(foreseen, gate, "peek and admit must agree");
        gate
    }

    fn judge(&mut self, probe: bool, verdict: Verdict) -> Option<Transition> {
        self.breaker.judge(self.now, probe, verdict, &mut self.dice)
    }

    fn fail(&mut self, class: FaultClass) -> Option<Transition> {
        self.judge(false, Verdict::Failure { class, retry_after_ms: None })
    }

    fn rate_limited(&mut self, retry_after_ms: u64) -> Option<Transition> {
        self.judge(false, rate_limited(retry_after_ms))
    }

    fn state(&self) -> State {
        self.breaker.state(self.now)
    }

    /// How long it stays away from now on.
    fn closed_for_ms(&self) -> u64 {
        match self.breaker.peek(self.now) {
            Gate::Refuse { until, .. } => until.as_millis() - self.now.as_millis(),
            Gate::Admit | Gate::Probe => 0,
        }
    }

    /// Waits for the cool-down and fails the probe with `class`; returns the next cool-down.
    fn fail_probe(&mut self, class: FaultClass) -> u64 {
        self.wait_ms(self.closed_for_ms() + 1);
        assert_eq!(self.admit(), Gate::Probe);
        let told = self.judge(true, Verdict::Failure { class, retry_after_ms: None });
        let expected =
            Transition { from: State::HalfOpen, to: State::Open, why: BreakerWhy::ProbeFailed };
        assert_eq!(told, Some(expected));
        self.closed_for_ms()
    }
}

fn rate_limited(retry_after_ms: u64) -> Verdict {
    Verdict::Failure { class: FaultClass::RateLimited, retry_after_ms: Some(retry_after_ms) }
}

fn within_a_tenth(ms: u64, expected_ms: u64) -> bool {
    (expected_ms * 9 / 10..=expected_ms * 11 / 10).contains(&ms)
}

#[test]
fn only_what_is_blamed_on_the_upstream_counts_against_a_route() {
    for class in CLASSES {
        let counts = verdict_of(&Fault::new(class, "")) != Verdict::Neutral;
        // It is we who cancel what is outrun, because it is late.
        let theirs = class.blame() == Blame::Upstream || class == FaultClass::Outrun;
        let expected = theirs && class != FaultClass::ModelUnknown;
        assert_eq!(counts, expected, "{class}");
    }
}

#[test]
fn three_hard_failures_in_a_row_open_it() {
    let mut story = Story::new();
    assert_eq!(story.fail(FaultClass::Reset), None);
    assert_eq!(story.fail(FaultClass::Silent), None);
    let told = story.fail(FaultClass::ServerError);
    let expected = Transition { from: State::Closed, to: State::Open, why: BreakerWhy::Streak };
    assert_eq!(told, Some(expected));
    assert!(matches!(story.admit(), Gate::Refuse { why: BreakerWhy::Streak, .. }));
    assert!(within_a_tenth(story.closed_for_ms(), 5_000), "{}", story.closed_for_ms());
}

#[test]
fn a_success_ends_a_streak_and_a_caller_s_fault_does_not() {
    let mut story = Story::with(BreakerSettings { attempts_min: 100, ..Default::default() });
    for _ in 0..20 {
        story.fail(FaultClass::ServerError);
        story.fail(FaultClass::ServerError);
        story.judge(false, Verdict::Success);
    }
    assert_eq!(story.state(), State::Closed);
    story.fail(FaultClass::ServerError);
    story.judge(false, Verdict::Neutral);
    story.fail(FaultClass::ServerError);
    story.judge(false, Verdict::Neutral);
    story.fail(FaultClass::ServerError);
    assert_eq!(story.state(), State::Open);
}

#[test]
fn half_of_five_in_the_window_open_it() {
    let mut story = Story::new();
    for verdict_is_good in [true, false, true, false] {
        if verdict_is_good {
            story.judge(false, Verdict::Success);
        } else {
            story.fail(FaultClass::Cut);
        }
        story.wait_ms(1_000);
        assert_eq!(story.state(), State::Closed, "four attempts say nothing yet");
    }
    let told = story.fail(FaultClass::Cut);
    assert_eq!(told.map(|told| told.why), Some(BreakerWhy::Ratio));
}

#[test]
fn exactly_the_share_is_enough() {
    let mut story = Story::new();
    for _ in 0..2 {
        story.judge(false, Verdict::Success);
        story.fail(FaultClass::Cut);
    }
    story.judge(false, Verdict::Success);
    let told = story.fail(FaultClass::Cut);
    assert_eq!(told.map(|told| told.why), Some(BreakerWhy::Ratio), "three of six");
}

#[test]
fn failures_older_than_the_window_are_forgotten() {
    let mut story = Story::new();
    for _ in 0..30 {
        story.fail(FaultClass::ServerError);
        story.wait_ms(1);
        story.judge(false, Verdict::Success);
        story.wait_ms(30_000);
    }
    assert_eq!(story.state(), State::Closed);
}

/// Ten buckets that together are the window: what happened in its last nine tenths counts.
#[test]
fn failures_within_nine_tenths_of_the_window_count() {
    let mut story = Story::new();
    for _ in 0..2 {
        story.fail(FaultClass::Cut);
        story.judge(false, Verdict::Success);
    }
    story.wait_ms(27_900);
    assert_eq!(story.fail(FaultClass::Cut).map(|told| told.why), Some(BreakerWhy::Ratio));
}

/// Whoever is shut by others than himself has failed no probe yet.
#[test]
fn the_first_cool_down_after_a_failed_probe_is_the_second_step_however_it_was_shut() {
    let min_ms = BreakerSettings::default().cooldown_ms_min;
    let mut told = Story::new();
    told.breaker.shut(told.now, &mut told.dice);
    assert!(within_a_tenth(told.closed_for_ms(), min_ms), "{}", told.closed_for_ms());
    let next_ms = told.fail_probe(FaultClass::ServerError);
    assert!(within_a_tenth(next_ms, 2 * min_ms), "{next_ms}");
    let mut doubted = Story::new();
    doubted.breaker.doubt(doubted.now);
    let next_ms = doubted.fail_probe(FaultClass::ServerError);
    assert!(within_a_tenth(next_ms, 2 * min_ms), "{next_ms}");
}

#[test]
fn only_a_probe_brings_it_back_and_only_one_is_out() {
    let mut story = Story::opened();
    story.wait_ms(3_600_000);
    assert_eq!(story.state(), State::HalfOpen, "no time alone closes it");
    assert_eq!(story.admit(), Gate::Probe);
    assert!(matches!(story.admit(), Gate::Refuse { why: BreakerWhy::ProbeOut, .. }));
    // Someone who began before the outage comes home: that says nothing about now.
    assert_eq!(story.judge(false, Verdict::Success), None);
    assert_eq!(story.state(), State::HalfOpen);
    let told = story.judge(true, Verdict::Success);
    let expected =
        Transition { from: State::HalfOpen, to: State::Closed, why: BreakerWhy::ProbeSucceeded };
    assert_eq!(told, Some(expected));
    assert_eq!(story.admit(), Gate::Admit);
    // All is forgiven: it takes a full streak to open it again.
    story.fail(FaultClass::ServerError);
    story.fail(FaultClass::ServerError);
    assert_eq!(story.state(), State::Closed);
}

#[test]
fn failed_probes_double_the_cool_down_up_to_its_limit() {
    let mut story = Story::opened();
    for expected_ms in [10_000, 20_000, 20_000, 20_000] {
        let cooldown_ms = story.fail_probe(FaultClass::Overloaded);
        assert!(within_a_tenth(cooldown_ms, expected_ms), "{cooldown_ms} for {expected_ms}");
    }
    for _ in 0..100 {
        story.fail_probe(FaultClass::Connect);
    }
    assert!(within_a_tenth(story.closed_for_ms(), 20_000), "doubling must not overflow");
}

#[test]
fn a_probe_that_meets_a_429_fails_without_lengthening_the_cool_down() {
    let mut story = Story::opened();
    for _ in 0..5 {
        let cooldown_ms = story.fail_probe(FaultClass::RateLimited);
        assert!(within_a_tenth(cooldown_ms, 5_000), "{cooldown_ms}");
    }
}

#[test]
fn stragglers_of_one_outage_start_the_cool_down_afresh_but_do_not_lengthen_it() {
    let mut story = Story::opened();
    for _ in 0..100 {
        story.wait_ms(40);
        story.fail(FaultClass::Reset);
    }
    assert!(within_a_tenth(story.closed_for_ms(), 5_000), "{}", story.closed_for_ms());
}

#[test]
fn a_lost_probe_locks_nobody_out_for_ever() {
    let mut story = Story::opened();
    story.wait_ms(6_000);
    assert_eq!(story.admit(), Gate::Probe);
    story.wait_ms(PROBE_MS_MAX - 1);
    assert!(matches!(story.admit(), Gate::Refuse { why: BreakerWhy::ProbeOut, .. }));
    story.wait_ms(1);
    assert_eq!(story.admit(), Gate::Probe);
    // The lost one comes home after all. Whose return it is cannot be told, so the claim stays.
    story.breaker.release(true);
    assert!(matches!(story.admit(), Gate::Refuse { why: BreakerWhy::ProbeOut, .. }));
    story.breaker.release(true);
    assert_eq!(story.admit(), Gate::Probe);
}

#[test]
fn a_probe_without_a_judgement_is_given_back_at_once() {
    let mut story = Story::opened();
    story.wait_ms(6_000);
    assert_eq!(story.admit(), Gate::Probe);
    story.breaker.release(true);
    assert_eq!(story.admit(), Gate::Probe);
    assert_eq!(story.judge(true, Verdict::Neutral), None);
    assert_eq!(story.admit(), Gate::Probe);
}

#[test]
fn retry_after_makes_a_route_rest_exactly_as_long() {
    let mut story = Story::new();
    let told = story.rate_limited(2_000);
    let expected =
        Transition { from: State::Closed, to: State::Resting, why: BreakerWhy::RetryAfter };
    assert_eq!(told, Some(expected));
    story.rate_limited(500);
    story.wait_ms(1_999);
    assert!(matches!(story.admit(), Gate::Refuse { why: BreakerWhy::RetryAfter, .. }));
    story.wait_ms(1);
    assert_eq!((story.admit(), story.admit()), (Gate::Admit, Gate::Admit), "no probe is needed");
    let told = story.judge(false, Verdict::Success);
    let expected =
        Transition { from: State::Resting, to: State::Closed, why: BreakerWhy::RestOver };
    assert_eq!(told, Some(expected));
    assert_eq!(story.judge(false, Verdict::Success), None, "told once");
}

#[test]
fn an_endless_retry_after_is_capped() {
    let mut story = Story::new();
    story.rate_limited(86_400_000);
    assert_eq!(story.closed_for_ms(), 3_600_000);
}

#[test]
fn a_door_that_is_hastened_is_tried_sooner_and_keeps_its_own_patience() {
    let mut story = Story::opened();
    let opened_at = story.now;
    let soon = |story: &mut Story| {
        let at = story.breaker.failed_at(story.now).expect("it is open for health");
        let until = at + Duration::from_millis(2_500);
        story.breaker.hasten(story.now, until);
    };
    story.wait_ms(1_000);
    assert_eq!(story.breaker.failed_at(story.now), Some(opened_at));
    soon(&mut story);
    assert_eq!(story.closed_for_ms(), 1_500);
    assert!(story.fail_probe(FaultClass::ServerError) > 8_900, "the second cool-down is doubled");
    soon(&mut story);
    assert_eq!(story.closed_for_ms(), 2_500);
    story.breaker.hasten(story.now, story.now + Duration::from_millis(60_000));
    assert_eq!(story.closed_for_ms(), 2_500, "it never takes longer for it");
    story.wait_ms(2_501);
    assert_eq!(story.admit(), Gate::Probe);
    assert_eq!(story.breaker.failed_at(story.now), None, "a probe is out");
    story.breaker.hasten(story.now, story.now);
    assert!(matches!(story.admit(), Gate::Refuse { why: BreakerWhy::ProbeOut, .. }));
}

#[test]
fn a_door_that_is_shut_for_a_key_or_by_request_is_not_hastened() {
    let mut rejected = Story::new();
    rejected.fail(FaultClass::KeyRejected);
    assert_eq!((rejected.state(), rejected.breaker.failed_at(rejected.now)), (State::Open, None));
    let closed = Story::new();
    assert_eq!(closed.breaker.failed_at(closed.now), None);
    let mut asked = Story::opened();
    asked.rate_limited(30_000);
    assert_eq!(asked.breaker.failed_at(asked.now), None, "the provider named a date");
    let shut = asked.closed_for_ms();
    asked.breaker.hasten(asked.now, asked.now);
    assert_eq!(asked.closed_for_ms(), shut);
}

#[test]
fn a_429_is_no_ill_health_however_often_it_comes() {
    let mut story = Story::new();
    for _ in 0..1_000 {
        assert_eq!(story.fail(FaultClass::RateLimited), None);
        assert_eq!(story.admit(), Gate::Admit);
    }
}

#[test]
fn a_429_counts_when_it_comes_although_its_wait_was_kept() {
    let mut story = Story::new();
    for round in 0..6 {
        assert_eq!(story.admit(), Gate::Admit, "round {round}");
        // Ten calls meet it at the same time; only the first after the wait counts.
        for _ in 0..10 {
            story.rate_limited(1_000);
        }
        if round < 5 {
            assert_eq!(story.state(), State::Resting, "round {round}");
        }
        story.wait_ms(1_000);
    }
    assert_eq!(story.breaker.state(story.now), State::Open);
    assert!(matches!(story.admit(), Gate::Refuse { why: BreakerWhy::Ratio, .. }));
}

#[test]
fn a_wait_that_was_not_kept_proves_nothing() {
    let mut story = Story::new();
    for _ in 0..100 {
        // These calls were under way when the first 429 came.
        story.rate_limited(1_000);
        story.wait_ms(1_200);
        assert_eq!(story.state(), State::Closed);
    }
}

#[test]
fn an_overloaded_provider_s_wait_is_the_floor_of_its_cool_down() {
    let mut story = Story::opened();
    let overloaded =
        Verdict::Failure { class: FaultClass::Overloaded, retry_after_ms: Some(45_000) };
    story.judge(false, overloaded);
    assert_eq!(story.closed_for_ms(), 45_000);
    story.wait_ms(45_000);
    assert_eq!(story.admit(), Gate::Probe);
    // A 429 from a call under way asks for a minute; the probe's success does not undo that.
    story.rate_limited(60_000);
    let told = story.judge(true, Verdict::Success);
    assert_eq!(
        told.map(|told| (told.to, told.why)),
        Some((State::Resting, BreakerWhy::ProbeSucceeded))
    );
    assert_eq!(story.closed_for_ms(), 60_000);
}

#[test]
fn an_exhausted_quota_opens_at_once_for_half_an_hour() {
    let mut story = Story::new();
    let told = story.fail(FaultClass::QuotaExhausted);
    assert_eq!(told.map(|told| told.why), Some(BreakerWhy::QuotaExhausted));
    assert!(within_a_tenth(story.closed_for_ms(), STICKY_MS_MAX));
    let again_ms = story.fail_probe(FaultClass::QuotaExhausted);
    assert!(within_a_tenth(again_ms, STICKY_MS_MAX));
    assert!(matches!(story.admit(), Gate::Refuse { why: BreakerWhy::QuotaExhausted, .. }));
}

#[test]
fn a_refused_key_opens_at_once_and_is_asked_ever_more_seldom() {
    let mut story = Story::new();
    let told = story.fail(FaultClass::KeyRejected);
    assert_eq!(told.map(|told| told.why), Some(BreakerWhy::KeyRejected));
    assert!(within_a_tenth(story.closed_for_ms(), 5_000));
    for level in 1..20 {
        let cooldown_ms = story.fail_probe(FaultClass::KeyRejected);
        let expected_ms = (5_000_u64 << level).min(STICKY_MS_MAX);
        assert!(within_a_tenth(cooldown_ms, expected_ms), "{cooldown_ms} for {expected_ms}");
    }
    // It works again, and the provider's next trouble is treated as any other.
    story.wait_ms(story.closed_for_ms() + 1);
    assert_eq!(story.admit(), Gate::Probe);
    story.judge(true, Verdict::Success);
    assert_eq!(story.admit(), Gate::Admit);
}

#[test]
fn a_limit_on_growth_never_counts() {
    let mut story = Story::new();
    for _ in 0..50 {
        story.fail(FaultClass::Acceleration);
        story.judge(
            false,
            Verdict::Failure { class: FaultClass::Acceleration, retry_after_ms: Some(10) },
        );
        story.wait_ms(20);
        story.admit();
    }
    assert_eq!(story.state(), State::Closed);
}

#[test]
fn outrun_calls_are_a_share_and_no_streak() {
    let mut story = Story::new();
    for _ in 0..4 {
        assert_eq!(story.fail(FaultClass::Outrun), None);
    }
    let opened = story.fail(FaultClass::Outrun).unwrap();
    assert_eq!((opened.to, opened.why), (State::Open, BreakerWhy::Ratio));
    let mut mixed = Story::new();
    for _ in 0..30 {
        mixed.judge(false, Verdict::Success);
        mixed.judge(false, Verdict::Success);
        assert_eq!(mixed.fail(FaultClass::Outrun), None);
    }
}

#[test]
fn a_spend_limit_stops_the_key_until_its_reset() {
    let mut story = Story::new();
    let month_ms = 27 * 86_400_000;
    let class = FaultClass::SpendLimit;
    let opened = story.judge(false, Verdict::Failure { class, retry_after_ms: Some(month_ms) });
    assert_eq!(opened.unwrap().why, BreakerWhy::SpendLimit);
    assert_eq!(story.closed_for_ms(), month_ms, "beyond any bound for an ordinary wait");
    story.wait_ms(month_ms - 1);
    assert!(matches!(story.admit(), Gate::Refuse { why: BreakerWhy::SpendLimit, .. }));
    story.wait_ms(1);
    assert_eq!(story.admit(), Gate::Probe);
    // Nobody told when: half an hour, as for any empty purse.
    let mut untold = Story::new();
    untold.fail(FaultClass::SpendLimit);
    assert!(untold.closed_for_ms().abs_diff(STICKY_MS_MAX) <= STICKY_MS_MAX / 10);
}

#[test]
fn a_route_in_doubt_begins_with_one_probe_unless_it_is_in_use() {
    let mut idle = Story::new();
    idle.breaker.doubt(idle.now);
    assert_eq!(idle.admit(), Gate::Probe);
    assert!(matches!(idle.admit(), Gate::Refuse { why: BreakerWhy::ProbeOut, .. }));
    let closed = idle.judge(true, Verdict::Success).unwrap();
    assert_eq!((closed.from, closed.to), (State::HalfOpen, State::Closed));
    let mut busy = Story::new();
    busy.judge(false, Verdict::Success);
    busy.breaker.doubt(busy.now);
    assert_eq!(busy.admit(), Gate::Admit);
    let mut open = Story::opened();
    let before = open.closed_for_ms();
    open.breaker.doubt(open.now);
    assert_eq!(open.closed_for_ms(), before);
}

#[test]
fn who_knows_of_an_outage_shuts_a_door_that_only_a_probe_opens() {
    let mut story = Story::new();
    let (now, why) = (story.now, BreakerWhy::OutageConfirmed);
    let told = story.breaker.shut(now, &mut story.dice);
    assert_eq!(told, Some(Transition { from: State::Closed, to: State::Open, why }));
    assert!(matches!(story.admit(), Gate::Refuse { why: BreakerWhy::OutageConfirmed, .. }));
    assert_eq!(story.breaker.shut(now, &mut story.dice), None, "it is shut");
    story.wait_ms(6_000);
    assert_eq!(story.admit(), Gate::Probe);
    let told = story.judge(true, Verdict::Success);
    let mut answering = Story::new();
    answering.judge(false, Verdict::Success);
    assert_eq!(answering.breaker.shut(answering.now, &mut answering.dice), None, "it answers");
    let opens = |told: Transition| (told.from, told.to, told.why);
    let wanted = (State::HalfOpen, State::Closed, BreakerWhy::ProbeSucceeded);
    assert_eq!(told.map(opens), Some(wanted));
    assert_eq!(story.admit(), Gate::Admit);
}
