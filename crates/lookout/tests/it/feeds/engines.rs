//! The JSON of each engine.

use detection::{Condition, Impact, MaintenancePhase, Phase};
use lookout::feeds::{Engine, FeedError, Shape, read};

use super::{at, read_as};

#[test]
fn a_statuspage_summary_says_everything() {
    let reading = read_as(
        Shape::Statuspage,
        r#"{"page":{"id":"abc","name":"A","url":"https://a","time_zone":"Etc/UTC","updated_at":"2026-01-02T03:04:05.678Z"},
        "status":{"indicator":"minor","description":"Partially Degraded Service"},
        "components":[
         {"id":"g","name":"APIs","status":"partial_outage","group":true,"group_id":null,"position":1,"components":["c"]},
         {"id":"c","name":"Chat","status":"partial_outage","group":false,"group_id":"g","position":2,"description":"talk"},
         {"id":"d","name":"Files","status":"on_holiday","group":false,"group_id":null,"position":3}],
        "incidents":[{"id":"i1","name":"Errors","status":"identified","impact":"major",
          "created_at":"2026-01-02T02:40:00.000Z","started_at":"2026-01-02T02:30:00.000Z","resolved_at":null,
          "shortlink":"https://stspg.io/x",
          "incident_updates":[{"id":"u2","status":"identified","body":"A <b>fix</b> is under way.","created_at":"2026-01-02T02:50:00.000Z","display_at":"2026-01-02T02:51:00.000Z",
             "affected_components":[{"code":"c","name":"Chat","old_status":"degraded_performance","new_status":"partial_outage"}]},
            {"id":"u1","status":"investigating","body":"Looking.","created_at":"2026-01-02T02:40:00.000Z","affected_components":null}],
          "components":[{"id":"c","name":"Chat","status":"partial_outage"}]}],
        "scheduled_maintenances":[{"id":"m","name":"Work","status":"in_progress","impact":"maintenance",
          "scheduled_for":"2026-01-03T00:00:00Z","scheduled_until":"2026-01-03T02:00:00Z",
          "incident_updates":[{"status":"scheduled","body":"Soon.","created_at":"2026-01-01T00:00:00Z"}]}]}"#,
    );
    assert_eq!(reading.engine, Engine::Statuspage);
    assert_eq!(reading.doubts.words, 1, "one word is not known");
    let components = reading.components.unwrap();
    assert!(components[0].is_group);
    assert_eq!(components[1].group_name.as_deref(), Some("APIs"));
    assert_eq!(components[1].condition, Condition::PartialOutage);
    assert_eq!(components[2].condition, Condition::Unknown, "an unknown word is never good");
    let incident = &reading.incidents.unwrap()[0];
    assert_eq!((incident.phase, incident.impact), (Some(Phase::Identified), Some(Impact::Major)));
    assert!(incident.is_open());
    assert_eq!(incident.started_at, at("2026-01-02T02:30:00Z"));
    assert_eq!(incident.posted_at, at("2026-01-02T02:40:00Z"));
    assert_eq!(incident.updates[0].at, at("2026-01-02T02:51:00Z"));
    assert_eq!(&*incident.updates[0].text, "A fix is under way.");
    assert_eq!(incident.updates[0].parts[0].from, Some(Condition::DegradedPerformance));
    assert_eq!(incident.parts.as_ref().unwrap().len(), 1);
    let planned = &reading.maintenances.unwrap()[0];
    assert_eq!(planned.phase, Some(MaintenancePhase::InProgress));
    assert_eq!(planned.ends_at, at("2026-01-03T02:00:00Z"));
}

#[test]
fn absence_of_incidents_is_not_that_there_are_none() {
    let page = r#""page":{"id":"01JMDK9XYNY6RXSED6SDWW50WY","name":"O","updated_at":"2026-07-09T19:25:56Z"}"#;
    let silent = read_as(
        Shape::Statuspage,
        &format!(
            r#"{{{page},"components":[{{"id":"x","name":"Images","status":"full_outage"}}]}}"#
        ),
    );
    assert_eq!(silent.engine, Engine::IncidentIo);
    assert_eq!(silent.incidents, None);
    assert_eq!(silent.maintenances, None);
    let components = silent.components.unwrap();
    assert_eq!(components[0].condition, Condition::MajorOutage);
    let clear = read_as(Shape::Statuspage, &format!(r#"{{{page},"incidents":[]}}"#));
    assert_eq!(clear.incidents, Some(Vec::new()));
    assert_eq!(clear.components, None);
}

#[test]
fn an_imitation_names_no_parts_and_its_ids_tell_the_time_of_the_first_post() {
    let reading = read_as(
        Shape::Statuspage,
        r#"{"page":{"id":"01JMDK9XYNY6RXSED6SDWW50WY","name":"O"},"incidents":[
          {"id":"01JXCAW3K3JAE0EP56AEZ7CBG3","name":"Elevated errors","status":"investigating","impact":"minor",
           "created_at":"2025-06-10T09:00:00Z","incident_updates":[{"id":"u","status":"investigating","body":"x","created_at":"2025-06-10T09:00:00Z"}]}]}"#,
    );
    let incident = &reading.incidents.unwrap()[0];
    assert_eq!(incident.parts, None);
    // The page says nine o'clock; the id was made at 07:11:31.
    assert_eq!(
        incident.posted_at.map(clock::UnixMs::as_seconds),
        at("2025-06-10T07:11:31Z").map(clock::UnixMs::as_seconds)
    );
}

