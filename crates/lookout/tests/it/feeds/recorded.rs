//! Recorded feeds of real pages, where they are present: nothing of them is lost.

use std::io::Read;
use std::path::{Path, PathBuf};

use detection::{Condition, Impact, Phase};
use flate2::read::GzDecoder;
use lookout::feeds::{Doubts, Engine, FeedIncident, FeedReading, read};
use serde_json::Value;

use super::at;

fn folder() -> Option<PathBuf> {
    let named = std::env::vars().find(|(name, _)| name == "SEAWALL_FIXTURES");
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    let folder = named.map_or_else(beside, |(_, path)| PathBuf::from(path));
    let folder = folder.join("data/status_pages");
    if !folder.is_dir() {
        println!("skipped: there are no recorded status pages");
        return None;
    }
    Some(folder)
}

fn bytes(path: &Path) -> Vec<u8> {
    let raw = std::fs::read(path).unwrap();
    if path.extension().is_none_or(|ending| ending != "gz") {
        return raw;
    }
    let mut plain = Vec::new();
    GzDecoder::new(&*raw).read_to_end(&mut plain).unwrap();
    plain
}

fn reading(name: &str) -> Option<(Vec<u8>, FeedReading)> {
    let bytes = bytes(&folder()?.join(name));
    let (_, reading) = read(&bytes, None).unwrap();
    Some((bytes, reading))
}

#[test]
fn every_recorded_page_is_read() {
    let Some(folder) = folder() else { return };
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let (_, reading) = read(&bytes(&path), None).expect("a recorded page is a feed");
        let known = reading.doubts.dropped == 0 && reading.doubts.words == 0;
        assert!(known, "{}: {:?}", path.display(), reading.doubts);
        count += 1;
    }
    assert!(count >= 7, "{count}");
}

/// A field that is absent and one that is null or empty say the same.
fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value[name].as_str().filter(|text| !text.is_empty())
}

fn same_incident(raw: &Value, read: &FeedIncident) {
    let key = text(raw, "id").unwrap();
    assert_eq!(&*read.key, key);
    assert_eq!(&*read.title, raw["name"].as_str().unwrap(), "{key}");
    assert_eq!(read.phase.map(Phase::as_str), text(raw, "status"), "{key}");
    assert_eq!(read.impact.map(Impact::as_str), text(raw, "impact"), "{key}");
    assert_eq!(read.url.as_deref(), text(raw, "shortlink"), "{key}");
    let moment = |name| text(raw, name).and_then(at);
    assert_eq!(read.posted_at, moment("created_at"), "{key}");
    assert_eq!(read.started_at, moment("started_at").or(moment("created_at")), "{key}");
    assert_eq!(read.updated_at, moment("updated_at"), "{key}");
    assert_eq!(read.monitoring_at, moment("monitoring_at"), "{key}");
    assert_eq!(read.resolved_at, moment("resolved_at"), "{key}");
    let updates = raw["incident_updates"].as_array().cloned().unwrap_or_default();
    assert_eq!(read.updates.len(), updates.len(), "{key}");
    for (raw, read) in updates.iter().zip(&read.updates) {
        assert_eq!(read.id.as_deref(), text(raw, "id"));
        let when = text(raw, "display_at").or(text(raw, "created_at"));
        assert_eq!(read.at, when.and_then(at));
        // An update that is called so changes no phase.
        let word = text(raw, "status").filter(|word| *word != "update");
        assert_eq!(read.phase.map(Phase::as_str), word);
        assert_eq!(read.text.is_empty(), text(raw, "body").is_none());
        let parts = raw["affected_components"].as_array().cloned().unwrap_or_default();
        assert_eq!(read.parts.len(), parts.len());
        for (raw, read) in parts.iter().zip(&read.parts) {
            assert_eq!(read.id.as_deref(), text(raw, "code"));
            assert_eq!(&*read.name, raw["name"].as_str().unwrap());
            assert_eq!(read.from.map(Condition::as_str), text(raw, "old_status"));
            assert_eq!(read.to.map(Condition::as_str), text(raw, "new_status"));
        }
    }
    let listed = raw["components"].as_array().cloned().unwrap_or_default();
    let parts = read.parts.as_deref().unwrap_or_default();
    assert!(parts.len() >= listed.len(), "{key}");
    for (raw, read) in listed.iter().zip(parts) {
        assert_eq!(read.id.as_deref(), text(raw, "id"));
        assert_eq!(&*read.name, raw["name"].as_str().unwrap());
        assert_eq!(read.to.map(Condition::as_str), text(raw, "status"));
    }
}

