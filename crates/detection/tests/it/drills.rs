//! The historic days as timelines of evidence: expected verdicts, causes and incidents. Times are
//! those of post-mortems and press; rates of traffic are assumed.

use detection::{
    Capability, CauseClass, Certainty, ChangeKind, Component, Condition, Fact, Family, Health,
    Impact, LightState, Phase, Post, Symptom,
};

use crate::world::{HOUR_MS, MINUTE_MS, World, component, id, moment};

const USUAL_SHARE: f64 = 0.003;

fn world(parts: &[(&str, Capability)], day: (i64, i64, i64), hour: u64, seed: u64) -> World {
    let components: Vec<Component> =
        parts.iter().map(|(provider, capability)| component(provider, *capability)).collect();
    let mut world = World::new(components.clone(), moment(day.0, day.1, day.2, hour, 0), seed);
    for part in components.iter().filter(|part| part.capability.unwrap().is_routed()) {
        world.set(part.id.as_str(), |state| {
            state.rps = 2.0;
            state.share = USUAL_SHARE;
            state.probe_every_s = Some(60);
        });
    }
    world
}

/// The page of a component says so from now on.
fn page(world: &mut World, component: &str, condition: Condition, symptom: Option<Symptom>) {
    let now = world.now;
    world.set(component, |state| state.page = Some((condition, Some(now), symptom)));
    world.post(component, "Elevated errors", now);
}

fn page_green(world: &mut World, component: &str) {
    world.set(component, |state| state.page = Some((Condition::Operational, None, None)));
}

fn fails(world: &mut World, component: &str, share: f64, symptom: Symptom) {
    world.set(component, |state| {
        state.share = share;
        state.symptom = symptom;
    });
}

/// True if a cause was told of a confirmed verdict at any time.
fn was_caused(world: &World, component: &str, class: CauseClass) -> bool {
    world.moments.iter().any(|moment| {
        let verdict = &moment.verdict;
        verdict.component == id(component)
            && verdict.certainty == Certainty::Confirmed
            && verdict.cause.class == class
    })
}

fn was_always_clear(world: &World, component: &str) -> bool {
    let mut own = world.moments.iter().filter(|of| of.verdict.component == id(component));
    own.all(|moment| moment.verdict.certainty == Certainty::Clear)
}

/// S1: the app falls twice, 32 and 19 minutes before its page says so; its users bring down others'
/// apps; no interface falls, and the interfaces' ramps are lowered before the crowd is there.
#[test]
fn s01_the_app_falls_and_its_users_flee() {
    let parts = [
        ("openai", Capability::App),
        ("openai", Capability::Chat),
        ("claude", Capability::App),
        ("claude", Capability::Chat),
        ("perplexity", Capability::App),
    ];
    let at = |hour, minute| moment(2024, 6, 4, hour, minute);
    let mut world = world(&parts, (2024, 6, 4), 5, 1);
    world.run_to(at(6, 49));
    world.set("openai/app", |state| state.reports_per_minute = 30.0);
    world.run_to(at(7, 21));
    assert_eq!(world.verdict("openai/app").certainty, Certainty::Suspected);
    assert!(world.advice("claude/chat").unwrap().ramp_factor < 1.0);
    page(&mut world, "openai/app", Condition::MajorOutage, None);
    world.run_to(at(11, 10));
    assert_eq!(world.verdict("openai/app").certainty, Certainty::Confirmed);
    assert!(world.advice("claude/chat").unwrap().ramp_factor <= 0.5);
    world.set("openai/app", |state| state.reports_per_minute = 0.5);
    page_green(&mut world, "openai/app");
    world.run_to(at(14, 14));
    assert_eq!(world.verdict("openai/app").certainty, Certainty::Clear);

    world.set("openai/app", |state| state.reports_per_minute = 30.0);
    world.run_to(at(14, 30));
    for (app, symptom) in [("perplexity/app", Symptom::Overload), ("claude/app", Symptom::Overload)]
    {
        world.set(app, |state| {
            state.reports_per_minute = 8.0;
            state.report_symptom = symptom;
        });
    }
    world.run_to(at(14, 33));
    page(&mut world, "openai/app", Condition::MajorOutage, None);
    world.run_to(at(14, 53));
    page(&mut world, "claude/app", Condition::PartialOutage, None);
    world.run_to(at(15, 10));
    assert_eq!(world.verdict("claude/app").certainty, Certainty::Confirmed);
    assert_eq!(world.verdict("claude/app").cause.class, CauseClass::FleeingUsers);
    assert_eq!(world.verdict("perplexity/app").cause.class, CauseClass::FleeingUsers);
    world.run_to(at(16, 45));
    for app in ["openai/app", "claude/app", "perplexity/app"] {
        world.set(app, |state| state.reports_per_minute = 0.02);
        page_green(&mut world, app);
    }
    world.run_to(at(18, 30));

    assert!(was_caused(&world, "openai/app", CauseClass::ProviderOutage));
    assert!(!was_caused(&world, "openai/app", CauseClass::FleeingUsers));
    assert!(was_always_clear(&world, "openai/chat") && was_always_clear(&world, "claude/chat"));
    let incidents = world.incidents();
    let of = |provider: &str| {
        let own = incidents.iter().filter(|of| of.components[0].as_str().starts_with(provider));
        own.cloned().collect::<Vec<_>>()
    };
    let openai = of("openai");
    assert_eq!(openai.len(), 2, "{incidents:#?}");
    let minutes = |ms: u64| ms / MINUTE_MS;
    let lags: Vec<u64> = openai.iter().map(|of| minutes(of.official_lag_ms(world.now))).collect();
    println!("the page stayed green for {lags:?} min");
    // Reports come by the minute and need a few to be improbable; the page's lag is 32 and 19.
    assert!((29..=32).contains(&lags[0]) && (16..=19).contains(&lags[1]), "{lags:?}");
    for incident in &openai {
        assert_eq!(incident.phase, Phase::Resolved);
        assert_eq!(incident.impact, Impact::Major);
        let states: Vec<LightState> = incident.lights.iter().map(|light| light.state).collect();
        assert_eq!(states[..2], [LightState::DoesNotApply; 2]);
        assert!(incident.lights[2].lit_at.unwrap() < incident.lights[3].lit_at.unwrap());
    }
    assert_eq!(of("claude").len(), 1);
}

