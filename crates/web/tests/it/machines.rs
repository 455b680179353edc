//! The interfaces for programs: their very bytes for 4 June 2024, and that an imported history comes
//! out as it went in.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::sync::Arc;

use clock::UnixMs;
use detection::{
    Affected, Author, Cause, CauseClass, Certainty, Component, ComponentId, Condition, Family,
    Impact, Incident, IncidentId, IncidentUpdate, Light, LightState, MaintenancePhase, Phase,
};
use expect_test::expect_file;
use http::StatusCode;
use serde_json::Value;
use web::view::{ComponentGroup, ComponentView, IncidentView, StatusView, Text, Uptime};

use crate::public::{afternoon, status_of};
use crate::{bench, get_status, june, text};

/// The machine's fixtures, where there are some; they may not be copied.
const HISTORY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/fixtures/data/status_pages/github_statuspage_v2_incidents_2020_2025.json.gz"
);

fn pretty(json: &str) -> String {
    let value: Value = serde_json::from_str(json).expect("it is JSON");
    let mut text = serde_json::to_string_pretty(&value).expect("it can be spelled");
    text.push('\n');
    text
}

#[test]
fn the_common_interface_is_spelled_as_common_pages_spell_it() {
    let (_bench, status) = afternoon();
    let json = |path: &str| pretty(&text(get_status(&status, path)));
    expect_file!["expected/summary.json"].assert_eq(&json("/api/v2/summary.json"));
    expect_file!["expected/incidents.json"].assert_eq(&json("/api/v2/incidents.json"));
    expect_file!["expected/works.json"].assert_eq(&json("/api/v2/scheduled-maintenances.json"));
    expect_file!["expected/widget.json"].assert_eq(&json("/api/v1/summary"));
    let series: Value =
        serde_json::from_str(&text(get_status(&status, "/api/reports"))).expect("JSON");
    let last = &series["series"][0]["points"][95];
    assert_eq!(
        last.to_string(),
        r#"{"baseline":6.0,"baseline_max":14.0,"by_type":{"errors":103,"no_answer":309},"point_in_time":"2024-06-04T14:40:00.000Z","status":"danger","total":412}"#
    );
}

#[test]
fn each_path_has_its_keys_and_any_site_may_read_it() {
    let (_bench, status) = afternoon();
    for (path, keys) in [
        ("status", "page,status"),
        ("summary", "components,incidents,page,scheduled_maintenances,status"),
        ("components", "components,page"),
        ("incidents", "incidents,page"),
        ("incidents/unresolved", "incidents,page"),
        ("scheduled-maintenances", "page,scheduled_maintenances"),
        ("scheduled-maintenances/upcoming", "page,scheduled_maintenances"),
        ("scheduled-maintenances/active", "page,scheduled_maintenances"),
    ] {
        let answer = get_status(&status, &format!("/api/v2/{path}.json"));
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{path}");
        assert_eq!(answer.headers()["cache-control"], "public, max-age=10", "{path}");
        assert_eq!(answer.headers()["content-type"], "application/json", "{path}");
        assert!(answer.headers().contains_key("etag"), "{path}");
        let value: Value = serde_json::from_str(&text(answer)).expect("it is JSON");
        let mut found: Vec<&str> =
            value.as_object().expect("an object").keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found.join(","), keys, "{path}");
    }
    assert_eq!(get_status(&status, "/api/v2/nothing.json").status(), StatusCode::NOT_FOUND);
    // Pages with a reader's cookie are not for other sites.
    assert!(!get_status(&status, "/").headers().contains_key("access-control-allow-origin"));
}

#[test]
fn unresolved_upcoming_and_active_are_what_they_say() {
    let mut view = june::afternoon();
    view.maintenances[2].phase = MaintenancePhase::Verifying;
    let bench = bench();
    let status = status_of(&bench, view);
    let ids = |path: &str, key: &str| {
        let value: Value =
            serde_json::from_str(&text(get_status(&status, path))).expect("it is JSON");
        let list = value[key].as_array().expect("a list").iter();
        list.map(|one| one["id"].as_str().expect("a text").to_owned()).collect::<Vec<_>>()
    };
    let open = ["2024-06-04-claude", "2024-06-04-chatgpt-2"];
    assert_eq!(ids("/api/v2/incidents/unresolved.json", "incidents"), open);
    let works = "scheduled_maintenances";
    assert_eq!(ids("/api/v2/scheduled-maintenances/upcoming.json", works), ["w3"]);
    assert_eq!(ids("/api/v2/scheduled-maintenances/active.json", works), ["w1"]);
    // What was called off has no word there, so it is not told.
    assert_eq!(ids("/api/v2/scheduled-maintenances.json", works), ["w3", "w1"]);
}

