//! What browsers and programs send to the public's doors: the body up to its bound, the fields of a
//! form, and whether it came from another site. What the fields mean is not known here.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use net::BoxError;
use percent_encoding::percent_decode;

/// Bytes of a form with everything around it.
const BODY_BYTES_MAX: usize = 8 << 10;
/// Fields that are looked at.
const FIELDS_MAX: usize = 128;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    TooLarge,
    Unreadable,
}

/// What was sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) is_json: bool,
    accepts_json: bool,
    pub(crate) other_site: bool,
    pub(crate) body: Result<Bytes, Unread>,
}

impl Sent {
    /// Reads the body up to `bytes_max`.
    pub(crate) async fn read_up_to<B>(headers: &HeaderMap, body: B, bytes_max: usize) -> Self
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let is = |name, wanted: &str| {
            let value = headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
            value.is_some_and(|value| value.to_ascii_lowercase().contains(wanted))
        };
        let body = match Limited::new(body, bytes_max).collect().await {
            Ok(whole) => Ok(whole.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
            Err(_) => Err(Unread::Unreadable),
        };
        Self {
            is_json: is(CONTENT_TYPE, "application/json"),
            accepts_json: is(ACCEPT, "application/json"),
            other_site: comes_from_another_site(headers),
            body,
        }
    }

    /// Reads a form's body.
    pub(crate) async fn read<B>(headers: &HeaderMap, body: B) -> Self
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        Self::read_up_to(headers, body, BODY_BYTES_MAX).await
    }

    pub(crate) fn wants_json(&self) -> bool {
        self.is_json || self.accepts_json
    }
}

/// Browsers tell where a form stood. Without that it is no browser, and nobody's visit is abused: what
/// is sent here carries no credentials, so all that another site could do is let its visitors send it.
fn comes_from_another_site(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    match (text(ORIGIN.as_str()), text(HOST.as_str())) {
        (Some(origin), Some(host)) => origin.split_once("://").is_none_or(|(_, own)| own != host),
        _ => false,
    }
}

/// The fields of `application/x-www-form-urlencoded`, as in a body or behind a `?`.
pub(crate) fn fields(bytes: &[u8]) -> Result<Vec<(&str, String)>, Unread> {
    let text = std::str::from_utf8(bytes).map_err(|_| Unread::Unreadable)?;
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).take(FIELDS_MAX);
    let field = |pair| {
        let (name, value) = str::split_once(pair, '=').unwrap_or((pair, ""));
        let spaced = value.replace('+', " ");
        let value = percent_decode(spaced.as_bytes()).decode_utf8();
        Ok((name, value.map_err(|_| Unread::Unreadable)?.into_owned()))
    };
    pairs.map(field).collect()
}
