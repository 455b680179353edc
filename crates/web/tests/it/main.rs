//! Both listeners' pages as a browser or a scraper sees them.

mod clients;
mod june;
mod machines;
mod public;
mod reporting;

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use clock::{Clock, Dice, IdMaker, ManualClock};
use domain::{Dialect, FaultClass, Target};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use telemetry::{
    AnswerRecord, AttemptRecord, BreakerChange, LogTo, Outcome, Receipt, RequestLogSettings,
    Source, Telemetry,
};
use web::{Console, ReadyPart, ReadyReport, RouteView, Status};

/// Text that would be markup or a secret if it got through.
const EVIL: &str = "<script>alert('\"x\"')</script>";

struct Bench {
    clock: Arc<ManualClock>,
    telemetry: Telemetry,
}

fn bench() -> Bench {
    let clock = Arc::new(ManualClock::new());
    let settings = RequestLogSettings { to: LogTo::Nowhere, ..RequestLogSettings::default() };
    let (telemetry, _) = Telemetry::start(settings, Arc::clone(&clock) as Arc<dyn Clock>);
    let models = ["big", "small", EVIL].map(Arc::from);
    telemetry.set_known(&models, &["acme", "bolt", "reserve"].map(Arc::from));
    Bench { clock, telemetry }
}

fn part(name: &str, state: &'static str) -> ReadyPart {
    ReadyPart { name: name.to_owned(), state, sentence: format!("inner detail {EVIL}") }
}

