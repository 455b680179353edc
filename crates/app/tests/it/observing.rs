//! From our own traffic to the status page, told as stories on virtual time.

use std::time::Duration;

use tokio::time::Instant;

use crate::caller::{chat, look, send};
use crate::house::{CONSOLE_PORT, House, STATUS_PORT, open, open_changed, open_since, settings};
use crate::memory::Network;
use crate::provider::{Act, Provider};

const WHOLE: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;
const ASK: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;

fn well() -> Act {
    Act::whole(200, "application/json", WHOLE.as_bytes())
}

fn failing(status: u16) -> Act {
    Act::whole(status, "application/json", br#"{"error":{"message":"no","type":"server_error"}}"#)
}

/// One request a second for so long, or until the page says something; tells when that was.
async fn ask_until(
    house: &House,
    seconds: u64,
    until: impl Fn(&serde_json::Value) -> bool,
) -> Option<u64> {
    let started = Instant::now();
    for second in 1..=seconds {
        chat(house, ASK).await;
        tokio::time::sleep_until(started + Duration::from_secs(second)).await;
        if until(&summary(house).await) {
            return Some(second);
        }
    }
    None
}

async fn summary(house: &House) -> serde_json::Value {
    look(house, STATUS_PORT, "/api/v2/summary.json").await.json()
}

fn condition(summary: &serde_json::Value, component: &str) -> String {
    let all = summary["components"].as_array().unwrap();
    let one = all.iter().find(|one| one["id"] == component || one["name"] == component);
    one.map_or("nothing", |one| one["status"].as_str().unwrap()).to_owned()
}

/// Open and closed incidents by how they stand.
async fn incidents(house: &House) -> Vec<(String, String)> {
    let all = look(house, STATUS_PORT, "/api/v2/incidents.json").await.json();
    let one = |one: &serde_json::Value| {
        let text = |name: &str| one[name].as_str().unwrap().to_owned();
        (text("name"), text("status"))
    };
    all["incidents"].as_array().unwrap().iter().map(one).collect()
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_seen_shown_and_over() {
    let network = Network::default();
    let first = Provider::start(&network, 9001, vec![well()]);
    let _second = Provider::start(&network, 9002, vec![well()]);
    let house = open(&network, &settings(&["fake1/a", "fake2/b"], ""));
    let nothing =
        ask_until(&house, 60, |page| condition(page, "fake1 chat") != "operational").await;
    assert!(nothing.is_none_or(|second| second <= 10), "{nothing:?}");
    first.play(vec![failing(503)]);
    let began = ask_until(&house, 120, |page| !page["incidents"].as_array().unwrap().is_empty());
    let began = began.await.expect("an incident within two minutes");
    let shown = |page: &serde_json::Value| condition(page, "fake1 chat") == "major_outage";
    let confirmed = if shown(&summary(&house).await) {
        began
    } else {
        began + ask_until(&house, 120 - began, shown).await.expect("confirmed within two minutes")
    };
    let metrics = look(&house, CONSOLE_PORT, "/metrics").await.text();
    let series = |health, certainty| {
        format!(
            "seawall_verdict{{component=\"fake1/chat\",health=\"{health}\",certainty=\"{certainty}\"}}"
        )
    };
    assert!(metrics.contains(&format!("{} 1", series("down", "confirmed"))), "{metrics}");
    assert!(metrics.contains(&format!("{} 0", series("ok", "clear"))), "{metrics}");
    println!("incident after {began} s, confirmed after {confirmed} s");
    assert!(began <= 60, "{began} s");
    let page = look(&house, STATUS_PORT, "/").await.text();
    assert!(page.contains("fake1 chat does not answer"), "{page}");
    assert_eq!(condition(&summary(&house).await, "fake2 chat"), "operational");
    first.play(vec![well()]);
    let well = |page: &serde_json::Value| condition(page, "fake1 chat") == "operational";
    let back = ask_until(&house, 600, well).await.expect("it is seen to be back");
    let over = |page: &serde_json::Value| page["incidents"].as_array().unwrap().is_empty();
    let over = ask_until(&house, 900, over).await.expect("the incident ends");
    println!("back after {back} s, resolved {over} s later");
    let all = incidents(&house).await;
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].1, "resolved");
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_is_no_outage_of_the_provider() {
    let network = Network::default();
    let first = Provider::start(&network, 9001, vec![well()]);
    let _second = Provider::start(&network, 9002, vec![well()]);
    let house = open(&network, &settings(&["fake1/a", "fake2/b"], ""));
    ask_until(&house, 30, |_| false).await;
    first.play(vec![failing(401)]);
    let troubled = |page: &serde_json::Value| {
        let shown = condition(page, "fake1 chat");
        !matches!(&*shown, "operational" | "nothing") || page["incidents"] != serde_json::json!([])
    };
    let seen = ask_until(&house, 900, troubled).await;
    assert_eq!(seen, None, "{:#}", summary(&house).await);
    assert!(incidents(&house).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asked_is_not_called_good() {
    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![well()]);
    let house = open(&network, &settings(&["fake1/a"], ""));
    ask_until(&house, 30, |_| false).await;
    assert_eq!(condition(&summary(&house).await, "fake1 chat"), "operational");
    assert_eq!(condition(&summary(&house).await, "fake2 chat"), "nothing");
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    assert_eq!(condition(&summary(&house).await, "fake1 chat"), "nothing");
}

#[tokio::test(start_paused = true)]
async fn an_open_incident_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let kept = format!("[storage]\npath = {:?}\n", folder.path().join("seawall.db"));
    let named = "[status]\nname = \"Exemplar\"\nurl = \"https://status.example.com\"\n";
    let settings = settings(&["fake1/a", "fake2/b"], &format!("{kept}{named}"));
    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![failing(503)]);
    let _second = Provider::start(&network, 9002, vec![well()]);
    let began = Instant::now();
    let house = open_since(&network, &settings, began);
    let some = |page: &serde_json::Value| !page["incidents"].as_array().unwrap().is_empty();
    ask_until(&house, 180, some).await.expect("an incident");
    let before = summary(&house).await;
    assert_eq!(before["page"]["name"], "Exemplar");
    assert_eq!(before["page"]["url"], "https://status.example.com");
    house.stop().await;

    // The second house finds what the first one left, asked or not, also by a clock that was set back.
    let house = open(&network, &settings);
    let mut after = summary(&house).await;
    // The store answers from a thread of its own, which no paused clock holds.
    for _ in 0..100_000 {
        if some(&after) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        std::thread::yield_now();
        after = summary(&house).await;
    }
    assert_eq!(before["incidents"][0]["id"], after["incidents"][0]["id"], "{after:#}");
    let metrics = look(&house, CONSOLE_PORT, "/metrics").await.text();
    assert!(metrics.contains("seawall_store_alarm 0"), "{metrics}");
    house.stop().await;
}

