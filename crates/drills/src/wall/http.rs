//! HTTP/1.1 by hand on one connection: reads requests, writes whole and chunked answers, and
//! leaves both unfinished when told to. Only what a wall needs: no HTTP/1.0, no upgrade, and
//! headers other than those below are read over.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use domain::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::wire::Wire;

const HEAD_BYTES_MAX: usize = 64 << 10;
const BODY_BYTES_MAX: usize = 64 << 20;
const HEADERS_MAX: usize = 100;
/// A chunk's size line, or one line of trailers.
const LINE_BYTES_MAX: usize = 4 << 10;
/// How long a connection may rest between two requests.
const IDLE_MS_MAX: u64 = 75_000;
/// From the first byte of a request to its last.
const REQUEST_MS_MAX: u64 = 60_000;
/// For one write to be taken by the other side.
const WRITE_MS_MAX: u64 = 30_000;

/// The other side closed, broke off or stopped reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// Why no request could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// The connection ended, or rested for too long.
    Gone,
    /// It is answered with this status and sentence, then closed.
    Refused(u16, &'static str),
}

impl From<Gone> for Unread {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

/// Where a request may bring a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyPlace {
    Bearer,
    XApiKey,
    ApiKey,
    XGoogApiKey,
    Query,
}

impl KeyPlace {
    /// The header, or what stands for the query.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "authorization",
            Self::XApiKey => "x-api-key",
            Self::ApiKey => "api-key",
            Self::XGoogApiKey => "x-goog-api-key",
            Self::Query => "?key=",
        }
    }

    const HEADERS: [Self; 4] = [Self::Bearer, Self::XApiKey, Self::ApiKey, Self::XGoogApiKey];
}

/// One request.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
    /// The fields of the query but for the key.
    query: Vec<(String, String)>,
    /// Every key that came, with its place; none of them is kept elsewhere.
    keys: Vec<(KeyPlace, Secret)>,
    /// Whether a key came, be it in a form that is not understood.
    pub(crate) authorization_present: bool,
    /// The headers but for those that hold a secret, in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) keep_alive: bool,
    pub(crate) body: Bytes,
}

impl Received {
    /// A request without headers and body.
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut received = Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            keys: Vec::new(),
            authorization_present: false,
            headers: Vec::new(),
            keep_alive: true,
            body: Bytes::new(),
        };
        for field in query.split('&').filter(|field| !field.is_empty()) {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            if name == "key" {
                received.authorization_present = true;
                received.keys.push((KeyPlace::Query, Secret::new(value)));
            } else {
                received.query.push((name.to_owned(), value.to_owned()));
            }
        }
        received
    }

    /// Keeps a header, or the key in it.
    pub(crate) fn keep(&mut self, name: &str, value: &str) {
        let name = name.to_ascii_lowercase();
        let place = KeyPlace::HEADERS.into_iter().find(|place| place.as_str() == name);
        let Some(place) = place else {
            if !name.contains("authorization") && !name.contains("cookie") {
                self.headers.push((name, value.to_owned()));
            }
            return;
        };
        self.authorization_present = true;
        let key = match place {
            KeyPlace::Bearer => value.strip_prefix("Bearer ").map(str::trim),
            _ => Some(value),
        };
        self.keys.extend(key.map(|key| (place, Secret::new(key))));
    }

    /// A header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// A field of the query as it is written.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The first key that came in one of these places.
    pub(crate) fn key_in(&self, places: &[KeyPlace]) -> Option<&Secret> {
        self.keys.iter().find(|(place, _)| places.contains(place)).map(|(_, key)| key)
    }

    pub(crate) fn has_key_in(&self, place: KeyPlace) -> bool {
        self.key_in(&[place]).is_some()
    }

    /// Tells the keys of requests apart without keeping them.
    pub(crate) fn key_trace(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.keys.iter().for_each(|(_, key)| key.expose().hash(&mut hasher));
        hasher.finish()
    }

    /// The places in which keys came.
    pub(crate) fn key_places(&self) -> impl Iterator<Item = KeyPlace> {
        self.keys.iter().map(|(place, _)| *place)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Known(usize),
    Chunked,
}

