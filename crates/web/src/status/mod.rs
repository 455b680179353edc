//! The public status page and its interfaces: who answers, in one sentence, with ninety days of
//! history and what is wrong now. Every page is bytes that are made at most once a second from a view
//! that others fill, so that it bears the day when everybody looks. Nothing is judged here.

mod alone;
mod counting;
mod crowd;
pub(crate) mod dates;
mod evidence;
pub(crate) mod headline;
pub(crate) mod incident;
pub(crate) mod lang;
pub(crate) mod markdown;
mod pages;
mod route;
mod shelf;
mod state;
mod subscribing;
mod tide;
pub mod view;
pub(crate) mod wall;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use clock::UnixMs;
use http::header::{CACHE_CONTROL, LOCATION, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use net::{Handler, Peer, RequestBody};
use telemetry::Telemetry;

use crate::ReadyCheck;
use crate::answer::{CSS, FONT, HTML, Keep, Page, SCRIPT, SentBody, respond, send, sent};
use crate::api::form::Sent;
use crate::api::reports::{self, Asked, Refusal, ReportSink};
use crate::api::subscribe::SubscribeSink;
use crate::cache::Cache;
use lang::Lang;
use pages::Scene;
use route::Route;
use shelf::{Moment, Shelf};
use subscribing::Wish;
use view::StatusSource;

/// The style sheet of the console.
pub(crate) const STYLE: &str = include_str!("../../assets/pages.css");
const STATUS_STYLE: &str = include_str!("../../assets/status.css");
const STATUS_SCRIPT: &str = include_str!("../../assets/status.js");
const ARCHIVO: &[u8] = include_bytes!("../../assets/fonts/archivo.woff2");

/// A longer path means nothing here.
const PATH_BYTES_MAX: usize = 256;
/// Where reports are taken.
const REPORTS: &str = "/api/reports";

/// Answers the public's listener: the page and its sisters, the interfaces for programs, feeds,
/// badges, the calendar, `POST /api/reports`, `/healthz` and `/readyz`.
#[derive(Clone)]
pub struct Status {
    inner: Arc<Inner>,
    source: Option<StatusSource>,
    sink: Option<Arc<dyn ReportSink>>,
    subscribers: Option<Arc<dyn SubscribeSink>>,
}

struct Inner {
    telemetry: Telemetry,
    check: ReadyCheck,
    shelf: Shelf,
    ready: Cache,
    fixed: Fixed,
}

/// Bytes that change with the version only.
struct Fixed {
    style: Page,
    script: Page,
    font: Page,
    console_style: Page,
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Status")
    }
}

impl Status {
    /// A page of what `telemetry` saw and `check` says.
    pub fn new(telemetry: Telemetry, check: ReadyCheck) -> Self {
        let fixed = Fixed {
            style: Page::new(CSS, Keep::Hour, STATUS_STYLE).compressed(),
            script: Page::new(SCRIPT, Keep::Hour, STATUS_SCRIPT).compressed(),
            font: Page::new(FONT, Keep::Hour, ARCHIVO),
            console_style: Page::new(CSS, Keep::Hour, STYLE),
        };
        let (shelf, ready) = (Shelf::default(), Cache::default());
        let inner = Inner { telemetry, check, shelf, ready, fixed };
        Self { inner: Arc::new(inner), source: None, sink: None, subscribers: None }
    }

    /// The same page of what `source` tells instead; `None` leaves it as it is.
    #[must_use]
    pub fn with_source(self, source: Option<StatusSource>) -> Self {
        Self { source, ..self }
    }

    /// The same page with a button for reports, which go to `sink`; `None` leaves it without one.
    #[must_use]
    pub fn with_reports(self, sink: Option<Arc<dyn ReportSink>>) -> Self {
        Self { sink, ..self }
    }

    /// The same page with a form for subscriptions by e-mail, which go to `sink`; `None` leaves it
    /// without one.
    #[must_use]
    pub fn with_subscriptions(self, sink: Option<Arc<dyn SubscribeSink>>) -> Self {
        Self { subscribers: sink, ..self }
    }