#[test]
fn the_top_line_follows_the_rule_of_common_pages() {
    let line = |words: &[&str]| {
        let mut view = june::quiet();
        let mut group = view.groups.remove(0);
        view.groups.clear();
        group.components.truncate(words.len());
        for (component, word) in group.components.iter_mut().zip(words) {
            component.condition = Condition::of(word);
        }
        view.groups.push(group);
        let bench = bench();
        let answer = text(get_status(&status_of(&bench, view), "/api/v2/status.json"));
        let value: Value = serde_json::from_str(&answer).expect("it is JSON");
        let status = &value["status"];
        format!("{} {}", status["indicator"], status["description"]).replace('"', "")
    };
    for (words, wanted) in [
        (["major_outage", "major_outage"], "critical Major System Outage"),
        (["major_outage", "operational"], "major Partial System Outage"),
        (["partial_outage", "partial_outage"], "major Partial System Outage"),
        (["partial_outage", "operational"], "minor Minor Service Outage"),
        (["degraded_performance", "degraded_performance"], "minor Degraded System Service"),
        (["degraded_performance", "operational"], "minor Partially Degraded Service"),
        (["under_maintenance", "operational"], "maintenance Service Under Maintenance"),
        (["operational", "operational"], "none All Systems Operational"),
        // What nobody knows neither helps nor harms.
        (["unknown", "major_outage"], "critical Major System Outage"),
    ] {
        assert_eq!(line(&words), wanted, "{words:?}");
    }
}

#[test]
fn feeds_and_the_calendar_are_spelled_as_readers_expect() {
    let (_bench, status) = afternoon();
    let page = |path: &str| {
        let answer = get_status(&status, path);
        assert_eq!(answer.headers()["cache-control"], "public, max-age=60", "{path}");
        text(answer)
    };
    expect_file!["expected/history.atom"].assert_eq(&page("/history.atom"));
    expect_file!["expected/history.rss"].assert_eq(&page("/history.rss"));
    expect_file!["expected/feed.json"].assert_eq(&pretty(&page("/feed.json")));
    expect_file!["expected/updates.atom"].assert_eq(&page("/updates.atom"));
    // Kept with plain line ends; that each line ends as calendars need it is looked at below.
    let calendar = page("/maintenance.ics").replace("\r\n", "\n");
    expect_file!["expected/maintenance.ics"].assert_eq(&calendar);
    let of_one = page("/components/openai_app/feed.atom");
    assert!(of_one.contains("ChatGPT’s app") && !of_one.contains("Letters were slow"));
    assert_eq!(get_status(&status, "/components/none/feed.atom").status(), StatusCode::NOT_FOUND);
}

#[test]
fn calendar_lines_are_folded_between_signs_and_escaped() {
    let mut view = june::afternoon();
    view.maintenances[0].title =
        "一次很长的维护；它的标题要折成好几行，才能放进日历的一行里, a; b\\c".into();
    let bench = bench();
    let calendar = text(get_status(&status_of(&bench, view), "/maintenance.ics"));
    for line in calendar.split_inclusive("\r\n") {
        assert!(line.ends_with("\r\n") && line.len() <= 77, "{} octets: {line}", line.len());
    }
    let unfolded = calendar.replace("\r\n ", "");
    assert!(unfolded.contains("一行里\\, a\\; b\\\\c\r\n"), "{unfolded}");
    assert!(unfolded.contains("STATUS:CANCELLED"));
}

#[test]
fn badges_tell_what_is_known() {
    let (_bench, status) = afternoon();
    let badge = |path: &str| text(get_status(&status, &format!("/api/v1/endpoints/{path}")));
    expect_file!["expected/badge.svg"].assert_eq(&badge("openai_chat/uptimes/24h/badge.svg"));
    assert_eq!(
        badge("openai_app/health/badge.shields"),
        r##"{"schemaVersion":1,"label":"ChatGPT’s app","message":"down","color":"#ab1f2d"}"##
    );
    assert!(badge("anthropic_app/health/badge.svg").contains(">suspected<"));
    assert!(badge("gemini_chat/health/badge.svg").contains(">no data<"));
    assert!(badge("openai_app/uptimes/30d/badge.svg").contains(">no data<"));
    assert_eq!(badge("openai_chat/uptimes/7d"), "99.881%");
    assert_eq!(badge("openai_chat/response-times/1h"), "412 ms");
    for none in ["none/health/badge.svg", "openai_chat/uptimes/2h/badge.svg", "openai_chat/x"] {
        let answer = get_status(&status, &format!("/api/v1/endpoints/{none}"));
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{none}");
    }
}

