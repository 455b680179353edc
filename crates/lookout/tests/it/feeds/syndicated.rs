//! Atom and RSS of each engine.

use detection::{Condition, Impact, Phase};
use lookout::feeds::{Engine, FeedError, Shape, read};

use super::{at, read_as};

#[test]
fn a_statuspage_history_finds_its_years() {
    let reading = read_as(
        Shape::Syndication,
        r#"<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>C Status - Incident History</title>
        <link rel="self" href="https://c/history.atom"/><link rel="alternate" href="https://c"/>
        <entry><id>tag:c,2005:Incident/31605956</id><published>2026-01-01T00:43:02Z</published><updated>2026-01-01T00:43:02Z</updated>
        <link rel="alternate" type="text/html" href="https://c/incidents/ch27pb90bn85"/><title>Errors &amp; more</title>
        <content type="html">&lt;p&gt;&lt;small&gt;Jan &lt;var data-var='date'&gt; 1&lt;/var&gt;, &lt;var data-var='time'&gt;00:43&lt;/var&gt; UTC&lt;/small&gt;&lt;br&gt;&lt;strong&gt;Resolved&lt;/strong&gt; - Over - really. &lt;/p&gt;&lt;p&gt;&lt;small&gt;Dec &lt;var data-var='date'&gt;31&lt;/var&gt;, &lt;var data-var='time'&gt;23:37&lt;/var&gt; UTC&lt;/small&gt;&lt;br&gt;&lt;strong&gt;Monitoring&lt;/strong&gt; - Watching.&lt;/p&gt;&lt;p&gt;&lt;small&gt;Dec &lt;var data-var='date'&gt;31&lt;/var&gt;, &lt;var data-var='time'&gt;22:10&lt;/var&gt; UTC&lt;/small&gt;&lt;br&gt;&lt;strong&gt;Investigating&lt;/strong&gt; - Looking.&lt;/p&gt;</content></entry></feed>"#,
    );
    assert_eq!(reading.engine, Engine::Statuspage);
    assert_eq!(reading.page.url.as_deref(), Some("https://c"));
    assert_eq!(reading.components, None);
    let incident = &reading.incidents.unwrap()[0];
    assert_eq!(&*incident.key, "ch27pb90bn85");
    assert_eq!(&*incident.title, "Errors & more");
    assert_eq!(incident.phase, Some(Phase::Resolved));
    assert_eq!(incident.started_at, at("2025-12-31T22:10:00Z"), "not `published`, and last year");
    assert_eq!(incident.posted_at, incident.started_at);
    assert_eq!(incident.monitoring_at, at("2025-12-31T23:37:00Z"));
    assert_eq!(incident.resolved_at, at("2026-01-01T00:43:00Z"));
    assert_eq!(incident.parts, None);
    assert_eq!(&*incident.updates[0].text, "Over - really.");
    assert_eq!(reading.doubts, Default::default());
}

#[test]
fn incident_ios_atom_has_the_last_state_and_double_slashes() {
    let reading = read_as(
        Shape::Syndication,
        r#"<feed xmlns="http://www.w3.org/2005/Atom"><title>O status</title><generator>incident.io</generator>
        <entry><title type="html"><![CDATA[Errors]]></title><id>https://o//incidents/01M2EWYR55J47M2BPG9WC76VEG</id>
        <link href="https://o//incidents/01M2EWYR55J47M2BPG9WC76VEG"/><updated>2026-09-14T03:57:19.771Z</updated>
        <content type="html"><![CDATA[<b>Status: Identified</b><br/><br/>Working.<br/><br/><b>Affected components</b><ul><li>Chat (beta) (Partial outage)</li><li>GPTs (Full outage)</li></ul>]]></content></entry></feed>"#,
    );
    assert_eq!(reading.engine, Engine::IncidentIo);
    let incident = &reading.incidents.unwrap()[0];
    assert_eq!(&*incident.key, "01M2EWYR55J47M2BPG9WC76VEG");
    assert!(incident.is_open());
    assert_eq!(
        incident.posted_at.map(clock::UnixMs::as_seconds),
        at("2026-09-14T02:46:48Z").map(clock::UnixMs::as_seconds)
    );
    let parts = incident.parts.as_ref().unwrap();
    assert_eq!((&*parts[0].name, parts[0].to), ("Chat (beta)", Some(Condition::PartialOutage)));
    assert_eq!(parts[1].to, Some(Condition::MajorOutage));
    assert_eq!(&*incident.updates[0].text, "Working.");
}

