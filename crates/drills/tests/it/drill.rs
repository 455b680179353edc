//! Whole drills: the product itself, simulated providers and crowds, on virtual time. They are
//! short; the long ones are played by `cargo xtask test`.

use std::path::Path;

use drills::scenario::ProviderKind;
use drills::{Played, Policy, Progress, Scenario, builtin, drill, find, play, read, shipped};

/// A day of a few minutes: the first choice falls, comes back, and the crowd goes on.
const STORY: &str = r#"
title = "A short outage"
about = "For tests."
start = "2024-06-04T12:00:00Z"
duration = "4m"

[providers.first]
slots = 20
ambient = 0.3
[providers.second]
slots = 20
ambient = 0.3

[[events]]
at = "+60s"
until = "+150s"
provider = "first"
state = "STATE"
why = "it breaks"

[[crowds]]
rate = 2.0
turns = 2
think = "3s"
hang_up_share = 0.05

[fleet]
ladder = ["first/m", "second/m"]
"#;

fn story(state: &str) -> Scenario {
    read("test", &STORY.replace("STATE", state), Path::new("test.toml")).unwrap()
}

fn played(scenario: &Scenario, policy: Policy, seed: u64) -> Played {
    let setup = builtin(scenario).unwrap();
    play(scenario, &setup, policy, seed, &Progress::default()).unwrap()
}

#[test]
fn every_shipped_scenario_is_understood_in_full_and_in_short() {
    let all = shipped();
    assert_eq!(all.len(), 16 + 33);
    for shipped in all {
        let scenario = shipped.read().unwrap_or_else(|mistake| panic!("{mistake}"));
        builtin(&scenario).unwrap_or_else(|error| panic!("{}: {error}", shipped.name));
        let short = scenario.shortened();
        assert!(short.duration.as_secs() >= 60, "{}", shipped.name);
        assert!(!scenario.expectations.is_empty(), "{}", shipped.name);
        assert!(scenario.about.len() > 80, "{} tells no story", shipped.name);
    }
}

#[test]
fn the_same_seed_plays_the_same_and_another_does_not() {
    let scenario = story("down");
    for policy in Policy::ALL {
        let hash = |seed| played(&scenario, policy, seed).figures.trace_hash;
        let first = hash(1);
        assert_eq!(first, hash(1), "{policy:?}");
        assert_ne!(first, hash(2), "{policy:?}");
    }
}

#[test]
fn an_outage_costs_whoever_has_one_provider_and_nobody_with_two() {
    let scenario = story("down");
    let single = played(&scenario, Policy::Single, 3).figures;
    let naive = played(&scenario, Policy::Naive, 3).figures;
    let seawall = played(&scenario, Policy::Seawall, 3);
    assert!(single.answered_ratio < 0.9, "{single:?}");
    assert!(naive.answered_ratio > 0.95, "{naive:?}");
    assert!(seawall.figures.answered_ratio > 0.97, "{:?}", seawall.figures);
    assert!(seawall.figures.answered_by.contains_key("second/m"), "{:?}", seawall.figures);
    assert!(naive.attempts_per_request_max_10s > 3.5, "three tries, and then the next: {naive:?}");
    let decisions: Vec<_> =
        seawall.series.decisions.iter().map(|decision| &decision.text).collect();
    assert!(decisions.iter().any(|text| text.contains("breaker of first/m")), "{decisions:?}");
    assert_eq!(seawall.figures.dominoes, 0);
}

const STATES: [&str; 14] = [
    "down",
    "unreachable",
    "silent",
    "brown_out",
    "capacity",
    "limit_wall",
    "overloaded",
    "acceleration",
    "errors",
    "empty_stream",
    "stall",
    "cut",
    "malformed",
    "slow_dns",
];

#[test]
fn every_fault_is_felt_and_borne() {
    for state in STATES {
        let scenario = story(state);
        let figures = played(&scenario, Policy::Seawall, 4).figures;
        let offered = figures.offered;
        let ends =
            figures.answered + figures.ends.refused + figures.ends.gave_up + figures.ends.failed;
        assert!(offered > 200, "{state}: {figures:?}");
        assert_eq!(ends, offered, "{state}: every request ends in one way: {figures:?}");
        assert!(figures.answered_ratio > 0.6, "{state}: {figures:?}");
        let single = played(&scenario, Policy::Single, 4).figures;
        let harmless = ["brown_out", "capacity", "acceleration", "slow_dns", "malformed"];
        if !harmless.contains(&state) {
            assert!(single.answered_ratio < 0.93, "{state} was not felt: {single:?}");
        }
    }
}

