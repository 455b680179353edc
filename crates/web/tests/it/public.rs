//! The public's pages of 4 June 2024, as a browser gets them: what they say, in which language, how
//! heavy they are, and how they are kept.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use web::Status;
use web::view::{Ourselves, StatusSource, StatusView};

use crate::{Bench, all_ready, bench, bytes, get_status, headline, june, text};

/// The page at 14:40, of a view that can be counted.
pub(crate) fn status_of(bench: &Bench, view: StatusView) -> Status {
    let view = Arc::new(view);
    let source: StatusSource = Arc::new(move || Arc::clone(&view));
    Status::new(bench.telemetry.clone(), all_ready()).with_source(Some(source))
}

pub(crate) fn afternoon() -> (Bench, Status) {
    let bench = bench();
    bench.clock.advance(Duration::from_secs((14 * 60 + 40) * 60));
    let status = status_of(&bench, june::afternoon());
    (bench, status)
}

fn asked(name: &'static str, value: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_static(value));
    headers
}

fn page_of(view: StatusView) -> String {
    let bench = bench();
    bench.clock.advance(Duration::from_secs((14 * 60 + 40) * 60));
    text(get_status(&status_of(&bench, view), "/"))
}

#[test]
fn the_page_says_who_answers_and_why_one_thinks_so() {
    let (_bench, status) = afternoon();
    let page = text(get_status(&status, "/"));
    assert_eq!(headline(&page), "Our products answer. ChatGPT’s app does not.");
    for told in [
        "Tuesday 4 June 2024, 14:40 UTC",
        "Suspected, and not yet confirmed: Claude’s app",
        "99.8\u{a0}% were answered, 93.0\u{a0}% by their first choice",
        "<b>19</b> <small>min</small>",
        "data-so-far=\"600\" data-units=\"h min s\"",
        "412 in 15 minutes; usual at this hour: 6",
        "98.774\u{a0}%",
        "Their page: 99.422\u{a0}% by its own rule, 98.774\u{a0}% if every minute of an outage counts.",
        "89=4 Jun: 329 min major outage, 2 incidents",
        "Requests a second over 24 hours. Now 58; we can answer 84.",
        "We are <strong>looking into it</strong>",
        "Today, 06:49 to 11:10 UTC",
        "No days are recorded yet.",
        "Cannot be read",
    ] {
        assert!(page.contains(told), "{told} is missing");
    }
    let sure = page.find("i-2024-06-04-chatgpt-2").expect("it is shown");
    assert!(sure < page.find("i-2024-06-04-claude").expect("it is shown"), "the sure one is first");
    assert!(!page.contains("called off"), "a work that was called off is not planned");
}

#[test]
fn chinese_readers_get_chinese() {
    let (_bench, status) = afternoon();
    let zh = status.respond(&Method::GET, "/", &asked("accept-language", "zh-CN,en;q=0.5"));
    assert_eq!(zh.headers()["vary"], "accept-encoding, accept-language, cookie");
    let page = text(zh);
    assert!(page.contains("<html lang=\"zh-Hans\">"));
    assert_eq!(headline(&page), "我们的产品应答正常。 ChatGPT 应用没有应答。");
    for told in
        ["99.422%", "6月4日：重大故障 329 分钟，2 起事件", "三地 18 次页面加载全部失败", "仍在计时"]
    {
        assert!(page.contains(told), "{told} is missing");
    }
    // What was written in English only says so to those who listen.
    assert!(page.contains("<a href=\"/incidents/2024-06-03-opus\" lang=\"en\">"));
    assert!(page.contains("<a href=\"/incidents/2024-06-04-claude\">"));
    for english in ["Reports alone", "of requests", "Earlier"] {
        assert!(!page.contains(english), "{english} is shown");
    }
}

