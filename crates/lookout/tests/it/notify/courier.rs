//! The courier on a paused clock and a web in memory.

use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, UnixMs};
use detection::{ComponentId, Phase};
use domain::Secret;
use lookout::notify::{
    Channel, CourierSettings, LADDER_MS, MailAddress, MemoryPost, Outbox, Subscribers,
    Subscription, SubscriptionState, Wires,
};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::{address, courier, office, page, signer, story, subscription};
use crate::rig::{Act, FakeWeb, PausedClock, Seen};

struct Rig {
    clock: Arc<PausedClock>,
    post: Arc<MemoryPost>,
    web: FakeWeb,
    running: JoinHandle<()>,
}

impl Rig {
    fn new(web: FakeWeb, subscriptions: Vec<Subscription>) -> Self {
        let (clock, post) = (PausedClock::new(), Arc::new(MemoryPost::default()));
        subscriptions.into_iter().for_each(|one| post.subscribe(one).unwrap());
        let running = start(&web, &post, &clock);
        Self { clock, post, web, running }
    }

    /// Ends the courier in the middle of what it does, and starts another one.
    fn restart(&mut self) {
        self.running.abort();
        self.running = start(&self.web, &self.post, &self.clock);
    }

    fn seen(&self) -> Vec<Seen> {
        self.web.seen()
    }
}

fn start(web: &FakeWeb, post: &Arc<MemoryPost>, clock: &Arc<PausedClock>) -> JoinHandle<()> {
    let wires =
        Wires { client: web.client(), mailer: None, pager: address("http://pager/v2/enqueue") };
    tokio::spawn(courier(post, wires, clock.clone(), CourierSettings::default()).run())
}

