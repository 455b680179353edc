//! From an incident to those who are to hear of it: receivers of the configuration, and people who
//! subscribed by e-mail on the page.

use std::time::Duration;

use clock::UnixMs;
use domain::Secret;
use lookout::notify::Signer;
use tokio::time::Instant;

use crate::caller::{Got, chat, look, send};
use crate::house::{House, STATUS_PORT, open, open_since, settings};
use crate::mailbox::Mailbox;
use crate::memory::Network;
use crate::provider::{Act, Provider, Seen};

const WHOLE: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;
const ASK: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
/// Letters by e-mail, to the relay of these tests.
const MAIL: &str = "[status]\nurl = \"https://status.test\"\n[notify.mail]\nhost = \"mail.test\"\n\
    port = 9125\nsecurity = \"plain\"\nfrom = \"status@status.test\"\n";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn well() -> Act {
    Act::whole(200, "application/json", WHOLE.as_bytes())
}

fn failing(status: u16) -> Act {
    Act::whole(status, "application/json", br#"{"error":{"message":"no","type":"server_error"}}"#)
}

/// `[notify]` with a webhook and something of Slack's shape, both on loopback.
fn receivers() -> String {
    "[status]\nurl = \"https://status.test\"\n[notify]\nallow_private = true\n\
     [[notify.receivers]]\nname = \"hook\"\nkind = \"webhook\"\nto = \"env:HOOK\"\n\
     secrets = [\"env:HOOK_SECRET\"]\n\
     [[notify.receivers]]\nname = \"room\"\nkind = \"slack\"\nto = \"env:ROOM\"\n"
        .to_owned()
}

async fn seconds(house: &House, count: u64) {
    let started = Instant::now();
    for second in 1..=count {
        chat(house, ASK).await;
        tokio::time::sleep_until(started + Duration::from_secs(second)).await;
    }
}

fn field(seen: &Seen, name: &str) -> String {
    let mut lines = seen.head.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map_or_else(String::new, |(_, value)| value.trim().to_owned())
}

/// What a webhook got of incidents: id of the message, status, and whether its signature is right.
fn incidents(hook: &Provider) -> Vec<(String, String, bool)> {
    let signer = Signer::new(&[Secret::new(SECRET)]).unwrap();
    let one = |seen: Seen| {
        let body: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
        let status = body["incident"]["status"].as_str()?.to_owned();
        let [id, at, signature] =
            ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| field(&seen, name));
        let now = UnixMs::new(at.parse::<u64>().unwrap() * 1_000);
        let is_right = signer.verify((&id, &at, &signature), &seen.body, now).is_ok();
        Some((id, status, is_right))
    };
    hook.seen().into_iter().filter_map(one).collect()
}

