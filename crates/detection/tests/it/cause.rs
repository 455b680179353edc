//! Causes that the historic days do not show, and what is learnt about who falls with whom.

use detection::{
    Advice, Capability, CauseClass, Certainty, Condition, Fact, Freshness, Health, Lifts,
    PageReading, Symptom, Traffic,
};

use crate::world::{HOUR_MS, MINUTE_MS, World, component, id, moment};

fn world(rps: f64) -> World {
    let parts = [
        component("openai", Capability::Chat),
        component("openai", Capability::App),
        component("claude", Capability::Chat),
    ];
    let mut world = World::new(parts.to_vec(), moment(2026, 3, 4, 12, 0), 31);
    for part in ["openai/chat", "claude/chat"] {
        world.set(part, |state| {
            state.rps = rps;
            state.share = 0.003;
            state.probe_every_s = Some(60);
        });
    }
    world.run_s(1200);
    world
}

#[test]
fn people_report_what_we_cannot_see() {
    let mut world = world(5.0);
    world.set("claude/chat", |state| state.reports_per_minute = 30.0);
    world.run_s(900);
    let verdict = world.verdict("claude/chat");
    // Traffic and probes outweigh the spike; nothing is told, and no incident is opened.
    assert_eq!(verdict.certainty, Certainty::Clear, "{}", verdict.why);
    assert_eq!(verdict.cause.class, CauseClass::ClientSide);
    assert!(world.incidents().is_empty());
    // Where our own view is thin, they are suspected to be right.
    world.set("claude/chat", |state| {
        state.rps = 0.0;
        state.probe_every_s = None;
    });
    world.run_s(1800);
    assert_eq!(world.verdict("claude/chat").certainty, Certainty::Suspected);
    // And to be right, once the provider says that it is his.
    let now = world.now;
    world.set("claude/chat", |state| {
        state.page = Some((Condition::PartialOutage, Some(now), None));
    });
    world.run_s(300);
    let verdict = world.verdict("claude/chat");
    assert!(verdict.certainty > Certainty::Clear, "{}", verdict.why);
    assert_ne!(verdict.cause.class, CauseClass::ClientSide);
}

#[test]
fn an_interface_that_refuses_for_load_after_an_app_fell_is_a_domino() {
    let mut world = world(5.0);
    let now = world.now;
    world.set("openai/app", |state| {
        state.reports_per_minute = 60.0;
        state.page = Some((Condition::MajorOutage, Some(now), None));
    });
    world.run_s(55 * 60);
    world.set("claude/chat", |state| {
        state.share = 0.4;
        state.symptom = Symptom::Overload;
        state.first_words_ms = 2000;
    });
    world.run_s(300);
    let verdict = world.verdict("claude/chat");
    assert_eq!((verdict.health, verdict.certainty), (Health::Degraded, Certainty::Confirmed));
    assert_eq!(verdict.cause.class, CauseClass::FleeingUsers, "{}", verdict.cause.why);
    assert!(verdict.cause.confidence > 0.8);
    let incident = world.incidents().into_iter().find(|of| of.components[0] == id("claude/chat"));
    let told = incident.unwrap().updates.iter().any(|of| of.body.contains("have come here"));
    assert!(told, "the cause is told once it is known");
}

#[test]
fn a_crowd_comes_as_long_as_the_leader_is_down() {
    let mut world = world(5.0);
    let now = world.now;
    world.set("openai/app", |state| {
        state.reports_per_minute = 60.0;
        state.page = Some((Condition::MajorOutage, Some(now), None));
    });
    world.run_s(5 * 3600);
    world.set("claude/chat", |state| {
        state.share = 0.4;
        state.symptom = Symptom::Overload;
    });
    world.run_s(300);
    assert_eq!(world.verdict("claude/chat").cause.class, CauseClass::FleeingUsers);
    assert_eq!(world.verdict("openai/app").cause.class, CauseClass::ProviderOutage);
}

