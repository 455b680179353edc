//! Names find their ladders.

use proptest::prelude::*;
use resilience::{Clocks, LadderSpec, LadderTable, ModelSpec, RungModel, RungSpec};

/// A model as it stands in the configuration; the steps are separated by blanks, equals by commas.
fn model(pattern: &str, steps: &str) -> ModelSpec {
    let rung = |text: &str| {
        let (provider, model) = text.split_once('/').expect("provider/model");
        let model = if model == "*" { RungModel::AsAsked } else { RungModel::Named(model.into()) };
        RungSpec { provider: provider.into(), model }
    };
    let step = |text: &str| text.split(',').map(rung).collect();
    let ladder = LadderSpec { steps: steps.split_whitespace().map(step).collect() };
    ModelSpec { pattern: pattern.into(), ladder, clocks: Clocks::default() }
}

fn table(models: &[(&str, &str)]) -> LadderTable {
    let models = models.iter().map(|(pattern, steps)| model(pattern, steps)).collect();
    let providers = ["openai", "groq", "openrouter", "reserve"].map(Box::from).to_vec();
    let direct_clocks = Clocks { gap_ms_max: 77, ..Clocks::default() };
    LadderTable::new(models, providers, direct_clocks)
}

/// The ladder as it was written, and the pattern that matched.
fn find(table: &LadderTable, asked: &str) -> Option<String> {
    let found = table.find(asked)?;
    let step = |step: &[domain::Target]| {
        step.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    };
    let steps: Vec<String> = found.steps.iter().map(|equals| step(equals)).collect();
    Some(format!("{}: {}", found.pattern, steps.join(" ")))
}

#[test]
fn a_configured_name_comes_before_any_pattern() {
    let table = table(&[
        ("*", "openai/*"),
        ("gpt-4.1", "groq/llama,openrouter/llama reserve/smollm2"),
        ("openai/gpt-4.1", "groq/llama"),
    ]);
    let found = find(&table, "gpt-4.1");
    assert_eq!(found.as_deref(), Some("gpt-4.1: groq/llama,openrouter/llama reserve/smollm2"));
    assert_eq!(find(&table, "openai/gpt-4.1").as_deref(), Some("openai/gpt-4.1: groq/llama"));
    assert_eq!(find(&table, "gpt-4").as_deref(), Some("*: openai/gpt-4"));
    assert_eq!(find(&table, ""), None);
}

#[test]
fn the_most_particular_pattern_counts() {
    let table = table(&[
        ("*", "reserve/r0"),
        ("gpt-*", "reserve/r1"),
        ("gpt-4*", "reserve/r2"),
        ("gpt-*-mini", "reserve/r3"),
        ("gpt-*-nano", "reserve/r4"),
        ("*-nano", "reserve/r5"),
        ("gpt-**", "reserve/r6"),
    ]);
    let expect = |asked: &str, found: &str| {
        assert_eq!(find(&table, asked).as_deref(), Some(found));
    };
    expect("claude", "*: reserve/r0");
    expect("gpt-5", "gpt-*: reserve/r1");
    expect("gpt-4.1-mini", "gpt-4*: reserve/r2");
    expect("gpt-5-mini", "gpt-*-mini: reserve/r3");
    expect("gpt-5-nano", "gpt-*-nano: reserve/r4");
    expect("x-nano", "*-nano: reserve/r5");
}

#[test]
fn direct_names_reach_their_provider() {
    let bare = table(&[("*", "groq/*")]);
    assert_eq!(find(&bare, "openai/gpt-4.1").as_deref(), Some("openai/*: openai/gpt-4.1"));
    assert_eq!(bare.find("openai/gpt-4.1").unwrap().clocks.gap_ms_max, 77);
    assert_eq!(find(&bare, "nobody/gpt-4.1").as_deref(), Some("*: groq/nobody/gpt-4.1"));
    let routed = "openrouter/openai/gpt-4.1";
    assert_eq!(find(&bare, routed).as_deref(), Some("openrouter/*: openrouter/openai/gpt-4.1"));
    assert_eq!(find(&bare, "openai/").as_deref(), Some("*: groq/openai/"));
    let none = table(&[]);
    assert_eq!(find(&none, "openai/gpt-4.1").as_deref(), Some("openai/*: openai/gpt-4.1"));
    assert_eq!(find(&none, "gpt-4.1"), None);
    assert_eq!(find(&none, "nobody/gpt-4.1"), None);
}

#[test]
fn a_pattern_may_give_direct_names_a_ladder() {
    let table = table(&[
        ("groq/*", "groq/* reserve/smollm2"),
        ("openai/*", "openai/* openrouter/*"),
        ("open*", "reserve/wrong"),
    ]);
    assert_eq!(find(&table, "groq/llama").as_deref(), Some("groq/*: groq/llama reserve/smollm2"));
    let found = find(&table, "openai/gpt-4.1");
    let expected = "openai/*: openai/gpt-4.1 openrouter/openai/gpt-4.1";
    assert_eq!(found.as_deref(), Some(expected), "only the provider itself needs no prefix");
    assert_eq!(find(&table, "openrouter/x").as_deref(), Some("openrouter/*: openrouter/x"));
    assert_eq!(find(&table, "open").as_deref(), Some("open*: reserve/wrong"));
}

#[test]
fn names_are_the_concrete_ones_in_their_order() {
    let table = table(&[
        ("zebra", "openai/a"),
        ("gpt-*", "openai/*"),
        ("assistant", "openai/b"),
        ("zebra", "openai/later"),
    ]);
    assert_eq!(table.names().collect::<Vec<_>>(), ["zebra", "assistant"]);
    assert_eq!(find(&table, "zebra").as_deref(), Some("zebra: openai/a"), "the first counts");
}

#[test]
fn a_configured_name_is_found_without_building_anything() {
    let table = table(&[("assistant", "openai/a groq/b")]);
    let (one, other) = (table.find("assistant").unwrap(), table.find("assistant").unwrap());
    assert!(std::sync::Arc::ptr_eq(&one.steps, &other.steps));
    assert!(std::sync::Arc::ptr_eq(&one.pattern, &other.pattern));
}

proptest! {
    /// Strangers choose the name.
    #[test]
    fn any_name_is_taken(asked in "[a-z/*é-]{0,12}|\\PC*") {
        let table = table(&[("*", "openai/*"), ("gpt-*", "groq/*"), ("é*é", "reserve/r")]);
        let found = table.find(&asked);
        prop_assert_eq!(found.is_none(), asked.is_empty());
        if let Some(found) = found {
            let model = &found.steps[0][0].model;
            prop_assert!(!model.is_empty());
            prop_assert!(asked.ends_with(&**model) || &**model == "r");
        }
    }
}