fn check(ready: bool, parts: &[(&str, &'static str)]) -> web::ReadyCheck {
    let parts: Vec<ReadyPart> = parts.iter().map(|(name, state)| part(name, state)).collect();
    Arc::new(move || ReadyReport { ready, parts: parts.clone() })
}

/// All three parts are ready.
fn all_ready() -> web::ReadyCheck {
    check(true, &[("acme", "ready"), ("bolt", "ready"), ("reserve", "ready")])
}

/// One request that `target` was tried for.
fn tried(telemetry: &Telemetry, target: &Target, fault: Option<FaultClass>) {
    let attempt = AttemptRecord {
        target: target.clone(),
        key: 0,
        trial: false,
        took: Duration::from_millis(700),
        first_token: None,
        fault,
        told: false,
        by_request: false,
        status: None,
        detail: "upstream said sk-canary-1234567".into(),
        usage: None,
        cost: None,
    };
    let answer = AnswerRecord {
        served_by: fault.is_none().then(|| target.clone()),
        source: if &*target.provider == "reserve" { Source::Reserve } else { Source::Provider },
        served_step: Some(0),
        first_token: Some(Duration::from_millis(130)),
        ..AnswerRecord::default()
    };
    telemetry.receipt(Receipt {
        id: IdMaker::new(Dice::seeded(1)).next_id(),
        started: clock::Tick::default(),
        unix_seconds: 0.0,
        caller: Some("shop".into()),
        dialect: Some(Dialect::OpenAiChat),
        operation: domain::Operation::Generate,
        model_asked: "big".into(),
        stream: true,
        attempts: vec![attempt],
        waited: None,
        status: 200,
        outcome: if fault.is_none() { Outcome::Answered } else { Outcome::Failed },
        reason: None,
        answer,
    });
}

fn text(response: Response<Full<Bytes>>) -> String {
    String::from_utf8(bytes(response)).expect("it is UTF-8")
}

fn bytes(response: Response<Full<Bytes>>) -> Vec<u8> {
    let mut body = std::pin::pin!(response.into_body().collect());
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(bytes)) = body.as_mut().poll(&mut cx) else {
        unreachable!("a full body is there at once");
    };
    bytes.to_bytes().to_vec()
}

fn get_status(status: &Status, path: &str) -> Response<Full<Bytes>> {
    status.respond(&Method::GET, path, &HeaderMap::new())
}

fn get_console(console: &Console, path: &str) -> Response<Full<Bytes>> {
    console.respond(&Method::GET, path, &HeaderMap::new())
}

fn headline(html: &str) -> String {
    let (_, rest) = html.split_once("<h1>").expect("there is a headline");
    let html = rest.split_once("</h1>").expect("it ends").0;
    html.replace("<span>", "").replace("</span>", "")
}

fn headline_of(bench: &Bench, check: web::ReadyCheck) -> String {
    let page = text(get_status(&Status::new(bench.telemetry.clone(), check), "/"));
    headline(&page)
}

#[test]
fn the_headline_is_honest() {
    let (acme, bolt) = (Target::new("acme", "big"), Target::new("bolt", "small"));
    let bench = bench();
    assert_eq!(headline_of(&bench, all_ready()), "Ready to answer.");
    tried(&bench.telemetry, &acme, None);
    assert_eq!(headline_of(&bench, all_ready()), "Everything answers.");
    (0..9).for_each(|_| tried(&bench.telemetry, &acme, Some(FaultClass::Overloaded)));
    tried(&bench.telemetry, &bolt, None);
    assert_eq!(headline_of(&bench, all_ready()), "We answer. acme does not.");
    (0..9).for_each(|_| tried(&bench.telemetry, &bolt, Some(FaultClass::Connect)));
    assert_eq!(headline_of(&bench, all_ready()), "Only the reserve answers.");
    let loading = [("acme", "ready"), ("bolt", "ready"), ("reserve", "loading")];
    assert_eq!(headline_of(&bench, check(true, &loading)), "We cannot answer now.");
    assert_eq!(headline_of(&bench, check(false, &[])), "We cannot answer now.");
}

#[test]
fn a_pace_limit_or_our_account_is_no_outage_of_theirs() {
    let acme = Target::new("acme", "big");
    let bench = bench();
    tried(&bench.telemetry, &acme, None);
    (0..9).for_each(|_| tried(&bench.telemetry, &acme, Some(FaultClass::RateLimited)));
    assert_eq!(headline_of(&bench, all_ready()), "Everything answers.");
    let open =
        |why| BreakerChange { target: acme.clone(), key: 0, from: "closed", to: "open", why };
    bench.telemetry.breaker_changed(open("retry_after"));
    let page = text(get_status(&Status::new(bench.telemetry.clone(), all_ready()), "/"));
    assert!(page.contains("At our limit") && !page.contains("outage"), "{page}");
    bench.clock.advance(Duration::from_secs(1000));
    bench.telemetry.breaker_changed(open("key"));
    let page = text(get_status(&Status::new(bench.telemetry.clone(), all_ready()), "/"));
    assert!(page.contains("Not in use") && !page.contains("outage"), "{page}");
    bench.telemetry.breaker_changed(open("streak"));
    assert_eq!(headline_of(&bench, all_ready()), "We answer. acme does not.");
}

#[test]
fn one_open_key_of_two_is_no_outage() {
    let acme = Target::new("acme", "big");
    let bench = bench();
    for key in [0, 1] {
        let (target, from) = (acme.clone(), "closed");
        let to = if key == 0 { "open" } else { "closed" };
        bench.telemetry.breaker_changed(BreakerChange { target, key, from, to, why: "ratio" });
    }
    tried(&bench.telemetry, &acme, None);
    assert_eq!(headline_of(&bench, all_ready()), "Everything answers.");
}

#[test]
fn the_public_learns_nothing_of_the_inside() {
    let bench = bench();
    tried(&bench.telemetry, &Target::new("acme", EVIL), Some(FaultClass::ServerError));
    let status = Status::new(bench.telemetry.clone(), all_ready());
    let page = text(get_status(&status, "/"));
    for inner in ["inner detail", "<script>", "alert(", "canary", "shop", "server_error", "acme/"] {
        assert!(!page.contains(inner), "{inner} in {page}");
    }
    assert_eq!(text(get_status(&status, "/readyz")), "ready\n");
    for path in ["/metrics", "/snapshot.json", "/x", "/../pages.css", "//"] {
        assert_eq!(get_status(&status, path).status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn the_console_shows_everything_and_escapes_it() {
    let bench = bench();
    let target = Target::new("acme", EVIL);
    tried(&bench.telemetry, &target, Some(FaultClass::ServerError));
    tried(&bench.telemetry, &target, None);
    let steps = vec![vec!["acme/big".to_owned(), EVIL.to_owned()], vec!["reserve/small".into()]];
    let route = RouteView { model: EVIL.to_owned(), steps };
    let console =
        Console::new(bench.telemetry.clone(), all_ready()).with_routes(move || vec![route.clone()]);
    let page = text(get_console(&console, "/"));
    assert!(!page.contains("<script"), "{page}");
    for shown in [
        "server_error 1",
        "reserve/small",
        "50.0\u{a0}%",
        "inner detail",
        "key 0: closed",
        "&#60;script&#62;",
    ] {
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
    assert!(!page.contains("canary"));
    let json = text(get_console(&console, "/snapshot.json"));
    assert!(
        json.contains(r#""provider":"acme""#) && json.contains(r#""server_error":1"#),
        "{json}"
    );
    let metrics = text(get_console(&console, "/metrics"));
    assert!(metrics.ends_with("# EOF\n") && !metrics.contains("canary"));
}

#[test]
fn readiness_has_its_status_codes() {
    let bench = bench();
    let parts = [("acme", "unavailable"), ("reserve", "loading")];
    let console = Console::new(bench.telemetry.clone(), check(false, &parts));
    let response = get_console(&console, "/readyz");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = text(response);
    assert!(body.starts_with("not ready\nacme unavailable: ") && body.contains("reserve loading"));
    assert_eq!(text(get_console(&console, "/healthz")), "alive\n");
    let status = Status::new(bench.telemetry.clone(), check(false, &parts));
    assert_eq!(get_status(&status, "/readyz").status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get_status(&status, "/healthz").status(), StatusCode::OK);
}

#[test]
fn every_answer_is_guarded() {
    let bench = bench();
    let status = Status::new(bench.telemetry.clone(), all_ready());
    for (method, path) in [(Method::GET, "/"), (Method::GET, "/no"), (Method::POST, "/")] {
        let response = status.respond(&method, path, &HeaderMap::new());
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().expect("ASCII");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
    }
    let refused = status.respond(&Method::DELETE, "/", &HeaderMap::new());
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(refused.headers()["allow"], "GET, HEAD");
    let page = text(get_status(&status, "/"));
    assert!(!page.contains(" style=") && !page.contains("<style") && !page.contains("http://"));
}

#[test]
fn the_public_page_is_made_once_a_second_and_tagged() {
    let bench = bench();
    let status = Status::new(bench.telemetry.clone(), all_ready());
    let first = get_status(&status, "/");
    let tag = first.headers()["etag"].clone();
    assert_eq!(first.headers()["cache-control"], "public, max-age=1");
    tried(&bench.telemetry, &Target::new("acme", "big"), None);
    assert_eq!(headline(&text(get_status(&status, "/"))), "Ready to answer.", "still kept");
    let mut headers = HeaderMap::new();
    let held = format!("\"old\", W/{}", tag.to_str().expect("ASCII"));
    headers.insert("if-none-match", HeaderValue::from_str(&held).expect("valid"));
    let unchanged = status.respond(&Method::GET, "/", &headers);
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(unchanged.headers()["etag"], tag);
    assert_eq!(text(unchanged), "");
    bench.clock.advance(Duration::from_secs(1));
    let changed = status.respond(&Method::GET, "/", &headers);
    assert_eq!(changed.status(), StatusCode::OK);
    assert_eq!(headline(&text(changed)), "Everything answers.");
}

#[test]
fn a_head_has_the_length_and_no_body() {
    let bench = bench();
    let status = Status::new(bench.telemetry.clone(), all_ready());
    let length = text(get_status(&status, "/pages.css")).len();
    let head = status.respond(&Method::HEAD, "/pages.css", &HeaderMap::new());
    assert_eq!(head.headers()["content-length"], length.to_string());
    assert_eq!(text(head), "");
}

#[test]
fn both_are_handlers_of_a_listener() {
    fn needs<H: net::Handler + Sync>() {}
    needs::<Status>();
    needs::<Console>();
}
