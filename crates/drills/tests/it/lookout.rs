//! What the observer says of a drill: verdicts, incidents and advice, and what is expected of them.

use std::path::Path;

use detection::{CauseClass, Certainty, Health};
use drills::score::{Judged, Seen};
use drills::{Policy, Scenario, Wish, builtin, drill, read};

const STORY: &str = r#"
title = "An outage that people report"
about = "For tests."
start = "2024-06-04T12:00:00Z"
duration = "12m"

[providers.first]
kind = "openai"
slots = 20
[providers.second]
kind = "anthropic"
slots = 20

[[events]]
at = "+120s"
until = "+360s"
provider = "first"
state = "STATE"
why = "it breaks"

[[crowds]]
rate = 1.0

[fleet]
ladder = ["first/m", "second/m"]
"#;

fn story(state: &str, more: &str) -> Scenario {
    let text = format!("{STORY}{more}").replace("STATE", state);
    read("test", &text, Path::new("test.toml")).unwrap_or_else(|mistake| panic!("{mistake}"))
}

fn drilled(scenario: &Scenario) -> (Seen, Vec<Judged>, String) {
    let setup = builtin(scenario).unwrap();
    let wish = Wish { scenario, setup: &setup, policies: &[Policy::Seawall], seed: 5, herd: false };
    let report = drill(&wish, &clock::SystemClock::new(), &mut |_| ()).unwrap();
    let page = drills::page(&report);
    assert!(drills::terminal(&report).contains("scenario test"));
    let json: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
    assert!(json["verdicts"].is_array() && json["incidents"].is_array(), "{json}");
    (report.seen.unwrap(), report.expectations, page)
}

/// Seconds after the fall until the first part was at least so surely in trouble.
fn seconds_to(seen: &Seen, part: &str, certainty: Certainty) -> Option<u64> {
    let mut own = seen.verdicts.iter().filter(|told| {
        told.component.as_str() == part && told.certainty >= certainty && told.at_s >= 120
    });
    own.next().map(|told| told.at_s - 120)
}

#[test]
fn an_outage_is_suspected_confirmed_acted_on_and_over() {
    for state in ["down", "unreachable", "silent"] {
        let (seen, _, page) = drilled(&story(state, ""));
        let suspected = seconds_to(&seen, "first/chat", Certainty::Suspected).unwrap();
        let confirmed = seconds_to(&seen, "first/chat", Certainty::Confirmed).unwrap();
        println!("{state}: suspected after {suspected} s, confirmed after {confirmed} s");
        assert!(suspected <= 60 && confirmed <= 120, "{state}: {suspected} s, {confirmed} s");
        let [incident] = seen.incidents.as_slice() else { panic!("{state}: {seen:#?}") };
        assert_eq!(incident.cause, CauseClass::ProviderOutage);
        assert!(incident.resolved_s.is_some(), "{state}: {incident:?}");
        let doors: Vec<bool> = seen.advice.iter().map(|told| told.is_out).collect();
        assert_eq!(doors, [true, false], "{state}: the doors are shut once: {:?}", seen.advice);
        assert!(seconds_to(&seen, "second/chat", Certainty::Suspected).is_none(), "{state}");
        assert!(page.contains("What Seawall said of it") && page.contains("it told nothing"));
    }
}

#[test]
fn ten_requests_a_second_are_sure_within_fifteen_seconds() {
    for state in ["down", "unreachable", "silent"] {
        let text = STORY.replace("STATE", state).replace("rate = 1.0", "rate = 10.0");
        let text = text.replace("slots = 20", "slots = 80").replace("\"12m\"", "\"4m\"");
        let scenario = read("test", &text, Path::new("test.toml")).unwrap();
        let (seen, ..) = drilled(&scenario);
        let suspected = seconds_to(&seen, "first/chat", Certainty::Suspected);
        let confirmed = seconds_to(&seen, "first/chat", Certainty::Confirmed);
        println!("{state}, 10 a second: suspected {suspected:?}, confirmed {confirmed:?}");
        let in_time = |told: Option<u64>| told.is_some_and(|seconds| seconds <= 15);
        assert!(in_time(suspected) && in_time(confirmed), "{state}: {:#?}", seen.verdicts);
        assert!(seconds_to(&seen, "second/chat", Certainty::Suspected).is_none(), "{state}");
    }
}