#[tokio::test(start_paused = true)]
async fn an_incident_is_told_to_those_who_are_named() {
    let network = Network::default();
    let first = Provider::start(&network, 9001, vec![well()]);
    let _second = Provider::start(&network, 9002, vec![well()]);
    // The hook is out of order at first; the room is well.
    let fault = Act::whole(503, "text/plain", b"later");
    let taken = Act::whole(200, "text/plain", b"ok");
    let hook = Provider::start(&network, 9101, vec![fault, taken.clone()]);
    let room = Provider::start(&network, 9102, vec![taken]);
    let house = open(&network, &settings(&["fake1/a", "fake2/b"], &receivers()));
    seconds(&house, 30).await;
    assert!(hook.seen().is_empty() && room.seen().is_empty(), "all is well");
    first.play(vec![failing(503)]);
    seconds(&house, 120).await;
    let told = incidents(&hook);
    assert!(told.len() >= 2, "{told:?}");
    assert!(told.iter().all(|(_, _, is_right)| *is_right), "{told:?}");
    assert_eq!(told[0].0, told[1].0, "the second try carries the id of the first");
    let mut changes = hook
        .seen()
        .into_iter()
        .filter(|seen| String::from_utf8_lossy(&seen.body).contains("component_update"));
    let change = changes.next_back().expect("the part's condition is told too");
    let change: serde_json::Value = serde_json::from_slice(&change.body).unwrap();
    assert_eq!(change["component"]["id"], "fake1/chat");
    assert_eq!(change["component"]["name"], "fake1 chat");
    assert_eq!(change["page"]["status_indicator"], "major");
    let said = String::from_utf8(room.seen()[0].body.clone()).unwrap();
    assert!(said.contains("fake1 chat does not answer"), "{said}");
    assert!(said.contains("https://status.test/incidents/"), "{said}");
    first.play(vec![well()]);
    seconds(&house, 1_200).await;
    assert_eq!(incidents(&hook).last().unwrap().1, "resolved", "{:?}", incidents(&hook));
    let said = String::from_utf8(room.seen().last().unwrap().body.clone()).unwrap();
    assert!(said.contains("Resolved"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn nobody_within_our_own_network_is_told_unless_it_is_allowed() {
    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![failing(503)]);
    let hook = Provider::start(&network, 9101, vec![Act::whole(200, "text/plain", b"ok")]);
    let text = receivers().replace("allow_private = true", "allow_private = false");
    let house = open(&network, &settings(&["fake1/a"], &text));
    seconds(&house, 120).await;
    let page = look(&house, STATUS_PORT, "/").await.text();
    assert!(page.contains("fake1 chat does not answer"), "{page}");
    assert!(hook.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_waits_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let kept = format!("[storage]\npath = {:?}\n", folder.path().join("seawall.db"));
    let settings = settings(&["fake1/a"], &format!("{kept}{}", receivers()));
    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![failing(503)]);
    let began = Instant::now();
    let house = open_since(&network, &settings, began);
    let some = |page: &Got| !page.json()["incidents"].as_array().unwrap().is_empty();
    for _ in 0..300 {
        seconds(&house, 1).await;
        if some(&look(&house, STATUS_PORT, "/api/v2/incidents.json").await) {
            break;
        }
    }
    // The store writes from a thread of its own, which no paused clock holds.
    for _ in 0..2_000 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        std::thread::yield_now();
    }
    house.stop().await;
    let hook = Provider::start(&network, 9101, vec![Act::whole(200, "text/plain", b"ok")]);
    let house = open_since(&network, &settings, began);
    for _ in 0..200_000 {
        if !incidents(&hook).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        std::thread::yield_now();
    }
    let told = incidents(&hook);
    assert_eq!(told.first().map(|one| (&*one.1, one.2)), Some(("investigating", true)), "{told:?}");
    house.stop().await;
}

async fn form(house: &House, path: &str, body: &str) -> Got {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    send(house, STATUS_PORT, &format!("POST {path}"), &headers, body.as_bytes()).await
}

fn path(link: &str) -> &str {
    link.strip_prefix("https://status.test").unwrap()
}

#[tokio::test(start_paused = true)]
async fn people_subscribe_confirm_are_told_and_leave() {
    let network = Network::default();
    let first = Provider::start(&network, 9001, vec![well()]);
    let mailbox = Mailbox::start(&network, 9125);
    let house = open(&network, &settings(&["fake1/a"], MAIL));
    seconds(&house, 20).await;
    let page = look(&house, STATUS_PORT, "/subscribe").await.text();
    assert!(page.contains("Your e-mail address") && page.contains("fake1/chat"), "{page}");
    let zh = look(&house, STATUS_PORT, "/subscribe?lang=zh-Hans").await.text();
    assert!(zh.contains("您的电子邮件地址"), "{zh}");

    for (wish, status) in [
        ("address=nobody", 422),
        ("address=ann@example.com&component=nobody%2Fchat", 422),
        ("address=ann@example.com&component=fake1%2Fchat", 303),
        ("address=bob@example.com", 303),
    ] {
        assert_eq!(form(&house, "/subscribe", wish).await.status, status, "{wish}");
    }
    let json = [("content-type", "application/json")];
    let wish = br#"{"address":"cecily@example.com"}"#;
    let said = send(&house, STATUS_PORT, "POST /subscribe", &json, wish).await;
    assert_eq!((said.status, &said.json()["accepted"]), (202, &true.into()));
    let foreign = [("origin", "https://elsewhere.test")];
    let wish = b"address=dora@example.com";
    assert_eq!(send(&house, STATUS_PORT, "POST /subscribe", &foreign, wish).await.status, 403);
    seconds(&house, 5).await;
    let asked = mailbox.mails();
    let to: Vec<&str> = asked.iter().map(|mail| &*mail.to).collect();
    assert_eq!(to, ["ann@example.com", "bob@example.com", "cecily@example.com"]);

    // A program that opens every link confirms nothing; the button does.
    let link = asked[0].link("https://status.test/confirm").expect("a link");
    let page = look(&house, STATUS_PORT, path(&link)).await;
    assert!(page.status == 200 && page.text().contains("Yes, tell me"), "{}", page.text());
    let token = link.split_once("token=").unwrap().1;
    assert_eq!(form(&house, "/confirm", &format!("token={token}")).await.status, 200);
    assert_eq!(form(&house, "/confirm", &format!("token={token}x")).await.status, 404);

    first.play(vec![failing(503)]);
    seconds(&house, 120).await;
    let told = mailbox.mails().split_off(asked.len());
    assert!(!told.is_empty() && told.iter().all(|mail| mail.to == "ann@example.com"), "{told:?}");
    assert!(told[0].text.contains("fake1 chat does not answer"), "{}", told[0].text);
    assert!(told[0].head.contains("List-Unsubscribe-Post"), "{}", told[0].head);

    let leave = told[0].link("https://status.test/unsubscribe").expect("a way out");
    let page = look(&house, STATUS_PORT, path(&leave)).await.text();
    assert!(page.contains("Do you want to hear no more?"), "{page}");
    let one_click = form(&house, path(&leave), "List-Unsubscribe=One-Click").await;
    assert_eq!(one_click.status, 200);
    let before = mailbox.mails().len();
    first.play(vec![well()]);
    seconds(&house, 1_200).await;
    assert_eq!(mailbox.mails().len(), before, "who left is told nothing");
}

#[tokio::test(start_paused = true)]
async fn who_subscribes_on_the_chinese_page_gets_chinese_letters() {
    let network = Network::default();
    let first = Provider::start(&network, 9001, vec![well()]);
    let mailbox = Mailbox::start(&network, 9125);
    let house = open(&network, &settings(&["fake1/a"], MAIL));
    seconds(&house, 20).await;
    let page = look(&house, STATUS_PORT, "/subscribe?lang=zh-Hans").await.text();
    let action = page.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(form(&house, action, "address=ann@example.com").await.status, 303);
    seconds(&house, 3).await;
    let asked = mailbox.mails().remove(0);
    assert!(asked.text.contains("如需接收，请在两天内打开此链接"), "{}", asked.text);
    assert!(asked.text.contains("取消订阅：https://status.test/unsubscribe"), "{}", asked.text);

    // The browser of who opens the link asks for English, and is answered in the letter's language.
    let link = asked.link("https://status.test/confirm").expect("a link");
    let page = look(&house, STATUS_PORT, path(&link)).await.text();
    assert!(page.contains("<html lang=\"zh-Hans\">") && page.contains("是的，通知我"), "{page}");
    let action = page.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
    let token = link.split_once("token=").unwrap().1.split('&').next().unwrap();
    let said = form(&house, action, &format!("token={token}")).await.text();
    assert!(said.contains("订阅成功。"), "{said}");

    first.play(vec![failing(503)]);
    seconds(&house, 120).await;
    let told = mailbox.mails().remove(1);
    assert!(told.text.contains("fake1 chat 没有应答"), "{}", told.text);
    assert!(told.text.contains("涉及：fake1 chat"), "{}", told.text);
    let leave = told.link("https://status.test/unsubscribe").expect("a way out");
    let page = look(&house, STATUS_PORT, path(&leave)).await.text();
    assert!(page.contains("您要取消订阅吗？"), "{page}");
    let one_click = form(&house, path(&leave), "List-Unsubscribe=One-Click").await;
    assert!(one_click.status == 200 && one_click.text().contains("您已取消订阅。"));
}

#[tokio::test(start_paused = true)]
async fn a_page_without_a_relay_has_no_form() {
    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![well()]);
    let house = open(&network, &settings(&["fake1/a"], ""));
    seconds(&house, 12).await;
    assert_eq!(look(&house, STATUS_PORT, "/subscribe").await.status, 404);
    assert_eq!(form(&house, "/subscribe", "address=ann@example.com").await.status, 405);
}
