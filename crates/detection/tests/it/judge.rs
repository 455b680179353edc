//! The judge of one component: how fast, how sure, and what keeps it from judging.

use detection::{
    Capability, CauseClass, Certainty, Condition, Fact, Faults, Freshness, Guard, Health,
    Maintenance, MaintenancePhase, PageReading, ProbeResult, Refusals, Silence, Symptom, Traffic,
};

use crate::world::{MINUTE_MS, World, component, id, moment};

const CHAT: &str = "openai/chat";

fn world(rps: f64, probe_every_s: Option<u64>, seed: u64) -> World {
    let components = vec![component("openai", Capability::Chat)];
    let mut world = World::new(components, moment(2026, 3, 4, 12, 0), seed);
    world.set(CHAT, |state| {
        state.rps = rps;
        state.share = 0.003;
        state.probe_every_s = probe_every_s;
    });
    world
}

/// The slowest of twenty full outages: seconds to suspected and to confirmed.
fn slowest(rps: f64, probe_every_s: Option<u64>) -> (f64, f64) {
    let mut slowest = (0.0_f64, 0.0_f64);
    for seed in 0..20 {
        let mut world = world(rps, probe_every_s, seed);
        world.run_s(600);
        let from = world.now;
        world.set(CHAT, |state| state.share = 1.0);
        world.run_s(150);
        let to = |certainty| world.seconds_to(CHAT, certainty, from).unwrap();
        slowest.0 = slowest.0.max(to(Certainty::Suspected));
        slowest.1 = slowest.1.max(to(Certainty::Confirmed));
        assert_eq!(world.verdict(CHAT).health, Health::Down);
    }
    slowest
}

#[test]
fn a_full_outage_is_suspected_and_confirmed_in_time() {
    for probes in [None, Some(60)] {
        let (suspected, confirmed) = slowest(1.0, probes);
        println!("1 rps, probes {probes:?}: suspected {suspected} s, confirmed {confirmed} s");
        assert!(suspected <= 60.0 && confirmed <= 120.0, "{suspected} / {confirmed}");
        let (suspected, confirmed) = slowest(10.0, probes);
        println!("10 rps, probes {probes:?}: suspected {suspected} s, confirmed {confirmed} s");
        assert!(suspected <= 15.0 && confirmed <= 15.0, "{suspected} / {confirmed}");
    }
}

/// Breakers hide most of a fall from us. Those who try the shut doors are enough, for at ten calls a
/// second they are tried in haste.
#[test]
fn a_full_outage_behind_shut_doors_is_confirmed_in_time() {
    let slowest = |rps: f64, symptom: Symptom| {
        let confirmed = (0..20).map(|seed| {
            let mut world = world(rps, None, seed);
            (world.has_doors, world.asks_at_once) = (true, true);
            world.run_s(600);
            let from = world.now;
            world.set(CHAT, |state| (state.share, state.symptom) = (1.0, symptom));
            world.run_s(150);
            assert_eq!(world.verdict(CHAT).health, Health::Down, "{rps} a second, seed {seed}");
            world.seconds_to(CHAT, Certainty::Confirmed, from).unwrap()
        });
        confirmed.fold(0.0, f64::max)
    };
    for symptom in [Symptom::ServerErrors, Symptom::Connections, Symptom::Cuts] {
        let (many, few) = (slowest(10.0, symptom), slowest(1.0, symptom));
        println!("{symptom:?}: confirmed after {many} s at 10 a second, {few} s at 1");
        assert!(many <= 15.0 && few <= 120.0, "{symptom:?}: {many} s, {few} s");
    }
}

/// Calls that hang are seen long before their clocks run out.
#[test]
fn a_silence_at_ten_calls_a_second_is_confirmed_in_time() {
    let mut world = world(10.0, None, 4);
    world.asks_at_once = true;
    let silent_for = |world: &mut World, seconds: usize| {
        let mut silence = Silence::default();
        for (age, of_age) in silence.0.iter_mut().enumerate() {
            // The first word usually comes within the second in which a call began.
            *of_age = (10, if age < seconds { 10 } else { 0 });
        }
        world.tell(Fact::Silence { component: id(CHAT), silence });
    };
    for _ in 0..600 {
        silent_for(&mut world, 0);
        world.run_s(1);
    }
    let from = world.now;
    world.set(CHAT, |state| state.rps = 0.0);
    for second in 1..=14 {
        silent_for(&mut world, second);
        world.run_s(1);
    }
    let to = |certainty| world.seconds_to(CHAT, certainty, from).unwrap();
    let (suspected, confirmed) = (to(Certainty::Suspected), to(Certainty::Confirmed));
    println!("silent: suspected after {suspected} s, confirmed after {confirmed} s");
    assert!(suspected <= 8.0 && confirmed <= 15.0, "{suspected} s, {confirmed} s");
    assert_eq!(world.verdict(CHAT).health, Health::Down);
    assert_eq!(world.court.haste_ms(&id(CHAT), world.now), None, "nobody is sent to wait in vain");
}