#[derive(Debug)]
struct Head {
    request: Received,
    /// None if nothing was said of a body.
    length: Option<Length>,
    expects_continue: bool,
}

/// A connection with what was read ahead on it.
#[derive(Debug)]
pub(crate) struct Line<S> {
    stream: S,
    ahead: BytesMut,
}

impl<S: Wire> Line<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, ahead: BytesMut::new() }
    }

    /// Reads the next request whole.
    pub(crate) async fn receive(&mut self) -> Result<Received, Unread> {
        if self.ahead.is_empty() {
            let idle = Duration::from_millis(IDLE_MS_MAX);
            timeout(idle, self.read_more()).await.map_err(|_| Unread::Gone)??;
        }
        let limit = Duration::from_millis(REQUEST_MS_MAX);
        match timeout(limit, self.receive_begun()).await {
            Ok(received) => received,
            Err(_) => Err(Unread::Refused(408, "the request took longer than 60 s to arrive")),
        }
    }

    async fn receive_begun(&mut self) -> Result<Received, Unread> {
        let Head { mut request, length, expects_continue } = loop {
            if let Some((bytes, head)) = parse_head(&self.ahead)? {
                self.ahead.advance(bytes);
                break head;
            }
            if self.ahead.len() > HEAD_BYTES_MAX {
                return Err(Unread::Refused(431, "the head is larger than 64 KiB"));
            }
            self.read_more().await?;
        };
        let length = length.unwrap_or(Length::Known(0));
        if matches!(length, Length::Known(bytes) if bytes > BODY_BYTES_MAX) {
            return Err(TOO_LARGE);
        }
        if expects_continue {
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        request.body = match length {
            Length::Known(bytes) => self.take(bytes).await?.freeze(),
            Length::Chunked => self.receive_chunks().await?,
        };
        Ok(request)
    }

    async fn receive_chunks(&mut self) -> Result<Bytes, Unread> {
        let mut body = BytesMut::new();
        loop {
            let size = self.chunk_size().await?;
            if size == 0 {
                break;
            }
            if size > BODY_BYTES_MAX - body.len() {
                return Err(TOO_LARGE);
            }
            body.extend_from_slice(&self.take(size).await?);
            if self.take(2).await? != b"\r\n"[..] {
                return Err(Unread::Refused(400, "a chunk does not end where it says"));
            }
        }
        // Trailers are read over up to the empty line.
        while !self.trailer_line().await?.is_empty() {}
        Ok(body.freeze())
    }

    async fn chunk_size(&mut self) -> Result<usize, Unread> {
        const BAD: Unread = Unread::Refused(400, "a chunk's size cannot be read");
        loop {
            match httparse::parse_chunk_size(&self.ahead) {
                Ok(httparse::Status::Complete((bytes, size))) => {
                    self.ahead.advance(bytes);
                    return usize::try_from(size).map_err(|_| TOO_LARGE);
                }
                Ok(httparse::Status::Partial) if self.ahead.len() <= LINE_BYTES_MAX => {
                    self.read_more().await?;
                }
                Ok(httparse::Status::Partial) | Err(_) => return Err(BAD),
            }
        }
    }

    async fn trailer_line(&mut self) -> Result<BytesMut, Unread> {
        loop {
            if let Some(at) = self.ahead.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.ahead.split_to(at);
                self.ahead.advance(2);
                return Ok(line);
            }
            if self.ahead.len() > LINE_BYTES_MAX {
                return Err(Unread::Refused(400, "a trailer is longer than 4 KiB"));
            }
            self.read_more().await?;
        }
    }

    async fn take(&mut self, bytes: usize) -> Result<BytesMut, Gone> {
        while self.ahead.len() < bytes {
            self.read_more().await?;
        }
        Ok(self.ahead.split_to(bytes))
    }

    async fn read_more(&mut self) -> Result<(), Gone> {
        self.ahead.reserve(16 << 10);
        match self.stream.read_buf(&mut self.ahead).await {
            Ok(0) | Err(_) => Err(Gone),
            Ok(_) => Ok(()),
        }
    }

    /// Waits, and notices meanwhile that the other side hangs up.
    pub(crate) async fn pause(&mut self, span: Duration) -> Result<(), Gone> {
        let over = sleep(span);
        tokio::pin!(over);
        loop {
            // A client that sends its next requests early is not listened to beyond one head.
            let listening = self.ahead.len() < HEAD_BYTES_MAX;
            tokio::select! {
                biased;
                () = &mut over => return Ok(()),
                read = self.read_more(), if listening => read?,
            }
        }
    }

    /// Writes bytes as they are.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let limit = Duration::from_millis(WRITE_MS_MAX);
        match timeout(limit, self.stream.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    /// Ends the connection with a TCP reset.
    pub(crate) fn break_off(self) {
        self.stream.break_on_drop();
    }
}