/// Milliseconds since 1970 of `2025-12-23T09:56:51.104Z`.
pub(crate) fn moment(text: &str) -> Option<UnixMs> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: u64 = (1970..year).map(|year| 365 + u64::from(leap(year))).sum();
    let months: u64 = lengths.iter().take(usize::try_from(month).ok()? - 1).sum();
    let seconds = ((years + months + day - 1) * 24 + number(11, 13)?) * 3_600
        + number(14, 16)? * 60
        + number(17, 19)?;
    let millis = if text.get(19..20) == Some(".") { number(20, 23)? } else { 0 };
    Some(UnixMs::new(seconds * 1_000 + millis))
}

fn read(value: &Value, key: &str) -> Option<UnixMs> {
    value[key].as_str().and_then(moment)
}

/// True for what came from the interface itself; the rest was read off pages, oldest update first,
/// without a start, and with the word `update` for what went on as before.
fn is_whole(value: &Value) -> bool {
    value["started_at"].is_string()
}

/// The members of a list that may be missing.
pub(crate) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[][..], Vec::as_slice)
}

/// The updates of an incident, oldest first.
fn posts(value: &Value) -> Vec<&Value> {
    let posts = list(value, "incident_updates").iter();
    if is_whole(value) { posts.rev().collect() } else { posts.collect() }
}

fn change(value: &Value) -> Option<Affected> {
    Some(Affected {
        component: ComponentId::new(value["code"].as_str()?),
        from: Condition::of(value["old_status"].as_str()?),
        to: Condition::of(value["new_status"].as_str()?),
    })
}

fn incident(value: &Value) -> Option<Incident> {
    let id = |value: &Value| value["id"].as_str().map(IncidentId::new);
    let mut phase = Phase::Investigating;
    let mut updates = Vec::new();
    for update in posts(value) {
        phase = Phase::of(update["status"].as_str()?).unwrap_or(phase);
        updates.push(IncidentUpdate {
            id: id(update)?,
            at: read(update, "created_at")?,
            phase,
            body: update["body"].as_str()?.into(),
            author: Author::Provider,
            affected: list(update, "affected_components").iter().filter_map(change).collect(),
        });
    }
    let light = |family| Light {
        family,
        state: LightState::DoesNotApply,
        lit_at: None,
        reading: "".into(),
    };
    let components = list(value, "components").iter();
    Some(Incident {
        id: id(value)?,
        title: value["name"].as_str()?.into(),
        phase: Phase::of(value["status"].as_str()?)?,
        impact: Impact::of(value["impact"].as_str()?)?,
        certainty: Certainty::Confirmed,
        cause: Cause { class: CauseClass::Inconclusive, confidence: 0.0, why: "".into() },
        started_at: read(value, "started_at").or(read(value, "created_at"))?,
        opened_at: read(value, "created_at")?,
        resolved_at: read(value, "resolved_at"),
        components: components.filter_map(|one| one["id"].as_str().map(ComponentId::new)).collect(),
        updates,
        lights: Family::LIGHTS.map(light),
        official: None,
        deeds: Vec::new(),
        by_hand: detection::ByHand::default(),
    })
}

/// A page with these incidents, all over, and the components that they name.
fn page_of(history: &[&Value]) -> StatusView {
    let mut view = june::quiet();
    let components = history.iter().flat_map(|one| one["components"].as_array()).flatten();
    let affected = history.iter().flat_map(|one| one["incident_updates"].as_array()).flatten();
    let affected = affected.filter_map(|update| update["affected_components"].as_array()).flatten();
    let named = components
        .filter_map(|one| Some((one["id"].as_str()?, one["name"].as_str()?)))
        .chain(affected.filter_map(|one| Some((one["code"].as_str()?, one["name"].as_str()?))));
    let mut parts: Vec<ComponentView> = Vec::new();
    for (id, name) in named {
        if parts.iter().all(|part| part.component.id.as_str() != id) {
            parts.push(ComponentView {
                component: Component {
                    id: ComponentId::new(id),
                    name: name.into(),
                    provider: "github".into(),
                    capability: None,
                    parent: None,
                },
                name: Text::plain(name),
                condition: Condition::Operational,
                certainty: Certainty::Clear,
                state: None,
                note: None,
                days: Vec::new(),
                uptime: Uptime::default(),
                created_at: UnixMs::default(),
                updated_at: UnixMs::default(),
            });
        }
    }
    let title = Text::plain("GitHub");
    view.groups = vec![ComponentGroup { title, note: None, ours: false, components: parts }];
    let incidents = history.iter().filter_map(|one| incident(one));
    view.past = incidents
        .map(|incident| IncidentView { incident, zh: None, testimonies: Arc::default() })
        .collect();
    view
}