/// Two witnesses that have looked for three seconds have met the same hiccup.
#[test]
fn a_hiccup_is_not_confirmed_whoever_meets_it() {
    let mut world = world(50.0, None, 21);
    world.run_s(300);
    world.set(CHAT, |state| state.share = 1.0);
    for _ in 0..6 {
        let result = ProbeResult::Failed(Symptom::ServerErrors);
        world.tell(Fact::Probe { component: id(CHAT), result });
        world.run_s(1);
    }
    assert_eq!(world.verdict(CHAT).certainty, Certainty::Suspected);
    assert!(world.court.haste_ms(&id(CHAT), world.now).is_some(), "it is worth a closer look");
    world.set(CHAT, |state| state.share = 0.0);
    world.tell(Fact::Probe { component: id(CHAT), result: ProbeResult::Right });
    world.run_s(300);
    let all = world.moments.iter();
    assert!(all.map(|of| of.verdict.certainty).max() == Some(Certainty::Suspected));
}

/// What never answers is confirmed once a canary has proved our own line.
#[test]
fn silence_of_one_provider_is_confirmed_in_time() {
    for seed in 0..10 {
        let mut world = world(1.0, Some(60), seed);
        world.run_s(600);
        let from = world.now;
        world.set(CHAT, |state| {
            state.share = 1.0;
            state.symptom = Symptom::Timeouts;
        });
        world.run_s(150);
        assert!(world.seconds_to(CHAT, Certainty::Confirmed, from).unwrap() <= 120.0);
    }
}

#[test]
fn probes_carry_detection_where_traffic_is_thin() {
    let mut world = world(0.05, Some(60), 3);
    world.run_s(3600);
    assert!(world.verdict(CHAT).guards.contains(&Guard::LowVolume));
    let from = world.now;
    world.set(CHAT, |state| state.share = 1.0);
    world.run_s(240);
    assert!(world.seconds_to(CHAT, Certainty::Suspected, from).unwrap() <= 180.0);
    assert!(world.seconds_to(CHAT, Certainty::Confirmed, from).unwrap() <= 240.0);
}

#[test]
fn it_is_left_only_after_three_good_windows() {
    let mut world = world(10.0, Some(60), 5);
    world.run_s(300);
    world.set(CHAT, |state| state.share = 1.0);
    world.run_s(300);
    assert_eq!(world.verdict(CHAT).certainty, Certainty::Confirmed);
    world.set(CHAT, |state| state.share = 0.003);
    world.run_s(175);
    assert_eq!(world.verdict(CHAT).certainty, Certainty::Confirmed);
    world.run_s(45);
    assert_eq!(world.verdict(CHAT).certainty, Certainty::Clear);
    assert_eq!(world.verdict(CHAT).health, Health::Ok);
}

#[test]
fn a_third_of_faults_is_degraded_and_not_down() {
    let mut world = world(10.0, Some(60), 6);
    world.run_s(300);
    world.set(CHAT, |state| state.share = 0.35);
    world.run_s(180);
    let verdict = world.verdict(CHAT);
    assert_eq!((verdict.health, verdict.certainty), (Health::Degraded, Certainty::Confirmed));
}

#[test]
fn slow_first_words_are_degraded() {
    let mut world = world(5.0, Some(60), 7);
    world.run_s(1200);
    world.set(CHAT, |state| state.first_words_ms = 2400);
    world.run_s(300);
    let verdict = world.verdict(CHAT);
    assert_eq!((verdict.health, verdict.certainty), (Health::Degraded, Certainty::Confirmed));
    assert!(verdict.why.contains("times slower than usual"), "{}", verdict.why);
    world.set(CHAT, |state| state.first_words_ms = 600);
    world.run_s(600);
    assert_eq!(world.verdict(CHAT).certainty, Certainty::Clear);
}

