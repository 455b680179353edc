//! The pollers on a paused clock and a web in memory.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use clock::{Clock, Dice};
use detection::{ComponentId, Condition};
use lookout::feeds::Engine;
use lookout::feeds::poll::{
    FeedSettings, FeedSink, FeedState, FeedView, PagePoller, PageSettings, PartMatch, PartRule,
    SourceSettings, known_page,
};

use crate::rig::{Act, FakeWeb, PausedClock};

fn page(urls: &[&[&str]]) -> PageSettings {
    let source =
        |urls: &&[&str]| SourceSettings { urls: urls.iter().map(|u| (*u).into()).collect() };
    PageSettings {
        sources: urls.iter().map(source).collect(),
        ..known_page("openai", "openai").unwrap()
    }
}

fn poller(web: &FakeWeb, page: PageSettings, settings: FeedSettings) -> PagePoller {
    let time = (PausedClock::new() as Arc<dyn Clock>, Dice::seeded(1));
    PagePoller::new(page, Arc::new(settings), web.client(), time).unwrap()
}

fn condition(view: &FeedView, id: &str) -> Option<Condition> {
    view.conditions.get(&ComponentId::new(id)).copied()
}

/// Chat is well, the app is not.
const SUMMARY: &str = r#"{"page":{"id":"01JMDK9XYNY6RXSED6SDWW50WY","name":"OpenAI"},
  "status":{"indicator":"critical","description":"FedRAMP is down"},
  "components":[{"id":"a","name":"Chat Completions","status":"operational"},
    {"id":"b","name":"Conversations","status":"full_outage"},
    {"id":"c","name":"FedRAMP","status":"major_outage"},
    {"id":"d","name":"Embeddings","status":"sunny"},
    {"id":"e","name":"Login","status":"operational"}]}"#;

#[tokio::test(start_paused = true)]
async fn components_are_mapped_and_the_pages_light_is_not() {
    let web = FakeWeb::default().host("a", [Act::ok(SUMMARY)]);
    let view = poller(&web, page(&[&["http://a/summary"]]), FeedSettings::default()).round().await;
    assert_eq!(view.state, FeedState::Fresh);
    assert_eq!(view.engine, Some(Engine::IncidentIo));
    assert_eq!(condition(&view, "openai/chat"), Some(Condition::Operational));
    assert_eq!(condition(&view, "openai/app"), Some(Condition::MajorOutage));
    assert_eq!(condition(&view, "openai/embeddings"), Some(Condition::Unknown));
    assert_eq!(condition(&view, "openai/images"), None, "nobody told of it");
    assert!(view.missing.contains(&ComponentId::new("openai/images")));
    assert!(!view.tells_incidents);
    assert_eq!(view.trouble, None);
}

#[tokio::test(start_paused = true)]
async fn a_whole_group_may_be_one_component() {
    let text = r#"{"summary":{"structure":{"items":[{"group":{"id":"g","name":"Voices","components":[
        {"component_id":"a","name":"Talk"},{"component_id":"b","name":"Sing"}]}},{"component":{"component_id":"c","name":"Read"}}]},
        "affected_components":[{"component_id":"b","status":"degraded_performance"},{"component_id":"c","status":"full_outage"}]}}"#;
    let web = FakeWeb::default().host("a", [Act::ok(text)]);
    let component = ComponentId::new("x/audio");
    let rule = PartRule { component, any_of: vec![PartMatch::Group("voices".into())] };
    let page = PageSettings { parts: vec![rule], ..page(&[&["http://a/"]]) };
    let view = poller(&web, page, FeedSettings::default()).round().await;
    assert_eq!(condition(&view, "x/audio"), Some(Condition::DegradedPerformance));
}