/// What of an incident, or of an update, must come out as it went in. A name that changed between
/// two posts is kept in the newer form, so names of components are compared by their ids.
pub(crate) fn meaning(value: &Value, keys: &[&str]) -> Vec<Value> {
    keys.iter().map(|key| value[*key].clone()).collect()
}

/// The recorded history of a real page, if it is here.
fn recorded() -> Option<Vec<Value>> {
    let packed = fs::read(HISTORY).ok()?;
    let mut json = String::new();
    flate2::read::GzDecoder::new(&*packed).read_to_string(&mut json).expect("it is gzip");
    Some(serde_json::from_str(&json).expect("it is JSON"))
}

/// One incident as we spell it, against what was imported.
fn compare(ours: &Value, theirs: &Value) -> usize {
    let keys = ["id", "name", "status", "created_at", "resolved_at", "impact"];
    assert_eq!(meaning(ours, &keys), meaning(theirs, &keys));
    if is_whole(theirs) {
        assert_eq!(ours["started_at"], theirs["started_at"]);
    }
    let ids = |value: &Value| -> BTreeSet<String> {
        let ids = list(value, "components").iter().filter_map(|one| one["id"].as_str());
        ids.map(str::to_owned).collect()
    };
    assert_eq!(ids(ours), ids(theirs), "{}", theirs["id"]);
    let (mine, given) = (list(ours, "incident_updates"), posts(theirs));
    assert_eq!(mine.len(), given.len(), "{}", theirs["id"]);
    for (mine, given) in mine.iter().rev().zip(&given) {
        let keys = ["id", "body", "created_at"];
        assert_eq!(meaning(mine, &keys), meaning(given, &keys));
        if given["status"] != "update" {
            assert_eq!(mine["status"], given["status"], "{}", given["id"]);
        }
        let changes = |value: &Value| -> Vec<Vec<Value>> {
            let keys = ["code", "old_status", "new_status"];
            list(value, "affected_components").iter().map(|one| meaning(one, &keys)).collect()
        };
        assert_eq!(changes(mine), changes(given), "{}", given["id"]);
    }
    given.len()
}

#[test]
fn an_imported_history_comes_out_as_it_went_in() {
    let Some(all) = recorded() else {
        eprintln!("the recorded history is not here; nothing is compared");
        return;
    };
    let mut updates = 0;
    for history in all.chunks(50) {
        let history: Vec<&Value> = history.iter().collect();
        let bench = bench();
        let status = status_of(&bench, page_of(&history));
        let answer = text(get_status(&status, "/api/v2/incidents.json"));
        let ours: Value = serde_json::from_str(&answer).expect("it is JSON");
        let ours = list(&ours, "incidents");
        assert_eq!(ours.len(), history.len());
        updates += ours.iter().zip(history).map(|(ours, one)| compare(ours, one)).sum::<usize>();
    }
    eprintln!("{} incidents and {updates} updates are equal", all.len());
}

#[test]
fn the_history_of_a_real_page_has_its_months() {
    let Some(all) = recorded() else {
        eprintln!("the recorded history is not here; nothing is drawn");
        return;
    };
    let view = page_of(&all.iter().collect::<Vec<_>>());
    let ids: Vec<IncidentId> = view.past.iter().map(|one| one.incident.id.clone()).collect();
    assert_eq!(ids.len(), all.len());
    let bench = bench();
    let status = status_of(&bench, view);
    let history = text(get_status(&status, "/history"));
    let count = history.matches("/incidents/").count();
    assert!(count > 0 && history.len() < 120 * 1024, "{count} entries, {} bytes", history.len());
    for id in ids.iter().step_by(37) {
        let path = format!("/incidents/{id}");
        assert_eq!(get_status(&status, &path).status(), StatusCode::OK, "{path}");
    }
}