#[test]
fn five_years_of_one_page_lose_nothing() {
    let name = "github_statuspage_v2_incidents_2020_2025.json.gz";
    let Some((bytes, reading)) = reading(name) else { return };
    let raw: Vec<Value> = serde_json::from_slice(&bytes).unwrap();
    let incidents = reading.incidents.unwrap();
    assert_eq!((incidents.len(), raw.len()), (705, 705));
    for (raw, read) in raw.iter().zip(&incidents) {
        same_incident(raw, read);
    }
    let of = |impact| incidents.iter().filter(|i| i.impact == Some(impact)).count();
    let counts =
        [Impact::Minor, Impact::Major, Impact::None, Impact::Maintenance, Impact::Critical];
    assert_eq!(counts.map(of), [560, 118, 23, 3, 1]);
    assert_eq!(reading.doubts, Doubts { instants: 3, ..Doubts::default() }, "three end too early");
}

#[test]
fn recorded_components_keep_every_field() {
    let Some((bytes, reading)) = reading("github_components.json") else { return };
    let raw: Vec<Value> = serde_json::from_slice(&bytes).unwrap();
    let components = reading.components.unwrap();
    assert_eq!(components.len(), raw.len());
    for (raw, read) in raw.iter().zip(&components) {
        assert_eq!(Some(&*read.id), text(raw, "id"));
        assert_eq!(Some(&*read.name), text(raw, "name"));
        assert_eq!(Some(read.condition.as_str()), text(raw, "status"));
        assert_eq!(read.description.as_deref(), text(raw, "description"));
        assert_eq!(read.group_id.as_deref(), text(raw, "group_id"));
        assert_eq!(Some(read.is_group), raw["group"].as_bool());
        assert_eq!(read.position, raw["position"].as_i64());
        assert_eq!(read.created_at, text(raw, "created_at").and_then(at));
        assert_eq!(read.updated_at, text(raw, "updated_at").and_then(at));
    }
}

#[test]
fn recorded_summaries_say_what_they_leave_out() {
    let Some((_, openai)) = reading("openai_incidentio_summary_2026-07-09.json") else { return };
    assert_eq!(openai.engine, Engine::IncidentIo);
    assert_eq!((openai.components.map(|c| c.len()), openai.incidents), (Some(4), None));
    let (_, claude) = reading("claude_statuspage_summary_2026-09-04.json").unwrap();
    assert_eq!(claude.engine, Engine::Statuspage);
    assert_eq!((claude.components.map(|c| c.len()), claude.incidents), (Some(6), Some(vec![])));
}

#[test]
fn recorded_histories_keep_every_update() {
    let Some((bytes, claude)) = reading("claude_statuspage_history_excerpt_2026-10.atom") else {
        return;
    };
    let text = String::from_utf8(bytes).unwrap();
    let incidents = claude.incidents.unwrap();
    assert_eq!(incidents.len(), text.matches("<entry>").count());
    let updates: usize = incidents.iter().map(|incident| incident.updates.len()).sum();
    assert_eq!(updates, text.matches("&lt;small&gt;").count());
    assert!(incidents.iter().flat_map(|i| &i.updates).all(|u| u.at.is_some() && u.phase.is_some()));
    assert_eq!(incidents[1].started_at, at("2026-10-06T12:24:00Z"));
    assert_eq!(claude.doubts, Doubts::default());

    let (bytes, openai) = reading("openai_incidentio_feed_excerpt_2026-09.atom").unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let incidents = openai.incidents.unwrap();
    assert_eq!(incidents.len(), text.matches("<entry>").count());
    let parts: usize = incidents.iter().map(|i| i.parts.as_ref().map_or(0, Vec::len)).sum();
    // Each part stands in the summary and in the content.
    assert_eq!(parts * 2, text.matches("<li>").count());
    assert!(incidents.iter().all(|i| i.posted_at.is_some() && !i.is_open()));

    let (_, perplexity) = reading("perplexity_instatus_history_excerpt_2026-06.atom").unwrap();
    assert_eq!(perplexity.engine, Engine::Instatus);
    let incident = &perplexity.incidents.unwrap()[0];
    assert_eq!(&*incident.key, "cmq08wkuw02waqmn6yt1kdgej");
    assert_eq!(incident.started_at, at("2026-06-04T21:10:00Z"));
    assert_eq!(incident.resolved_at, at("2026-06-05T01:40:38Z"));
    assert_eq!(incident.updates.len(), 3);
    assert_eq!(&*incident.parts.as_ref().unwrap()[0].name, "Website");
}
