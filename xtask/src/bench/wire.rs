//! HTTP/1.1 as the mock and the load need it: heads, lengths, chunks. Cheap and strict; what it
//! does not know is an error. No TLS, no trailers.

use anyhow::{Context, Result, bail, ensure};

const HEADERS_MAX: usize = 64;
/// The end of every whole stream of OpenAI's form.
const DONE: &[u8] = b"data: [DONE]\n\n";
/// The end of Anthropic's.
const MESSAGE_STOP: &[u8] = b"{\"type\":\"message_stop\"}\n\n";
/// As many bytes as the longer of both has.
const TAIL_BYTES: usize = 27;

/// In which form the caller speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Speech {
    #[default]
    OpenAi,
    Anthropic,
}

impl Speech {
    /// What `bench-load` calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "open-ai",
            Self::Anthropic => "anthropic",
        }
    }

    fn end_mark(self) -> &'static [u8] {
        match self {
            Self::OpenAi => DONE,
            Self::Anthropic => MESSAGE_STOP,
        }
    }

    /// Lines of one event: Anthropic's have names.
    fn lines(self) -> usize {
        match self {
            Self::OpenAi => 2,
            Self::Anthropic => 3,
        }
    }
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
}

/// A head that was read whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes of the head.
    pub(super) bytes: usize,
    /// 0 for a request.
    pub(super) status: u16,
    pub(super) framing: Framing,
}

/// Reads the head of an answer; none if it is not there whole.
pub(super) fn answer(bytes: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = answer.parse(bytes)? else {
        return Ok(None);
    };
    let status = answer.code.context("an answer without a status")?;
    Ok(Some(Head { bytes: length, status, framing: framing(answer.headers)? }))
}

/// Reads the head of a request; none if it is not there whole.
pub(super) fn request(bytes: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = request.parse(bytes)? else {
        return Ok(None);
    };
    Ok(Some(Head { bytes: length, status: 0, framing: framing(request.headers)? }))
}

/// A head without either header has no body here: neither side of a measurement closes to end one.
fn framing(headers: &[httparse::Header<'_>]) -> Result<Framing> {
    for header in headers {
        if header.name.eq_ignore_ascii_case("content-length") {
            let length = std::str::from_utf8(header.value)?.trim().parse()?;
            return Ok(Framing::Length(length));
        }
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            ensure!(header.value.eq_ignore_ascii_case(b"chunked"), "unknown transfer encoding");
            return Ok(Framing::Chunked);
        }
    }
    Ok(Framing::Length(0))
}

/// Follows a chunked body across reads, counts its events and knows its end.
#[derive(Debug, Clone)]
pub(super) struct Chunks {
    state: State,
    /// Data bytes of the present chunk that are still to come, while its size is read too.
    left: usize,
    newlines: usize,
    /// The last bytes of the data.
    tail: [u8; TAIL_BYTES],
    speech: Speech,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    /// Behind the size: extensions are read over.
    Extension,
    Data,
    DataEnd,
    /// The last chunk's empty line.
    Last,
    Done,
}

impl Chunks {
    pub(super) fn new(speech: Speech) -> Self {
        Self { state: State::Size, left: 0, newlines: 0, tail: [0; TAIL_BYTES], speech }
    }

    /// Takes the next bytes; true once the body has ended.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<bool> {
        while let Some((&first, rest)) = bytes.split_first() {
            match self.state {
                State::Data => {
                    let (data, after) = bytes.split_at(self.left.min(bytes.len()));
                    self.left -= data.len();
                    self.take(data);
                    bytes = after;
                    if self.left == 0 {
                        self.state = State::DataEnd;
                    }
                    continue;
                }
                State::Done => bail!("bytes after the end of a body"),
                State::Size => self.size(first)?,
                State::Extension if first == b'\n' => self.opened(),
                State::DataEnd if first == b'\n' => self.state = State::Size,
                State::Last if first == b'\n' => self.state = State::Done,
                State::Extension => {}
                State::DataEnd | State::Last => {
                    ensure!(first == b'\r', "a chunk is longer than it said");
                }
            }
            bytes = rest;
        }
        Ok(self.state == State::Done)
    }

    fn size(&mut self, byte: u8) -> Result<()> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b'\r' | b';' => {
                self.state = State::Extension;
                return Ok(());
            }
            _ => bail!("a chunk's size is no number"),
        };
        self.left = self.left * 16 + usize::from(digit);
        ensure!(self.left < 1 << 30, "a chunk is too large");
        Ok(())
    }

    fn opened(&mut self) {
        self.state = if self.left == 0 { State::Last } else { State::Data };
    }

    fn take(&mut self, data: &[u8]) {
        self.newlines += memchr::memchr_iter(b'\n', data).count();
        let kept = self.tail.len();
        match data.len().checked_sub(kept).and_then(|at| data.get(at..)) {
            Some(last) => self.tail.copy_from_slice(last),
            None => {
                self.tail.rotate_left(data.len());
                let at = kept - data.len();
                self.tail.iter_mut().skip(at).zip(data).for_each(|(to, from)| *to = *from);
            }
        }
    }

    /// Events so far: each ends with an empty line.
    pub(super) fn events(&self) -> usize {
        self.newlines / self.speech.lines()
    }

    /// True if the last event was the end marker.
    pub(super) fn is_whole(&self) -> bool {
        self.state == State::Done && self.tail.ends_with(self.speech.end_mark())
    }
}

/// One chunk of a chunked body.
pub(super) fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body() -> String {
        let events = ["data: {\"a\":1}\n\n", "data: {\"b\":\"\\n\"}\n\n", "data: [DONE]\n\n"];
        events.map(chunk).concat() + "0\r\n\r\n"
    }

    proptest! {
        #[test]
        fn every_split_reads_the_same(cuts in proptest::collection::vec(0usize..90, 0..6)) {
            let body = body();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| (*cut).min(body.len())).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let mut chunks = Chunks::new(Speech::OpenAi);
            for pair in cuts.windows(2) {
                chunks.feed(&body.as_bytes()[pair[0]..pair[1]]).unwrap();
            }
            prop_assert!(chunks.is_whole());
            prop_assert_eq!(chunks.events(), 3);
        }

        #[test]
        fn strange_bytes_end_in_an_error_or_in_patience(bytes: Vec<u8>) {
            drop(Chunks::new(Speech::OpenAi).feed(&bytes));
            drop(answer(&bytes));
            drop(request(&bytes));
        }
    }

    #[test]
    fn a_cut_body_is_not_whole() {
        let body = body();
        let mut chunks = Chunks::new(Speech::OpenAi);
        assert!(!chunks.feed(&body.as_bytes()[..body.len() - 1]).unwrap());
        assert!(!chunks.is_whole());
    }

    #[test]
    fn heads_are_read() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nrest";
        let head = answer(text).unwrap().unwrap();
        assert_eq!(head, Head { bytes: 39, status: 200, framing: Framing::Length(12) });
        assert_eq!(answer(&text[..20]).unwrap(), None);
        let text = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(request(text).unwrap().unwrap().framing, Framing::Chunked);
    }
}