#[test]
fn our_own_network_condemns_nobody() {
    let mut world = world(10.0, Some(30), 8);
    world.run_s(300);
    world.canaries = false;
    world.run_s(35);
    world.set(CHAT, |state| {
        state.share = 1.0;
        state.symptom = Symptom::Connections;
    });
    world.run_s(600);
    assert!(world.moments.iter().all(|moment| moment.verdict.certainty == Certainty::Clear));
    let verdict = world.verdict(CHAT);
    assert!(verdict.guards.contains(&Guard::OwnNetwork));
    assert_eq!(verdict.cause.class, CauseClass::OurNetwork);
}

/// The line is cut, and the canaries say so only half a minute later.
#[test]
fn a_cut_line_confirms_nobody_before_the_canaries_speak() {
    let components =
        ["openai", "claude", "gemini"].map(|provider| component(provider, Capability::Chat));
    let mut world = World::new(components.to_vec(), moment(2026, 3, 4, 12, 0), 15);
    let all = ["openai/chat", "claude/chat", "gemini/chat"];
    let set = |world: &mut World, share| {
        for part in all {
            world.set(part, |state| {
                state.rps = 10.0;
                state.share = share;
                state.symptom = Symptom::Connections;
                state.probe_every_s = Some(20);
            });
        }
    };
    set(&mut world, 0.003);
    world.run_s(301);
    world.canaries = false;
    set(&mut world, 1.0);
    world.run_s(900);
    assert!(world.moments.iter().all(|of| of.verdict.certainty < Certainty::Confirmed));
    assert_eq!(world.verdict("claude/chat").cause.class, CauseClass::OurNetwork);
    assert!(world.incidents().is_empty());
    world.canaries = true;
    set(&mut world, 0.003);
    world.run_s(600);
    assert_eq!(world.verdict("claude/chat").certainty, Certainty::Clear);
    // The same fall of one alone, while the others answer, is its own.
    world.set("claude/chat", |state| state.share = 1.0);
    world.run_s(20);
    assert_eq!(world.verdict("claude/chat").certainty, Certainty::Confirmed);
}

fn refused(world: &mut World, refused: u16, asking: u16) {
    for _ in 0..120 {
        let refusals = Refusals { count: 10, refused, asking };
        let traffic = Traffic { span_ms: 1000, refusals, ..Traffic::default() };
        world.tell(Fact::Traffic { component: id(CHAT), traffic });
        world.run_s(1);
    }
}

#[test]
fn one_refused_key_is_ours_and_several_are_theirs() {
    let mut alone = world(0.0, None, 9);
    refused(&mut alone, 1, 4);
    let verdict = alone.verdict(CHAT);
    assert_eq!(verdict.certainty, Certainty::Clear);
    assert!(verdict.guards.contains(&Guard::OwnAccount));
    assert_eq!(verdict.cause.class, CauseClass::OurKeyOrQuota);

    let mut agreed = world(0.0, None, 9);
    refused(&mut agreed, 4, 4);
    assert_eq!(agreed.verdict(CHAT).certainty, Certainty::Confirmed);
}

#[test]
fn callers_faults_are_nothing() {
    let mut world = world(0.0, None, 10);
    for _ in 0..300 {
        let traffic = Traffic { span_ms: 1000, good: 1, caller_faults: 50, ..Traffic::default() };
        world.tell(Fact::Traffic { component: id(CHAT), traffic });
        world.run_s(1);
    }
    assert!(world.moments.iter().all(|moment| moment.verdict.certainty == Certainty::Clear));
}

#[test]
fn planned_work_excuses() {
    let mut world = world(10.0, Some(60), 11);
    world.run_s(60);
    let maintenance = Maintenance {
        id: detection::IncidentId::new("m1"),
        title: "New disks".into(),
        phase: MaintenancePhase::Scheduled,
        created_at: world.now,
        starts_at: world.now.plus_ms(MINUTE_MS),
        ends_at: world.now.plus_ms(20 * MINUTE_MS),
        // The whole provider is named, and its parts are excused.
        components: vec![id("openai")],
        updates: Vec::new(),
        sequence: 0,
    };
    world.tell(Fact::Maintenance(maintenance));
    world.run_s(70);
    world.set(CHAT, |state| state.share = 1.0);
    world.run_s(600);
    let verdict = world.verdict(CHAT);
    assert_eq!(verdict.certainty, Certainty::Clear);
    assert!(verdict.guards.contains(&Guard::Maintenance));
    assert_eq!(verdict.cause.class, CauseClass::Maintenance);
    // It should have been over by now.
    world.run_s(900);
    assert_eq!(world.verdict(CHAT).certainty, Certainty::Confirmed);
}