#[test]
fn one_broken_entry_does_not_hide_the_others() {
    let reading = read_as(
        Shape::Statuspage,
        r#"{"page":{"id":"a"},"components":[{"id":7},{"id":"b","name":"B","status":"operational"},null,"x"],
        "incidents":[{"id":"i","status":"resolved","started_at":"2026-01-02T00:00:00Z","resolved_at":"2025-01-01T00:00:00Z","updated_at":"yesterday"}]}"#,
    );
    assert_eq!(reading.components.unwrap().len(), 1);
    assert_eq!(reading.doubts.dropped, 3);
    // One instant is no instant, one end lies before its start.
    assert_eq!(reading.doubts.instants, 2);
    assert!(!reading.incidents.unwrap()[0].is_open());
}

#[test]
fn incident_ios_own_summary_gives_groups_and_affected_parts() {
    let text = r#"{"summary":{"id":"01JMDK9XYNY6RXSED6SDWW50WY","name":"O","public_url":"https://o",
      "components":[{"id":"c1","name":"Chat Completions"},{"id":"c2","name":"Conversations"}],
      "structure":{"items":[{"group":{"id":"g1","name":"APIs","components":[{"component_id":"c1","name":"Chat Completions"}]}},
                            {"group":{"id":"g2","name":"ChatGPT","components":[{"component_id":"c2","name":"Conversations"}]}}]},
      "affected_components":[{"component_id":"c2","status":"full_outage"}],
      "ongoing_incidents":[{"id":"01M2EWYR55J47M2BPG9WC76VEG","name":"Down","status":"investigating","published_at":"2026-09-14T01:30:00Z",
         "affected_components":[{"component_id":"c2","status":"full_outage"}],
         "updates":[{"id":"u1","message_string":"Looking","to_status":"investigating","published_at":"2026-09-14T01:30:00Z"},
                    {"id":"u2","message_string":"Found","to_status":"identified","published_at":"2026-09-14T01:40:00Z"}]}],
      "scheduled_maintenances":[{"id":"m","name":"Work","status":"maintenance_scheduled","starts_at":"2026-09-20T00:00:00Z","ends_at":"2026-09-20T01:00:00Z"}]}}"#;
    let reading = read_as(Shape::IncidentIoSummary, text);
    let components = reading.components.unwrap();
    assert_eq!(components.len(), 2);
    assert_eq!(components[0].condition, Condition::Operational);
    assert_eq!(components[1].condition, Condition::MajorOutage);
    assert_eq!(components[1].group_name.as_deref(), Some("ChatGPT"));
    let incident = &reading.incidents.unwrap()[0];
    assert_eq!(incident.updates[0].phase, Some(Phase::Identified), "newest first");
    assert_eq!(
        incident.posted_at.map(clock::UnixMs::as_seconds),
        at("2026-09-14T02:46:48Z").map(clock::UnixMs::as_seconds)
    );
    assert_eq!(reading.maintenances.unwrap()[0].phase, Some(MaintenancePhase::Scheduled));
    // Without the list of affected parts nobody said that they are well.
    let silent = text.replace("\"affected_components\":[{\"component_id\":\"c2\",\"status\":\"full_outage\"}],\n      \"ongoing", "\"ongoing");
    let reading = read_as(Shape::IncidentIoSummary, &silent);
    assert!(reading.components.unwrap().iter().all(|c| c.condition == Condition::Unknown));
}

#[test]
fn incident_ios_widget_and_spans_are_read() {
    let widget = read_as(
        Shape::IncidentIoWidget,
        r#"{"page_title":"O","page_url":"https://o","ongoing_incidents":[{"id":"i","name":"Slow","status":"monitoring","url":"https://o/i",
        "last_update_at":"2026-01-01T00:00:00Z","last_update_message":"Better","current_worst_impact":"full_outage",
        "affected_components":[{"id":"c","name":"Chat","group_name":"APIs","current_status":"degraded_performance"}]}],
        "in_progress_maintenances":[],"scheduled_maintenances":[]}"#,
    );
    let incident = &widget.incidents.unwrap()[0];
    assert_eq!(incident.impact, Some(Impact::Critical));
    assert_eq!(incident.parts.as_ref().unwrap()[0].to, Some(Condition::DegradedPerformance));
    assert_eq!(&*incident.updates[0].text, "Better");
    assert_eq!(widget.components, None);
    let span = read_as(
        Shape::IncidentIoSpan,
        r#"{"component_impacts":[{"id":"k","component_id":"c","status":"partial_outage","start_at":"2026-01-01T00:00:00Z","end_at":null,
          "status_page_incident_id":"01M2EWYR55J47M2BPG9WC76VEG"}],"component_uptimes":[]}"#,
    );
    let impact = &span.incidents.unwrap()[0];
    assert!(impact.is_open());
    assert_eq!(impact.parts.as_ref().unwrap()[0].to, Some(Condition::PartialOutage));
    assert!(impact.posted_at.is_some());
}

