//! One document of a page: its addresses in the order of trying, what it said last, and one round of
//! asking it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, LOCATION};
use http::{Method, Response, StatusCode};
use net::Client;
use thiserror::Error;

use super::settings::{FeedSettings, SourceSettings};
use crate::feeds::{BYTES_MAX, FeedError, FeedReading, Shape, read};
use crate::web::{AddressError, Ask, Bounds, ExchangeError, WebAddress, exchange};

/// Addresses of one document.
const URLS_MAX: usize = 8;
/// After so many good rounds the first address is tried again.
const PREFER_FIRST_EVERY: u32 = 20;

/// Why a document was not read.
#[derive(Debug, Error)]
pub(super) enum SourceError {
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error("the page answers {status}")]
    Status { status: u16 },
    #[error("the page sends us elsewhere, to no address or too often")]
    Redirect,
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error("no address is known")]
    NoAddress,
}

struct Address {
    url: WebAddress,
    /// The mark of the text that `reading` was made of.
    etag: Option<HeaderValue>,
}

pub(super) struct Source {
    addresses: Vec<Address>,
    /// The address that was good last.
    preferred: usize,
    good_rounds: u32,
    shape: Option<Shape>,
    pub(super) reading: Option<FeedReading>,
}

impl Source {
    pub(super) fn new(settings: &SourceSettings) -> Result<Self, AddressError> {
        let urls = settings.urls.iter().take(URLS_MAX).map(|url| WebAddress::parse(url));
        let addresses =
            urls.map(|url| Ok(Address { url: url?, etag: None })).collect::<Result<_, _>>()?;
        Ok(Self { addresses, preferred: 0, good_rounds: 0, shape: None, reading: None })
    }

    /// Asks the address that was good last, then the others, until one gives a feed.
    pub(super) async fn round(
        &mut self,
        client: &Client,
        settings: &FeedSettings,
    ) -> Result<(), SourceError> {
        if self.good_rounds >= PREFER_FIRST_EVERY {
            (self.preferred, self.good_rounds) = (0, 0);
        }
        let count = self.addresses.len();
        let mut failure = SourceError::NoAddress;
        for step in 0..count {
            let index = (self.preferred + step) % count;
            match self.ask(index, client, settings).await {
                Ok(()) => {
                    self.preferred = index;
                    self.good_rounds += 1;
                    return Ok(());
                }
                // The first address tells best what is wrong.
                Err(error) if step == 0 => failure = error,
                Err(_) => {}
            }
        }
        Err(failure)
    }

    async fn ask(
        &mut self,
        index: usize,
        client: &Client,
        settings: &FeedSettings,
    ) -> Result<(), SourceError> {
        let address = self.addresses.get_mut(index).ok_or(SourceError::NoAddress)?;
        // A mark is worth something only while the reading is that address's own.
        let etag = address.etag.clone().filter(|_| self.reading.is_some());
        // The redirects share the document's time.
        let ms_max = settings.document_ms_max;
        let following = follow(client, &address.url, etag.as_ref(), settings);
        let response = tokio::time::timeout(Duration::from_millis(ms_max), following).await;
        let response = response.unwrap_or(Err(ExchangeError::TooSlow { ms_max }.into()))?;
        match response.status() {
            StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(()),
            StatusCode::OK => {}
            status => return Err(SourceError::Status { status: status.as_u16() }),
        }
        let (shape, reading) = read(response.body(), self.shape)?;
        let mark = response.headers().get(ETAG).filter(|mark| mark.len() <= 256).cloned();
        for other in &mut self.addresses {
            other.etag = None;
        }
        if let Some(address) = self.addresses.get_mut(index) {
            address.etag = mark;
        }
        self.shape = Some(shape);
        self.reading = Some(reading);
        Ok(())
    }
}

async fn follow(
    client: &Client,
    url: &WebAddress,
    etag: Option<&HeaderValue>,
    settings: &FeedSettings,
) -> Result<Response<Bytes>, SourceError> {
    let mut url = url.clone();
    let bounds = Bounds { total_ms_max: settings.document_ms_max, body_bytes_max: Some(BYTES_MAX) };
    for _ in 0..=settings.redirects_max {
        let mut headers = HeaderMap::new();
        let wanted = "application/json, application/atom+xml, application/rss+xml, text/xml;q=0.9";
        headers.insert(ACCEPT, HeaderValue::from_static(wanted));
        if let Some(etag) = etag {
            headers.insert(IF_NONE_MATCH, etag.clone());
        }
        let ask = Ask { method: Method::GET, address: &url, headers, body: Bytes::new() };
        let response = exchange(client, ask, bounds).await?;
        let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
        if !is_redirect {
            return Ok(response);
        }
        let location = response.headers().get(LOCATION).and_then(|at| at.to_str().ok());
        url = location.and_then(|at| url.follow(at)).ok_or(SourceError::Redirect)?;
    }
    Err(SourceError::Redirect)
}
