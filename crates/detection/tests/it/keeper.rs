//! The keeper by itself: operators, restarts, ramps, late posts, words.

use clock::{Dice, UnixMs};
use detection::{
    Author, Capability, Certainty, ChangeKind, Condition, Impact, Keeper, KeeperSettings, Order,
    OrderRefused, Phase, Symptom,
};

use crate::world::{MINUTE_MS, World, component, id, moment};

const CHAT: &str = "openai/chat";

fn world() -> World {
    let components =
        vec![component("openai", Capability::Chat), component("openai", Capability::Images)];
    let mut world = World::new(components, moment(2026, 3, 4, 12, 0), 21);
    for part in [CHAT, "openai/images"] {
        world.set(part, |state| {
            state.rps = 5.0;
            state.share = 0.003;
            state.probe_every_s = Some(60);
        });
    }
    world.run_s(300);
    world
}

fn fallen() -> World {
    let mut world = world();
    world.set(CHAT, |state| state.share = 1.0);
    world.run_s(180);
    world
}

#[test]
fn it_opens_is_watched_and_ends_only_when_the_traffic_is_back() {
    let mut world = fallen();
    let incident = world.keeper.open().next().unwrap().clone();
    assert_eq!(&*incident.title, "openai's chat does not answer");
    assert_eq!((incident.phase, incident.impact), (Phase::Investigating, Impact::Major));
    assert!(incident.updates[0].body.starts_with("Confirmed: "), "{}", incident.updates[0].body);
    assert_eq!(incident.updates[0].affected[0].to, Condition::MajorOutage);

    world.keeper.hold_back(&id(CHAT), true);
    let deeds = world.keeper.deed(world.now, &id(CHAT), "All requests moved to Claude.");
    assert_eq!((deeds.len(), deeds[0].kind), (1, ChangeKind::Touched));
    world.set(CHAT, |state| state.share = 0.003);
    world.run_s(1800);
    assert_eq!(world.keeper.open().next().unwrap().phase, Phase::Monitoring);
    world.keeper.hold_back(&id(CHAT), false);
    world.run_s(2);
    assert_eq!(world.keeper.open().count(), 0);
    let incident = &world.incidents()[0];
    assert_eq!(incident.phase, Phase::Resolved);
    assert_eq!(incident.deeds.len(), 1);
    // It ended when it was well, not when we were sure of it.
    let took = incident.resolved_at.unwrap().since(incident.started_at);
    assert!((180_000..=420_000).contains(&took), "{took}");
}

/// The raw detector alarms within seconds; an incident needs a minute or a second family.
#[test]
fn the_raw_alarm_opens_no_incident() {
    let mut world = world();
    world.set(CHAT, |state| {
        state.rps = 50.0;
        state.share = 1.0;
        state.probe_every_s = None;
    });
    world.run_s(3);
    assert!(world.court.is_alarmed(&id(CHAT)));
    world.run_s(47);
    let verdict = world.verdict(CHAT);
    assert_eq!(verdict.certainty, Certainty::Confirmed, "{verdict:#?}");
    assert_eq!(world.keeper.open().count(), 0);
    world.run_s(15);
    assert_eq!(world.keeper.open().count(), 1);
}

#[test]
fn a_sibling_that_falls_later_joins() {
    let mut world = fallen();
    world.set("openai/images", |state| state.share = 1.0);
    world.run_s(180);
    let open: Vec<_> = world.keeper.open().collect();
    assert_eq!((open.len(), open[0].components.len(), open[0].impact), (1, 2, Impact::Critical));
    assert_eq!(&*open[0].title, "openai's chat and openai's images do not answer");
}

#[test]
fn operators_have_the_last_word() {
    let mut world = fallen();
    let incident = world.keeper.open().next().unwrap().id.clone();
    let now = world.now;
    let update =
        |phase, body: &str| Order::Update { id: incident.clone(), phase, body: body.into() };
    let change =
        world.keeper.order(now, update(Phase::Identified, "It is a cable."), "ann").unwrap();
    let last = change.incident.updates.last().unwrap();
    assert_eq!(last.author, Author::Operator("ann".into()));

    // The verdicts turn good, and the operator's phase stands.
    world.set(CHAT, |state| state.share = 0.003);
    world.run_s(1800);
    assert_eq!(world.keeper.open().next().unwrap().phase, Phase::Identified);
    let early = Order::Postmortem { id: incident.clone(), text: "A cable.".into() };
    assert_eq!(world.keeper.order(now, early.clone(), "ann"), Err(OrderRefused::NotOver));
    let now = world.now;
    let change = world.keeper.order(now, update(Phase::Resolved, "Mended."), "ann").unwrap();
    assert_eq!((change.kind, change.incident.resolved_at), (ChangeKind::Resolved, Some(now)));
    let change = world.keeper.order(now, early, "ann").unwrap();
    assert_eq!(change.incident.phase, Phase::Postmortem);

    // He called it over while it failed again: it is not opened a second time, until it has been well.
    world.set(CHAT, |state| state.share = 1.0);
    world.run_s(300);
    assert_eq!(world.keeper.open().count(), 1, "it had been well: this is a relapse");
    let now = world.now;
    world.keeper.order(now, update(Phase::Resolved, "It is the test."), "ann").unwrap();
    world.run_s(600);
    assert_eq!(world.keeper.open().count(), 0, "the operator is right while it lasts");

    let unknown = Order::HandBack { id: detection::IncidentId::new("none") };
    assert_eq!(world.keeper.order(now, unknown, "ann"), Err(OrderRefused::Unknown));
}