#[test]
fn an_interface_that_errs_at_once_is_no_domino() {
    let mut world = world(5.0);
    world.set("openai/chat", |state| state.share = 1.0);
    world.run_s(3 * 60);
    world.set("claude/chat", |state| state.share = 1.0);
    world.run_s(300);
    assert_eq!(world.verdict("claude/chat").cause.class, CauseClass::ProviderOutage);
}

#[test]
fn under_attack_refusals_are_ours() {
    let mut world = world(5.0);
    world.tell(Fact::Attack { is_on: true });
    world.set("claude/chat", |state| {
        state.share = 0.5;
        state.symptom = Symptom::Overload;
    });
    world.run_s(300);
    assert_eq!(world.verdict("claude/chat").cause.class, CauseClass::AttackOnUs);
}

#[test]
fn families_that_disagree_are_inconclusive() {
    let mut world = world(5.0);
    // Every third request fails while all probes are answered: perhaps it is what we ask for.
    world.set("claude/chat", |state| state.probe_every_s = None);
    for _ in 0..30 {
        let faults = detection::Faults { server_errors: 2, ..detection::Faults::default() };
        let traffic = Traffic { span_ms: 1000, faults, ..Traffic::default() };
        world.tell(Fact::Traffic { component: id("claude/chat"), traffic });
        let result = detection::ProbeResult::Right;
        world.tell(Fact::Probe { component: id("claude/chat"), result });
        world.run_s(1);
    }
    let verdict = world.verdict("claude/chat");
    assert_eq!(verdict.certainty, Certainty::Suspected, "{}", verdict.why);
    assert_eq!(verdict.cause.class, CauseClass::Inconclusive, "{verdict:#?}");
}

#[test]
fn what_falls_together_three_times_stands_on_the_same_ground() {
    let mut lifts = Lifts::default();
    let start = moment(2026, 1, 1, 0, 0);
    let (a, b, c) = (id("a/chat"), id("b/chat"), id("c/chat"));
    for week in 0..6_u64 {
        let at = start.plus_ms(week * 168 * HOUR_MS);
        lifts.note(&a, at);
        lifts.note(&b, at.plus_ms(MINUTE_MS));
        lifts.note(&c, at.plus_ms(60 * HOUR_MS));
    }
    let now = start.plus_ms(6 * 168 * HOUR_MS);
    assert!(lifts.is_high(&a, &b, now) && lifts.lift(&a, &b, now) > 20.0);
    assert!(!lifts.is_high(&a, &c, now));
    lifts.declare(&c, &a);
    assert!(lifts.is_high(&a, &c, now));
}

#[test]
fn a_whole_provider_stands_as_its_worst_part_that_requests_need() {
    let mut parts =
        vec![component("openai", Capability::Chat), component("openai", Capability::Login)];
    let whole = detection::Component {
        id: id("openai"),
        capability: None,
        parent: None,
        ..parts[0].clone()
    };
    parts.push(whole);
    let mut world = World::new(parts, moment(2026, 3, 4, 12, 0), 33);
    world.set("openai", |state| state.page = None);
    world.set("openai/chat", |state| {
        state.rps = 5.0;
        state.share = 0.003;
    });
    let now = world.now;
    world.set("openai/login", |state| {
        state.page = Some((Condition::MajorOutage, Some(now), None));
        state.reports_per_minute = 60.0;
    });
    world.run_s(600);
    assert_eq!(world.verdict("openai/login").certainty, Certainty::Confirmed);
    assert_eq!(world.verdict("openai").certainty, Certainty::Clear);
    assert_eq!(world.verdict("openai").condition(), Condition::Operational);
    world.set("openai/chat", |state| state.share = 1.0);
    world.run_s(120);
    let verdict = world.verdict("openai");
    assert_eq!((verdict.health, verdict.certainty), (Health::Down, Certainty::Confirmed));
    assert_eq!(verdict.component, id("openai"));
    assert_eq!(verdict.condition(), Condition::MajorOutage);
    // Its incident is that of its parts, and not a second one.
    assert_eq!(world.keeper.open().count(), 1);
}