/// S2: a collapse under load that ends in refusals, then a second day that flaps.
#[test]
fn s02_a_collapse_under_load_then_an_attack() {
    let parts =
        [("openai", Capability::Chat), ("openai", Capability::App), ("claude", Capability::Chat)];
    let at = |hour, minute| moment(2023, 11, 8, hour, minute);
    let mut world = world(&parts, (2023, 11, 8), 13, 2);
    world.run_to(at(13, 42));
    let from = world.now;
    fails(&mut world, "openai/chat", 0.9, Symptom::ServerErrors);
    world.set("openai/app", |state| state.reports_per_minute = 30.0);
    world.run_to(at(13, 54));
    assert!(world.seconds_to("openai/chat", Certainty::Confirmed, from).unwrap() <= 60.0);
    assert_eq!(world.verdict("openai/chat").cause.class, CauseClass::ProviderOutage);
    page(&mut world, "openai/chat", Condition::MajorOutage, None);
    page(&mut world, "openai/app", Condition::MajorOutage, None);
    world.run_to(at(15, 4));
    // The provider sheds load: refusals for load instead of errors, and still its own outage.
    fails(&mut world, "openai/chat", 0.7, Symptom::Overload);
    world.run_to(at(15, 16));
    let verdict = world.verdict("openai/chat");
    assert_eq!(verdict.cause.class, CauseClass::ProviderOutage);
    assert!(verdict.cause.why.contains("load"), "{}", verdict.cause.why);
    fails(&mut world, "openai/chat", USUAL_SHARE, Symptom::ServerErrors);
    world.set("openai/app", |state| state.reports_per_minute = 0.02);
    page_green(&mut world, "openai/chat");
    page_green(&mut world, "openai/app");
    world.run_to(at(20, 3));
    // The second day: bad for ten minutes, good for twenty, for three hours.
    for _ in 0..6 {
        fails(&mut world, "openai/chat", 0.6, Symptom::Timeouts);
        world.run_s(600);
        fails(&mut world, "openai/chat", USUAL_SHARE, Symptom::Timeouts);
        world.run_s(1200);
    }
    world.run_s(2 * 3600);
    assert!(was_always_clear(&world, "claude/chat"));
    let incidents = world.incidents();
    assert_eq!(incidents.len(), 2, "{incidents:#?}");
    assert!(incidents.iter().all(|of| of.phase == Phase::Resolved));
    // The parts of the first day were told as one.
    assert_eq!(incidents[0].components.len(), 2);
}

