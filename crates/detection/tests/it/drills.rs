//! The historic days as timelines of evidence: expected verdicts and causes.

use detection::{Capability, CauseClass, Certainty, Condition, Symptom};

use crate::world::{HOUR_MS, World, component, moment};

/// S10: signing in fails for 21 minutes; nothing that a key opens is touched.
#[test]
fn s10_a_login_that_fails_moves_nothing() {
    let components = vec![
        component("openai", Capability::Chat),
        component("openai", Capability::Login),
        component("openai", Capability::App),
        component("claude", Capability::Chat),
    ];
    let mut world = World::new(components, moment(2024, 8, 21, 15, 0), 10);
    for chat in ["openai/chat", "claude/chat"] {
        world.set(chat, |state| {
            state.rps = 5.0;
            state.share = 0.003;
            state.probe_every_s = Some(60);
        });
    }
    world.run_to(moment(2024, 8, 21, 16, 14));
    world.set("openai/login", |state| {
        state.reports_per_minute = 20.0;
        state.report_symptom = Symptom::Login;
    });
    world.run_to(moment(2024, 8, 21, 16, 27));
    assert_eq!(world.verdict("openai/login").certainty, Certainty::Suspected);
    let posted = world.now;
    world.set("openai/login", |state| {
        state.page = Some((Condition::MajorOutage, Some(posted), Some(Symptom::Login)));
    });
    world.run_to(moment(2024, 8, 21, 16, 35));
    let verdict = world.verdict("openai/login");
    assert_eq!(verdict.certainty, Certainty::Confirmed);
    assert_eq!(verdict.cause.class, CauseClass::ProviderOutage);
    // No request needs it: the interface stands, and nobody's ramp is touched.
    let mut chats =
        world.moments.iter().filter(|of| of.verdict.component.as_str().ends_with("chat"));
    assert!(chats.all(|moment| moment.verdict.certainty == Certainty::Clear));
    assert!(world.court.advice(world.now).is_empty());
}

/// An app that no gateway calls falls, and the heirs of its crowd are spared for two hours.
#[test]
fn an_app_that_falls_lowers_the_ramp_of_the_others() {
    let components = vec![
        component("openai", Capability::App),
        component("openai", Capability::Chat),
        component("claude", Capability::Chat),
    ];
    let mut world = World::new(components, moment(2024, 6, 4, 6, 0), 4);
    world.set("openai/app", |state| {
        let posted = Some(moment(2024, 6, 4, 6, 0));
        state.page = Some((Condition::MajorOutage, posted, None));
        state.reports_per_minute = 60.0;
    });
    world.run_s(600);
    let advice = world.advice("claude/chat").unwrap();
    assert!(advice.ramp_factor <= 0.5, "{advice:?}");
    assert!(advice.until.since(world.now) > HOUR_MS);
    assert!(world.advice("openai/chat").is_none());
}