#[test]
fn the_switch_is_remembered_and_kept_from_others() {
    let (_bench, status) = afternoon();
    let switched = get_status(&status, "/?lang=zh-Hans");
    let cookie = switched.headers()["set-cookie"].to_str().expect("ASCII").to_owned();
    assert!(cookie.starts_with("lang=zh-Hans; Path=/; Max-Age="), "{cookie}");
    assert_eq!(switched.headers()["cache-control"], "private, no-cache");
    assert!(text(switched).contains("zh-Hans"));
    let later = status.respond(&Method::GET, "/history", &asked("cookie", "lang=zh-Hans"));
    assert!(!later.headers().contains_key("set-cookie"));
    assert!(text(later).contains("<html lang=\"zh-Hans\">"));
    assert!(!get_status(&status, "/?lang=tlh").headers().contains_key("set-cookie"));
}

#[test]
fn headlines_are_honest_in_both_languages() {
    let zh = |view: StatusView| {
        let bench = bench();
        let status = status_of(&bench, view);
        let page = text(status.respond(&Method::GET, "/", &asked("accept-language", "zh")));
        headline(&page)
    };
    let said = |view: StatusView| (headline(&page_of(view.clone())), zh(view));
    let with = |change: &dyn Fn(&mut StatusView)| {
        let mut view = june::quiet();
        change(&mut view);
        said(view)
    };
    let condition = |view: &mut StatusView, group: usize, index: usize, word: &str| {
        view.groups[group].components[index].condition = detection::Condition::of(word);
    };
    assert_eq!(with(&|_| {}), ("Everything answers.".into(), "一切应答正常。".into()));
    assert_eq!(
        with(&|view| condition(view, 0, 2, "degraded_performance")),
        ("Letter desk is slow. The rest answers.".into(), "信函起草变慢。 其余应答正常。".into())
    );
    assert_eq!(
        with(&|view| {
            condition(view, 1, 0, "major_outage");
            condition(view, 1, 1, "partial_outage");
            condition(view, 1, 2, "major_outage");
        }),
        (
            "Our products answer. ChatGPT’s app and Claude’s app do not.".into(),
            "我们的产品应答正常。 ChatGPT 应用和 Claude 应用没有应答。".into()
        )
    );
    assert_eq!(
        with(&|view| (0..4).for_each(|index| condition(view, 1, index, "partial_outage"))),
        (
            "Our products answer. 4 services do in part.".into(),
            "我们的产品应答正常。 4 项服务部分应答。".into()
        )
    );
    assert_eq!(with(&|view| view.ourselves = Ourselves::Silent).0, "We cannot answer now.");
    assert_eq!(with(&|view| view.ourselves = Ourselves::ReserveOnly).1, "只有备用模型在应答。");
    // What is only suspected makes no headline.
    assert_eq!(
        with(&|view| {
            condition(view, 1, 0, "major_outage");
            view.groups[1].components[0].certainty = detection::Certainty::Suspected;
        })
        .0,
        "Everything answers."
    );
}

#[test]
fn a_page_with_all_its_parts_is_light() {
    let (_bench, status) = afternoon();
    let mut raw = 0;
    let mut compressed = 0;
    for path in ["/", "/status.css", "/status.js", "/fonts/archivo.woff2"] {
        let plain = bytes(get_status(&status, path));
        let answer = status.respond(&Method::GET, path, &asked("accept-encoding", "br, gzip"));
        let is_packed = answer.headers().contains_key("content-encoding");
        let packed = bytes(answer);
        if is_packed {
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(&*packed).read_to_end(&mut unpacked).expect("it is gzip");
            assert_eq!(unpacked, plain, "{path}");
        }
        raw += plain.len();
        compressed += packed.len();
    }
    assert!(raw < 120 * 1024, "{raw} bytes raw");
    assert!(compressed < 50 * 1024, "{compressed} bytes compressed");
}

