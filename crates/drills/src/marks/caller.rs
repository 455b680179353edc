//! An HTTP/1.1 caller that sees an answer as it is: it repairs nothing and tries nothing twice. A
//! client library would hide what the score is about, such as a body that was cut.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clock::{Clock, Tick};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::wall::Wire;

/// An answer is given up as garbage beyond so many bytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const HEAD_BYTES_MAX: usize = 64 << 10;

/// How to reach the gateway.
pub trait Dial: fmt::Debug + Sync {
    /// A connection to it.
    type Stream: Wire;

    /// Makes one.
    fn dial(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// A gateway on an address.
#[derive(Debug, Clone, Copy)]
pub struct TcpDial(pub SocketAddr);

impl Dial for TcpDial {
    type Stream = TcpStream;

    async fn dial(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.0).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Ended {
    /// In order.
    Whole,
    /// Within its body.
    Cut,
    /// Before its head.
    #[default]
    Nothing,
    /// Not within its time.
    Hang,
    /// It could not be read as HTTP, or grew too large.
    Garbled,
    /// The caller had enough.
    Left,
}

/// An answer as bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Raw {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) ended: Ended,
    /// When the first byte of the head came.
    pub(crate) head_at: Option<Duration>,
    pub(crate) took: Duration,
}

impl Raw {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// One request as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) headers: String,
    pub(crate) body: String,
    pub(crate) limit: Duration,
    /// Leaves after so many bytes of the body.
    pub(crate) leave_after_bytes: Option<usize>,
}

/// Sends one request on a connection of its own; that none can be made is an answer too.
pub(crate) async fn call<D: Dial>(dial: &D, clock: &dyn Clock, request: &Request) -> Raw {
    let start = clock.now();
    let mut raw = Raw::default();
    let within = async {
        let stream = dial.dial().await.map_err(|_| Ended::Nothing)?;
        let mut wire = Wired { stream, ahead: Vec::new(), clock, start };
        wire.exchange(request, &mut raw).await
    };
    let ended = match timeout(request.limit, within).await {
        Ok(Ok(())) => Ended::Whole,
        Ok(Err(ended)) => ended,
        Err(_) => Ended::Hang,
    };
    raw.ended = ended;
    raw.took = clock.now().since(start);
    raw
}

struct Wired<'a, S> {
    stream: S,
    ahead: Vec<u8>,
    clock: &'a dyn Clock,
    start: Tick,
}

/// How long the body is.
enum Length {
    Known(usize),
    Chunked,
    UntilClosed,
}

impl<S: Wire> Wired<'_, S> {
    async fn exchange(&mut self, request: &Request, raw: &mut Raw) -> Result<(), Ended> {
        let Request { host, path, headers, body, .. } = request;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n",
            body.len()
        );
        let sent = self.stream.write_all(format!("{head}{body}").as_bytes()).await;
        sent.map_err(|_| Ended::Nothing)?;
        let length = loop {
            self.until_head(raw).await?;
            let head = self.until(b"\r\n\r\n").await?;
            // What is only a hint is followed by the real head.
            if !head.starts_with(b"HTTP/1.1 1") {
                break parse_head(&head, raw)?;
            }
        };
        let leave_after = request.leave_after_bytes.unwrap_or(usize::MAX);
        let cut = |ended| if ended == Ended::Nothing { Ended::Cut } else { ended };
        match length {
            Length::Known(bytes) => {
                while raw.body.len() < bytes {
                    self.take_some(bytes - raw.body.len(), raw).await.map_err(cut)?;
                    left(raw, leave_after)?;
                }
                Ok(())
            }
            Length::UntilClosed => loop {
                match self.take_some(usize::MAX, raw).await {
                    Ok(()) => left(raw, leave_after)?,
                    Err(Ended::Nothing) => return Ok(()),
                    Err(ended) => return Err(ended),
                }
            },
            Length::Chunked => self.chunks(raw, leave_after).await.map_err(cut),
        }
    }

    async fn until_head(&mut self, raw: &mut Raw) -> Result<(), Ended> {
        if self.ahead.is_empty() {
            self.more().await?;
        }
        raw.head_at.get_or_insert(self.clock.now().since(self.start));
        Ok(())
    }

    async fn chunks(&mut self, raw: &mut Raw, leave_after: usize) -> Result<(), Ended> {
        loop {
            let line = self.until(b"\r\n").await?;
            let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
            let size = number(size, 16).ok_or(Ended::Garbled)?;
            if size == 0 {
                // Trailers, up to an empty line.
                while !self.until(b"\r\n").await?.is_empty() {}
                return Ok(());
            }
            let mut left_bytes = size;
            while left_bytes > 0 {
                let before = raw.body.len();
                self.take_some(left_bytes, raw).await?;
                left_bytes -= raw.body.len() - before;
                left(raw, leave_after)?;
            }
            if !self.until(b"\r\n").await?.is_empty() {
                return Err(Ended::Garbled);
            }
        }
    }

    /// Moves what there is, up to `limit` bytes, into the body.
    async fn take_some(&mut self, limit: usize, raw: &mut Raw) -> Result<(), Ended> {
        if self.ahead.is_empty() {
            self.more().await?;
        }
        let count = limit.min(self.ahead.len());
        if raw.body.len() + count > ANSWER_BYTES_MAX {
            return Err(Ended::Garbled);
        }
        raw.body.extend(self.ahead.drain(..count));
        Ok(())
    }

    async fn until(&mut self, mark: &[u8]) -> Result<Vec<u8>, Ended> {
        loop {
            let found = self.ahead.windows(mark.len()).position(|window| window == mark);
            if let Some(at) = found {
                let mut taken: Vec<u8> = self.ahead.drain(..at + mark.len()).collect();
                taken.truncate(at);
                return Ok(taken);
            }
            if self.ahead.len() > HEAD_BYTES_MAX {
                return Err(Ended::Garbled);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), Ended> {
        match self.stream.read_buf(&mut self.ahead).await {
            Ok(1..) => Ok(()),
            Ok(0) | Err(_) => Err(Ended::Nothing),
        }
    }
}

fn left(raw: &Raw, after: usize) -> Result<(), Ended> {
    if raw.body.len() >= after { Err(Ended::Left) } else { Ok(()) }
}

fn parse_head(head: &[u8], raw: &mut Raw) -> Result<Length, Ended> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    raw.status = status.ok_or(Ended::Garbled)?;
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Ended::Garbled)?;
        raw.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    if raw.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
    {
        return Ok(Length::Chunked);
    }
    match raw.header("content-length") {
        Some(bytes) => number(bytes.as_bytes(), 10).map(Length::Known).ok_or(Ended::Garbled),
        None => Ok(Length::UntilClosed),
    }
}

/// A length of digits alone: what Rust reads may have a sign, which HTTP does not know.
fn number(text: &[u8], radix: u32) -> Option<usize> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.chars().all(|digit| digit.is_digit(radix));
    usize::from_str_radix(text, radix).ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_digits_alone() {
        assert_eq!((number(b"1f", 16), number(b"10", 10)), (Some(31), Some(10)));
        for bad in ["", "+5", "-5", " 5", "5 ", "0x5", "5\t", "\u{665}", "ffffffffffffffffff"] {
            assert_eq!(number(bad.as_bytes(), 16), None, "{bad}");
        }
    }
}