    /// The answer to a request of that method for that path, which may have a query.
    pub fn respond(
        &self,
        method: &Method,
        target: &str,
        headers: &HeaderMap,
    ) -> Response<Full<Bytes>> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let switched = query.split('&').find_map(|pair| Lang::named(pair.strip_prefix("lang=")?));
        let lang = switched.unwrap_or_else(|| Lang::chosen(headers));
        let mut response = respond(method, headers, || self.find(path, lang));
        if let Some(lang) = switched
            && response.status() == StatusCode::OK
        {
            remember(lang, response.headers_mut());
        }
        response
    }

    /// Takes a report, or says why not.
    fn report(&self, asked: &Asked, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let moment = self.moment();
        let outcome = match &self.sink {
            Some(sink) => reports::take(asked, &moment.view, self.now(), sink.as_ref()),
            None => Err(Refusal::Closed),
        };
        let mut response = match outcome {
            _ if asked.sent.wants_json() => send(&reports::answer(&outcome), headers, false),
            Ok(_) => {
                let mut response = send(&Page::text(StatusCode::SEE_OTHER, ""), headers, false);
                response.headers_mut().insert(LOCATION, HeaderValue::from_static("/reported"));
                response
            }
            Err(refusal) => {
                let scene = self.scene(&moment, Lang::chosen(headers));
                let page = drawn(pages::report(&scene, Some(refusal)), Keep::Never);
                send(&page.with_status(refusal.status()), headers, false)
            }
        };
        if let Err(Refusal::TooMany { retry_after_s }) = outcome {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after_s));
        }
        response
    }

    fn now(&self) -> UnixMs {
        UnixMs::from_seconds(self.inner.telemetry.clock().unix_seconds())
    }

    fn moment(&self) -> Arc<Moment> {
        let Inner { telemetry, check, shelf, .. } = &*self.inner;
        shelf.moment(telemetry.clock().as_ref(), || match &self.source {
            Some(source) => source(),
            None => Arc::new(alone::view(&telemetry.snapshot(), &check())),
        })
    }

    fn scene<'a>(&self, moment: &'a Moment, lang: Lang) -> Scene<'a> {
        Scene {
            view: &moment.view,
            lang,
            now: self.now(),
            reports_open: self.sink.is_some(),
            subscribe_open: self.subscribers.is_some(),
            keeps_history: self.source.is_some(),
        }
    }

    fn find(&self, path: &str, lang: Lang) -> Option<Page> {
        let Inner { telemetry, ready, fixed, .. } = &*self.inner;
        Some(match path {
            "/status.css" => fixed.style.clone(),
            "/status.js" => fixed.script.clone(),
            "/fonts/archivo.woff2" => fixed.font.clone(),
            "/pages.css" => fixed.console_style.clone(),
            "/healthz" => Page::text(StatusCode::OK, "alive\n"),
            "/readyz" => (*ready.get(telemetry.clock().as_ref(), || self.inner.ready())).clone(),
            _ if path.len() > PATH_BYTES_MAX => return None,
            _ => {
                let moment = self.moment();
                let route = Route::of(path, &moment.view)?;
                let closed = route.is_for_reports() && self.sink.is_none()
                    || route.is_for_subscribers() && self.subscribers.is_none();
                if closed {
                    return None;
                }
                // Programs get the same bytes whatever their language.
                let lang = if matches!(route, Route::Document(_)) { Lang::En } else { lang };
                let scene = self.scene(&moment, lang);
                moment.page((route.clone(), lang), || draw(&route, &scene))
            }
        })
    }
}

/// The switch is remembered, and what it made is nobody's but the reader's.
fn remember(lang: Lang, headers: &mut HeaderMap) {
    let cookie = lang.pick(
        "lang=en; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly",
        "lang=zh-Hans; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly",
    );
    headers.insert(SET_COOKIE, HeaderValue::from_static(cookie));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
}

fn drawn(html: askama::Result<String>, keep: Keep) -> Page {
    match html {
        Ok(html) => Page::new(HTML, keep, html).compressed().public(),
        Err(_) => Page::text(StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be drawn\n"),
    }
}

impl Inner {
    fn ready(&self) -> Page {
        if (self.check)().ready {
            Page::text(StatusCode::OK, "ready\n")
        } else {
            Page::text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    }
}

fn draw(route: &Route, scene: &Scene<'_>) -> Page {
    let html = match route {
        Route::Main => pages::main(scene),
        Route::History(month) => match pages::history(scene, month.as_deref()) {
            Some(html) => html,
            None => return missing(),
        },
        Route::Incident(key) => match pages::incident(scene, key) {
            Some(html) => html,
            None => return missing(),
        },
        Route::Maintenance(key) => match pages::maintenance(scene, key) {
            Some(html) => html,
            None => return missing(),
        },
        Route::Report => pages::report(scene, None),
        Route::Reported => pages::reported(scene),
        Route::Subscribe => subscribing::form(scene, None),
        Route::Subscribed => subscribing::asked(scene),
        Route::HowWeCount => pages::how_we_count(scene),
        Route::Missing => {
            return drawn(pages::missing(scene), Keep::Never).with_status(StatusCode::NOT_FOUND);
        }
        Route::Document(document) => return document.page(scene.view).compressed().for_all_sites(),
    };
    drawn(html, Keep::Second)
}

fn missing() -> Page {
    Page::text(StatusCode::NOT_FOUND, "no such page\n")
}

impl Handler for Status {
    type Body = SentBody;

    fn handle(
        &self,
        request: Request<RequestBody>,
        peer: Peer,
    ) -> impl Future<Output = Response<Self::Body>> + Send {
        let status = self.clone();
        async move {
            let (head, body) = request.into_parts();
            let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
            if head.method == Method::POST && head.uri.path() == REPORTS {
                let body = Sent::read(&head.headers, body).await;
                let asked = Asked { from: peer.addr.ip(), sent: body };
                return sent(status.report(&asked, &head.headers));
            }
            let wish = Wish::of(&head.method, head.uri.path());
            if let Some((wish, sink)) = wish.zip(status.subscribers.as_deref()) {
                let body = Sent::read(&head.headers, body).await;
                let (asked, query) = ((&head.method, &head.headers), head.uri.query());
                let wish = (wish, query.unwrap_or_default());
                return sent(status.subscribing(sink, wish, asked, body).await);
            }
            sent(status.respond(&head.method, target, &head.headers))
        }
    }
}