const OUTSIDE: &str = r#"
[[lookout.reports]]
at = "+120s"
until = "+600s"
component = "first/app"
per_min = 30.0
[[lookout.pages]]
at = "+240s"
until = "+600s"
component = "first/app"
condition = "major_outage"
title = "The app is down"

[[lookout.verdicts]]
name = "people tell of it"
component = "first/app"
certainty = "suspected"
from = "+120s"
within = "2m"
[[lookout.verdicts]]
name = "the page makes it sure"
component = "first/app"
state = "down"
cause = "provider_outage"
from = "+240s"
within = "1m"
[[lookout.verdicts]]
name = "nobody is sure before"
component = "first/app"
until = "+239s"
never = true
[[lookout.verdicts]]
name = "the interface stands"
component = "first/chat"
certainty = "suspected"
never = true
[[lookout.incidents]]
name = "one, with its lag"
of = "first"
count = 1
lag_at_least = "1m"
lag_at_most = "3m"
[[lookout.advice]]
name = "the crowd is expected"
provider = "second"
at_most = 0.5
[[lookout.incidents]]
name = "this is wrong, and does not come out"
of = "first"
count = 2
"#;

#[test]
fn what_people_and_pages_say_is_heard_and_what_is_expected_is_judged() {
    let quiet = story("slow_dns", OUTSIDE);
    let (seen, judged, page) = drilled(&quiet);
    let wrong: Vec<&str> =
        judged.iter().filter(|judged| !judged.held).map(|judged| &*judged.name).collect();
    assert_eq!(wrong, ["this is wrong, and does not come out"], "{judged:#?}\n{seen:#?}");
    assert!(judged.iter().all(|judged| judged.about == "verdicts"));
    assert!(page.contains("The app") || page.contains("first/app"), "{page}");
    let short = quiet.shortened();
    assert!(short.outside.foreseen.is_empty() && short.outside.reports.len() == 1);
}

#[test]
fn a_cut_of_our_own_line_is_nobodys_outage() {
    let cut = "[[events]]\nat = \"+120s\"\nuntil = \"+360s\"\nprovider = \"second\"\nstate = \"unreachable\"\n\
               [[lookout.own_network]]\nat = \"+120s\"\nuntil = \"+360s\"\n";
    let (seen, ..) = drilled(&story("unreachable", cut));
    assert_eq!(seen.incidents, [], "{:#?}", seen.verdicts);
    let sure = seen.verdicts.iter().any(|told| told.certainty == Certainty::Confirmed);
    assert!(!sure, "{:#?}", seen.verdicts);
    assert!(seen.advice.iter().all(|told| !told.is_out), "{:#?}", seen.advice);
}

#[test]
fn the_same_seed_says_the_same() {
    let scenario = story("down", OUTSIDE);
    let (first, again) = (drilled(&scenario).0, drilled(&scenario).0);
    assert_eq!(first, again);
    assert!(first.verdicts.iter().any(|told| told.state == Health::Down));
}

#[test]
fn a_mistake_about_verdicts_has_its_line() {
    let mistake = |more: &str| {
        let text = format!("{STORY}{more}").replace("STATE", "down");
        read("x", &text, Path::new("x.toml")).unwrap_err().to_string()
    };
    let verdict = |rest: &str| mistake(&format!("[[lookout.verdicts]]\nname = \"n\"\n{rest}"));
    for (found, told) in [
        (verdict("component = \"a\"\ncertainty = \"perhaps\""), "`perhaps` is none of clear"),
        (verdict("component = \"a\"\ncause = \"bad luck\""), "`bad luck` is none of provider"),
        (
            mistake("[[lookout.probes]]\ncomponent = \"first\"\nprovider = \"first\""),
            "`first` is no part",
        ),
        (
            mistake(
                "[[lookout.pages]]\nat = \"+1s\"\ntitle = \"t\"\ncomponent = \"first/app\"\ncondition = \"odd\"",
            ),
            "`condition` must be one of operational",
        ),
        (
            mistake(
                "[[lookout.reports]]\nat = \"+1s\"\nuntil = \"+2s\"\ncomponent = \"first/app\"\nper_min = -1.0",
            ),
            "`per_min` must be",
        ),
        (mistake("[[lookout.incidents]]\nname = \"n\"\nof = \"first\""), "needs `count`"),
    ] {
        assert!(found.starts_with("x.toml:") && found.contains(told), "{found}");
    }
}
