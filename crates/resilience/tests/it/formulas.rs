//! The controllers' central formulas by worked examples: what each of their terms is for shows in a
//! figure that would be another one without it. That bounds are kept, whatever comes, is shown by the
//! laws beside; here a change of a factor, a sign or a bound makes a test fail.

use std::time::Duration;

use clock::{Dice, Tick};
use domain::{Allowance, FaultClass, Quantity};
use resilience::{
    Breaker, BreakerSettings, Feel, LimitWhy, Limiter, LimiterSettings, Pace, PaceWhy, Paced,
    Pacer, Ramp, RetryBudget, Tail, Take, Verdict,
};

fn at(ms: u64) -> Tick {
    Tick::from_millis(1_000_000 + ms)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const CALL: Take = Take { input_tokens: 0, output_tokens: 0 };
const WIDE: LimiterSettings = LimiterSettings { start: 100, limit_min: 2, limit_max: 10_000 };

/// A window of twenty answers, one every 100 ms, of which the first ones feel otherwise.
fn window(limiter: &mut Limiter, from_ms: u64, (few, odd): (u64, f64), rest: f64, out: u32) {
    for nth in 0..20 {
        let pulse = if nth < few { odd } else { rest };
        limiter.answered(at(from_ms + nth * 100), pulse, out);
    }
}

/// It grows by a tenth while answers are as they were: 1000 to 1100. Then the mean doubles to 0.8: the
/// slow mean takes a thirtieth of that, 0.4133; the gradient is 1.5 × 0.4133 / 0.8 = 0.775; the limit
/// goes a fifth of its way to 1100 × 0.775 + 4 = 856.5, to 1051.3.
#[test]
fn the_limit_by_history_follows_its_gradient() {
    let mut limiter = Limiter::new(LimiterSettings { start: 1_000, ..WIDE });
    window(&mut limiter, 0, (0, 0.0), 0.4, 1_000);
    assert_eq!(limiter.limit(), (1_100, LimitWhy::History));
    // With less than half of it in use nothing is proved.
    window(&mut limiter, 10_000, (0, 0.0), 0.4, 549);
    assert_eq!(limiter.limit(), (1_100, LimitWhy::History));
    window(&mut limiter, 20_000, (0, 0.0), 0.8, 1_100);
    assert_eq!(limiter.limit(), (1_051, LimitWhy::History));
    window(&mut limiter, 30_000, (0, 0.0), 0.4, 525);
    assert_eq!(limiter.limit(), (1_051, LimitWhy::History));
}

/// It aims at 0.8 of what is expected: a pulse of 1.0 takes a fifth off, one of 4.0 no more than three
/// tenths, and one of 0.2 adds a fifth and a quarter of the root.
#[test]
fn the_limit_by_expectation_follows_the_slowest_tenth() {
    let mut limiter = Limiter::anchored(WIDE);
    // Two of twenty are the slowest tenth.
    window(&mut limiter, 0, (2, 1.0), 0.2, 100);
    assert_eq!(limiter.limit(), (80, LimitWhy::Expectation));
    // What is still out beyond it was answered already, but not for ever.
    window(&mut limiter, 2_000, (0, 0.0), 1.0, 81);
    assert_eq!(limiter.limit().0, 80);
    window(&mut limiter, 6_000, (0, 0.0), 1.0, 81);
    assert_eq!(limiter.limit().0, 64);
    window(&mut limiter, 12_000, (0, 0.0), 4.0, 10);
    assert_eq!(limiter.limit().0, 44, "64 × 0.7 = 44.8");
    // It is not raised while little of it is in use; then by 44.8 × 1.2 = 53.76, and 1.83 more.
    window(&mut limiter, 20_000, (0, 0.0), 0.2, 26);
    assert_eq!(limiter.limit().0, 44);
    window(&mut limiter, 30_000, (1, 4.0), 0.2, 27);
    assert_eq!(limiter.limit().0, 55);
}

#[test]
fn a_limit_at_its_bound_says_so_and_none_is_below_one() {
    let narrow = LimiterSettings { start: 100, limit_min: 90, limit_max: 105 };
    let mut limiter = Limiter::new(narrow);
    assert_eq!(limiter.limit(), (100, LimitWhy::Start));
    window(&mut limiter, 0, (0, 0.0), 0.2, 100);
    assert_eq!(limiter.limit(), (105, LimitWhy::Bound));
    window(&mut limiter, 10_000, (0, 0.0), 4.0, 100);
    assert_eq!(limiter.limit(), (90, LimitWhy::Bound));
    let mut none = Limiter::new(LimiterSettings { start: 1, limit_min: 0, limit_max: 1 });
    window(&mut none, 0, (0, 0.0), 9.0, 1);
    assert_eq!(none.limit().0, 1);
    let mut odd = Limiter::new(WIDE);
    window(&mut odd, 0, (20, f64::NAN), 0.0, 100);
    window(&mut odd, 10_000, (20, -1.0), 0.0, 100);
    assert_eq!(odd.limit(), (100, LimitWhy::Start), "what is no pulse is none");
}

fn goes(ramp: &mut Ramp, now: Tick) -> bool {
    ramp.ask(now, 1.0) == Pace::Go
}

/// A ramp whose rung is used to so many calls a second, over five minutes.
fn ramp_over(own_per_s: u64) -> Ramp {
    let mut ramp = Ramp::default();
    (0..300 * own_per_s).for_each(|_| ramp.own_call(Tick::from_millis(999_000)));
    ramp
}

#[test]
fn a_ramp_lets_one_go_and_the_next_after_its_share_of_a_second() {
    let mut ramp = Ramp::default();
    assert!(!ramp.is_rising(at(0)), "nobody is ramped");
    assert!(goes(&mut ramp, at(0)) && !ramp.is_wide() && ramp.is_rising(at(0)));
    assert_eq!(ramp.ask(at(0), 1.0), Pace::Wait { until: at(500) }, "two a second");
    ramp.give_back();
    assert!(goes(&mut ramp, at(0)));
    assert_eq!(ramp.ask(at(0), 1.0), Pace::Wait { until: at(500) }, "one came back, and no more");
    assert!(!ramp.is_rising(at(60_000)), "nobody came for a minute");
}

/// A tenth of a hundred a second are ten, and as many may come at once after a pause.
#[test]
fn a_ramp_lets_a_second_s_worth_go_at_once() {
    let mut ramp = ramp_over(100);
    assert!(goes(&mut ramp, at(0)));
    let burst = (0..20).filter(|_| goes(&mut ramp, at(5_000))).count();
    assert_eq!(burst, 10);
    // Stress takes what was saved, and half of the rate.
    assert!((0..5).all(|_| goes(&mut ramp, at(5_500))));
    (0..4).for_each(|_| ramp.give_back());
    ramp.felt(at(5_500), Feel::Stressed);
    assert_eq!(ramp.rate_per_s(), Some(5.0));
    assert_eq!(ramp.ask(at(5_500), 1.0), Pace::Wait { until: at(5_700) });
}

/// So many answers since the last step, the first of them slow, and somebody who is held back.
fn step_of(answers: u32, slow: u32) -> f64 {
    let mut ramp = Ramp::default();
    assert!(goes(&mut ramp, at(0)) && !goes(&mut ramp, at(0)));
    // A step before, so that what is counted begins anew.
    for nth in 0..10 {
        ramp.felt(at(100), if nth == 0 { Feel::Slow } else { Feel::Good });
    }
    ramp.ask(at(30_000), 1.0);
    assert_eq!(ramp.rate_per_s(), Some(4.0), "one slow answer of ten is in band");
    (0..9).for_each(|_| _ = goes(&mut ramp, at(30_100)));
    for nth in 0..answers {
        ramp.felt(at(31_000), if nth < slow { Feel::Slow } else { Feel::Good });
    }
    ramp.ask(at(59_999), 1.0);
    assert_eq!(ramp.rate_per_s(), Some(4.0), "not within thirty seconds");
    ramp.ask(at(60_000), 1.0);
    ramp.rate_per_s().unwrap()
}

#[test]
fn a_ramp_doubles_on_ten_answers_of_which_a_tenth_may_be_slow() {
    for (answers, slow, rate) in
        [(9, 0, 4.0), (10, 0, 8.0), (10, 1, 8.0), (20, 2, 8.0), (20, 3, 4.0)]
    {
        let got = step_of(answers, slow);
        assert!((got - rate).abs() < 1e-9, "{answers} answers, {slow} slow: {got}");
    }
}

#[test]
fn stress_halves_a_ramp_once_in_five_seconds_down_to_one_call_in_two() {
    let mut ramp = ramp_over(200);
    goes(&mut ramp, at(0));
    let mut rates = Vec::new();
    for second in 0..36 {
        ramp.felt(at(second * 1_000), Feel::Stressed);
        rates.push(ramp.rate_per_s().unwrap());
    }
    rates.dedup();
    assert_eq!(rates, [10.0, 5.0, 2.5, 1.25, 0.625, 0.5]);
}

/// A burst of refusals is one stress, and one of a hundred answers is in band.
#[test]
fn refusals_beside_a_stress_count_against_the_next_step() {
    for (more, rate) in [(1, 10.0), (2, 5.0)] {
        let mut ramp = ramp_over(100);
        goes(&mut ramp, at(0));
        ramp.felt(at(0), Feel::Stressed);
        (0..more).for_each(|_| ramp.felt(at(1_000), Feel::Stressed));
        (0..10).for_each(|_| _ = goes(&mut ramp, at(1_000)));
        (0..150).for_each(|_| ramp.felt(at(2_000), Feel::Good));
        ramp.ask(at(30_000), 1.0);
        assert_eq!(ramp.rate_per_s(), Some(rate), "{more} more");
    }
}

fn told(limit: u64, remaining: u64, reset_ms: u64) -> Allowance {
    Allowance { quantity: Quantity::Requests, limit, remaining, reset_ms: Some(reset_ms) }
}

/// How many go at once.
fn burst(pacer: &mut Pacer, now: Tick) -> usize {
    let mut dice = Dice::seeded(3);
    (0..1_000).take_while(|_| pacer.ask(now, CALL, &mut dice) == Paced::Go).count()
}

/// Two of a hundred are left unused. What others took comes back in the time of the window, of which
/// half is over after thirty seconds, and all of it after a minute.
#[test]
fn a_limit_that_was_told_is_used_but_for_its_margin() {
    let mut all = Pacer::default();
    all.told(at(0), &[told(100, 100, 0)]);
    assert_eq!(burst(&mut all, at(0)), 98);
    let mut shared = Pacer::default();
    shared.told(at(0), &[told(100, 50, 30_000)]);
    assert_eq!(burst(&mut shared, at(0)), 48);
    assert_eq!(burst(&mut shared, at(30_000)), 25);
    assert_eq!(burst(&mut shared, at(140_000)), 98);
}

/// A refusal without a wait: from one call a second down by a fifth each time, to a tenth of it and no
/// further; and forgotten after five minutes.
#[test]
fn a_learned_rate_has_a_floor_and_an_end() {
    let mut pacer = Pacer::default();
    let mut dice = Dice::seeded(3);
    pacer.refused(at(0), None);
    let waits = |until| Paced::Wait { until, why: PaceWhy::Learned };
    assert_eq!(pacer.ask(at(0), CALL, &mut dice), waits(at(1_250)), "0.8 a second");
    (1..=40).for_each(|second| pacer.refused(at(second * 1_000), None));
    let last = at(40_000);
    assert_eq!(pacer.ask(last, CALL, &mut dice), waits(last + ms(10_000)), "0.1 a second");
    assert!(burst(&mut pacer, at(339_999)) < 10, "it is still known");
    let mut forgetful = Pacer::default();
    forgetful.refused(at(0), None);
    assert_eq!(burst(&mut forgetful, at(300_000)), 1_000);
}

/// Of a hundred calls seventy-five were refused: beyond twice the accepted ones there are fifty of a
/// hundred and one.
#[test]
fn the_last_guard_holds_back_what_is_beyond_twice_the_accepted() {
    let held = (0..400).filter(|seed| {
        let mut pacer = Pacer::default();
        let mut dice = Dice::seeded(*seed);
        (0..100).for_each(|_| _ = pacer.ask(at(0), CALL, &mut dice));
        (0..75).for_each(|_| pacer.refused(at(0), Some(1)));
        pacer.ask(at(1_000), CALL, &mut dice) != Paced::Go
    });
    let held = held.count();
    assert!((160..=236).contains(&held), "{held} of 400");
}

#[test]
fn a_first_token_is_late_after_nineteen_of_twenty() {
    let mut tail = Tail::default();
    (1..=40).for_each(|nth| tail.add(ms(nth * 100), 0));
    assert_eq!(tail.late_after(0), Some(ms(3_900)));
    // A prompt of eight thousand tokens may take twice as long, and took it.
    let mut long = Tail::default();
    (0..40).for_each(|_| long.add(ms(2_000), 8_000));
    assert_eq!((long.late_after(0), long.late_after(8_000)), (Some(ms(1_000)), Some(ms(2_000))));
    // The newest take the place of the oldest.
    let mut moved = Tail::default();
    (0..128).for_each(|_| moved.add(ms(5_000), 0));
    (0..144).for_each(|_| moved.add(ms(100), 0));
    assert_eq!(moved.late_after(0), Some(ms(100)));
}

#[test]
fn hedges_have_half_of_the_budget_and_its_level_is_what_is_left() {
    let mut budget = RetryBudget::new(0.2);
    (0..100).for_each(|_| budget.request(at(0)));
    assert!((budget.level(at(0)) - 1.0).abs() < 1e-9);
    assert_eq!((0..30).filter(|_| budget.try_hedge(at(0)).is_ok()).count(), 10);
    assert!((budget.level(at(0)) - 0.5).abs() < 1e-9);
    assert_eq!((0..30).filter(|_| budget.try_spend(at(0), 2).is_ok()).count(), 5);
    assert!(budget.level(at(0)).abs() < 1e-9);
}

fn failing(settings: BreakerSettings, classes: &[FaultClass]) -> (Breaker, Dice) {
    let (mut breaker, mut dice) = (Breaker::new(settings), Dice::seeded(4));
    for class in classes {
        let verdict = Verdict::Failure { class: *class, retry_after_ms: None };
        breaker.judge(at(0), false, verdict, &mut dice);
    }
    (breaker, dice)
}

#[test]
fn one_failure_is_a_streak_where_the_operator_says_so() {
    let settings = BreakerSettings { streak_max: 1, ..BreakerSettings::default() };
    let (breaker, _) = failing(settings, &[FaultClass::ServerError]);
    assert_ne!(breaker.peek(at(0)), resilience::Gate::Admit);
}

/// What a request brought about by itself is taken back as long as it alone had opened the breaker.
#[test]
fn a_breaker_that_has_reasons_of_its_own_is_not_opened_by_a_withdrawal() {
    let error = FaultClass::ServerError;
    let (mut mine, _) = failing(BreakerSettings::default(), &[error; 3]);
    assert!(mine.withdraw(at(1), 3).is_some());
    let (mut purse, _) = failing(BreakerSettings::default(), &[FaultClass::QuotaExhausted]);
    assert_eq!(purse.withdraw(at(1), 1), None, "an empty purse is no count");
    let (mut probed, mut dice) = failing(BreakerSettings::default(), &[error; 3]);
    assert_eq!(probed.admit(at(10_000)), resilience::Gate::Probe);
    let verdict = Verdict::Failure { class: error, retry_after_ms: None };
    probed.judge(at(10_000), true, verdict, &mut dice);
    assert_eq!(probed.withdraw(at(10_001), 4), None, "its probe failed as well");
}

#[test]
fn what_paces_or_was_outrun_does_not_begin_a_cool_down_anew() {
    for class in [FaultClass::Acceleration, FaultClass::RateLimited, FaultClass::Outrun] {
        let (mut breaker, mut dice) =
            failing(BreakerSettings::default(), &[FaultClass::ServerError; 3]);
        let before = breaker.peek(at(2_000));
        let verdict = Verdict::Failure { class, retry_after_ms: None };
        breaker.judge(at(2_000), false, verdict, &mut dice);
        let until = |gate| match gate {
            resilience::Gate::Refuse { until, .. } => until,
            other => panic!("{other:?}"),
        };
        assert_eq!(until(breaker.peek(at(2_000))), until(before), "{class:?}");
    }
}