async fn report(house: &House, component: &str) -> serde_json::Value {
    let body = format!("{{\"component\": \"{component}\", \"kind\": \"slow\"}}");
    let headers = [("content-type", "application/json")];
    send(house, STATUS_PORT, "POST /api/reports", &headers, body.as_bytes()).await.json()
}

#[tokio::test(start_paused = true)]
async fn reports_are_counted_once_and_shown() {
    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![well()]);
    let house = open(&network, &settings(&["fake1/a"], ""));
    ask_until(&house, 30, |_| false).await;
    assert_eq!(report(&house, "fake1/chat").await["counted"], true);
    assert_eq!(report(&house, "fake1/chat").await["counted"], false, "the same person");
    assert_eq!(report(&house, "nobody/chat").await["error"], "unknown_component");
    ask_until(&house, 90, |_| false).await;
    let told = look(&house, STATUS_PORT, "/api/reports").await.text();
    assert!(told.contains("fake1/chat"), "{told}");
    let page = look(&house, STATUS_PORT, "/").await.text();
    assert!(page.contains("fake1 chat") && page.contains("/report"), "{page}");
    assert_eq!(condition(&summary(&house).await, "fake1 chat"), "operational");
}

#[tokio::test(start_paused = true)]
async fn what_was_reported_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let kept = format!("[storage]\npath = {:?}\n", folder.path().join("seawall.db"));
    let settings = settings(&["fake1/a"], &kept);
    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![well()]);
    let began = Instant::now();
    let house = open_since(&network, &settings, began);
    ask_until(&house, 5, |_| false).await;
    assert_eq!(report(&house, "fake1/chat").await["counted"], true);
    ask_until(&house, 90, |_| false).await;
    let slow = async |house: &House| {
        let told = look(house, STATUS_PORT, "/api/reports").await.json();
        let points = told["series"][0]["points"].as_array().cloned().unwrap_or_default();
        points.iter().filter_map(|point| point["by_type"]["slow"].as_u64()).sum::<u64>()
    };
    assert_eq!(slow(&house).await, 1);
    house.stop().await;
    let house = open_since(&network, &settings, began);
    // The store answers from a thread of its own, which no paused clock holds.
    for _ in 0..100_000 {
        if slow(&house).await == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        std::thread::yield_now();
    }
    assert_eq!(slow(&house).await, 1);
    house.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_page_that_takes_no_reports_has_no_door_for_them() {
    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![well()]);
    let house = open(&network, &settings(&["fake1/a"], "[status]\nreports = false\n"));
    ask_until(&house, 12, |_| false).await;
    assert_eq!(report(&house, "fake1/chat").await["error"], "closed");
    assert_eq!(look(&house, STATUS_PORT, "/report").await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn pages_of_providers_are_read_only_where_that_is_asked_for() {
    for feeds in [false, true] {
        let network = Network::default();
        let text = format!(
            "[lookout]\nfeeds = {feeds}\nfeeds_every_ms = 10000\n\
             [providers.openai]\nkind = \"openai\"\napi_keys = [\"env:FAKE_KEY\"]\n"
        );
        let house = open(&network, &settings(&["fake1/a"], &text));
        let told = || async { look(&house, STATUS_PORT, "/").await.text() };
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if told().await.contains("openai’s own page") {
                break;
            }
        }
        // Nothing answers there, which the page says; what cannot be read says nothing good.
        assert_eq!(told().await.contains("openai’s own page"), feeds);
        assert_eq!(condition(&summary(&house).await, "openai chat"), "nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn what_never_answered_is_never_called_good() {
    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![failing(503)]);
    // One caller after the other would wait for the breaker, and then there are few of them.
    let house = open(&network, &settings(&["fake1/a"], "[waiting_room]\nwaiters_max = 0\n"));
    let good = |page: &serde_json::Value| condition(page, "fake1 chat") == "operational";
    assert_eq!(ask_until(&house, 90, good).await, None);
    assert_eq!(condition(&summary(&house).await, "fake1 chat"), "major_outage");
    let page = look(&house, STATUS_PORT, "/").await.text();
    assert!(page.contains("We cannot answer now."), "{page}");
}

#[tokio::test(start_paused = true)]
async fn probes_see_an_outage_that_nobody_asked_into() {
    let network = Network::default();
    let probed = Provider::start(&network, 9001, vec![failing(503)]);
    let house = open(&network, &settings(&["fake2/b"], "[lookout]\nprobes = [\"fake1/small\"]\n"));
    tokio::time::sleep(Duration::from_secs(240)).await;
    let asked = String::from_utf8(probed.seen()[0].body.clone()).unwrap();
    assert!(asked.contains("small"), "{asked}");
    assert!(probed.seen().len() >= 5, "a suspicion is looked into: {}", probed.seen().len());
    let told = condition(&summary(&house).await, "fake1 chat");
    assert_ne!(told, "operational", "{:#}", summary(&house).await);
    println!("{} probes, {told}", probed.seen().len());
    let metrics = look(&house, CONSOLE_PORT, "/metrics").await.text();
    let clear = "seawall_verdict{component=\"fake1/chat\",health=\"ok\",certainty=\"clear\"} 0";
    assert!(metrics.contains(clear), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_broken_file_is_moved_aside_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seawall.db");
    std::fs::write(&path, "this is no database, and it is long enough to be looked into").unwrap();
    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![well()]);
    let kept = format!("[storage]\npath = {path:?}\n");
    let house = open(&network, &settings(&["fake1/a"], &kept));
    ask_until(&house, 3, |_| false).await;
    let metrics = look(&house, CONSOLE_PORT, "/metrics").await.text();
    assert!(metrics.contains("\nseawall_store_alarm 1"), "{metrics}");
    assert!(std::fs::read_dir(folder.path()).unwrap().count() > 1, "what was there is kept");
    house.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_incident_tells_what_we_did_about_it() {
    let network = Network::default();
    let first = Provider::start(&network, 9001, vec![well()]);
    let _second = Provider::start(&network, 9002, vec![well()]);
    let house = open(&network, &settings(&["fake1/a", "fake2/b"], ""));
    ask_until(&house, 20, |_| false).await;
    first.play(vec![failing(503)]);
    ask_until(&house, 150, |_| false).await;
    let all = look(&house, STATUS_PORT, "/api/v2/incidents.json").await.json();
    let id = all["incidents"][0]["id"].as_str().unwrap();
    let page = look(&house, STATUS_PORT, &format!("/incidents/{id}")).await.text();
    assert!(page.contains("Calls of a are kept away from fake1."), "{page}");
    assert!(page.contains("of all answers now come from fake2."), "{page}");
    let zh = look(&house, STATUS_PORT, &format!("/incidents/{id}?lang=zh-Hans")).await.text();
    for said in ["fake1 chat 没有应答", "对 a 的调用不再发往 fake1", "最近一分钟", "已确认："]
    {
        assert!(zh.contains(said), "{said}: {zh}");
    }
    first.play(vec![well()]);
    ask_until(&house, 300, |_| false).await;
    let page = look(&house, STATUS_PORT, &format!("/incidents/{id}")).await.text();
    assert!(page.contains("Calls of a go to fake1 again."), "{page}");
}

#[tokio::test(start_paused = true)]
async fn an_incident_tells_who_spoke_when_and_how_strongly() {
    let network = Network::default();
    let first = Provider::start(&network, 9001, vec![well()]);
    let _second = Provider::start(&network, 9002, vec![well()]);
    let folder = tempfile::tempdir().unwrap();
    let kept = format!("[storage]\npath = {:?}\n", folder.path().join("seawall.db"));
    let settings = settings(&["fake1/a", "fake2/b"], &kept);
    let began = Instant::now();
    let house = open_since(&network, &settings, began);
    ask_until(&house, 20, |_| false).await;
    first.play(vec![failing(503)]);
    ask_until(&house, 120, |_| false).await;
    let all = look(&house, STATUS_PORT, "/api/v2/incidents.json").await.json();
    let id = all["incidents"][0]["id"].as_str().unwrap().to_owned();
    let whole = look(&house, STATUS_PORT, &format!("/incidents/{id}.json")).await.json();
    assert_eq!(whole["incident"], all["incidents"][0]);
    let traffic = &whole["timeline"][0];
    assert_eq!(traffic["family"], "traffic", "{whole:#}");
    assert!(traffic["first"]["log_odds"].as_f64().unwrap() >= 2.0, "{whole:#}");
    let reading = traffic["first"]["reading"].as_str().unwrap();
    assert!(reading.contains("requests of the last minute failed"), "{reading}");
    assert_eq!(traffic["ended_at"], serde_json::Value::Null);
    // It spoke before there was an incident that could tell of it.
    assert!(traffic["first"]["at"].as_str() < whole["incident"]["created_at"].as_str());
    let probe = &whole["timeline"][1];
    let reading = probe["first"]["reading"].as_str().unwrap();
    assert!(reading.starts_with("3 probes failed in a row"), "{whole:#}");
    assert_eq!(look(&house, STATUS_PORT, "/incidents/none.json").await.status, 404);

    first.play(vec![well()]);
    let over = |page: &serde_json::Value| page["incidents"].as_array().unwrap().is_empty();
    ask_until(&house, 1_200, over).await.expect("the incident ends");
    let page = look(&house, STATUS_PORT, &format!("/incidents/{id}")).await.text();
    for said in ["Timeline of the evidence", "first sign", "last sign", "told of it"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let before = look(&house, STATUS_PORT, &format!("/incidents/{id}.json")).await.json();
    house.stop().await;

    // The next process finds it as it was.
    let house = open_since(&network, &settings, began);
    let mut after = serde_json::Value::Null;
    for _ in 0..100_000 {
        let got = look(&house, STATUS_PORT, &format!("/incidents/{id}.json")).await;
        if got.status == 200 {
            after = got.json();
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        std::thread::yield_now();
    }
    assert_eq!(after["timeline"], before["timeline"]);
    house.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_told_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let kept = format!("[storage]\npath = {:?}\n", folder.path().join("seawall.db"));
    let network = Network::default();
    let first = Provider::start(&network, 9001, vec![well()]);
    let text = settings(&["fake1/a"], &kept);
    let before = open(&network, &text);
    ask_until(&before, 3, |_| false).await;
    before.stop().await;
    // No more than is there already.
    let house = open_changed(&network, &text, Instant::now(), |settings| {
        settings.watch.storage.file_bytes_max = 1;
    });
    ask_until(&house, 90, |_| false).await;
    first.play(vec![failing(503)]);
    let some = |page: &serde_json::Value| !page["incidents"].as_array().unwrap().is_empty();
    ask_until(&house, 180, some).await.expect("an incident, with or without a disk");
    // The store writes from a thread of its own, which no paused clock holds; each page is kept for
    // a second.
    let (mut metrics, mut console, mut page) = (String::new(), String::new(), String::new());
    for _ in 0..2_000 {
        metrics = look(&house, CONSOLE_PORT, "/metrics").await.text();
        console = look(&house, CONSOLE_PORT, "/").await.text();
        page = look(&house, STATUS_PORT, "/").await.text();
        if console.contains("The store: ") && page.contains("This page’s own records") {
            break;
        }
        ask_until(&house, 2, |_| false).await;
        std::thread::yield_now();
    }
    assert!(console.contains("The store: ") && console.contains("full"), "{console}");
    assert!(metrics.contains("\nseawall_store_alarm 1"), "{metrics}");
    assert!(page.contains("This page’s own records"), "{page}");
    assert!(page.contains("does not answer"), "{page}");
    house.stop().await;
}

#[tokio::test(start_paused = true)]
async fn probes_go_to_whom_the_settings_name_now() {
    let network = Network::default();
    let (before, after) = (
        Provider::start(&network, 9001, vec![well()]),
        Provider::start(&network, 9004, vec![failing(503)]),
    );
    let text = settings(&["fake2/b"], "[lookout]\nprobes = [\"fake1/small\"]\n");
    let house = open(&network, &text);
    tokio::time::sleep(Duration::from_secs(240)).await;
    let asked = before.seen().len();
    assert!(asked >= 1 && after.seen().is_empty(), "{asked}");
    house.reload(&text.replace("fake1.test:9001", "fake1.test:9004"));
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(before.seen().len(), asked, "nobody is asked who is not named any more");
    println!("{} probes after the reload", after.seen().len());
    assert!(after.seen().len() >= 5, "and a suspicion is looked into: {}", after.seen().len());
    assert_ne!(condition(&summary(&house).await, "fake1 chat"), "operational");
}

/// Waits until it looks on: before that it asks the store, which answers from a thread of its own that
/// no paused clock holds.
async fn settle(house: &House) {
    chat(house, ASK).await;
    for _ in 0..100_000 {
        if condition(&summary(house).await, "fake1 chat") == "operational" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        std::thread::yield_now();
    }
    panic!("it does not look on");
}

/// What is usual now, by the page's series of reports on a component that somebody has reported on.
async fn usual_reports(house: &House) -> f64 {
    assert_eq!(report(house, "fake1/chat").await["accepted"], true);
    tokio::time::sleep(Duration::from_secs(61)).await;
    let told = look(house, STATUS_PORT, "/api/reports").await.json();
    let bins = told["series"][0]["points"].as_array().unwrap_or_else(|| panic!("{told:#}"));
    bins.last().and_then(|bin| bin["baseline"].as_f64()).unwrap_or_else(|| panic!("{told:#}"))
}

#[tokio::test(start_paused = true)]
async fn what_is_usual_at_this_hour_outlives_restarts_and_reloads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seawall.db");
    let text = settings(&["fake1/a"], &format!("[storage]\npath = {path:?}\n"));
    // Every quarter of an hour of the weeks before had about twenty reports.
    let mut learnt = String::new();
    for hour in 0..168 {
        learnt.push_str(&format!("{hour} {}\n", "19 20 21 20 ".repeat(4).trim_end()));
    }
    let changes = [storage::Change::Setting {
        name: "reports.usual/fake1/chat".into(),
        value: learnt.into(),
    }];
    let kept = storage::Settings::in_file(&path);
    let mut store = storage::Embedded::open(&path, &kept, clock::UnixMs::new(0)).unwrap().store;
    storage::Store::apply(&mut store, &changes).unwrap();
    drop(store);

    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![well()]);
    let began = Instant::now();
    let house = open_since(&network, &text, began);
    settle(&house).await;
    let usual = usual_reports(&house).await;
    assert!((15.0..25.0).contains(&usual), "{usual}");
    house.reload(&text.replace("fake2", "fake4"));
    let usual = usual_reports(&house).await;
    assert!((15.0..25.0).contains(&usual), "after a reload: {usual}");
    // It is stored once an hour, and the second house learns what the first one added.
    tokio::time::sleep(Duration::from_secs(3_700)).await;
    house.stop().await;
    let store = storage::Embedded::open(&path, &kept, clock::UnixMs::new(0)).unwrap().store;
    let told = storage::Store::setting(&store, "reports.usual/fake1/chat").unwrap().unwrap();
    // One person counts once in two hours, however often he reports.
    assert!(told.lines().count() == 168 && told.contains("20 1 0"), "{told}");
    drop(store);
    let house = open_since(&network, &text, began);
    settle(&house).await;
    let usual = usual_reports(&house).await;
    assert!((15.0..25.0).contains(&usual), "after a restart: {usual}");
    house.stop().await;
}

/// Asks now and then until something holds. The store writes from a thread of its own, which no
/// paused clock holds.
async fn until(house: &House, what: impl AsyncFn() -> bool) -> bool {
    for _ in 0..2_000 {
        if what().await {
            return true;
        }
        ask_until(house, 2, |_| false).await;
        std::thread::yield_now();
    }
    false
}

#[tokio::test(start_paused = true)]
async fn an_alarm_of_the_store_stays_until_it_is_over_and_a_little_longer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seawall.db");
    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![well()]);
    let text = settings(&["fake1/a"], &format!("[storage]\npath = {path:?}\n"));
    let house = open_changed(&network, &text, Instant::now(), |settings| {
        settings.watch.storage.busy_ms_max = 0;
        // The store's own thread lives by the real clock, where this test takes seconds.
        settings.watch.storage.retry_ms = 50;
        settings.watch.storage.calm_ms = 3_000_000;
    });
    let console = async || look(&house, CONSOLE_PORT, "/").await.text().contains("The store: ");
    let gauge = async || {
        let metrics = look(&house, CONSOLE_PORT, "/metrics").await.text();
        metrics.contains("\nseawall_store_alarm 1")
    };
    let public = async || {
        let page = look(&house, STATUS_PORT, "/").await.text();
        page.contains("This page’s own records")
    };
    let told = (console().await, gauge().await, public().await);
    assert_eq!(told, (false, false, false), "{}", look(&house, CONSOLE_PORT, "/").await.text());
    // Somebody takes the disk away. Where that is not to be had at once, the store is at it.
    let disk = rusqlite::Connection::open(&path).unwrap();
    disk.busy_timeout(Duration::from_secs(10)).unwrap();
    disk.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(until(&house, async || console().await && gauge().await && public().await).await);
    // Neither new settings nor what is written meanwhile, nor tries that fail, hide it.
    house.reload(&settings(&["fake1/a", "fake2/b"], &format!("[storage]\npath = {path:?}\n")));
    for _ in 0..12 {
        ask_until(&house, 10, |_| false).await;
        assert!(console().await && gauge().await && public().await);
    }
    disk.execute_batch("COMMIT").unwrap();
    let rows = || -> i64 {
        disk.query_row("SELECT count(*) FROM minutes", [], |row| row.get(0)).unwrap_or_default()
    };
    assert!(until(&house, async || rows() >= 4).await, "what was held is written");
    // An operator who looks a little later still learns of it; then it is over.
    assert!(until(&house, async || !public().await).await);
    assert!(console().await && gauge().await);
    tokio::time::sleep(Duration::from_millis(3_000_000)).await;
    assert!(!console().await && !gauge().await);
    house.stop().await;
}
