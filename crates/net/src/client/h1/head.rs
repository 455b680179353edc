//! Heads of HTTP/1.1: ours is written, the answer's is read, and with it how its body ends. Pure.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version, header};
use httparse::{ParserConfig, Status};

use super::Unreadable;
use super::framing::{Chunks, Framing};

/// Header lines of an answer.
const HEADERS_MAX: usize = 100;

/// Writes the head of a request whose body has `body_bytes`, with room for `room` bytes behind it.
/// How the body is framed is said here and nowhere else, so `content-length` and
/// `transfer-encoding` of the request are left out.
pub(super) fn write_request<B>(
    request: &http::Request<B>,
    body_bytes: usize,
    room: usize,
) -> Vec<u8> {
    let headers = request.headers();
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let lines: usize = headers.iter().map(|(name, v)| name.as_str().len() + v.len() + 4).sum();
    // The method, the version and the length are short.
    let mut head = Vec::with_capacity(path.len() + lines + 80 + room);
    head.extend_from_slice(request.method().as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(path.as_bytes());
    head.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in headers {
        if name == header::CONTENT_LENGTH || name == header::TRANSFER_ENCODING {
            continue;
        }
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    if body_bytes > 0 || !matches!(*request.method(), Method::GET | Method::HEAD) {
        head.extend_from_slice(b"content-length: ");
        head.extend_from_slice(body_bytes.to_string().as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// The head of an answer.
#[derive(Debug)]
pub(super) struct AnswerHead {
    pub(super) response: Response<()>,
    pub(super) framing: Framing,
    /// The connection may serve another exchange after this one.
    pub(super) keeps_alive: bool,
    /// Its own length.
    pub(super) bytes: usize,
}

/// Reads a head at the start of `bytes`; `None` if it is not whole yet. `method` is that of the
/// request, since it decides whether there is a body.
///
/// # Errors
/// If this is no head of HTTP/1, or its framing cannot be told for sure.
pub(super) fn read_answer(
    bytes: &Bytes,
    method: &Method,
) -> Result<Option<AnswerHead>, Unreadable> {
    let mut lines = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut []);
    let status = ParserConfig::default()
        .parse_response_with_uninit_headers(&mut parsed, bytes, &mut lines)
        .map_err(Unreadable::Head)?;
    let Status::Complete(length) = status else { return Ok(None) };
    let mut headers = HeaderMap::with_capacity(parsed.headers.len());
    for line in parsed.headers.iter() {
        let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| Unreadable::Header)?;
        // The values stay slices of what was read: one allocation for all of them.
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(line.value))
            .map_err(|_| Unreadable::Header)?;
        headers.append(name, value);
    }
    let version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(Unreadable::Status)?;
    let framing = framing_of(method, status, version, &headers)?;
    let ends = framing != Framing::UntilClose;
    let lengths_differ = headers.contains_key(header::TRANSFER_ENCODING)
        && headers.contains_key(header::CONTENT_LENGTH);
    let keeps_alive = ends && !lengths_differ && stays_open(version, &headers);
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.version_mut() = version;
    *response.headers_mut() = headers;
    Ok(Some(AnswerHead { response, framing, keeps_alive, bytes: length }))
}

/// RFC 9112, section 6.3.
fn framing_of(
    method: &Method,
    status: StatusCode,
    version: Version,
    headers: &HeaderMap,
) -> Result<Framing, Unreadable> {
    let bodiless = status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || *method == Method::HEAD;
    if bodiless {
        return Ok(Framing::Length(0));
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        // No other coding was asked for, and HTTP/1.0 has none.
        let is_chunked = coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
        return if is_chunked && codings.next().is_none() && version == Version::HTTP_11 {
            Ok(Framing::Chunked(Chunks::new()))
        } else {
            Err(Unreadable::Coding)
        };
    }
    let mut length = None;
    for value in headers.get_all(header::CONTENT_LENGTH) {
        for said in value.as_bytes().split(|byte| *byte == b',') {
            let said = number(said.trim_ascii()).ok_or(Unreadable::Length)?;
            if length.is_some_and(|length| length != said) {
                return Err(Unreadable::Length);
            }
            length = Some(said);
        }
    }
    Ok(length.map_or(Framing::UntilClose, Framing::Length))
}

/// Digits only: a sign would be understood by some readers and not by others.
fn number(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn stays_open(version: Version, headers: &HeaderMap) -> bool {
    let says = |word: &[u8]| {
        headers.get_all(header::CONNECTION).iter().any(|value| {
            let mut words = value.as_bytes().split(|byte| *byte == b',');
            words.any(|said| said.trim_ascii().eq_ignore_ascii_case(word))
        })
    };
    if version == Version::HTTP_11 { !says(b"close") } else { says(b"keep-alive") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Option<AnswerHead>, Unreadable> {
        read_answer(&Bytes::copy_from_slice(text.as_bytes()), &Method::POST)
    }

    fn framing(lines: &str) -> Result<(Framing, bool), String> {
        let head = read(&format!("{lines}\r\n\r\n")).map_err(|error| error.to_string())?;
        head.map(|head| (head.framing, head.keeps_alive)).ok_or_else(|| "partial".to_owned())
    }

    #[test]
    fn a_request_is_written_with_its_length_once() {
        let request = http::Request::post("/v1/chat/completions?x=1")
            .header("host", "api.example")
            .header("content-length", "999")
            .header("transfer-encoding", "chunked")
            .header("x-text", "a b")
            .body(())
            .unwrap();
        let text = String::from_utf8(write_request(&request, 12, 0)).unwrap();
        let wanted = "POST /v1/chat/completions?x=1 HTTP/1.1\r\nhost: api.example\r\n\
                      x-text: a b\r\ncontent-length: 12\r\n\r\n";
        assert_eq!(text, wanted);
        let bare = http::Request::get("/models").body(()).unwrap();
        assert_eq!(write_request(&bare, 0, 0), b"GET /models HTTP/1.1\r\n\r\n");
    }

    #[test]
    fn the_end_of_a_body_is_told_by_its_head() {
        let chunked = Framing::Chunked(Chunks::new());
        for (lines, wanted) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 5", (Framing::Length(5), true)),
            (
                "HTTP/1.1 200\r\nContent-Length: 5, 5\r\ncontent-length: 5",
                (Framing::Length(5), true),
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: x, Close",
                (Framing::Length(5), false),
            ),
            ("HTTP/1.0 200 OK\r\ncontent-length: 5", (Framing::Length(5), false)),
            (
                "HTTP/1.0 200 OK\r\ncontent-length: 5\r\nconnection: keep-alive",
                (Framing::Length(5), true),
            ),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked", (chunked, true)),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 5",
                (chunked, false),
            ),
            ("HTTP/1.1 200 OK", (Framing::UntilClose, false)),
            ("HTTP/1.1 204 No Content\r\ncontent-length: 5", (Framing::Length(0), true)),
            ("HTTP/1.1 100 Continue", (Framing::Length(0), true)),
        ] {
            assert_eq!(framing(lines), Ok(wanted), "{lines}");
        }
        let head = Bytes::from_static(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
        let head = read_answer(&head, &Method::HEAD).unwrap().unwrap();
        assert_eq!(head.framing, Framing::Length(0));
    }

    #[test]
    fn an_end_that_cannot_be_told_is_refused() {
        for (lines, wanted) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6", Unreadable::Length),
            ("HTTP/1.1 200 OK\r\ncontent-length: +5", Unreadable::Length),
            ("HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999", Unreadable::Length),
            ("HTTP/1.1 200 OK\r\ncontent-length: ", Unreadable::Length),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked", Unreadable::Coding),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip", Unreadable::Coding),
            ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked", Unreadable::Coding),
            ("HTTP/1.1 099 No", Unreadable::Status),
        ] {
            assert_eq!(framing(lines), Err(wanted.to_string()), "{lines}");
        }
        assert!(framing("SSH-2.0-x").is_err());
        let many = "x: y\r\n".repeat(HEADERS_MAX + 1);
        assert!(framing(&format!("HTTP/1.1 200 OK\r\n{many}a: b")).is_err());
    }

    proptest! {
        /// A head that breaks off is never taken for a whole one, wherever it is cut.
        #[test]
        fn a_cut_head_is_partial(
            names in proptest::collection::vec("[a-z]{1,10}", 0..5),
            cut in any::<proptest::sample::Index>(),
        ) {
            let lines: String = names.iter().map(|name| format!("{name}: value\r\n")).collect();
            let text = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
            let whole = read(&format!("{text}body")).unwrap().unwrap();
            prop_assert_eq!(whole.bytes, text.len());
            prop_assert_eq!(whole.response.headers().len(), names.len());
            let (cut, _) = text.split_at(cut.index(text.len()));
            prop_assert!(read(cut).unwrap().is_none());
        }

        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let with_start = [b"HTTP/1.1 200 OK\r\n", bytes.as_slice()].concat();
            for bytes in [bytes, with_start] {
                drop(read_answer(&Bytes::from(bytes), &Method::POST));
            }
        }
    }
}