#[test]
fn a_long_day_leaves_the_page_light() {
    let mut view = june::afternoon();
    let incident = &mut view.open[1].incident;
    incident.updates = std::iter::repeat_with(|| incident.updates[0].clone()).take(100).collect();
    incident.deeds = std::iter::repeat_with(|| incident.deeds[0].clone()).take(100).collect();
    incident.deeds[99].1 = "the latest deed".into();
    let tide = view.tide.as_mut().expect("it has one");
    tide.points = std::iter::repeat_with(|| tide.points.clone()).take(20).flatten().collect();
    let bench = bench();
    let status = status_of(&bench, view);
    let page = text(get_status(&status, "/"));
    assert!(page.len() < 56 * 1024, "{} bytes", page.len());
    assert!(page.contains("the latest deed") && page.contains("All that is known of it"));
    let own = text(get_status(&status, "/incidents/2024-06-04-chatgpt-2"));
    assert_eq!(own.matches("<div class=\"text\"").count(), 100);
    assert!(own.contains("Timeline of the evidence") && !page.contains("Timeline of the evidence"));
    assert!(!own.contains("All that is known of it"));
}

#[test]
fn both_forms_have_tags_of_their_own() {
    let (_bench, status) = afternoon();
    let plain = get_status(&status, "/").headers()["etag"].clone();
    let packed = status.respond(&Method::GET, "/", &asked("accept-encoding", "gzip"));
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let packed = packed.headers()["etag"].clone();
    assert_ne!(plain, packed);
    let mut headers = asked("accept-encoding", "gzip");
    headers.insert("if-none-match", packed);
    let unchanged = status.respond(&Method::GET, "/", &headers);
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    assert!(!unchanged.headers().contains_key("content-encoding"));
    headers.insert("if-none-match", plain);
    assert_eq!(status.respond(&Method::GET, "/", &headers).status(), StatusCode::OK);
    let refused = status.respond(&Method::GET, "/", &asked("accept-encoding", "gzip;q=0, *"));
    assert!(!refused.headers().contains_key("content-encoding"));
}

#[test]
fn a_view_is_asked_for_once_a_second_however_many_look() {
    let bench = bench();
    let asks = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&asks);
    let view = Arc::new(june::quiet());
    let source: StatusSource = Arc::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Arc::clone(&view)
    });
    let status = Status::new(bench.telemetry.clone(), all_ready()).with_source(Some(source));
    for path in ["/", "/history", "/api/v2/summary.json", "/history.atom", "/no-such-page", "/"] {
        get_status(&status, path);
    }
    assert_eq!(asks.load(Ordering::Relaxed), 1);
    bench.clock.advance(Duration::from_secs(1));
    get_status(&status, "/");
    assert_eq!(asks.load(Ordering::Relaxed), 2);
}

#[test]
fn an_old_view_says_that_it_is_old() {
    let (bench, status) = afternoon();
    assert!(!text(get_status(&status, "/")).contains("note care"));
    bench.clock.advance(Duration::from_secs(420));
    let page = text(get_status(&status, "/"));
    assert!(page.contains("These figures are 7 min old. They were true at 14:40 UTC"));
}

#[test]
fn months_incidents_and_works_have_addresses_of_their_own() {
    let (_bench, status) = afternoon();
    let page = |path: &str| text(get_status(&status, path));
    let june = page("/history");
    assert!(june.contains("<h1>June 2024</h1>") && june.contains("href=\"/history/2024-05\""));
    let may = page("/history/2024-05");
    assert!(may.contains("Letters were slow") && !may.contains("Claude 3 Opus"));
    let over = page("/incidents/2024-06-04-chatgpt-1");
    for told in
        ["<b>32</b>", "Looking back", "<li>All traffic was blocked", "4 h 21 min", "97\u{a0}% sure"]
    {
        assert!(over.contains(told), "{told} is missing");
    }
    assert!(page("/maintenances/w3").contains("6 June, 22:00 to 22:30 UTC"));
    assert!(page("/how-we-count").contains("three tenths of a minute"));
    for missing in
        ["/history/2024-04", "/history/x", "/incidents/", "/incidents/x", "/maintenances/x"]
    {
        let answer = get_status(&status, missing);
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{missing}");
        assert_eq!(answer.headers()["cache-control"], "no-store", "{missing}");
        assert!(text(answer).contains("<h1>There is no such page.</h1>"), "{missing}");
    }
}