#[test]
fn a_provider_with_one_part_down_is_not_down() {
    let mut parts =
        vec![component("openai", Capability::Chat), component("openai", Capability::Images)];
    let whole = detection::Component {
        id: id("openai"),
        capability: None,
        parent: None,
        ..parts[0].clone()
    };
    parts.push(whole);
    let mut world = World::new(parts, moment(2026, 3, 4, 12, 0), 34);
    for part in ["openai/chat", "openai/images"] {
        world.set(part, |state| state.rps = 5.0);
    }
    world.run_s(120);
    world.set("openai/images", |state| state.share = 1.0);
    world.run_s(120);
    let verdict = world.verdict("openai");
    assert_eq!((verdict.health, verdict.certainty), (Health::Degraded, Certainty::Confirmed));
    assert!(verdict.why.starts_with("openai/images: does not answer"), "{}", verdict.why);
    world.set("openai/chat", |state| state.share = 1.0);
    world.run_s(120);
    assert_eq!(world.verdict("openai").health, Health::Down);
}

#[test]
fn a_page_that_breaks_takes_its_word_back_slowly() {
    let mut world = world(0.0);
    let posted = world.now;
    world.set("openai/app", |state| {
        state.page = Some((Condition::MajorOutage, Some(posted), None));
    });
    world.run_s(120);
    let verdict = world.verdict("openai/app");
    assert_eq!(verdict.certainty, Certainty::Suspected, "nobody else has seen it");
    let incident = &world.incidents()[0];
    assert_eq!(&*incident.title, "openai's app does not answer, says its own page");
    let factor = |advice: Option<Advice>| advice.map(|advice| advice.ramp_factor);
    assert_eq!(factor(world.advice("claude/chat")), Some(0.5));

    world.set("openai/app", |state| state.page = None);
    let tell = |world: &mut World| {
        let page = PageReading {
            freshness: Freshness::Broken,
            condition: Condition::Unknown,
            posted_at: None,
            symptom: None,
        };
        world.tell(Fact::Page { component: id("openai/app"), page });
        world.run_s(60);
    };
    (0..15).for_each(|_| tell(&mut world));
    assert!(world.verdict("openai/app").certainty > Certainty::Clear);
    (0..60).for_each(|_| tell(&mut world));
    let verdict = world.verdict("openai/app");
    assert!(verdict.belief.ok > 0.5, "{:?}", verdict.belief);
}

#[test]
fn a_second_without_answers_confirms_nothing() {
    let mut world = world(0.0);
    world.set("claude/chat", |state| state.rps = 200.0);
    world.run_s(60);
    world.set("claude/chat", |state| state.share = 1.0);
    world.run_s(2);
    world.set("claude/chat", |state| state.share = 0.003);
    world.run_s(600);
    let confirmed =
        world.moments.iter().any(|moment| moment.verdict.certainty == Certainty::Confirmed);
    assert!(!confirmed);
    assert!(world.incidents().is_empty());
}

#[test]
fn answers_out_of_their_usual_shape_are_suspected_alone() {
    let mut world = world(5.0);
    // Without probes; right answers to them would speak for a change in what is asked.
    world.set("claude/chat", |state| state.probe_every_s = None);
    world.run_s(1200);
    let drift = |is_on| Fact::Drift {
        component: id("claude/chat"),
        drift: detection::Drift::Refusals,
        is_on,
    };
    world.tell(drift(true));
    world.run_s(60);
    let verdict = world.verdict("claude/chat");
    assert_eq!((verdict.health, verdict.certainty), (Health::Degraded, Certainty::Suspected));
    assert_eq!(verdict.cause.class, CauseClass::QualityLoss);
    world.tell(drift(false));
    world.run_s(240);
    assert_eq!(world.verdict("claude/chat").certainty, Certainty::Clear);
}
