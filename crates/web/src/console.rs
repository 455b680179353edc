//! The console for operators: an overview, the metrics, the snapshot as data, and the door for orders
//! behind `/api/`. Who may look and order is decided by the address that it listens on.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use net::{Handler, Peer, RequestBody};
use telemetry::{RequestWindow, Snapshot, TargetView, Telemetry};

use crate::answer::{CSS, HTML, JSON, Keep, METRICS, Page, SentBody, respond, sent};
use crate::api::form::Sent;
use crate::cache::Cache;
use crate::operators::{self, ORDER_BYTES_MAX, Operators};
use crate::standing::{Health, ProviderStanding, Standing, health};
use crate::status::STYLE;
use crate::{ReadyCheck, ReadyReport, words};

/// A model's name with its ladder, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteView {
    /// The name or pattern that callers ask for.
    pub model: String,
    /// Steps from the first choice to the last; each holds `provider/model` names of equals.
    pub steps: Vec<Vec<String>>,
}

/// Asks for the ladders of the present settings.
type Routes = Arc<dyn Fn() -> Vec<RouteView> + Send + Sync>;
/// Asks for what operators must hear of now, one sentence each.
type Alarms = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// Answers the operators' listener: `/`, `/pages.css`, `/metrics`, `/snapshot.json`, `/healthz`,
/// `/readyz`.
#[derive(Clone)]
pub struct Console {
    inner: Arc<Inner>,
    routes: Option<Routes>,
    operators: Option<Arc<dyn Operators>>,
    alarms: Option<Alarms>,
}

struct Inner {
    telemetry: Telemetry,
    check: ReadyCheck,
    page: Cache,
    style: Page,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Console")
    }
}

#[derive(Template)]
#[template(path = "console.html")]
struct Overview {
    headline: String,
    time: String,
    up: String,
    alarms: Vec<String>,
    facts: Vec<Fact>,
    parts: Vec<PartRow>,
    targets: Vec<TargetRow>,
    routes: Vec<RouteView>,
}

/// One figure with what it is compared to.
struct Fact {
    name: &'static str,
    value: String,
    beside: String,
}

struct PartRow {
    standing: ProviderStanding,
    sentence: String,
}

struct TargetRow {
    name: String,
    health: Health,
    asked: String,
    served_share: String,
    /// Width of the bar, of 100.
    served_width: u64,
    faults: String,
    first_token: String,
    breakers: Vec<String>,
}

impl Console {
    /// A console of what `telemetry` saw and `check` says.
    pub fn new(telemetry: Telemetry, check: ReadyCheck) -> Self {
        let style = Page::new(CSS, Keep::Hour, STYLE);
        let inner = Inner { telemetry, check, page: Cache::default(), style };
        Self { inner: Arc::new(inner), routes: None, operators: None, alarms: None }
    }

    /// The same with the ladders shown too; `routes` is asked at each drawing.
    #[must_use]
    pub fn with_routes(
        mut self,
        routes: impl Fn() -> Vec<RouteView> + Send + Sync + 'static,
    ) -> Self {
        self.routes = Some(Arc::new(routes));
        self
    }

    /// The same with what operators must hear of at its head; `alarms` is asked at each drawing.
    #[must_use]
    pub fn with_alarms(self, alarms: impl Fn() -> Vec<String> + Send + Sync + 'static) -> Self {
        Self { alarms: Some(Arc::new(alarms)), ..self }
    }

    /// The same with a door for orders.
    #[must_use]
    pub fn with_operators(self, operators: Arc<dyn Operators>) -> Self {
        Self { operators: Some(operators), ..self }
    }