fn hook(id: &str, host: &str) -> Subscription {
    let address = address(&format!("http://{host}/"));
    subscription(id, Channel::Webhook { address, signer: signer() })
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn status(seen: &Seen) -> String {
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    body["incident"]["status"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_ladder_is_climbed_with_one_id_and_fresh_signatures() {
    let rig = Rig::new(FakeWeb::default().host("h", [Act::status(500)]), vec![hook("s", "h")]);
    let mut office = office(&rig.post, rig.clock.clone());
    office.announce(&story(&[Phase::Investigating]), &page()).await.unwrap();
    seconds(LADDER_MS.iter().sum::<u64>() / 1_000 * 12 / 10).await;
    let seen = rig.seen();
    assert_eq!(seen.len(), LADDER_MS.len() + 1);
    assert_eq!(rig.post.waiting(), 0, "given up");
    let ids: Vec<_> = seen.iter().map(|seen| seen.header("webhook-id").unwrap()).collect();
    assert!(ids.iter().all(|id| *id == ids[0] && id.starts_with("msg_")));
    let times: Vec<u64> = seen
        .iter()
        .map(|seen| seen.header("webhook-timestamp").unwrap().parse().unwrap())
        .collect();
    for (two, pause) in times.windows(2).zip(LADDER_MS) {
        let gap = (two[1] - two[0]) * 1_000;
        assert!((pause * 9 / 10..=pause * 11 / 10 + 3_000).contains(&gap), "{gap} for {pause}");
    }
    for (seen, time) in seen.iter().zip(&times) {
        let header = |name| seen.header(name).unwrap();
        let signed = (ids[0], header("webhook-timestamp"), header("webhook-signature"));
        signer().verify(signed, seen.body.as_bytes(), UnixMs::new(time * 1_000)).unwrap();
    }
    rig.running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_restart_loses_nothing_and_keeps_the_id() {
    let web = FakeWeb::default().host("h", [Act::Silent, Act::status(503), Act::status(204)]);
    let mut rig = Rig::new(web, vec![hook("s", "h")]);
    let mut office = office(&rig.post, rig.clock.clone());
    office.announce(&story(&[Phase::Investigating]), &page()).await.unwrap();
    seconds(5).await;
    assert_eq!(rig.seen().len(), 1, "it is being told");
    rig.restart();
    seconds(5).await;
    assert_eq!(rig.seen().len(), 2, "and is told again, and put off");
    rig.restart();
    seconds(10).await;
    let seen = rig.seen();
    assert_eq!((seen.len(), rig.post.waiting()), (3, 0));
    assert!(seen.iter().all(|one| one.header("webhook-id") == seen[0].header("webhook-id")));
    rig.running.abort();
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_gone_is_told_nothing_more() {
    let web = FakeWeb::default()
        .host("gone", [Act::status(410)])
        .host("lost", [Act::status(404)])
        .host("here", [Act::status(200)]);
    let slack = subscription("lost", Channel::Slack(address("http://lost/")));
    let rig = Rig::new(web, vec![hook("gone", "gone"), slack, hook("here", "here")]);
    let mut office = office(&rig.post, rig.clock.clone());
    office.announce(&story(&[Phase::Investigating]), &page()).await.unwrap();
    seconds(10).await;
    office.announce(&story(&[Phase::Investigating, Phase::Resolved]), &page()).await.unwrap();
    seconds(10).await;
    let hosts: Vec<_> = rig.seen().into_iter().map(|seen| seen.host).collect();
    let count = |host: &str| hosts.iter().filter(|seen| *seen == host).count();
    assert_eq!((count("gone"), count("lost"), count("here")), (1, 1, 2));
    let state = rig.post.get("gone").await.unwrap().unwrap().state;
    assert_eq!(state, SubscriptionState::Disabled);
    assert_eq!(rig.post.waiting(), 0);
    rig.running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_a_failure_and_retry_after_is_kept_to() {
    let elsewhere = Act::status(302).with("location", "http://other/");
    let wait = Act::status(429).with("retry-after", "1200");
    let web = FakeWeb::default().host("h", [elsewhere, wait, Act::status(200)]).host("other", []);
    let rig = Rig::new(web, vec![hook("s", "h")]);
    let mut office = office(&rig.post, rig.clock.clone());
    office.announce(&story(&[Phase::Investigating]), &page()).await.unwrap();
    seconds(600).await;
    assert_eq!(rig.seen().len(), 2, "the ladder's five minutes are not enough");
    seconds(700).await;
    let seen = rig.seen();
    assert!(seen.iter().all(|seen| seen.host == "h"));
    assert_eq!((seen.len(), rig.post.waiting()), (3, 0));
    rig.running.abort();
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_told_is_told_together_with_what_came_since() {
    let acts = [Act::status(500), Act::status(500), Act::status(200)];
    let web = FakeWeb::default().host("h", acts.clone()).host("slack", acts);
    let slack = subscription("slack", Channel::Slack(address("http://slack/")));
    let rig = Rig::new(web, vec![hook("s", "h"), slack]);
    let mut office = office(&rig.post, rig.clock.clone());
    office.announce(&story(&[Phase::Investigating]), &page()).await.unwrap();
    seconds(20).await;
    // Put off for five minutes by now.
    office.announce(&story(&[Phase::Investigating, Phase::Resolved]), &page()).await.unwrap();
    seconds(10).await;
    let seen = rig.seen();
    let of = |host: &str| seen.iter().filter(|seen| seen.host == host).collect::<Vec<_>>();
    let told: Vec<_> = of("h").into_iter().map(status).collect();
    assert_eq!(told, ["investigating", "investigating", "resolved"]);
    assert!(of("slack")[2].body.contains("Before:\\n• Investigating: ChatGPT does not answer"));
    seconds(3_600).await;
    assert_eq!((rig.seen().len(), rig.post.waiting()), (6, 0), "nothing comes late");
    rig.running.abort();
}

#[tokio::test(start_paused = true)]
async fn people_are_spared_an_incident_that_flaps_and_machines_are_not() {
    let web = FakeWeb::default().host("h", [Act::status(200)]).host("slack", [Act::status(200)]);
    let slack = subscription("slack", Channel::Slack(address("http://slack/")));
    let rig = Rig::new(web, vec![hook("s", "h"), slack]);
    let mut office = office(&rig.post, rig.clock.clone());
    let count = |host: &str| rig.seen().iter().filter(|seen| seen.host == host).count();
    let mut phases = Vec::new();
    for _ in 0..10 {
        phases.push(Phase::Investigating);
        office.announce(&story(&phases), &page()).await.unwrap();
        seconds(60).await;
    }
    assert_eq!((count("h"), count("slack")), (10, 4));
    phases.push(Phase::Resolved);
    office.announce(&story(&phases), &page()).await.unwrap();
    seconds(5).await;
    assert_eq!((count("h"), count("slack")), (11, 4));
    seconds(1_800).await;
    assert_eq!((count("slack"), rig.post.waiting()), (5, 0));
    let last = rig.seen().pop().unwrap();
    assert!(last.body.contains("*Resolved: ChatGPT") && last.body.contains("Before:"));
    rig.running.abort();
}

#[tokio::test(start_paused = true)]
async fn only_who_wants_and_has_confirmed_is_told() {
    let web = FakeWeb::default().host("h", [Act::status(200)]);
    let mut other = hook("other", "h");
    other.components = vec![ComponentId::new("gemini/chat")];
    let mut ours = hook("ours", "h");
    ours.components = vec![ComponentId::new("openai/app")];
    let mut unasked = hook("unasked", "h");
    unasked.state = SubscriptionState::Unconfirmed;
    let rig = Rig::new(web, vec![other, ours, unasked]);
    let mut office = office(&rig.post, rig.clock.clone());
    let told = office.announce(&story(&[Phase::Investigating]), &page()).await.unwrap();
    assert_eq!(told, 1);
    // One that was confirmed when the letter was written, and left before it was told.
    office.announce(&story(&[Phase::Investigating]), &page()).await.unwrap();
    rig.post.set_state("ours", SubscriptionState::Disabled).await.unwrap();
    seconds(5).await;
    assert!(rig.seen().is_empty());
    assert_eq!(rig.post.waiting(), 0);
    rig.running.abort();
}

#[tokio::test(start_paused = true)]
async fn pagerduty_gets_its_key_on_the_way_and_a_wrong_one_is_not_tried_again() {
    let web = FakeWeb::default().host("pager", [Act::status(202), Act::status(400)]);
    let channel = Channel::PagerDuty { routing_key: Secret::new("secret-key") };
    let rig = Rig::new(web, vec![subscription("p", channel)]);
    let mut office = office(&rig.post, rig.clock.clone());
    office.announce(&story(&[Phase::Investigating]), &page()).await.unwrap();
    seconds(5).await;
    office.announce(&story(&[Phase::Resolved]), &page()).await.unwrap();
    seconds(3_600).await;
    let seen = rig.seen();
    assert_eq!((seen.len(), rig.post.waiting()), (2, 0));
    let body: Value = serde_json::from_str(&seen[0].body).unwrap();
    assert_eq!(body["routing_key"], "secret-key");
    assert!(seen[0].head.starts_with("POST /v2/enqueue "));
    rig.running.abort();
}

#[tokio::test(start_paused = true)]
async fn dead_ends_do_not_hold_up_the_living() {
    let mut web = FakeWeb::default().host("alive", [Act::status(200)]);
    let mut all = Vec::new();
    for dead in 0..10 {
        web = web.host(&format!("dead{dead}"), [Act::Silent]);
        all.push(hook(&format!("d{dead}"), &format!("dead{dead}")));
    }
    all.push(hook("alive", "alive"));
    let rig = Rig::new(web, all);
    let mut office = office(&rig.post, rig.clock.clone());
    office.announce(&story(&[Phase::Investigating]), &page()).await.unwrap();
    seconds(3).await;
    assert!(rig.seen().iter().any(|seen| seen.host == "alive"));
    rig.running.abort();
}

#[tokio::test(start_paused = true)]
async fn very_many_ends_are_told_within_seconds() {
    let web = FakeWeb::default().host("h", [Act::status(200)]);
    let all = (0..2_000).map(|end| hook(&end.to_string(), "h")).collect();
    let rig = Rig::new(web, all);
    let mut office = office(&rig.post, rig.clock.clone());
    office.announce(&story(&[Phase::Investigating]), &page()).await.unwrap();
    seconds(3).await;
    assert_eq!((rig.seen().len(), rig.post.waiting()), (2_000, 0));
    rig.running.abort();
}

#[tokio::test(start_paused = true)]
async fn mails_wait_for_a_relay_and_a_full_outbox_says_so() {
    let clock = PausedClock::new();
    let channel = Channel::Email(MailAddress::parse("ann@example.com").unwrap());
    let rig = Rig::new(FakeWeb::default(), vec![subscription("m", channel)]);
    let mut office = office(&rig.post, clock.clone() as Arc<dyn Clock>);
    office.announce(&story(&[Phase::Investigating]), &page()).await.unwrap();
    seconds(30).await;
    assert_eq!(rig.post.waiting(), 1);
    rig.running.abort();
    let mut refused = None;
    for _ in 0..50_001 {
        refused = office.announce(&story(&[Phase::Investigating]), &page()).await.err().or(refused);
    }
    assert!(refused.unwrap().to_string().contains("no room"));
    assert_eq!(rig.post.waiting(), 50_000);
    assert_eq!(rig.post.due(UnixMs::new(u64::MAX), 7).await.unwrap().len(), 7);
}