/// A short story whose first provider is of this kind; its second one speaks chat.
fn story_of(kind: ProviderKind, state: &str, callers: &str) -> Scenario {
    let text = STORY
        .replace("STATE", state)
        .replace("[providers.first]", &format!("[providers.first]\nkind = \"{}\"", kind.as_str()))
        .replace("duration = \"4m\"", "duration = \"80s\"")
        .replace("at = \"+60s\"", "at = \"+20s\"")
        .replace("until = \"+150s\"", "until = \"+60s\"")
        .replace("rate = 2.0", &format!("rate = 1.0\n{callers}"));
    read("test", &text, Path::new("test.toml")).unwrap()
}

/// Every provider behind every caller, through every fault.
#[test]
fn every_kind_of_provider_has_every_fault_in_its_own_framing() {
    let callers = "dialects = { openai-chat = 1, openai-responses = 1, anthropic = 1, gemini = 1 }";
    // The other two kinds speak one of OpenAI's forms each.
    let kinds = [
        ProviderKind::OpenAi,
        ProviderKind::Azure,
        ProviderKind::Anthropic,
        ProviderKind::Gemini,
        ProviderKind::Perplexity,
    ];
    for kind in kinds {
        for state in STATES {
            let scenario = story_of(kind, state, callers);
            let figures = played(&scenario, Policy::Seawall, 7).figures;
            assert!(figures.offered > 40, "{kind:?} {state}: {figures:?}");
            assert!(figures.answered_ratio > 0.55, "{kind:?} {state}: {figures:?}");
            let first = figures.answered_by.get("first/m").copied().unwrap_or_default();
            assert!(first > 4, "{kind:?} {state}: it serves when it is well: {figures:?}");
        }
    }
}

/// Whoever has but one provider speaks its dialect and hears its faults.
#[test]
fn a_program_hears_the_faults_of_its_provider_in_that_ones_dialect() {
    for kind in ProviderKind::ALL {
        let figures =
            |state| played(&story_of(kind, state, "stream_share = 1.0"), Policy::Single, 8).figures;
        let well = figures("slow_dns");
        assert!(well.answered_ratio > 0.99, "{kind:?}: {well:?}");
        for state in ["stall", "cut", "malformed"] {
            let figures = figures(state);
            assert!(figures.ends.cut_streams > 10, "{kind:?} {state}: {figures:?}");
        }
        for state in ["down", "overloaded", "errors", "empty_stream"] {
            let figures = figures(state);
            assert!(figures.answered_ratio < 0.9, "{kind:?} {state}: {figures:?}");
            // What was under way when it fell.
            assert!(figures.ends.cut_streams < 5, "{kind:?} {state}: {figures:?}");
        }
    }
}

#[test]
fn the_wait_is_told_where_the_family_tells_it() {
    for kind in ProviderKind::ALL {
        let scenario = story_of(kind, "limit_wall", "");
        let figures = played(&scenario, Policy::Single, 9).figures;
        // Google tells it in the body, which its SDKs do not heed.
        let told = figures.retry_after_honest_ratio.is_some();
        assert_eq!(told, kind != ProviderKind::Gemini, "{kind:?}: {figures:?}");
    }
}

#[test]
fn a_quota_is_told_by_its_headers_and_refuses_what_is_beyond_it() {
    let text = STORY.replace("STATE", "slow_dns").replace(
        "[providers.second]",
        "[providers.first.quota]\nrequests_per_min = 60\nrefused_count = false\n[providers.second]",
    );
    let scenario = read("test", &text, Path::new("test.toml")).unwrap();
    let single = played(&scenario, Policy::Single, 5).figures;
    assert!(single.providers["first"].refused_ratio > 0.3, "{single:?}");
    assert!(single.retry_after_honest_ratio.is_some(), "{single:?}");
}

#[test]
fn a_trace_is_replayed_as_it_was_recorded() {
    let text = STORY
        .replace("STATE", "cut")
        .replace("rate = 2.0", "trace = { file = \"sample\", format = \"azure\" }");
    let scenario =
        read("test", &text.replace("turns = 2", "turns = 1"), Path::new("t.toml")).unwrap();
    let figures = played(&scenario, Policy::Naive, 1).figures;
    assert_eq!(figures.offered, played(&scenario, Policy::Single, 2).figures.offered);
    assert!((90..150).contains(&figures.offered), "{figures:?}");
}