/// S3: everything of one provider falls within minutes and comes back part by part.
#[test]
fn s03_one_provider_falls_as_a_whole() {
    let parts = [
        ("openai", Capability::Chat),
        ("openai", Capability::Images),
        ("openai", Capability::App),
        ("claude", Capability::Chat),
    ];
    let mut world = world(&parts, (2024, 12, 11), 22, 3);
    world.run_to(moment(2024, 12, 11, 23, 12));
    fails(&mut world, "openai/chat", 0.1, Symptom::ServerErrors);
    world.run_to(moment(2024, 12, 11, 23, 16));
    for part in ["openai/chat", "openai/images"] {
        fails(&mut world, part, 0.97, Symptom::ServerErrors);
    }
    world.set("openai/app", |state| state.reports_per_minute = 40.0);
    world.run_to(moment(2024, 12, 11, 23, 40));
    for part in ["openai/chat", "openai/images", "openai/app"] {
        page(&mut world, part, Condition::MajorOutage, None);
    }
    world.run_to(moment(2024, 12, 12, 1, 36));
    let open: Vec<_> = world.keeper.open().cloned().collect();
    assert_eq!((open.len(), open[0].components.len(), open[0].impact), (1, 3, Impact::Critical));
    fails(&mut world, "openai/chat", USUAL_SHARE, Symptom::ServerErrors);
    page_green(&mut world, "openai/chat");
    world.run_to(moment(2024, 12, 12, 3, 1));
    assert_eq!(world.verdict("openai/chat").certainty, Certainty::Clear);
    assert_eq!(world.verdict("openai/images").certainty, Certainty::Confirmed);
    assert_eq!(world.keeper.open().next().unwrap().phase, Phase::Investigating);
    fails(&mut world, "openai/images", USUAL_SHARE, Symptom::ServerErrors);
    world.set("openai/app", |state| state.reports_per_minute = 0.02);
    page_green(&mut world, "openai/images");
    page_green(&mut world, "openai/app");
    world.run_to(moment(2024, 12, 12, 5, 0));
    assert_eq!(world.keeper.open().count(), 0);
    assert_eq!(world.incidents().len(), 1);
    assert!(was_caused(&world, "openai/chat", CauseClass::ProviderOutage));
}

/// S4: one region; some capabilities fail for nine of ten, text does not fail at all.
#[test]
fn s04_each_capability_has_its_own_verdict() {
    let parts = [
        ("openai", Capability::Chat),
        ("openai", Capability::Images),
        ("openai", Capability::Audio),
    ];
    let mut world = world(&parts, (2024, 12, 26), 18, 4);
    world.run_to(moment(2024, 12, 26, 18, 40));
    for part in ["openai/images", "openai/audio"] {
        fails(&mut world, part, 0.92, Symptom::ServerErrors);
    }
    world.run_to(moment(2024, 12, 26, 19, 40));
    for part in ["openai/images", "openai/audio"] {
        let verdict = world.verdict(part);
        assert_eq!((verdict.health, verdict.certainty), (Health::Down, Certainty::Confirmed));
    }
    assert!(was_always_clear(&world, "openai/chat"));
    assert_eq!(world.incidents().len(), 1);
}

/// S5: a slow burn: 5 %, then 25 %, for hours. Degraded within minutes, never down.
#[test]
fn s05_a_slow_burn_is_degraded_within_minutes() {
    let mut world = world(&[("openai", Capability::Chat)], (2025, 6, 10), 8, 5);
    world.run_to(moment(2025, 6, 10, 8, 45));
    let from = world.now;
    fails(&mut world, "openai/chat", 0.05, Symptom::Timeouts);
    world.run_to(moment(2025, 6, 10, 9, 0));
    let seconds = world.seconds_to("openai/chat", Certainty::Confirmed, from).unwrap();
    println!("a slow burn of 5 % at 2 requests a second is confirmed after {seconds} s");
    assert!(seconds <= 15.0 * 60.0, "{seconds}");
    fails(&mut world, "openai/chat", 0.25, Symptom::Timeouts);
    world.run_s(6 * 3600);
    assert_eq!(world.verdict("openai/chat").health, Health::Degraded);
    for moment in &world.moments {
        assert_ne!(moment.verdict.health, Health::Down, "{:#?}", moment.verdict);
    }
    assert_eq!(world.incidents().len(), 1);
    assert_eq!(world.incidents()[0].impact, Impact::Minor);
    // It is told from its first faults on, and not from when it was sure.
    let late_ms = world.incidents()[0].started_at.since(from);
    assert!(late_ms <= 60_000, "{late_ms}");
}

