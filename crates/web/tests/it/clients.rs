//! What programs that know common status pages rely on: each field of each object is there with its
//! type, and what a real page told of its components and works comes out of ours as it went in. The
//! lists are those of the interface's description and of what clients of it declare.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use detection::{
    Author, Certainty, Component, ComponentId, Condition, IncidentId, IncidentUpdate, Maintenance,
    MaintenancePhase, Phase,
};
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use web::Status;
use web::view::{ComponentGroup, ComponentView, StatusView, Text, Uptime};

use crate::machines::{list, meaning, moment};
use crate::public::{afternoon, status_of};
use crate::{bench, get_status, june, text};

/// Recorded pages, where there are some; they may not be copied.
const PAGES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/data/status_pages");

/// What a field may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    MaybeText,
    Moment,
    MaybeMoment,
    Number,
    Flag,
    /// Always null here, and something in the interface that has no meaning for us.
    Nothing,
    List,
    MaybeList,
    OneOf(&'static [&'static str]),
}

use Kind::{
    Flag, List, MaybeList, MaybeMoment, MaybeText, Moment, Nothing, Number, OneOf, Text as Words,
};

type Fields = &'static [(&'static str, Kind)];

const PAGE: Fields =
    &[("id", Words), ("name", Words), ("url", Words), ("time_zone", Words), ("updated_at", Moment)];
const STATUS: Fields = &[
    ("indicator", OneOf(&["none", "minor", "major", "critical", "maintenance"])),
    ("description", Words),
];
const CONDITIONS: Kind = OneOf(&[
    "operational",
    "degraded_performance",
    "partial_outage",
    "major_outage",
    "under_maintenance",
]);
const COMPONENT: Fields = &[
    ("id", Words),
    ("name", Words),
    ("status", CONDITIONS),
    ("created_at", Moment),
    ("updated_at", Moment),
    ("position", Number),
    ("description", MaybeText),
    ("showcase", Flag),
    ("start_date", Nothing),
    ("group_id", MaybeText),
    ("page_id", Words),
    ("group", Flag),
    ("only_show_if_degraded", Flag),
];
const INCIDENT_WORDS: Kind =
    OneOf(&["investigating", "identified", "monitoring", "resolved", "postmortem"]);
const INCIDENT: Fields = &[
    ("id", Words),
    ("name", Words),
    ("status", INCIDENT_WORDS),
    ("created_at", Moment),
    ("updated_at", Moment),
    ("monitoring_at", MaybeMoment),
    ("resolved_at", MaybeMoment),
    ("impact", OneOf(&["none", "minor", "major", "critical"])),
    ("shortlink", Words),
    ("started_at", Moment),
    ("page_id", Words),
    ("incident_updates", List),
    ("components", List),
    ("reminder_intervals", Nothing),
];
const WORK_WORDS: Kind = OneOf(&["scheduled", "in_progress", "verifying", "completed"]);
const UPDATE: Fields = &[
    ("id", Words),
    ("status", Words),
    ("body", Words),
    ("incident_id", Words),
    ("created_at", Moment),
    ("updated_at", Moment),
    ("display_at", Moment),
    ("affected_components", MaybeList),
    ("deliver_notifications", Flag),
    ("custom_tweet", Nothing),
    ("tweet_id", Nothing),
];
const AFFECTED: Fields =
    &[("code", Words), ("name", Words), ("old_status", CONDITIONS), ("new_status", CONDITIONS)];

fn is(kind: Kind, value: &Value) -> bool {
    match kind {
        Words => value.is_string(),
        MaybeText => value.is_null() || value.is_string(),
        Moment => value.as_str().is_some_and(|text| moment(text).is_some()),
        MaybeMoment => value.is_null() || is(Moment, value),
        Number => value.is_u64(),
        Flag => value.is_boolean(),
        Nothing => value.is_null(),
        List => value.is_array(),
        MaybeList => value.is_null() || value.is_array(),
        OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
    }
}

/// The object has these fields with these kinds, and no others but `more`.
fn check(what: &str, value: &Value, fields: Fields, more: &[&str]) {
    let object = value.as_object();
    let found: BTreeSet<&str> = object.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    let named = fields.iter().map(|(name, _)| *name);
    let wanted: BTreeSet<&str> = named.chain(more.iter().copied()).collect();
    assert_eq!(found, wanted, "{what}");
    for (name, kind) in fields {
        assert!(is(*kind, &value[*name]), "{what}: {name} is {} and no {kind:?}", value[*name]);
    }
}

fn check_component(value: &Value) {
    let more: &[&str] = if value["group"] == true { &["components"] } else { &[] };
    check("a component", value, COMPONENT, more);
}