#[tokio::test(start_paused = true)]
async fn a_second_document_adds_incidents_and_their_parts() {
    let atom = r#"<feed><generator>incident.io</generator><entry><title>Errors</title><id>https://o//incidents/01HZF2Q9D0AAAAAAAAAAAAAAAA</id>
      <updated>2024-06-04T00:00:00Z</updated><content>&lt;b&gt;Status: Investigating&lt;/b&gt;&lt;br/&gt;&lt;b&gt;Affected components&lt;/b&gt;&lt;ul&gt;&lt;li&gt;Chat Completions (Partial outage)&lt;/li&gt;&lt;/ul&gt;</content></entry>
      <entry><title>ChatGPT is slow</title><id>https://o//incidents/x</id><updated>2024-06-03T00:00:00Z</updated><content>&lt;b&gt;Status: Resolved&lt;/b&gt;</content></entry>
      <entry><title>Old</title><id>https://o//incidents/y</id><updated>2024-01-03T00:00:00Z</updated><content>&lt;b&gt;Status: Resolved&lt;/b&gt;&lt;br/&gt;&lt;b&gt;Affected components&lt;/b&gt;&lt;li&gt;Images (Operational)&lt;/li&gt;</content></entry>
      <entry><title>Else</title><id>https://o//incidents/z</id><updated>2024-06-03T00:00:00Z</updated><content>&lt;b&gt;Status: Investigating&lt;/b&gt;</content></entry></feed>"#;
    let web = FakeWeb::default().host("a", [Act::ok(SUMMARY)]).host("b", [Act::ok(atom)]);
    let page = page(&[&["http://a/"], &["http://b/"]]);
    let view = poller(&web, page, FeedSettings::default()).round().await;
    assert_eq!(condition(&view, "openai/chat"), Some(Condition::PartialOutage));
    let found: Vec<_> = view
        .incidents
        .iter()
        .map(|page| (&*page.incident.title, page.components[0].as_str()))
        .collect();
    assert_eq!(found, [("Errors", "openai/chat"), ("ChatGPT is slow", "openai/app")]);
    assert!(view.tells_incidents);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_incidents_alone_is_green_where_none_is_open() {
    let google = r#"[{"id":"1","begin":"2024-06-04T00:00:00Z","severity":"medium","affected_products":[{"id":"x","title":"Vertex Gemini API"}]}]"#;
    let web = FakeWeb::default().host("g", [Act::ok(google), Act::ok("[]")]);
    let mut page = known_page("gemini", "gemini").unwrap();
    page.sources = vec![SourceSettings { urls: vec!["http://g/".into()] }];
    assert!(!page.tells_green);
    let mut poller = poller(&web, page, FeedSettings::default());
    let ill = poller.round().await;
    assert_eq!(condition(&ill, "gemini/chat"), Some(Condition::PartialOutage));
    assert_eq!(condition(&ill, "gemini/app"), Some(Condition::Operational));
    let well = poller.round().await;
    assert_eq!(condition(&well, "gemini/chat"), Some(Condition::Operational));
}

#[tokio::test(start_paused = true)]
async fn silence_of_half_a_page_is_not_green() {
    let mut page = known_page("gemini", "gemini").unwrap();
    let source = |url: &str| SourceSettings { urls: vec![url.into()] };
    page.sources = vec![source("http://nowhere/"), source("http://g/")];
    let quiet = r#"[{"id":"1","external_desc":"x","begin":"2024-01-01T00:00:00Z","end":"2024-01-01T01:00:00Z"}]"#;
    let web = FakeWeb::default().host("g", [Act::ok(quiet)]);
    let view = poller(&web, page, FeedSettings::default()).round().await;
    assert!(view.tells_incidents && view.conditions.is_empty(), "{:?}", view.conditions);
}

#[tokio::test(start_paused = true)]
async fn an_open_incident_without_a_weight_is_one() {
    let item = "<item><guid>x</guid><pubDate>Tue, 04 Jun 2024 00:00:00 GMT</pubDate><title>Errors</title>\
        <description>Impact</description><category>Azure OpenAI Service</category></item>";
    let text = format!("<rss><channel><title>Azure Status</title>{item}</channel></rss>");
    let web = FakeWeb::default().host("a", [Act::ok(text)]);
    let mut page = known_page("azure", "azure").unwrap();
    page.sources = vec![SourceSettings { urls: vec!["http://a/".into()] }];
    let view = poller(&web, page, FeedSettings::default()).round().await;
    assert_eq!(condition(&view, "azure/chat"), Some(Condition::DegradedPerformance));
}

#[tokio::test(start_paused = true)]
async fn the_mark_of_a_document_spares_its_bytes_and_keeps_it_fresh() {
    let not_modified = Act::status(304);
    let web =
        FakeWeb::default().host("a", [Act::ok(SUMMARY).with("etag", "\"one\""), not_modified]);
    let mut poller = poller(&web, page(&[&["http://a/"]]), FeedSettings::default());
    poller.round().await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let view = poller.round().await;
    assert_eq!((view.state, view.trouble.as_deref()), (FeedState::Fresh, None));
    assert_eq!(condition(&view, "openai/app"), Some(Condition::MajorOutage));
    let seen = web.seen();
    assert_eq!(seen[0].header("if-none-match"), None);
    assert!(seen[0].head.starts_with("GET / HTTP/1.1") && seen[0].body.is_empty());
    assert_eq!(seen[1].header("if-none-match"), Some("\"one\""));
}

#[tokio::test(start_paused = true)]
async fn the_next_address_is_asked_when_one_gives_no_feed() {
    let challenge = Act::ok("<!doctype html><html>are you human</html>");
    let web = FakeWeb::default()
        .host("a", [challenge, Act::status(500), Act::ok(SUMMARY)])
        .host("b", [Act::status(405), Act::ok(SUMMARY)])
        .host("c", [Act::ok(SUMMARY)]);
    let urls: &[&str] = &["http://a/", "http://b/", "http://c/"];
    let mut poller = poller(&web, page(&[urls]), FeedSettings::default());
    let hosts = |web: &FakeWeb| web.seen().iter().map(|seen| seen.host.clone()).collect::<String>();
    assert_eq!(poller.round().await.trouble, None);
    assert_eq!(hosts(&web), "abc");
    for _ in 0..19 {
        poller.round().await;
    }
    assert_eq!(hosts(&web), format!("abc{}", "c".repeat(19)), "what was good is asked first");
    poller.round().await;
    poller.round().await;
    assert_eq!(hosts(&web).chars().skip(22).collect::<String>(), "abb", "then the first again");
}

#[tokio::test(start_paused = true)]
async fn a_page_grows_stale_and_broken_and_keeps_its_last_words() {
    let web = FakeWeb::default().host("a", [Act::ok(SUMMARY), Act::status(503)]);
    let mut poller = poller(&web, page(&[&["http://a/"]]), FeedSettings::default());
    let mut states = Vec::new();
    for _ in 0..5 {
        let view = poller.round().await;
        assert_eq!(condition(&view, "openai/app"), Some(Condition::MajorOutage));
        states.push(view.state);
        tokio::time::sleep(Duration::from_secs(240)).await;
    }
    use FeedState::{Broken, Fresh, Stale};
    assert_eq!(states, [Fresh, Stale, Stale, Stale, Broken]);
    let never = FakeWeb::default();
    let mut poller = self::poller(&never, page(&[&["http://a/"]]), FeedSettings::default());
    let view = poller.round().await;
    assert_eq!((view.state, view.conditions.len()), (Broken, 0));
    assert!(view.trouble.unwrap().contains("cannot connect"));
}

#[tokio::test(start_paused = true)]
async fn redirects_are_followed_a_few_times() {
    let to = |url: &str| Act::status(302).with("location", url);
    let web = FakeWeb::default()
        .host("old", [to("http://new/x"), to("/loop")])
        .host("new", [Act::ok(SUMMARY)]);
    let mut poller = poller(&web, page(&[&["http://old/"]]), FeedSettings::default());
    assert_eq!(poller.round().await.trouble, None);
    let view = poller.round().await;
    assert_eq!(
        view.trouble.as_deref(),
        Some("the page sends us elsewhere, to no address or too often")
    );
    assert_eq!(web.seen().len(), 2 + 4);
}

#[tokio::test(start_paused = true)]
async fn hostile_hosts_cost_little_time_and_memory() {
    for (act, want) in [
        (Act::Huge(10 << 30), "more than"),
        (Act::Endless, "more than"),
        (Act::Drip, "within 5000 ms"),
        (Act::Silent, "within 5000 ms"),
        (Act::Refuse, "cannot connect"),
        // What was packed could grow without end; nobody asked for it.
        (Act::ok("packed").with("content-encoding", "gzip"), "no encoding was accepted"),
    ] {
        let web = FakeWeb::default().host("a", [act.clone()]);
        let clock = PausedClock::new();
        let mut poller = poller(&web, page(&[&["http://a/"]]), FeedSettings::default());
        let view = poller.round().await;
        assert!(view.trouble.as_deref().unwrap().contains(want), "{act:?}: {:?}", view.trouble);
        assert!(clock.now().as_millis() <= 5_000, "{act:?}");
        // What is still in the pipe was sent too.
        assert!(*web.sent.lock().unwrap() <= (4 << 20) + (256 << 10), "{act:?}");
    }
}

#[derive(Debug, Default)]
struct Kept(Mutex<Vec<FeedView>>);

impl FeedSink for Kept {
    fn take(&self, view: FeedView) {
        self.0.lock().unwrap().push(view);
    }
}

#[tokio::test(start_paused = true)]
async fn rounds_come_every_half_minute_to_minute() {
    let web = FakeWeb::default().host("a", [Act::ok(SUMMARY)]);
    let kept = Arc::new(Kept::default());
    let poller = poller(&web, page(&[&["http://a/"]]), FeedSettings::default());
    let hour = tokio::time::timeout(Duration::from_secs(3600), poller.run(kept.clone())).await;
    assert!(hour.is_err(), "it polls for ever");
    let views = kept.0.lock().unwrap();
    let gaps: Vec<_> = views.windows(2).map(|two| two[1].at.since(two[0].at)).collect();
    assert!(gaps.iter().all(|gap| (29_900..=60_100).contains(gap)), "{gaps:?}");
    assert!(gaps.iter().any(|gap| *gap < 40_000) && gaps.iter().any(|gap| *gap > 50_000));
    assert!((60..=120).contains(&views.len()));
}

#[test]
fn a_page_with_a_broken_address_is_refused_at_once() {
    let rule =
        PartRule { component: ComponentId::new("x"), any_of: vec![PartMatch::Name("X".into())] };
    let page = PageSettings {
        name: "x".into(),
        sources: vec![SourceSettings { urls: vec!["gopher://x".into()] }],
        parts: vec![rule],
        tells_green: true,
    };
    let client = FakeWeb::default();
    let clock = Arc::new(clock::ManualClock::new());
    let client = net::Client::new(net::ClientParts {
        connector: Arc::new(client),
        clock: clock.clone(),
        tls: None,
        limits: net::ClientLimits::default(),
    });
    let time = (clock as Arc<dyn Clock>, Dice::seeded(1));
    assert!(PagePoller::new(page, Arc::new(FeedSettings::default()), client, time).is_err());
}