#[test]
fn trouble_joins_what_an_operator_opened() {
    let mut world = world();
    let now = world.now;
    let order = Order::Open {
        title: "Chat will be slow".into(),
        impact: Impact::Minor,
        components: vec![id(CHAT), id("nobody/knows")],
        body: "We expect a crowd.".into(),
    };
    let opened = world.keeper.order(now, order, "bo").unwrap();
    assert_eq!(opened.incident.components, [id(CHAT)]);
    world.set(CHAT, |state| state.share = 1.0);
    world.run_s(300);
    let open: Vec<_> = world.keeper.open().collect();
    assert_eq!(open.len(), 1);
    assert_eq!(&*open[0].title, "Chat will be slow");
    assert_eq!(open[0].certainty, Certainty::Confirmed);
    let none = Order::Open {
        title: "?".into(),
        impact: Impact::Minor,
        components: vec![id("nobody/knows")],
        body: "".into(),
    };
    assert_eq!(world.keeper.order(now, none, "bo"), Err(OrderRefused::NoComponent));
}

#[test]
fn a_restored_incident_is_not_over_before_somebody_saw_it_well() {
    let world = fallen();
    let stored = world.keeper.open().next().unwrap().clone();
    let now = world.now;
    let components =
        vec![component("openai", Capability::Chat), component("openai", Capability::Images)];
    let mut fresh = World::new(components.clone(), now, 22);
    fresh.keeper = Keeper::new(components, KeeperSettings::default(), Dice::seeded(5));
    fresh.keeper.restore(stored.clone());
    fresh.set(CHAT, |state| state.page = None);
    fresh.run_s(1200);
    let open: Vec<_> = fresh.keeper.open().collect();
    assert_eq!((open.len(), open[0].phase), (1, Phase::Investigating));
    fresh.set(CHAT, |state| state.rps = 5.0);
    fresh.run_s(1200);
    assert_eq!(fresh.keeper.open().count(), 0);
    let ended = fresh.incidents();
    assert_eq!((ended.len(), &ended[0].id), (1, &stored.id));
}

#[test]
fn a_suspicion_that_passes_says_so() {
    let mut world = world();
    world.set(CHAT, |state| {
        state.rps = 0.0;
        state.probe_every_s = None;
        state.page = None;
        state.reports_per_minute = 60.0;
        state.report_symptom = Symptom::Slow;
    });
    world.run_s(1500);
    let open: Vec<_> = world.keeper.open().cloned().collect();
    assert_eq!(open[0].certainty, Certainty::Suspected);
    assert!(open[0].updates[0].body.starts_with("Probably: "), "{}", open[0].updates[0].body);
    world.set(CHAT, |state| {
        state.reports_per_minute = 0.02;
        state.rps = 5.0;
    });
    world.run_s(3 * 3600);
    let incident = &world.incidents()[0];
    assert_eq!(incident.phase, Phase::Resolved);
    assert_eq!(&*incident.updates.last().unwrap().body, "It passed before it was confirmed.");
}

#[test]
fn words_are_plain() {
    let mut world = fallen();
    world.run_s(1200);
    let now = world.now;
    world.post(CHAT, "We are experiencing issues", now);
    world.set(CHAT, |state| state.share = 0.003);
    world.run_s(3600);
    let incident = &world.incidents()[0];
    let own = incident.updates.iter().map(|update| update.body.to_string());
    let lights = incident.lights.iter().map(|light| light.reading.to_string());
    let texts: Vec<String> = own
        .chain(lights)
        .chain([incident.title.to_string(), incident.cause.why.to_string()])
        .collect();
    for text in &texts {
        println!("{text}");
        for jargon in ["upstream", "5xx", "degraded performance", "mitigate", "apologise", "!"] {
            assert!(!text.to_lowercase().contains(jargon), "{text}");
        }
    }
    let last = incident.updates.last().unwrap();
    assert!(last.body.contains("stayed green for 23 min"), "{}", last.body);
    assert!(incident.official_lag_ms(UnixMs::default()) / MINUTE_MS == 23);
}