const TOO_LARGE: Unread = Unread::Refused(413, "the body is larger than 64 MiB");

/// The length of the head in bytes and what it says, or none if it is not there whole.
fn parse_head(bytes: &[u8]) -> Result<Option<(usize, Head)>, Unread> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Unread::Refused(431, "more than 100 headers"));
        }
        Err(_) => return Err(Unread::Refused(400, "the request's head cannot be read")),
    };
    if parsed.version != Some(1) {
        return Err(Unread::Refused(505, "only HTTP/1.1 is spoken here"));
    }
    let target = parsed.path.unwrap_or_default();
    let mut head = Head {
        request: Received::new(parsed.method.unwrap_or_default(), target),
        length: None,
        expects_continue: false,
    };
    for header in parsed.headers.iter() {
        head.heed(header.name, header.value)?;
    }
    Ok(Some((length, head)))
}

impl Head {
    fn heed(&mut self, name: &str, value: &[u8]) -> Result<(), Unread> {
        let value = String::from_utf8_lossy(value);
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            // `parse` alone would take a sign.
            let digits =
                Some(value).filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()));
            let bytes = digits.and_then(|digits| digits.parse().ok());
            self.measure(Length::Known(bytes.ok_or(Unread::Refused(400, "bad content-length"))?))?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case("chunked") {
                return Err(Unread::Refused(501, "unknown transfer-encoding"));
            }
            self.measure(Length::Chunked)?;
        } else if name.eq_ignore_ascii_case("connection") {
            let closes = value.split(',').any(|word| word.trim().eq_ignore_ascii_case("close"));
            self.request.keep_alive &= !closes;
        } else if name.eq_ignore_ascii_case("expect") {
            self.expects_continue = value.eq_ignore_ascii_case("100-continue");
        }
        self.request.keep(name, value);
        Ok(())
    }

    /// Of two lengths each side of a connection may believe another one, and take a part of the body
    /// for the next request.
    fn measure(&mut self, length: Length) -> Result<(), Unread> {
        match self.length.replace(length) {
            None => Ok(()),
            Some(_) => Err(Unread::Refused(400, "the length of the body is said twice")),
        }
    }
}

/// The head of an answer; `length` none means chunked.
pub(crate) fn answer_head(
    status: u16,
    content_type: &str,
    length: Option<usize>,
    more: &str,
) -> String {
    let reason = reason(status);
    let length = match length {
        Some(bytes) => format!("content-length: {bytes}"),
        None => "transfer-encoding: chunked".to_owned(),
    };
    format!("HTTP/1.1 {status} {reason}\r\ncontent-type: {content_type}\r\n{length}\r\n{more}\r\n")
}

