//! Answers over HTTP, with the headers that every one of them carries. What they say is not known
//! here.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::combinators::MapErr;
use http_body_util::{BodyExt, Full};
use net::BoxError;

pub(crate) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
pub(crate) const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
pub(crate) const METRICS: HeaderValue = HeaderValue::from_static(telemetry::CONTENT_TYPE);

/// Nothing is ever loaded but our own style sheet, and nobody may frame us.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

/// How long others may keep an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Not at all.
    Never,
    /// A second: as long as we keep it ourselves.
    Second,
    /// An hour: it changes with the version only.
    Hour,
}

impl Keep {
    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Never => "no-store",
            Self::Second => "public, max-age=1",
            Self::Hour => "public, max-age=3600",
        })
    }
}

/// Bytes that are ready to be sent, with their tag.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    media: HeaderValue,
    keep: Keep,
    bytes: Bytes,
    tag: HeaderValue,
}

impl Page {
    pub(crate) fn new(media: HeaderValue, keep: Keep, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let tag = HeaderValue::try_from(format!("\"{:016x}\"", fingerprint(&bytes)))
            .expect("a quoted number is a valid header");
        Self { status: StatusCode::OK, media, keep, bytes, tag }
    }

    /// A short text that nobody may keep.
    pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        Self { status, ..Self::new(TEXT, Keep::Never, text) }
    }
}

/// Answers a request with what `find` gives for its path; only reading is allowed.
pub(crate) fn respond(
    method: &Method,
    headers: &HeaderMap,
    find: impl FnOnce() -> Option<Page>,
) -> Response<Full<Bytes>> {
    if method != Method::GET && method != Method::HEAD {
        let page = Page::text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered\n");
        let mut response = send(&page, false);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let page = find().unwrap_or_else(|| Page::text(StatusCode::NOT_FOUND, "no such page\n"));
    if page.keep != Keep::Never && page.status == StatusCode::OK && has_tag(headers, &page.tag) {
        let unchanged = Page { status: StatusCode::NOT_MODIFIED, bytes: Bytes::new(), ..page };
        return send(&unchanged, false);
    }
    send(&page, method == Method::HEAD)
}

fn send(page: &Page, head_only: bool) -> Response<Full<Bytes>> {
    let body = if head_only { Bytes::new() } else { page.bytes.clone() };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = page.status;
    let headers = response.headers_mut();
    if head_only {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(page.bytes.len()));
    }
    if page.status != StatusCode::NOT_MODIFIED {
        headers.insert(CONTENT_TYPE, page.media.clone());
    }
    headers.insert(CACHE_CONTROL, page.keep.header());
    if page.keep != Keep::Never {
        headers.insert(ETAG, page.tag.clone());
    }
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Whether the caller holds this very page. A weak tag is as good as a strong one here.
fn has_tag(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let (Some(held), Ok(tag)) = (headers.get(IF_NONE_MATCH), tag.to_str()) else {
        return false;
    };
    let held = held.to_str().unwrap_or_default().split(',').map(str::trim);
    let mut held = held.map(|one| one.strip_prefix("W/").unwrap_or(one));
    held.any(|one| one == tag || one == "*")
}

/// FNV-1a: tells versions of a page apart, and needs to resist nobody.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The body that the listener wants; it never fails.
pub(crate) type SentBody = MapErr<Full<Bytes>, fn(Infallible) -> BoxError>;

/// The same answer with that body.
pub(crate) fn sent(response: Response<Full<Bytes>>) -> Response<SentBody> {
    response.map(|body| body.map_err((|never| match never {}) as fn(Infallible) -> BoxError))
}
