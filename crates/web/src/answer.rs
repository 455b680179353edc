//! Answers over HTTP, with the headers that every one of them carries. What they say is not known
//! here.

use std::convert::Infallible;
use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_ENCODING,
    CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::combinators::MapErr;
use http_body_util::{BodyExt, Full};
use net::BoxError;

pub(crate) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
pub(crate) const FONT: HeaderValue = HeaderValue::from_static("font/woff2");
pub(crate) const SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");
pub(crate) const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
pub(crate) const METRICS: HeaderValue = HeaderValue::from_static(telemetry::CONTENT_TYPE);

/// Nothing is ever loaded but our own style sheet, and nobody may frame us.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

/// What the public's pages may load beside: our own font, script and data, and forms go to us only.
const PUBLIC_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
     font-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'",
);

/// How long others may keep an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Not at all.
    Never,
    /// A second: as long as we keep it ourselves.
    Second,
    /// Ten seconds, as common status pages do for machines.
    TenSeconds,
    /// A minute, for readers of feeds.
    Minute,
    /// An hour: it changes with the version only.
    Hour,
}

impl Keep {
    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Never => "no-store",
            Self::Second => "public, max-age=1",
            Self::TenSeconds => "public, max-age=10",
            Self::Minute => "public, max-age=60",
            Self::Hour => "public, max-age=3600",
        })
    }
}

/// Bytes that are ready to be sent, with their tag.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    status: StatusCode,
    media: HeaderValue,
    keep: Keep,
    bytes: Bytes,
    tag: HeaderValue,
    /// The same bytes compressed, with their own tag.
    gzip: Option<(Bytes, HeaderValue)>,
    policy: HeaderValue,
    /// Scripts of other sites may read it.
    for_all_sites: bool,
    /// What the answer depends on beside its address.
    vary: Option<HeaderValue>,
}

impl Page {
    pub(crate) fn new(media: HeaderValue, keep: Keep, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            status: StatusCode::OK,
            media,
            keep,
            tag: quoted(fingerprint(&bytes), ""),
            bytes,
            gzip: None,
            policy: POLICY,
            for_all_sites: false,
            vary: None,
        }
    }

    /// A short text that nobody may keep.
    pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        Self { status, ..Self::new(TEXT, Keep::Never, text) }
    }

    /// The same under another status.
    #[must_use]
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The same, with a compressed form ready for those who take it.
    #[must_use]
    pub(crate) fn compressed(mut self) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        // Writing into memory does not fail; a form that could not be made is not offered.
        let compressed = encoder.write_all(&self.bytes).and_then(|()| encoder.finish());
        let tag = quoted(fingerprint(&self.bytes), "-gz");
        self.gzip = compressed.ok().map(|bytes| (bytes.into(), tag));
        self.vary.get_or_insert(HeaderValue::from_static("accept-encoding"));
        self
    }

    /// The same as a page of the public in one of several languages.
    #[must_use]
    pub(crate) fn public(self) -> Self {
        let vary = HeaderValue::from_static("accept-encoding, accept-language, cookie");
        Self { policy: PUBLIC_POLICY, vary: Some(vary), ..self }
    }

    /// The same, readable by scripts of all sites.
    #[must_use]
    pub(crate) fn for_all_sites(self) -> Self {
        Self { for_all_sites: true, ..self }
    }

    /// The bytes and tag for a caller who sent these headers, and whether they are compressed.
    fn form(&self, headers: &HeaderMap) -> (&Bytes, &HeaderValue, bool) {
        match &self.gzip {
            Some((bytes, tag)) if takes_gzip(headers) => (bytes, tag, true),
            _ => (&self.bytes, &self.tag, false),
        }
    }
}

fn quoted(fingerprint: u64, form: &str) -> HeaderValue {
    HeaderValue::try_from(format!("\"{fingerprint:016x}{form}\""))
        .expect("a quoted number is a valid header")
}

/// By RFC 9110 12.5.3; a weight of zero is a refusal.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let mut codings = lines.flat_map(|line| line.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = parts.next().and_then(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
        named && weight.is_none_or(|weight| weight > 0.0)
    })
}

/// Answers a request with what `find` gives for its path; only reading is allowed.
pub(crate) fn respond(
    method: &Method,
    headers: &HeaderMap,
    find: impl FnOnce() -> Option<Page>,
) -> Response<Full<Bytes>> {
    if method != Method::GET && method != Method::HEAD {
        let page = Page::text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered\n");
        let mut response = send(&page, headers, false);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let page = find().unwrap_or_else(|| Page::text(StatusCode::NOT_FOUND, "no such page\n"));
    let known = page.keep != Keep::Never && page.status == StatusCode::OK;
    if known && has_tag(headers, page.form(headers).1) {
        let mut unchanged = head(&page, headers);
        *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
        unchanged.headers_mut().remove(CONTENT_TYPE);
        unchanged.headers_mut().remove(CONTENT_ENCODING);
        return unchanged;
    }
    send(&page, headers, method == Method::HEAD)
}

/// The whole answer, or its head only.
pub(crate) fn send(page: &Page, headers: &HeaderMap, head_only: bool) -> Response<Full<Bytes>> {
    let mut response = head(page, headers);
    let (bytes, ..) = page.form(headers);
    if head_only {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        response
    } else {
        response.map(|_| Full::new(bytes.clone()))
    }
}

fn head(page: &Page, asked: &HeaderMap) -> Response<Full<Bytes>> {
    let (_, tag, is_compressed) = page.form(asked);
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = page.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, page.media.clone());
    if is_compressed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(CACHE_CONTROL, page.keep.header());
    if page.keep != Keep::Never {
        headers.insert(ETAG, tag.clone());
    }
    if let Some(vary) = &page.vary {
        headers.insert(VARY, vary.clone());
    }
    if page.for_all_sites {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    headers.insert(CONTENT_SECURITY_POLICY, page.policy.clone());
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