#[test]
fn the_timeline_tells_who_spoke_when_and_how_strongly() {
    let (_bench, status) = afternoon();
    let path = "/incidents/2024-06-04-chatgpt-2";
    let page = text(get_status(&status, path));
    let timeline = page.split("Timeline of the evidence").nth(1).expect("it is there");
    let told = [
        "14:15:00</time><div><b>Probe</b> <span class=\"grey\">first sign",
        "14:15:00</time><div><b>This page</b> <span class=\"grey\">told of it",
        "about 220 times likelier",
        "14:17:00</time><div><b>Probe</b> <span class=\"grey\">strongest sign",
        "18 probes failed in a row: no answer in time",
        "more than 1,000 times likelier in an outage than on a good day",
        "14:33:00</time><div><b>Official page</b> <span class=\"grey\">told of it",
        "“ChatGPT is unavailable for some users”",
        "14:34:00</time><div><b>Official page</b> <span class=\"grey\">first read",
    ];
    let mut rest = timeline;
    for said in told {
        rest = rest.split_once(said).unwrap_or_else(|| panic!("{said}: {timeline}")).1;
    }
    let zh = text(status.respond(&Method::GET, path, &asked("accept-language", "zh")));
    for said in ["证据时间线", "首次迹象", "连续 18 次探测失败：未及时应答", "1,000 倍以上"]
    {
        assert!(zh.contains(said), "{said} is missing");
    }
    let over = text(get_status(&status, "/incidents/2024-06-04-chatgpt-1"));
    assert!(over.contains("11:09:00</time><div><b>Probe</b> <span class=\"grey\">last sign"));
    // What was kept of no evidence has no timeline, and all is there for programs.
    let none = text(get_status(&status, "/incidents/2024-06-03-opus"));
    assert!(!none.contains("Timeline of the evidence"));
    let json = text(get_status(&status, &format!("{path}.json")));
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(json["timeline"][0]["family"], "probe");
    assert_eq!(json["timeline"][0]["strongest"]["log_odds"], 8.0);
    assert_eq!(json["timeline"][2]["first"]["at"], "2024-06-04T14:34:00.000Z");
    assert_eq!(json["official_page"]["lag_seconds"], 19 * 60);
    assert_eq!(json["official_page"]["is_counting"], false);
    assert_eq!(json["deeds"].as_array().map(Vec::len), Some(3));
    let open = text(get_status(&status, "/incidents/2024-06-04-claude.json"));
    assert!(open.contains("\"is_counting\":true"), "{open}");
}

#[test]
fn strangers_text_stays_text() {
    const EVIL: &str = "<img src=x onerror=alert(1)>\"'&</title>";
    let mut view = june::afternoon();
    view.page.name = EVIL.into();
    let incident = &mut view.open[1].incident;
    incident.title = EVIL.into();
    incident.cause.why = EVIL.into();
    incident.updates[0].body = EVIL.into();
    incident.lights[0].reading = EVIL.into();
    incident.deeds[0].1 = EVIL.into();
    incident.by_hand.postmortem = Some(EVIL.into());
    if let Some(post) = &mut incident.official {
        post.url = Some("javascript:alert(1)".into());
    }
    view.groups[1].components[0].name = web::view::Text::plain(EVIL);
    view.groups[1].components[0].note = Some(web::view::Text::plain(EVIL));
    let bench = bench();
    let status = status_of(&bench, view);
    for path in
        ["/", "/history", "/incidents/2024-06-04-chatgpt-2", "/history.atom", "/history.rss"]
    {
        let page = text(get_status(&status, path));
        assert!(!page.contains("<img"), "{path}");
        assert!(!page.contains("javascript:"), "{path}");
    }
}

#[test]
fn no_geometry_is_in_style_attributes_and_nothing_comes_from_elsewhere() {
    let (_bench, status) = afternoon();
    for path in ["/", "/history", "/incidents/2024-06-04-chatgpt-2", "/how-we-count"] {
        let page = text(get_status(&status, path));
        assert!(!page.contains(" style=") && !page.contains("<style"), "{path}");
        for part in page.split("src=\"").skip(1) {
            assert!(part.starts_with('/'), "{path} loads {part:.40}");
        }
    }
}