/// S6: a cloud falls with what stands on it; its own page is 73 minutes late. Nothing is to be moved
/// from one to the other.
#[test]
fn s06_a_cloud_takes_those_that_stand_on_it() {
    let parts = [
        ("google", Capability::Chat),
        ("cloudflare", Capability::Other),
        ("claude", Capability::Chat),
        ("openai", Capability::Chat),
    ];
    let at = |hour, minute| moment(2025, 6, 12, hour, minute);
    let mut world = world(&parts, (2025, 6, 12), 17, 6);
    world.court.lifts_mut().declare(&id("google/chat"), &id("claude/chat"));
    world.court.lifts_mut().declare(&id("google/chat"), &id("cloudflare/other"));
    world.run_to(at(17, 49));
    let from = world.now;
    fails(&mut world, "google/chat", 0.9, Symptom::ServerErrors);
    world.run_s(40);
    fails(&mut world, "claude/chat", 0.3, Symptom::ServerErrors);
    world.set("cloudflare/other", |state| state.reports_per_minute = 30.0);
    world.run_to(at(18, 0));
    for part in ["google/chat", "claude/chat"] {
        assert!(world.seconds_to(part, Certainty::Confirmed, from).unwrap() < 180.0);
        assert_eq!(world.verdict(part).cause.class, CauseClass::SharedDependency, "{part}");
    }
    let advice = world.advice("google/chat").unwrap();
    assert_eq!(advice.ramp_factor, 0.0, "{advice:?}");
    assert!(world.advice("openai/chat").is_none());
    world.run_to(at(18, 19));
    page(&mut world, "cloudflare/other", Condition::MajorOutage, None);
    world.run_to(at(19, 2));
    page(&mut world, "google/chat", Condition::MajorOutage, None);
    world.run_s(300);
    let google = world.incidents().into_iter().find(|of| of.components[0] == id("google/chat"));
    let lag_min = google.unwrap().official_lag_ms(world.now) / MINUTE_MS;
    assert_eq!(lag_min, 73);
}

/// S7: an edge takes three apps within two minutes; Gemini stands. Not an attack, and not a domino.
#[test]
fn s07_an_edge_takes_strangers_within_two_minutes() {
    let parts = [
        ("openai", Capability::App),
        ("claude", Capability::App),
        ("perplexity", Capability::Chat),
        ("claude", Capability::Chat),
        ("gemini", Capability::Chat),
    ];
    let mut world = world(&parts, (2025, 11, 18), 10, 7);
    world.tell(Fact::Attack { is_on: false });
    world.run_to(moment(2025, 11, 18, 11, 20));
    for app in ["openai/app", "claude/app"] {
        world.set(app, |state| state.reports_per_minute = 60.0);
    }
    world.run_s(60);
    fails(&mut world, "perplexity/chat", 0.9, Symptom::ServerErrors);
    fails(&mut world, "claude/chat", 0.8, Symptom::ServerErrors);
    world.run_s(600);
    for part in ["openai/app", "claude/app", "perplexity/chat", "claude/chat"] {
        let verdict = world.verdict(part);
        assert!(verdict.certainty > Certainty::Clear, "{part}");
        assert_eq!(
            verdict.cause.class,
            CauseClass::SharedDependency,
            "{part}: {}",
            verdict.cause.why
        );
        assert!(verdict.cause.why.contains("no attack"), "{}", verdict.cause.why);
    }
    assert!(was_always_clear(&world, "gemini/chat"));
    let claude =
        world.incidents().into_iter().filter(|of| of.components.contains(&id("claude/chat")));
    assert_eq!(claude.count(), 1);
}

/// S8: we see it alone; the page tells of it the next morning, in one post that is dated back.
#[test]
fn s08_a_post_written_afterwards_is_merged() {
    let mut world = world(&[("vertex", Capability::Chat)], (2024, 6, 4), 20, 8);
    world.set("vertex/chat", |state| state.page = Some((Condition::Operational, None, None)));
    world.run_to(moment(2024, 6, 4, 20, 58));
    fails(&mut world, "vertex/chat", 1.0, Symptom::Connections);
    world.run_to(moment(2024, 6, 5, 3, 26));
    assert_eq!(world.verdict("vertex/chat").certainty, Certainty::Confirmed);
    fails(&mut world, "vertex/chat", USUAL_SHARE, Symptom::Connections);
    world.run_to(moment(2024, 6, 5, 9, 0));
    assert_eq!(world.count(ChangeKind::Resolved), 1);
    let post = Post {
        provider: "vertex".into(),
        components: Vec::new(),
        title: "Opus in Vertex Complete Outage".into(),
        url: None,
        posted_at: moment(2024, 6, 4, 21, 0),
        seen_at: world.now,
        resolved_at: Some(moment(2024, 6, 5, 3, 26)),
    };
    world.post_of(&post);
    let changes = world.changes.len();
    world.post_of(&post);
    assert_eq!(world.changes.len(), changes, "the same post again changes nothing");
    let incidents = world.incidents();
    assert_eq!(incidents.len(), 1);
    let incident = &incidents[0];
    assert_eq!(&*incident.official.as_ref().unwrap().title, "Opus in Vertex Complete Outage");
    // Its date is two minutes after the fall; readers could know twelve hours later.
    assert!(incident.official_lag_ms(world.now) > 12 * HOUR_MS);
    assert_eq!(incident.phase, Phase::Resolved);
}

