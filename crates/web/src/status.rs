//! The public status page: who answers, in one sentence and one list. It shows no figure that
//! tells of traffic, keys or settings, and is made at most once a second, so that it bears the day
//! when everybody looks.

use std::fmt;
use std::future::{Future, ready};
use std::sync::Arc;

use askama::Template;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use net::{Handler, Peer, RequestBody};
use telemetry::Telemetry;

use crate::ReadyCheck;
use crate::answer::{CSS, HTML, Keep, Page, SentBody, respond, sent};
use crate::cache::Cache;
use crate::standing::Standing;
use crate::words;

/// The style sheet of both pages.
pub(crate) const STYLE: &str = include_str!("../assets/pages.css");

/// Answers the public's listener: `/`, `/pages.css`, `/healthz`, `/readyz`.
#[derive(Clone)]
pub struct Status(Arc<Inner>);

struct Inner {
    telemetry: Telemetry,
    check: ReadyCheck,
    page: Cache,
    ready: Cache,
    style: Page,
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Status")
    }
}

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage<'a> {
    standing: &'a Standing,
    time: String,
}

impl Status {
    /// A page of what `telemetry` saw and `check` says.
    pub fn new(telemetry: Telemetry, check: ReadyCheck) -> Self {
        let style = Page::new(CSS, Keep::Hour, STYLE);
        let (page, ready) = (Cache::default(), Cache::default());
        Self(Arc::new(Inner { telemetry, check, page, ready, style }))
    }

    /// The answer to a request of that method and path.
    pub fn respond(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Response<Full<Bytes>> {
        let inner = &self.0;
        let clock = inner.telemetry.clock().as_ref();
        respond(method, headers, || {
            Some(match path {
                "/" => (*inner.page.get(clock, || inner.page())).clone(),
                "/pages.css" => inner.style.clone(),
                "/healthz" => Page::text(StatusCode::OK, "alive\n"),
                "/readyz" => (*inner.ready.get(clock, || inner.ready())).clone(),
                _ => return None,
            })
        })
    }
}

impl Inner {
    fn page(&self) -> Page {
        let snapshot = self.telemetry.snapshot();
        let standing = Standing::of(&snapshot, &(self.check)());
        let page = StatusPage { standing: &standing, time: words::minute(snapshot.unix_seconds) };
        match page.render() {
            Ok(html) => Page::new(HTML, Keep::Second, html),
            Err(_) => Page::text(StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be drawn\n"),
        }
    }

    fn ready(&self) -> Page {
        if (self.check)().ready {
            Page::text(StatusCode::OK, "ready\n")
        } else {
            Page::text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    }
}

impl Handler for Status {
    type Body = SentBody;

    fn handle(
        &self,
        request: Request<RequestBody>,
        _peer: Peer,
    ) -> impl Future<Output = Response<Self::Body>> + Send {
        let (method, path) = (request.method(), request.uri().path());
        ready(sent(self.respond(method, path, request.headers())))
    }
}