/// One chunk of a chunked body; nothing for no data, for an empty chunk would be the body's end.
pub(crate) fn chunk(data: &str) -> String {
    if data.is_empty() {
        return String::new();
    }
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// The end of a chunked body.
pub(crate) const LAST_CHUNK: &str = "0\r\n\r\n";

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        529 => "Overloaded",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    async fn received(bytes: &[u8], split: usize) -> Result<Received, Unread> {
        let (mut client, server) = tokio::io::duplex(256 << 10);
        let mut line = Line::new(server);
        let split = split.min(bytes.len());
        let (first, rest) = bytes.split_at(split);
        let (first, rest) = (first.to_vec(), rest.to_vec());
        let write = async move {
            client.write_all(&first).await.unwrap();
            tokio::task::yield_now().await;
            client.write_all(&rest).await.unwrap();
            client.shutdown().await.unwrap();
        };
        tokio::join!(line.receive(), write).0
    }

    const PLAIN: &[u8] = b"POST /v1/x?y=z HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer key-1\r\n\
        Content-Length: 5\r\n\r\nhello";
    const CHUNKED: &[u8] = b"POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
        Connection: close\r\n\r\n3;ext=1\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: t\r\n\r\n";

    #[tokio::test(start_paused = true)]
    async fn a_request_is_read_at_every_split() {
        for split in 0..PLAIN.len() {
            let request = received(PLAIN, split).await.unwrap();
            assert_eq!((request.path.as_str(), request.body.as_ref()), ("/v1/x", &b"hello"[..]));
            assert_eq!(request.key_in(&[KeyPlace::Bearer]).unwrap().expose(), "key-1");
            assert_eq!(request.query("y"), Some("z"));
            assert!(request.authorization_present && request.keep_alive);
        }
        for split in 0..CHUNKED.len() {
            let request = received(CHUNKED, split).await.unwrap();
            assert_eq!(request.body.as_ref(), b"hello", "{split}");
            assert!(!request.keep_alive && request.key_places().next().is_none());
        }
    }

    #[test]
    fn keys_are_kept_apart_from_the_rest() {
        let mut received = Received::new("GET", "/v1/models?key=a&alt=sse");
        for (name, value) in [
            ("X-Api-Key", "b"),
            ("api-key", "c"),
            ("x-goog-api-key", "d"),
            ("Authorization", "Basic e"),
            ("Cookie", "f"),
            ("Accept", "g"),
        ] {
            received.keep(name, value);
        }
        let places: Vec<&str> = received.key_places().map(KeyPlace::as_str).collect();
        assert_eq!(places, ["?key=", "x-api-key", "api-key", "x-goog-api-key"]);
        assert_eq!(received.headers, [("accept".to_owned(), "g".to_owned())]);
        assert!(received.authorization_present && received.query("key").is_none());
        let places = [KeyPlace::ApiKey, KeyPlace::Query];
        assert_eq!(received.key_in(&places).unwrap().expose(), "a");
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_read_is_refused() {
        let long = format!("GET / HTTP/1.1\r\nx: {}\r\n", "y".repeat(HEAD_BYTES_MAX));
        let body = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n", BODY_BYTES_MAX + 1);
        for (request, status) in [
            ("GET / HTTP/1.0\r\n\r\n", 505),
            ("\u{1} / HTTP/1.1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\ncontent-length: +5\r\n\r\nhello", 400),
            ("POST / HTTP/1.1\r\ncontent-length: \r\n\r\nhello", 400),
            ("POST / HTTP/1.1\r\ncontent-length: 5, 5\r\n\r\nhello", 400),
            ("POST / HTTP/1.1\r\ncontent-length: 0\r\ncontent-length: 5\r\n\r\nhello", 400),
            ("POST / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 4\r\n\r\nhello", 400),
            (
                "POST / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
                400,
            ),
            (
                "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
                400,
            ),
            ("POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n", 400),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n7fffffff\r\n", 413),
            (&long, 431),
            (&body, 413),
        ] {
            let refused = received(request.as_bytes(), 0).await;
            let found = matches!(refused, Err(Unread::Refused(found, _)) if found == status);
            assert!(found, "{status} for {:.90}", request.escape_debug());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_never_ends_is_given_up() {
        let (mut client, server) = tokio::io::duplex(1024);
        client.write_all(b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
        let refused = Line::new(server).receive().await;
        assert!(matches!(refused, Err(Unread::Refused(408, _))));
        drop(client);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_notices_that_the_other_side_left() {
        let (client, server) = tokio::io::duplex(1024);
        let mut line = Line::new(server);
        assert_eq!(line.pause(Duration::from_secs(5)).await, Ok(()));
        drop(client);
        assert_eq!(line.pause(Duration::from_secs(5)).await, Err(Gone));
    }

    proptest! {
        #[test]
        fn no_bytes_bring_it_down(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(parse_head(&bytes));
        }
    }
}