#[test]
fn instatus_shouts_and_leaves_out_empty_lists() {
    let up = read_as(Shape::Instatus, r#"{"page":{"name":"P","url":"https://p","status":"UP"}}"#);
    assert_eq!(up.incidents, Some(Vec::new()));
    let ill = read_as(
        Shape::Instatus,
        r#"{"page":{"name":"P","url":"https://p","status":"HASISSUES"},"activeIncidents":[{"id":"a","name":"Down","started":"2026-06-04T21:10:00.000Z",
          "status":"IDENTIFIED","impact":"MAJOROUTAGE","url":"https://p/a","updatedAt":"2026-06-04T21:20:00.000Z"}],
          "activeMaintenances":[{"id":"m","name":"Work","start":"2026-06-05T00:00:00Z","status":"NOTSTARTEDYET","duration":"60"}]}"#,
    );
    let incident = &ill.incidents.unwrap()[0];
    assert_eq!(
        (incident.phase, incident.impact),
        (Some(Phase::Identified), Some(Impact::Critical))
    );
    assert_eq!(ill.maintenances.unwrap()[0].ends_at, at("2026-06-05T01:00:00Z"));
    let parts = read_as(
        Shape::Instatus,
        r#"{"components":[{"id":"w","name":"Website","status":"OPERATIONAL"},{"id":"a","name":"API","status":"PARTIALOUTAGE"},{"id":"x","name":"X","status":"WEIRD"}]}"#,
    );
    let found: Vec<_> = parts.components.unwrap().iter().map(|c| c.condition).collect();
    assert_eq!(found, [Condition::Operational, Condition::PartialOutage, Condition::Unknown]);
}

#[test]
fn googles_open_incident_is_the_one_without_an_end() {
    let text = r#"[{"id":"A1","begin":"2026-02-27T09:00:00+00:00","created":"2026-02-27T09:40:00+00:00","modified":"2026-02-27T10:00:00+00:00",
      "external_desc":"Vertex Gemini API errors","severity":"high","status_impact":"SERVICE_OUTAGE","uri":"incidents/A1",
      "affected_products":[{"id":"Z0FZJAMvEB4j3NbCJs6B","title":"Vertex Gemini API","current_title":"Gemini on Agent Platform"}],
      "updates":[{"when":"2026-02-27T10:00:00+00:00","text":"Still","status":"SERVICE_OUTAGE"}]},
     {"id":"A2","begin":"2026-02-20T09:00:00+00:00","end":"2026-02-20T11:00:00+00:00","severity":"galactic","status_impact":"SERVICE_INFORMATION","affected_products":[]}]"#;
    let reading = read_as(Shape::GoogleIncidents, text);
    assert_eq!(reading.components, None, "what is not named is not told to be well");
    let incidents = reading.incidents.unwrap();
    assert!(incidents[0].is_open() && !incidents[1].is_open());
    assert_eq!(incidents[0].impact, Some(Impact::Critical));
    assert_eq!(incidents[1].impact, Some(Impact::None));
    assert_eq!(reading.doubts.words, 1);
    let names: Vec<_> =
        incidents[0].parts.as_ref().unwrap().iter().map(|part| &*part.name).collect();
    assert_eq!(names, ["Vertex Gemini API", "Gemini on Agent Platform"]);
    let (shape, empty) = read(b"[]", Some(Shape::GoogleIncidents)).unwrap();
    assert_eq!((shape, empty.incidents), (Shape::GoogleIncidents, Some(Vec::new())));
    assert!(matches!(read(b"[]", None), Err(FeedError::NoFeed { .. })));
}

#[test]
fn the_engine_is_told_by_the_document_not_by_the_address() {
    let page = br#"{"page":{"id":"a","name":"P"},"components":[]}"#;
    let (shape, _) = read(page, Some(Shape::Instatus)).unwrap();
    assert_eq!(shape, Shape::Statuspage);
    for nothing in ["{}", r#"{"error":"no"}"#, "true", "hello", "<!doctype html><html></html>"] {
        assert!(read(nothing.as_bytes(), None).is_err(), "{nothing}");
    }
}