#[test]
fn a_mistake_has_its_line() {
    let mistake = |from: &str, to: &str| {
        let text = STORY.replace(from, to).replace("STATE", "down");
        read("x", &text, Path::new("x.toml")).unwrap_err().to_string()
    };
    let unknown = mistake("ambient = 0.3", "ambience = 0.3");
    assert!(unknown.starts_with("x.toml:9: unknown field `ambience`"), "{unknown}");
    let unknown = mistake("provider = \"first\"", "provider = \"third\"");
    assert_eq!(unknown, "x.toml:17: there is no provider `third`; there are first, second");
    assert!(
        mistake("at = \"+60s\"", "at = \"noon\"").starts_with("x.toml:15: `noon` is no moment")
    );
    let rung = mistake("\"second/m\"", "\"second\"");
    assert!(rung.contains("`second` must be `provider/model`") && rung.ends_with("first, second"));
    assert!(mistake("STATE", "sleepy").contains("sleepy"));
    let long = "10000000000000000000s".repeat(2);
    for (from, to, told) in [
        ("until = \"+150s\"", "until = \"+50s\"", "x.toml:15: it begins at `+60s`, after its end"),
        ("duration = \"4m\"", "duration = \"0s\"", "x.toml:5: `duration` must be longer"),
        ("duration = \"4m\"", &format!("duration = \"{long}\""), "x.toml:5: `1000"),
        ("[\"first/m\", \"second/m\"]", "[]", "x.toml:1: a scenario needs a rung"),
        ("why = \"it breaks\"", "factor = 2.0", "x.toml:18: only `brown_out`"),
    ] {
        let found = mistake(from, to);
        assert!(found.starts_with(told), "{found}");
    }
    let figure = format!("{STORY}\n[[expect]]\nname = \"n\"\nfigure = \"speed\"\nat_least = 1.0\n");
    let figure = read("x", &figure.replace("STATE", "down"), Path::new("x.toml")).unwrap_err();
    assert!(figure.to_string().contains("it has answered, answered_ratio"), "{figure}");
    let unknown = mistake("rate = 2.0", "rate = 2.0\ndialects = { latin = 1 }");
    assert!(unknown.starts_with("x.toml:23: nobody speaks `latin`; there are"), "{unknown}");
    assert!(mistake("rate = 2.0", "dialects = { gemini = 0 }\nrate = 2.0").contains("all zero"));
    assert!(mistake("slots = 20", "kind = \"latin\"\nslots = 20").contains("latin"));
}

#[test]
fn the_report_has_every_figure_of_the_contract() {
    let scenario = story("down");
    let setup = builtin(&scenario).unwrap();
    let wish = drills::Wish {
        scenario: &scenario,
        setup: &setup,
        policies: &Policy::ALL,
        seed: 6,
        herd: true,
    };
    let report = drill(&wish, &clock::SystemClock::new(), &mut |_| ()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
    for key in ["scenario", "seed", "virtual_s", "wall_s", "trace_hash", "expectations"] {
        assert!(!json[key].is_null(), "{key}");
    }
    for policy in ["single", "naive", "seawall"] {
        let figures = json["policies"][policy].as_object().unwrap();
        for key in [
            "offered",
            "answered",
            "answered_ratio",
            "answered_by",
            "reserve_ratio",
            "first_token_ms",
            "attempts_per_request_max_10s",
            "cut_streams",
            "takeovers",
            "waited",
            "refused",
            "retry_after_honest_ratio",
            "providers",
            "dominoes",
        ] {
            assert!(figures.contains_key(key), "{policy}: {key}");
        }
        let provider = figures["providers"]["second"].as_object().unwrap();
        for key in ["load_peak_ratio", "over_capacity_s", "refused_ratio", "goodput_min_ratio_60s"]
        {
            assert!(provider.contains_key(key), "{policy}: {key}");
        }
    }
    let page = drills::page(&report);
    assert!(
        page.contains("<svg") && page.contains("it breaks") && page.contains("breaker of first/m")
    );
    for outside in ["http://", "https://", "<script", "@import", "url("] {
        assert!(!page.contains(outside), "the page asks for something: {outside}");
    }
    assert!(drills::terminal(&report).contains("dominoes"));
}

#[test]
fn a_users_own_file_is_turned_towards_the_simulation() {
    let folder = std::env::temp_dir().join(format!("seawall-drill-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("mine.toml");
    let text = "[providers.mine]\nkind = \"openai\"\napi_keys = [\"env:OPENAI_API_KEY\"]\n[models.chat]\nladder = [\"mine/gpt-4.1\", \"reserve/smollm2-135m\"]\n";
    std::fs::write(&file, text).unwrap();
    let scenario = find("metastable").unwrap().read().unwrap().shortened();
    let setup = drills::of_user(&file, &scenario);
    std::fs::remove_dir_all(&folder).unwrap();
    let setup = setup.unwrap();
    assert_eq!(setup.model, "chat");
    let urls: Vec<_> =
        setup.settings.providers.iter().map(|provider| &*provider.base_url).collect();
    assert_eq!(urls, ["http://openai.drill/v1", "http://reserve.drill/v1"]);
}

#[test]
fn the_example_of_the_paper_is_a_scenario() {
    let paper = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/drills.md");
    let paper = std::fs::read_to_string(paper).unwrap();
    let example = paper.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let scenario = read("monday", example, Path::new("monday.toml")).unwrap();
    assert_eq!((scenario.title.as_str(), scenario.providers.len()), ("Our Monday", 2));
}
