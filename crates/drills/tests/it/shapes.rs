//! The wall's events beside recorded ones: each kind of event has every field that all recordings
//! of that kind have, and none that no recording has. Skipped with a line where there is no folder
//! of recordings.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::speakers::Speaker;
use crate::timing::Stage;

use Speaker::{Agent, Azure, Chat, Gemini, Messages, Responses};

type Paths = BTreeSet<String>;

/// What is known of a kind of event: the fields that all have, and those that any has.
#[derive(Debug, Clone)]
struct Kind {
    all: Paths,
    any: Paths,
}

#[expect(clippy::disallowed_methods, reason = "a test finds its recordings by the environment")]
fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("SEAWALL_FIXTURES").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    named.into_iter().chain([beside]).find_map(|folder| {
        [folder.join("wire"), folder].into_iter().find(|place| place.join("INDEX.tsv").is_file())
    })
}

/// The bodies of the streams of one provider's interface.
fn recorded(folder: &Path, place: &str) -> Vec<String> {
    let index = fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let rows = index.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    rows.filter(|row| row[0].starts_with(place) && row[4] == "1" && row[5] == "200")
        .filter_map(|row| fs::read_to_string(folder.join(row[0]).join("response.sse")).ok())
        .collect()
}

fn events(body: &str) -> Vec<Value> {
    let data = body.lines().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data.trim()).ok()).collect()
}

/// Every place in a value; an array counts by its first element, and what a model or a caller
/// makes up is not looked into.
fn paths(value: &Value, at: &str, found: &mut Paths) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let place = format!("{at}.{name}");
                // Arguments are anybody's, and what a response puts out was seen in its events.
                if !["args", "output"].contains(&name.as_str()) {
                    paths(value, &place, found);
                }
                found.insert(place);
            }
        }
        Value::Array(items) => {
            if let Some(first) = items.first() {
                paths(first, &format!("{at}[]"), found);
            }
        }
        _ => {}
    }
}

/// Which kind of event this is, as far as its fields depend on it.
fn kind(speaker: Speaker, event: &Value) -> Option<String> {
    let word = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    let has = |pointer: &str| event.pointer(pointer).is_some_and(|value| !value.is_null());
    match speaker {
        Chat | Azure => Some(
            if has("/prompt_filter_results") {
                "filter"
            } else if !has("/choices/0") {
                "usage"
            } else if has("/choices/0/finish_reason") {
                "finish"
            } else if has("/choices/0/delta/role") {
                "role"
            } else if has("/choices/0/delta/tool_calls/0/id") {
                "call"
            } else if has("/choices/0/delta/tool_calls") {
                "arguments"
            } else if has("/choices/0/delta/content") {
                "text"
            } else {
                return None;
            }
            .to_owned(),
        ),
        Gemini => Some(
            if has("/candidates/0/content/parts/0/functionCall") {
                "call"
            } else if has("/candidates/0/content/parts/0/thought") {
                "thought"
            } else if has("/candidates/0/finishReason") {
                "finish"
            } else if has("/candidates/0/content/parts/0/text") {
                "text"
            } else {
                return None;
            }
            .to_owned(),
        ),
        _ => {
            let kind = word("/type");
            let inner = [
                "/content_block/type",
                "/delta/type",
                "/item/type",
                "/item/content/0/type",
                "/part/type",
            ];
            let inner: String = inner.iter().map(|pointer| word(pointer)).collect();
            (kind != "error").then(|| format!("{kind} {inner}"))
        }
    }
}

fn kinds(speaker: Speaker, events: impl Iterator<Item = Value>) -> BTreeMap<String, Kind> {
    let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
    for event in events {
        let Some(name) = kind(speaker, &event) else { continue };
        let mut found = Paths::new();
        paths(&event, "", &mut found);
        let known = Kind { all: found.clone(), any: found.clone() };
        let known = kinds.entry(name).or_insert(known);
        known.all.retain(|place| found.contains(place));
        known.any.extend(found);
    }
    kinds
}

#[tokio::test(start_paused = true)]
async fn events_have_the_fields_that_are_recorded() {
    let Some(folder) = folder() else {
        eprintln!("no folder of recordings: skipped (set SEAWALL_FIXTURES)");
        return;
    };
    let wall = Stage::new(None);
    let mut wrong = Vec::new();
    for (speaker, place) in [
        (Chat, "openai/chat/"),
        (Azure, "azure/chat/"),
        (Messages, "anthropic/messages/"),
        (Gemini, "gemini/generateContent/"),
        (Responses, "openai/responses/"),
        (Agent, "perplexity/responses/"),
    ] {
        let bodies = recorded(&folder, place);
        assert!(!bodies.is_empty(), "{place}");
        let known = kinds(speaker, bodies.iter().flat_map(|body| events(body)));
        let mut said = Vec::new();
        for model in ["fb-ok", "fb-parallel-tools", "fb-thinking", "fb-citations", "fb-refusal"] {
            let more = speaker.offering(&["clock"]);
            let body = speaker.body(model, true, &more).to_string();
            let path = speaker.path(model, true);
            let reply = wall.connect().post(&path, &body, speaker.headers()).await;
            said.extend(events(&reply.body));
        }
        let mut compared = 0;
        for (name, ours) in kinds(speaker, said.into_iter()) {
            let Some(theirs) = known.get(&name) else { continue };
            compared += 1;
            let lacking = theirs.all.difference(&ours.all).filter(|it| !may_lack(it));
            wrong.extend(lacking.map(|place| format!("{speaker:?} {name}: lacks {place}")));
            let made_up = ours.any.difference(&theirs.any).filter(|it| !may_add(it));
            wrong.extend(made_up.map(|place| format!("{speaker:?} {name}: made up {place}")));
        }
        assert!(compared >= 3, "{speaker:?}: {compared}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What providers add that tells nothing: padding, the request's tools said again, and the price
/// of a search that was not made.
fn may_lack(place: &str) -> bool {
    place.ends_with(".obfuscation")
        || place.starts_with(".response.tools[]")
        || place.contains(".search_web")
}

/// What is documented, but in no recording of a stream.
fn may_add(place: &str) -> bool {
    [".item.summary[]", ".item.content[].annotations[]", ".response.reasoning."]
        .iter()
        .any(|known| place.starts_with(known))
}

#[test]
fn a_field_that_is_not_always_there_is_not_asked_for() {
    let found = kinds(
        Messages,
        [json!({"type": "ping"}), json!({"type": "ping", "a": [{"b": 1}]})].into_iter(),
    );
    let ping = &found["ping "];
    assert_eq!(ping.all, Paths::from([".type".to_owned()]));
    assert!(ping.any.contains(".a[].b"));
}