    /// The answer to a request of that method and path.
    pub fn respond(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Response<Full<Bytes>> {
        let inner = &self.inner;
        let telemetry = &inner.telemetry;
        respond(method, headers, || {
            Some(match path {
                "/" => (*inner.page.get(telemetry.clock().as_ref(), || self.page())).clone(),
                "/pages.css" => inner.style.clone(),
                "/metrics" => Page::new(METRICS, Keep::Never, telemetry.render()),
                "/snapshot.json" => snapshot_page(&telemetry.snapshot()),
                "/healthz" => Page::text(StatusCode::OK, "alive\n"),
                "/readyz" => ready_page(&(inner.check)()),
                _ => return None,
            })
        })
    }

    fn page(&self) -> Page {
        let snapshot = self.inner.telemetry.snapshot();
        let report = (self.inner.check)();
        let routes = self.routes.as_ref().map(|routes| routes()).unwrap_or_default();
        let alarms = self.alarms.as_ref().map(|alarms| alarms()).unwrap_or_default();
        let page = Overview { alarms, ..overview(&snapshot, &report, routes) };
        match page.render() {
            Ok(html) => Page::new(HTML, Keep::Never, html),
            Err(_) => Page::text(StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be drawn\n"),
        }
    }
}

fn snapshot_page(snapshot: &Snapshot) -> Page {
    match serde_json::to_vec(snapshot) {
        Ok(json) => Page::new(JSON, Keep::Never, json),
        Err(_) => Page::text(StatusCode::INTERNAL_SERVER_ERROR, "the snapshot cannot be spelled\n"),
    }
}

fn ready_page(report: &ReadyReport) -> Page {
    let (status, word) = match report.ready {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    let lines = report.parts.iter().map(|part| {
        format!("{} {}: {}\n", part.name, part.state, part.sentence.replace('\n', " "))
    });
    Page::text(status, format!("{word}\n{}", lines.collect::<String>()))
}

fn overview(snapshot: &Snapshot, report: &ReadyReport, routes: Vec<RouteView>) -> Overview {
    let standing = Standing::of(snapshot, report);
    let headline = standing.headline();
    let sentences = report.parts.iter().map(|part| part.sentence.clone());
    let parts = standing.providers.into_iter().zip(sentences);
    Overview {
        headline,
        time: words::second(snapshot.unix_seconds),
        up: words::span(
            Duration::try_from_secs_f64(snapshot.up_seconds).unwrap_or_default().as_secs(),
        ),
        alarms: Vec::new(),
        facts: facts(snapshot),
        parts: parts.map(|(standing, sentence)| PartRow { standing, sentence }).collect(),
        targets: snapshot.targets.iter().map(target_row).collect(),
        routes,
    }
}

fn facts(snapshot: &Snapshot) -> Vec<Fact> {
    let (minute, quarter) = (&snapshot.minute, &snapshot.quarter);
    let of = |window: &RequestWindow, words: &[&str]| -> u64 {
        words.iter().filter_map(|word| window.outcomes.get(word)).sum()
    };
    // What was refused or was the caller's fault was not ours to answer.
    let ours = |window: &RequestWindow| of(window, &["answered", "failed", "broken"]);
    let answered = |window| words::share(of(window, &["answered"]), ours(window));
    let rung = |window: &RequestWindow, rung: &str| {
        let all = window.rungs.values().sum();
        words::share(window.rungs.get(rung).copied().unwrap_or(0), all)
    };
    let compared = |name, now: Option<String>, before: Option<String>| Fact {
        name,
        value: now.unwrap_or_else(|| "–".to_owned()),
        beside: before.map_or_else(String::new, |before| format!("{before} in 15 min")),
    };
    let count = |name, words: &[&str]| {
        let (now, before) = (of(minute, words), of(quarter, words));
        compared(name, Some(words::count(now)), Some(words::count(before)))
    };
    let first = |ms: Option<f64>| ms.map(|ms| words::millis(Some(ms)));
    vec![
        compared(
            "Requests",
            Some(words::count(minute.requests)),
            Some(words::count(quarter.requests)),
        ),
        compared("Answered", answered(minute), answered(quarter)),
        compared("By the first choice", rung(minute, "primary"), rung(quarter, "primary")),
        compared("By another provider", rung(minute, "failover"), rung(quarter, "failover")),
        compared("By the reserve", rung(minute, "reserve"), rung(quarter, "reserve")),
        count("Failed or broken", &["failed", "broken"]),
        count("Turned away", &["refused"]),
        compared(
            "First words, median",
            first(minute.first_token_ms_p50),
            first(quarter.first_token_ms_p50),
        ),
        compared(
            "First words, p95",
            first(minute.first_token_ms_p95),
            first(quarter.first_token_ms_p95),
        ),
        Fact {
            name: "In flight",
            value: snapshot.requests_in_flight.to_string(),
            beside: format!("{} streams open", snapshot.open_streams),
        },
    ]
}

fn target_row(target: &TargetView) -> TargetRow {
    let (minute, quarter) = (&target.minute, &target.quarter);
    let faults = quarter.faults.iter().map(|(word, count)| format!("{word} {count}"));
    let faults: Vec<String> = faults.collect();
    let breakers = target.breakers.iter().map(|breaker| {
        let since = words::span(breaker.since_seconds);
        let why = if breaker.why.is_empty() { String::new() } else { format!(", {}", breaker.why) };
        format!("key {}: {} for {since}{why}", breaker.key, breaker.state)
    });
    let permille = words::permille(quarter.served_share);
    TargetRow {
        name: format!("{}/{}", target.provider, target.model),
        health: health(&[target]),
        asked: format!("{} / {}", words::count(minute.attempts), words::count(quarter.attempts)),
        served_share: words::share(permille, 1000).unwrap_or_default(),
        served_width: permille / 10,
        faults: if faults.is_empty() { "none".to_owned() } else { faults.join(", ") },
        first_token: format!(
            "{} / {}",
            words::millis(quarter.first_token_ms_p50),
            words::millis(quarter.first_token_ms_p95)
        ),
        breakers: breakers.collect(),
    }
}

impl Handler for Console {
    type Body = SentBody;

    fn handle(
        &self,
        request: Request<RequestBody>,
        _peer: Peer,
    ) -> impl Future<Output = Response<Self::Body>> + Send {
        let console = self.clone();
        async move {
            let (head, body) = request.into_parts();
            let asked = (&head.method, head.uri.path());
            match &console.operators {
                Some(operators) if operators::is_order(asked.1) => {
                    let body = Sent::read_up_to(&head.headers, body, ORDER_BYTES_MAX).await;
                    sent(operators::answer(asked, &head.headers, &body, operators.as_ref()))
                }
                _ => sent(console.respond(asked.0, asked.1, &head.headers)),
            }
        }
    }
}
