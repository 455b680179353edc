//! What operators order over the console, as it stands on the page and after a restart.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::caller::{Got, chat, look, send};
use crate::house::{CONSOLE_PORT, House, STATUS_PORT, open, open_since, settings};
use crate::memory::Network;
use crate::provider::{Act, Provider};

/// A caller who asks once a second must not stand in line for a breaker meanwhile.
const ROOM_CLOSED: &str = "[waiting_room]\nwaiters_max = 0\n";

const WHOLE: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;
const ASK: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;

fn well() -> Act {
    Act::whole(200, "application/json", WHOLE.as_bytes())
}

fn failing() -> Act {
    Act::whole(503, "application/json", br#"{"error":{"message":"no","type":"server_error"}}"#)
}

async fn order(house: &House, wish: &str, order: Value) -> Got {
    let headers = [("content-type", "application/json"), ("host", "127.0.0.1:8082")];
    send(house, CONSOLE_PORT, wish, &headers, order.to_string().as_bytes()).await
}

async fn ordered(house: &House, wish: &str, what: Value) -> String {
    let said = order(house, wish, what).await;
    assert!(matches!(said.status, 200 | 201), "{wish}: {} {}", said.status, said.text());
    said.json()["id"].as_str().unwrap().to_owned()
}

async fn seconds(house: &House, count: u64) {
    let started = Instant::now();
    for second in 1..=count {
        chat(house, ASK).await;
        tokio::time::sleep_until(started + Duration::from_secs(second)).await;
    }
}

async fn page(house: &House, path: &str) -> String {
    look(house, STATUS_PORT, path).await.text()
}

async fn summary(house: &House) -> Value {
    look(house, STATUS_PORT, "/api/v2/summary.json").await.json()
}

fn condition(summary: &Value, component: &str) -> String {
    let all = summary["components"].as_array().unwrap();
    let one = all.iter().find(|one| one["id"] == component);
    one.map_or("nothing", |one| one["status"].as_str().unwrap()).to_owned()
}

/// The second of virtual time as an instant in text; houses begin on 4 June 2024.
fn at(minute: u64) -> String {
    format!("2024-06-04T{:02}:{:02}:00Z", minute / 60, minute % 60)
}

#[tokio::test(start_paused = true)]
async fn an_incident_is_written_by_hand_and_stands_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let kept = format!("[storage]\npath = {:?}\n", folder.path().join("seawall.db"));
    let settings = settings(&["fake1/a"], &kept);
    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![well()]);
    let began = Instant::now();
    let house = open_since(&network, &settings, began);
    seconds(&house, 15).await;
    let head = json!({"title": "Answers are cut", "impact": "minor", "components": ["fake1/chat"],
        "body": "We look into it.", "by": "ann"});
    let id = ordered(&house, "POST /api/incidents", head).await;
    seconds(&house, 30).await;
    let open = summary(&house).await;
    assert_eq!(open["incidents"][0]["name"], "Answers are cut", "good traffic does not end it");
    let update = json!({"phase": "identified", "body": "A **proxy** cut them. <script>x</script>"});
    ordered(&house, &format!("POST /api/incidents/{id}/updates"), update).await;
    seconds(&house, 2).await;
    let shown = page(&house, &format!("/incidents/{id}")).await;
    assert!(shown.contains("<strong>proxy</strong>") && !shown.contains("<script>x"), "{shown}");
    house.stop().await;

    let house = open_since(&network, &settings, began);
    for _ in 0..100_000 {
        if summary(&house).await["incidents"] != json!([]) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        std::thread::yield_now();
    }
    seconds(&house, 30).await;
    let open = summary(&house).await;
    assert_eq!(open["incidents"][0]["status"], "identified", "it is still his: {open:#}");
    let wish = format!("PUT /api/incidents/{id}/postmortem");
    let early = order(&house, &wish, json!({"body": "x"})).await;
    assert_eq!(early.status, 409, "it is not over");
    let update = json!({"phase": "resolved", "body": "It is mended."});
    ordered(&house, &format!("POST /api/incidents/{id}/updates"), update).await;
    let text = json!({"body": "## Why\n\n* a proxy <img src=x onerror=alert(1)>\n"});
    ordered(&house, &wish, text).await;
    seconds(&house, 2).await;
    let shown = page(&house, &format!("/incidents/{id}")).await;
    assert!(shown.contains("Looking back") && shown.contains("<li>a proxy"), "{shown}");
    assert!(!shown.contains("<img"), "{shown}");
    house.stop().await;
}