fn check_updates(value: &Value, statuses: Kind) {
    for update in list(value, "incident_updates") {
        check("an update", update, UPDATE, &[]);
        assert!(is(statuses, &update["status"]), "{update}");
        assert_eq!(update["incident_id"], value["id"]);
        list(update, "affected_components")
            .iter()
            .for_each(|affected| check("an affected component", affected, AFFECTED, &[]));
    }
    list(value, "components").iter().for_each(check_component);
}

fn check_incident(value: &Value) {
    check("an incident", value, INCIDENT, &[]);
    check_updates(value, INCIDENT_WORDS);
}

fn check_work(value: &Value) {
    let fields = INCIDENT.iter().filter(|(name, _)| !["status", "impact"].contains(name));
    let fields: Vec<(&str, Kind)> = fields.copied().collect();
    let more = ["status", "impact", "scheduled_for", "scheduled_until"];
    check("planned work", value, fields.leak(), &more);
    assert!(is(WORK_WORDS, &value["status"]) && value["impact"] == "maintenance", "{value}");
    assert!(is(Moment, &value["scheduled_for"]) && is(Moment, &value["scheduled_until"]));
    check_updates(value, WORK_WORDS);
}

fn json(status: &Status, path: &str) -> Value {
    let answer = get_status(status, &format!("/api/v2/{path}.json"));
    serde_json::from_str(&text(answer)).expect("it is JSON")
}

const PATHS: [&str; 8] = [
    "status",
    "summary",
    "components",
    "incidents",
    "incidents/unresolved",
    "scheduled-maintenances",
    "scheduled-maintenances/upcoming",
    "scheduled-maintenances/active",
];

#[test]
fn every_field_that_clients_declare_is_there_with_its_type() {
    let mut view = june::afternoon();
    view.maintenances[2].phase = MaintenancePhase::InProgress;
    let bench = bench();
    let status = status_of(&bench, view);
    let mut seen = [0; 3];
    for path in PATHS {
        let answer = json(&status, path);
        check("the page", &answer["page"], PAGE, &[]);
        if !answer["status"].is_null() {
            check("the status", &answer["status"], STATUS, &[]);
        }
        list(&answer, "components").iter().for_each(check_component);
        list(&answer, "incidents").iter().for_each(check_incident);
        list(&answer, "scheduled_maintenances").iter().for_each(check_work);
        let of = ["components", "incidents", "scheduled_maintenances"];
        seen.iter_mut().zip(of).for_each(|(seen, key)| *seen += list(&answer, key).len());
    }
    assert!(seen.iter().all(|count| *count >= 4), "{seen:?}");
}

#[test]
fn the_same_things_are_told_the_same_everywhere() {
    let (_bench, status) = afternoon();
    let summary = json(&status, "summary");
    assert_eq!(json(&status, "status")["status"], summary["status"]);
    assert_eq!(json(&status, "components")["components"], summary["components"]);
    assert_eq!(json(&status, "incidents/unresolved")["incidents"], summary["incidents"]);
    let ahead = ["upcoming", "active"].map(|part| {
        let works = json(&status, &format!("scheduled-maintenances/{part}"));
        list(&works, "scheduled_maintenances").to_vec()
    });
    let mut told = list(&summary, "scheduled_maintenances").to_vec();
    told.retain(|work| !ahead.iter().flatten().any(|known| known == work));
    assert_eq!(told, Vec::<Value>::new());
    for path in PATHS {
        assert_eq!(json(&status, path)["page"], summary["page"], "{path}");
        // Some clients only ask whether the path is there before they read it.
        let path = format!("/api/v2/{path}.json");
        let head = status.respond(&Method::HEAD, &path, &HeaderMap::new());
        assert_eq!(head.status(), StatusCode::OK, "{path}");
    }
    // A group names its components, and each of them names it.
    let parts = list(&summary, "components");
    for part in parts.iter().filter(|part| part["group"] == false) {
        let group = parts.iter().find(|group| group["id"] == part["group_id"]).expect("its group");
        assert!(list(group, "components").contains(&part["id"]), "{part}");
    }
}

fn recorded(name: &str) -> Option<Value> {
    let text = fs::read_to_string(Path::new(PAGES).join(name)).ok()?;
    Some(serde_json::from_str(&text).expect("it is JSON"))
}

