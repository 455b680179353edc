//! Feeds that want to hurt: large, deep, exploding, in odd encodings. All of them cost little.

use lookout::feeds::{BYTES_MAX, DEPTH_MAX, ENTRIES_MAX, FeedError, read};
use proptest::prelude::*;

#[test]
fn a_billion_laughs_are_refused_before_the_first() {
    let text = r#"<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]><feed><title>&lol2;</title></feed>"#;
    assert!(matches!(read(text.as_bytes(), None), Err(FeedError::DocumentType)));
    // An entity that nobody declared stays as it is written.
    let (_, reading) = read(b"<feed><title>&lol2; &amp; &#65;</title></feed>", None).unwrap();
    assert_eq!(reading.page.name.as_deref(), Some("&lol2; & A"));
}

#[test]
fn depth_is_bounded_in_both_languages() {
    let deep = format!("<feed>{}{}</feed>", "<a>".repeat(100_000), "</a>".repeat(100_000));
    match read(deep.as_bytes(), None) {
        Err(FeedError::TooDeep { depth_max }) => assert_eq!(depth_max, DEPTH_MAX),
        other => panic!("{other:?}"),
    }
    let deep = format!(
        "{{\"page\":{{}},\"components\":{}{}}}",
        "[".repeat(1_000_000),
        "]".repeat(1_000_000)
    );
    let (_, reading) = read(deep.as_bytes(), None).unwrap();
    assert_eq!(reading.doubts.dropped, 1);
}

#[test]
fn lists_are_cut_and_the_cut_is_told() {
    let entry = r#"{"id":"a"},"#;
    let many = format!(r#"{{"page":{{}},"components":[{}{{}}]}}"#, entry.repeat(ENTRIES_MAX + 7));
    let (_, reading) = read(many.as_bytes(), None).unwrap();
    assert_eq!(reading.components.unwrap().len(), ENTRIES_MAX);
    assert_eq!(reading.doubts.dropped, 8);
    let many = format!("<feed>{}</feed>", "<entry/>".repeat(ENTRIES_MAX + 3));
    let (_, reading) = read(many.as_bytes(), None).unwrap();
    assert_eq!((reading.incidents.unwrap().len(), reading.doubts.dropped), (ENTRIES_MAX, 3));
}

#[test]
fn small_things_in_small_things_stay_few() {
    let update = "{},".repeat(1_000);
    let incident = format!(r#"{{"impact":"minor","incident_updates":[{update}{{}}]}},"#);
    let text = format!(r#"{{"page":{{}},"incidents":[{}{{}}]}}"#, incident.repeat(1_000));
    assert!(matches!(read(text.as_bytes(), None), Err(FeedError::TooMany { .. })));
    let section = "<small>Jan 1, 00:00 UTC</small><strong>Resolved</strong>x".repeat(2_000);
    let entry = format!(
        "<entry><id>a,2005:Incident/1</id><updated>2026-01-01T00:00:00Z</updated><content><![CDATA[data-var={section}]]></content></entry>"
    );
    let text = format!("<feed>{}</feed>", entry.repeat(BYTES_MAX / entry.len() - 1));
    let (_, reading) = read(text.as_bytes(), None).unwrap();
    let updates: usize = reading.incidents.unwrap().iter().map(|i| i.updates.len()).sum();
    assert!(updates <= 52_000, "{updates}");
}

#[test]
fn a_link_with_very_many_attributes_costs_its_length_once() {
    let attributes: String = (0..400_000).map(|one| format!(" a{one:x}=''")).collect();
    let text = format!("<feed><link{attributes}/></feed>");
    assert!(text.len() < BYTES_MAX);
    assert!(read(text.as_bytes(), None).is_ok());
}

#[test]
fn a_document_beyond_the_bound_is_not_looked_at() {
    let big = vec![b'['; BYTES_MAX + 1];
    assert!(matches!(read(&big, None), Err(FeedError::TooLarge { .. })));
    // What is just within it costs one pass, also if no tag and no entity ever ends.
    for text in ["<feed><title><![CDATA[", "<feed><entry><summary>", "{\"page\":{\"name\":\""] {
        let filling = if text.contains("CDATA") { "<a&b" } else { "&amp;lt;a" };
        let text = format!("{text}{}", filling.repeat((BYTES_MAX - 100) / filling.len()));
        assert!(read(text.as_bytes(), None).is_err());
    }
    let filling = "<a &b".repeat(700_000);
    let text = format!("<feed><entry><summary><![CDATA[{filling}]]></summary></entry></feed>");
    assert!(read(text.as_bytes(), None).is_ok());
}

#[test]
fn encodings_are_read_or_refused_by_name() {
    let text = "<feed><title>Ünïcode</title></feed>";
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let (_, reading) = read(&wide, None).unwrap();
    assert_eq!(reading.page.name.as_deref(), Some("Ünïcode"));
    let odd = format!("<?xml version=\"1.0\" encoding=\"EBCDIC-CP-US\"?>{text}");
    let error = read(odd.as_bytes(), None).unwrap_err();
    assert!(error.to_string().contains("ebcdic-cp-us"), "{error}");
    assert!(matches!(read(b"{\"page\":\xFF\xFF}", None), Err(FeedError::NotText { .. })));
}

proptest! {
    /// Whatever comes, the reader answers.
    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let answer = read(&bytes, None);
        prop_assert!(answer.is_ok() || answer.is_err());
    }

    /// The same for text that looks like a feed.
    #[test]
    fn no_text_breaks_the_reader(
        parts in proptest::collection::vec(
            prop::sample::select(vec![
                "<feed>", "</feed>", "<entry>", "</entry>", "<content>", "</content>", "<small>",
                "</small>", "Jan 1, 00:00 UTC", "<strong>", "</strong>", "Status: x", "Severity:",
                "Resolved:", "(", ")", "<![CDATA[", "]]>", "&amp;", "&#0;", "&#x110000;", "é",
                "<updated>", "</updated>", "2026-01-01T00:00:00Z", "Affected components", "\n",
                "<rss>", "<channel>", "<item>", "</item>", "<link/>", "<link href='x'/>", ",", " ",
            ]),
            0..60,
        )
    ) {
        let text = format!("<feed>{}", parts.concat());
        if let Ok((_, reading)) = read(text.as_bytes(), None) {
            prop_assert!(reading.incidents.unwrap().len() <= parts.len());
        }
    }
}