#[tokio::test(start_paused = true)]
async fn planned_work_is_no_outage_and_begins_and_ends_by_itself() {
    let network = Network::default();
    let first = Provider::start(&network, 9001, vec![well()]);
    let house = open(&network, &settings(&["fake1/a"], ROOM_CLOSED));
    seconds(&house, 30).await;
    let work = json!({"title": "New pipes", "components": ["fake1/chat"], "body": "It may fail.",
        "starts_at": at(2), "ends_at": at(12)});
    let id = ordered(&house, "POST /api/maintenances", work).await;
    assert!(page(&house, "/").await.contains("New pipes"));
    assert!(page(&house, "/maintenance.ics").await.contains("SUMMARY:New pipes"));
    seconds(&house, 100).await;
    assert_eq!(summary(&house).await["scheduled_maintenances"][0]["status"], "in_progress");
    first.play(vec![failing()]);
    seconds(&house, 400).await;
    let during = summary(&house).await;
    assert_eq!(condition(&during, "fake1/chat"), "under_maintenance", "{during:#}");
    assert_eq!(during["incidents"], json!([]), "planned work is no outage");
    first.play(vec![well()]);
    seconds(&house, 300).await;
    let after = summary(&house).await;
    assert_eq!(condition(&after, "fake1/chat"), "operational");
    assert_eq!(after["scheduled_maintenances"], json!([]));
    let shown = page(&house, &format!("/maintenances/{id}")).await;
    assert!(shown.contains("The planned work is over."), "{shown}");
    let uptime = look(&house, STATUS_PORT, "/api/v1/endpoints/fake1_chat/uptimes/1h").await.text();
    assert!(uptime.contains("100"), "what failed meanwhile counts as nobody's outage: {uptime}");
    let again = json!({"phase": "cancelled", "body": ""});
    let again = order(&house, &format!("POST /api/maintenances/{id}/updates"), again).await;
    assert_eq!(again.status, 409, "{}", again.text());
}

#[tokio::test(start_paused = true)]
async fn a_state_is_set_for_a_while_and_taken_back() {
    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![well()]);
    let house = open(&network, &settings(&["fake1/a"], ""));
    seconds(&house, 20).await;
    let state = json!({"condition": "partial_outage", "until": at(2)});
    ordered(&house, "PUT /api/components/fake1_chat/state", state).await;
    seconds(&house, 3).await;
    assert_eq!(condition(&summary(&house).await, "fake1/chat"), "partial_outage");
    assert!(page(&house, "/").await.contains("As our staff have said."));
    seconds(&house, 120).await;
    assert_eq!(condition(&summary(&house).await, "fake1/chat"), "operational", "it held for long");
    let state = json!({"condition": "major_outage"});
    ordered(&house, "PUT /api/components/fake1_chat/state", state).await;
    seconds(&house, 3).await;
    assert_eq!(condition(&summary(&house).await, "fake1/chat"), "major_outage");
    ordered(&house, "DELETE /api/components/fake1_chat/state", json!({})).await;
    seconds(&house, 3).await;
    assert_eq!(condition(&summary(&house).await, "fake1/chat"), "operational");
}

#[tokio::test(start_paused = true)]
async fn a_past_incident_is_written_down() {
    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![well()]);
    let house = open(&network, &settings(&["fake1/a"], ""));
    seconds(&house, 12).await;
    let past = |end: &str| {
        json!({"title": "An old fall", "impact": "critical", "components": ["fake1/chat"],
            "body": "It was long ago.", "started_at": "2024-05-20T10:00:00Z", "resolved_at": end})
    };
    let id = ordered(&house, "POST /api/incidents", past("2024-05-20T12:30:00Z")).await;
    let month = page(&house, "/history/2024-05").await;
    assert!(month.contains("An old fall") && month.contains(&id), "{month}");
    let backwards = order(&house, "POST /api/incidents", past("2024-05-20T09:00:00Z")).await;
    assert_eq!(backwards.json()["error"], "no_span");
    assert_eq!(summary(&house).await["incidents"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn nobody_but_who_stands_at_the_console_orders_anything() {
    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![well()]);
    let house = open(&network, &settings(&["fake1/a"], ""));
    let body = json!({"title": "x", "impact": "minor", "components": ["fake1/chat"]}).to_string();
    let json = ("content-type", "application/json");
    let own = ("host", "localhost:8082");
    for (headers, status) in [
        (vec![json, ("host", "seawall.attacker.test")], 403),
        (vec![json, own, ("origin", "https://attacker.test")], 403),
        (vec![json, own, ("sec-fetch-site", "cross-site")], 403),
        (vec![("content-type", "text/plain"), own], 415),
        (vec![json, own], 201),
    ] {
        let wish = "POST /api/incidents";
        let got = send(&house, CONSOLE_PORT, wish, &headers, body.as_bytes()).await;
        assert_eq!(got.status, status, "{headers:?}: {}", got.text());
    }
    for (wish, what, error) in [
        ("POST /api/incidents", json!({"impact": "minor"}), "unreadable"),
        ("POST /api/incidents", json!({"titel": "x"}), "unreadable"),
        (
            "POST /api/incidents",
            json!({"title": "x", "impact": "minor", "components": ["nobody/chat"]}),
            "no_component",
        ),
        ("POST /api/incidents/none/updates", json!({"phase": "resolved"}), "unknown"),
        ("PUT /api/components/nobody_chat/state", json!({"condition": "major_outage"}), "unknown"),
        ("DELETE /api/incidents", json!({}), "method"),
        ("POST /api/nothing", json!({}), "not_found"),
    ] {
        let got = order(&house, wish, what).await;
        assert_eq!(got.json()["error"], error, "{wish}");
    }
    let wish = "POST /api/incidents";
    let public = send(&house, STATUS_PORT, wish, &[json, own], body.as_bytes()).await;
    assert_eq!(public.status, 405, "the public's listener takes no orders");
}