/// A page of these components in their order, with nothing else.
fn page_of(components: &[Value]) -> StatusView {
    let mut view = june::quiet();
    let component = |one: &Value| {
        let word = |key: &str| one[key].as_str();
        let at = |key: &str| word(key).and_then(moment).unwrap_or_default();
        let (id, name) = (word("id")?, word("name")?);
        Some(ComponentView {
            component: Component {
                id: ComponentId::new(id),
                name: name.into(),
                provider: "theirs".into(),
                capability: None,
                parent: None,
            },
            name: Text::plain(name),
            condition: Condition::of(word("status")?),
            certainty: Certainty::Clear,
            state: None,
            note: word("description").map(Text::plain),
            days: Vec::new(),
            uptime: Uptime::default(),
            created_at: at("created_at"),
            updated_at: at("updated_at"),
        })
    };
    let parts: Vec<ComponentView> = components.iter().filter_map(component).collect();
    assert_eq!(parts.len(), components.len());
    let title = Text::plain("All");
    view.groups = vec![ComponentGroup { title, note: None, ours: false, components: parts }];
    (view.past, view.maintenances) = (Vec::new(), Vec::new());
    view
}

/// What a real page told of its components, as far as it told it, comes out as it went in, in its
/// order, on both paths that have components. Since when its makers count a component, and whether
/// they like to show its bars, has no meaning here.
fn compare_components(status: &Status, theirs: &[Value]) {
    let keys = [
        "id",
        "name",
        "status",
        "description",
        "created_at",
        "updated_at",
        "group",
        "only_show_if_degraded",
    ];
    for path in ["components", "summary"] {
        let answer = json(status, path);
        let ours = list(&answer, "components").iter().filter(|one| one["group"] == false);
        let ours: Vec<&Value> = ours.collect();
        assert_eq!(ours.len(), theirs.len());
        for (mine, given) in ours.iter().zip(theirs) {
            let told: Vec<&str> = keys.into_iter().filter(|key| given.get(key).is_some()).collect();
            assert_eq!(meaning(mine, &told), meaning(given, &told));
            assert_eq!(Some(&mine["page_id"]), answer.pointer("/page/id"));
        }
        let places = ours.iter().map(|one| one["position"].as_u64());
        assert!(places.is_sorted(), "the order is theirs");
    }
}

#[test]
fn recorded_components_come_out_as_they_went_in() {
    let files = ["claude_statuspage_summary_2026-09-04.json", "github_components.json"];
    for name in files {
        let Some(document) = recorded(name) else {
            eprintln!("{name} is not here; nothing is compared");
            continue;
        };
        let theirs = document["components"].as_array().or(document.as_array()).expect("a list");
        let bench = bench();
        let mut view = page_of(theirs);
        if let Some(page) = document["page"].as_object() {
            view.page.id = page["id"].as_str().expect("a text").into();
            view.page.name = page["name"].as_str().expect("a text").into();
            view.page.url = page["url"].as_str().expect("a text").into();
        }
        let status = status_of(&bench, view);
        compare_components(&status, theirs);
        let summary = json(&status, "summary");
        if document["page"].is_object() {
            let keys = ["id", "name", "url", "time_zone"];
            assert_eq!(meaning(&summary["page"], &keys), meaning(&document["page"], &keys));
            assert_eq!(summary["status"], document["status"]);
            for key in ["incidents", "scheduled_maintenances"] {
                assert_eq!(summary[key], document[key], "{key}");
            }
        }
        eprintln!("{} components of {name} are equal", theirs.len());
    }
}

/// Planned work as a common page tells it; invented.
const WORKS: &str = r#"[
  {"id": "w3", "name": "New switches", "status": "scheduled", "impact": "maintenance",
   "created_at": "2026-03-01T08:00:00.000Z", "updated_at": "2026-03-02T09:30:00.250Z",
   "monitoring_at": null, "resolved_at": null,
   "scheduled_for": "2026-03-09T02:00:00.000Z", "scheduled_until": "2026-03-09T04:30:00.000Z",
   "components": [{"id": "mail"}],
   "incident_updates": [
     {"id": "u2", "status": "scheduled", "body": "It begins two hours later.", "created_at": "2026-03-02T09:30:00.250Z"},
     {"id": "u1", "status": "scheduled", "body": "Switches are <b>changed</b>.", "created_at": "2026-03-01T08:00:00.000Z"}]},
  {"id": "w2", "name": "A longer key", "status": "in_progress", "impact": "maintenance",
   "created_at": "2026-02-20T08:00:00.000Z", "updated_at": "2026-03-03T10:00:00.000Z",
   "monitoring_at": null, "resolved_at": null,
   "scheduled_for": "2026-03-03T10:00:00.000Z", "scheduled_until": "2026-03-03T12:00:00.000Z",
   "components": [{"id": "mail"}, {"id": "chat"}],
   "incident_updates": [
     {"id": "u4", "status": "in_progress", "body": "It has begun.", "created_at": "2026-03-03T10:00:00.000Z"},
     {"id": "u3", "status": "scheduled", "body": "The key grows.", "created_at": "2026-02-20T08:00:00.000Z"}]},
  {"id": "w1", "name": "Moved a rack", "status": "completed", "impact": "maintenance",
   "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-03T03:00:00.000Z",
   "monitoring_at": null, "resolved_at": "2026-01-03T03:00:00.000Z",
   "scheduled_for": "2026-01-03T01:00:00.000Z", "scheduled_until": "2026-01-03T03:00:00.000Z",
   "components": [],
   "incident_updates": [
     {"id": "u7", "status": "completed", "body": "Done.", "created_at": "2026-01-03T03:00:00.000Z"},
     {"id": "u6", "status": "verifying", "body": "We look.", "created_at": "2026-01-03T02:40:00.000Z"}]}
]"#;