/// S9: dips of fifteen minutes every three quarters of an hour, for four hours: one incident.
#[test]
fn s09_what_flaps_is_one_incident() {
    let mut world = world(&[("claude", Capability::Chat)], (2026, 9, 15), 10, 9);
    world.run_s(1800);
    for _ in 0..6 {
        fails(&mut world, "claude/chat", 0.6, Symptom::ServerErrors);
        world.run_s(15 * 60);
        fails(&mut world, "claude/chat", USUAL_SHARE, Symptom::ServerErrors);
        world.run_s(30 * 60);
    }
    let now = world.now;
    world.post("claude/chat", "Elevated errors on Claude Fable 5.1", now);
    world.run_s(3 * 3600);
    let incidents = world.incidents();
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!(world.count(ChangeKind::Opened), 1);
    assert_eq!(incidents[0].phase, Phase::Resolved);
    assert_eq!(world.keeper.open().count(), 0);
    assert!(incidents[0].updates.len() <= 30);
}

/// S10: signing in fails for 21 minutes; nothing that a key opens is touched.
#[test]
fn s10_a_login_that_fails_moves_nothing() {
    let parts = [
        ("openai", Capability::Chat),
        ("openai", Capability::Login),
        ("openai", Capability::App),
        ("claude", Capability::Chat),
    ];
    let mut world = world(&parts, (2024, 8, 21), 15, 10);
    world.run_to(moment(2024, 8, 21, 16, 14));
    world.set("openai/login", |state| {
        state.reports_per_minute = 20.0;
        state.report_symptom = Symptom::Login;
    });
    world.run_to(moment(2024, 8, 21, 16, 27));
    assert_eq!(world.verdict("openai/login").certainty, Certainty::Suspected);
    page(&mut world, "openai/login", Condition::MajorOutage, Some(Symptom::Login));
    world.run_to(moment(2024, 8, 21, 16, 35));
    let verdict = world.verdict("openai/login");
    assert_eq!(verdict.certainty, Certainty::Confirmed);
    assert_eq!(verdict.cause.class, CauseClass::ProviderOutage);
    // No request needs it: the interface stands, and nobody's ramp is touched.
    assert!(was_always_clear(&world, "openai/chat") && was_always_clear(&world, "claude/chat"));
    assert!(world.court.advice(world.now).is_empty());
}

/// S11: every request succeeds and one answer in six is wrong, for weeks.
#[test]
fn s11_wrong_answers_are_found_behind_good_status_codes() {
    let mut world = world(&[("claude", Capability::Chat)], (2025, 8, 5), 8, 11);
    world.set("claude/chat", |state| state.share = 0.0);
    world.run_s(2 * 3600);
    assert_eq!(world.verdict("claude/chat").certainty, Certainty::Clear);
    world.set("claude/chat", |state| state.wrong = 0.16);
    world.run_s(4 * 3600);
    let verdict = world.verdict("claude/chat");
    assert_eq!(verdict.certainty, Certainty::Suspected, "one family stands alone: {}", verdict.why);
    assert_eq!(verdict.cause.class, CauseClass::QualityLoss);
    world.tell(Fact::Drift {
        component: id("claude/chat"),
        drift: detection::Drift::Shape,
        is_on: true,
    });
    world.run_s(120);
    let verdict = world.verdict("claude/chat");
    assert_eq!((verdict.health, verdict.certainty), (Health::Degraded, Certainty::Confirmed));
    assert_eq!(verdict.cause.class, CauseClass::QualityLoss);
    let speaks = |family| verdict.readings.iter().find(|of| of.family == family).unwrap();
    assert!(speaks(Family::Traffic).why.starts_with("all "), "no status code told of it");
    let titles: Vec<_> = world.incidents().iter().map(|of| of.title.clone()).collect();
    assert_eq!(&*titles[0], "claude's chat answers badly");
}