#[test]
fn the_same_histories_are_read_as_rss() {
    let statuspage = read_as(
        Shape::Syndication,
        r#"<rss version="2.0"><channel><title>C Status - Incident History</title><link>https://c</link>
        <item><title>Errors</title><link>https://c/incidents/abc</link><guid>https://c/incidents/abc</guid><pubDate>Wed, 07 Oct 2026 21:23:29 +0000</pubDate>
        <description>&lt;p&gt;&lt;small&gt;Oct &lt;var data-var='date'&gt; 7&lt;/var&gt;, &lt;var data-var='time'&gt;21:23&lt;/var&gt; UTC&lt;/small&gt;&lt;br&gt;&lt;strong&gt;Resolved&lt;/strong&gt; - Over.&lt;/p&gt;&lt;p&gt;&lt;small&gt;Oct &lt;var data-var='date'&gt; 7&lt;/var&gt;, &lt;var data-var='time'&gt;20:00&lt;/var&gt; UTC&lt;/small&gt;&lt;br&gt;&lt;strong&gt;Investigating&lt;/strong&gt; - Looking.&lt;/p&gt;</description></item></channel></rss>"#,
    );
    assert_eq!(statuspage.engine, Engine::Statuspage);
    let incident = &statuspage.incidents.unwrap()[0];
    assert_eq!((&*incident.key, incident.updates.len()), ("abc", 2));
    assert_eq!(incident.started_at, at("2026-10-07T20:00:00Z"));
    let incident_io = read_as(
        Shape::Syndication,
        "<rss><channel><title>O</title><item><title>E</title><guid>https://o/incidents/01M2EWYR55J47M2BPG9WC76VEG</guid>\
         <link>https://o/incidents/01M2EWYR55J47M2BPG9WC76VEG</link><pubDate>Mon, 14 Sep 2026 03:57:19 GMT</pubDate>\
         <description>&lt;b&gt;Status: Monitoring&lt;/b&gt;</description></item></channel></rss>",
    );
    assert_eq!(incident_io.engine, Engine::IncidentIo);
    let incident = &incident_io.incidents.unwrap()[0];
    assert_eq!(&*incident.key, "01M2EWYR55J47M2BPG9WC76VEG", "the same in every document");
    assert_eq!(incident.phase, Some(Phase::Monitoring));
}

#[test]
fn an_empty_azure_channel_is_a_quiet_day() {
    let reading = read_as(
        Shape::Syndication,
        r#"<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Azure Status</title><link>https://azure.status.microsoft/en-us/status/</link></channel></rss>"#,
    );
    assert_eq!((reading.engine, reading.incidents), (Engine::Azure, Some(Vec::new())));
}

#[test]
fn azure_uses_an_id_twice_and_a_zone_that_mail_does_not_know() {
    let item = |date: &str| {
        format!(
            "<item><guid isPermaLink=\"false\">network-issue</guid><link>https://azure.status.microsoft/x</link>\
             <pubDate>{date}</pubDate><title>Network issue</title><description>&lt;p&gt;Impact&lt;/p&gt;</description>\
             <category>Azure OpenAI</category><category>East US</category></item>"
        )
    };
    let text = format!(
        "<rss version=\"2.0\"><channel><title>Azure Status</title>{}{}</channel></rss>",
        item("Wed, 29 Oct 2025 16:00:00 Z"),
        item("Sun, 21 Jul 2024 04:00:00 Z")
    );
    let incidents = read_as(Shape::Syndication, &text).incidents.unwrap();
    assert_ne!(incidents[0].key, incidents[1].key);
    assert!(incidents[0].key.starts_with("network-issue@"));
    assert_eq!(incidents[0].posted_at, at("2025-10-29T16:00:00Z"));
    assert!(incidents[0].is_open(), "what is over vanishes from the feed");
    let names: Vec<_> =
        incidents[0].parts.as_ref().unwrap().iter().map(|part| &*part.name).collect();
    assert_eq!(names, ["Azure OpenAI", "East US"]);
}

#[test]
fn a_status_line_with_everything_in_it_is_read() {
    let reading = read_as(
        Shape::Syndication,
        "<rss><channel><title>X</title><item><title>API errors</title><guid>g</guid><pubDate>Mon, 01 Jun 2026 10:00:00 GMT</pubDate>\
         <description>Status: RESOLVED Severity: available Resolved: Mon, 01 Jun 2026 11:00:00 GMT</description></item></channel></rss>",
    );
    let incident = &reading.incidents.unwrap()[0];
    assert_eq!((incident.phase, incident.impact), (Some(Phase::Resolved), Some(Impact::None)));
    assert_eq!(incident.resolved_at, at("2026-06-01T11:00:00Z"));
    assert_eq!(incident.started_at, at("2026-06-01T10:00:00Z"));
}

#[test]
fn what_stands_in_a_feeds_place_is_no_feed() {
    for (text, want) in [
        ("<html><body>Just a moment</body></html>", "no status feed"),
        ("<feed><entry>", "middle"),
        ("<feed></entry></feed>", "not XML"),
    ] {
        let error = read(text.as_bytes(), None).unwrap_err();
        assert!(error.to_string().contains(want), "{text}: {error}");
    }
    assert!(matches!(read(b"", None), Err(FeedError::Empty)));
}