#[test]
fn a_jump_of_the_clock_draws_no_verdict() {
    let mut world = world(10.0, Some(60), 12);
    world.run_s(300);
    let faults = Faults { timeouts: 500, ..Faults::default() };
    let traffic = Traffic { span_ms: 1000, faults, ..Traffic::default() };
    // The process slept for an hour; all that was in flight is seen to have timed out.
    world.now = world.now.plus_ms(60 * MINUTE_MS);
    world.tell(Fact::Traffic { component: id(CHAT), traffic });
    world.run_s(1);
    assert_eq!(world.verdict(CHAT).guards, [Guard::ClockJump]);
    world.run_s(600);
    assert!(world.moments.iter().all(|moment| moment.verdict.certainty == Certainty::Clear));
    // It is set back by an hour, and by a second.
    world.now = world.now.minus_ms(60 * MINUTE_MS);
    world.run_s(1);
    assert!(world.verdict(CHAT).guards.contains(&Guard::ClockJump));
    world.run_s(10);
    world.now = world.now.minus_ms(2000);
    world.run_s(1);
    assert!(world.verdict(CHAT).guards.is_empty());
}

#[test]
fn what_nobody_sees_is_unknown() {
    let mut world = world(0.0, None, 18);
    let shows = |world: &mut World, told: Option<(Condition, Freshness)>| {
        for _ in 0..40 {
            if let Some((condition, freshness)) = told {
                let page = PageReading { freshness, condition, posted_at: None, symptom: None };
                world.tell(Fact::Page { component: id(CHAT), page });
            }
            world.run_s(60);
        }
        world.verdict(CHAT).condition()
    };
    world.set(CHAT, |state| state.page = None);
    assert_eq!(shows(&mut world, None), Condition::Unknown);
    let unknown = Some((Condition::Unknown, Freshness::Fresh));
    assert_eq!(shows(&mut world, unknown), Condition::Unknown);
    let green = |freshness| Some((Condition::Operational, freshness));
    assert_eq!(shows(&mut world, green(Freshness::Fresh)), Condition::Operational);
    assert_eq!(shows(&mut world, green(Freshness::Stale)), Condition::Unknown);
    assert_eq!(shows(&mut world, green(Freshness::Broken)), Condition::Unknown);
    world.set(CHAT, |state| state.probe_every_s = Some(60));
    assert_eq!(shows(&mut world, None), Condition::Operational);
}

#[test]
fn silence_is_no_good_news() {
    let mut world = world(10.0, None, 13);
    world.set(CHAT, |state| state.page = None);
    world.run_s(300);
    world.set(CHAT, |state| state.share = 1.0);
    world.run_s(120);
    assert_eq!(world.verdict(CHAT).certainty, Certainty::Confirmed);
    // The breaker is open: nobody asks any more.
    world.set(CHAT, |state| state.rps = 0.0);
    world.run_s(2 * 3600);
    assert!(world.verdict(CHAT).certainty > Certainty::Clear);
}

#[test]
fn a_suspicion_that_nobody_can_check_lapses() {
    let mut world = world(0.0, None, 16);
    world.set(CHAT, |state| {
        state.page = None;
        state.reports_per_minute = 60.0;
    });
    world.run_s(600);
    assert_eq!(world.verdict(CHAT).certainty, Certainty::Suspected);
    world.set(CHAT, |state| state.reports_per_minute = 0.02);
    world.run_s(2 * 3600);
    assert_eq!(world.verdict(CHAT).certainty, Certainty::Clear);
}

/// Sixty components, each judged once a second, cost a small part of one core.
#[test]
fn a_second_of_judging_is_cheap() {
    let components: Vec<_> =
        (0..60).map(|place| component(&format!("p{place}"), Capability::Chat)).collect();
    let mut world = World::new(components, moment(2026, 3, 4, 12, 0), 17);
    for place in 0..60 {
        world.set(&format!("p{place}/chat"), |state| state.rps = 5.0);
    }
    world.run_s(120);
    assert_eq!(world.verdicts.len(), 60);
    assert!(world.moments.len() == 60, "nothing changed after the first second");
}

#[test]
fn reports_alone_never_confirm() {
    let mut world = world(0.0, None, 14);
    world.set(CHAT, |state| state.page = None);
    world.run_s(1200);
    world.set(CHAT, |state| state.reports_per_minute = 400.0);
    world.run_s(3600);
    let verdict = world.verdict(CHAT);
    assert_eq!(verdict.certainty, Certainty::Suspected);
    assert!(verdict.why.contains("reports: "), "{}", verdict.why);
}