fn work(value: &Value) -> Maintenance {
    let words = |value: &Value, key: &str| value[key].as_str().expect("a text").to_owned();
    let at = |value: &Value, key: &str| moment(&words(value, key)).expect("a moment");
    let phase = |word: &str| {
        let known = MaintenancePhase::ALL.into_iter().find(|phase| phase.as_str() == word);
        known.expect("a word of planned work")
    };
    let update = |update: &Value| IncidentUpdate {
        id: IncidentId::new(words(update, "id")),
        at: at(update, "created_at"),
        phase: match phase(&words(update, "status")) {
            MaintenancePhase::Scheduled | MaintenancePhase::Cancelled => Phase::Investigating,
            MaintenancePhase::InProgress => Phase::Identified,
            MaintenancePhase::Verifying => Phase::Monitoring,
            MaintenancePhase::Completed => Phase::Resolved,
        },
        body: words(update, "body").into(),
        author: Author::Provider,
        affected: Vec::new(),
    };
    Maintenance {
        id: IncidentId::new(words(value, "id")),
        title: words(value, "name").into(),
        phase: phase(&words(value, "status")),
        created_at: at(value, "created_at"),
        starts_at: at(value, "scheduled_for"),
        ends_at: at(value, "scheduled_until"),
        components: list(value, "components")
            .iter()
            .map(|one| ComponentId::new(words(one, "id")))
            .collect(),
        updates: list(value, "incident_updates").iter().rev().map(update).collect(),
        sequence: 0,
    }
}

#[test]
fn planned_work_comes_out_as_it_went_in() {
    let theirs: Vec<Value> = serde_json::from_str(WORKS).expect("it is JSON");
    let parts: Vec<Value> = serde_json::from_str(
        r#"[{"id": "mail", "name": "Mail", "status": "operational"},
            {"id": "chat", "name": "Chat", "status": "under_maintenance"}]"#,
    )
    .expect("it is JSON");
    let mut view = page_of(&parts);
    view.maintenances = theirs.iter().map(work).collect();
    let bench = bench();
    let status = status_of(&bench, view);
    let keys = [
        "id",
        "name",
        "status",
        "impact",
        "created_at",
        "updated_at",
        "monitoring_at",
        "resolved_at",
        "scheduled_for",
        "scheduled_until",
    ];
    for (path, wanted) in [
        ("summary", vec!["w3", "w2"]),
        ("scheduled-maintenances", vec!["w3", "w2", "w1"]),
        ("scheduled-maintenances/upcoming", vec!["w3"]),
        ("scheduled-maintenances/active", vec!["w2"]),
    ] {
        let answer = json(&status, path);
        let ours = list(&answer, "scheduled_maintenances");
        let ids: Vec<_> = ours.iter().map(|one| one["id"].as_str().expect("a text")).collect();
        assert_eq!(ids, wanted, "{path}");
        for mine in ours {
            let given = theirs.iter().find(|one| one["id"] == mine["id"]).expect("it is theirs");
            assert_eq!(meaning(mine, &keys), meaning(given, &keys));
            let ids = |value: &Value| -> BTreeSet<String> {
                list(value, "components").iter().map(|one| one["id"].to_string()).collect()
            };
            assert_eq!(ids(mine), ids(given));
            let (mine, given) = (list(mine, "incident_updates"), list(given, "incident_updates"));
            assert_eq!(mine.len(), given.len());
            for (mine, given) in mine.iter().zip(given) {
                let keys = ["id", "status", "body", "created_at"];
                assert_eq!(meaning(mine, &keys), meaning(given, &keys));
            }
        }
    }
    assert_eq!(json(&status, "summary")["status"]["indicator"], "maintenance");
}
