//! A client that sees everything: the head, each event with its time, and how the connection
//! ended. It repairs nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

/// How the answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The body is whole; the connection may be used again.
    Whole,
    /// The connection closed before the answer's head.
    Nothing,
    /// The connection closed within the body.
    Cut,
    /// The connection was reset.
    Reset,
    /// The client had enough.
    Left,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    /// The decoded body, as far as it came.
    pub(crate) body: String,
    /// When each `data:` line was whole, since the request.
    pub(crate) times: Vec<Duration>,
    /// When the head was whole.
    pub(crate) headed: Duration,
    /// Heads before the last one.
    pub(crate) hints: usize,
    pub(crate) end: End,
    pub(crate) took: Duration,
}

impl Reply {
    /// The payload of each `data:` line.
    pub(crate) fn data(&self) -> Vec<&str> {
        self.body.lines().filter_map(|line| line.strip_prefix("data: ")).collect()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The content of all events that can be read, joined.
    pub(crate) fn streamed_text(&self) -> String {
        let part = |data: &&str| -> Option<String> {
            let event: Value = serde_json::from_str(data).ok()?;
            Some(event.pointer("/choices/0/delta/content")?.as_str()?.to_owned())
        };
        self.data().iter().filter_map(part).collect()
    }

    pub(crate) fn whole_text(&self) -> String {
        self.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    }

    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }
}

/// The runtime's own time, which stands still or leaps where it is paused.
#[allow(clippy::disallowed_methods, reason = "the tests follow the runtime's paused time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

pub(crate) struct Client<S> {
    stream: S,
    bytes: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, bytes: Vec::new() }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.get_with(path, "").await
    }

    pub(crate) async fn get_with(&mut self, path: &str, more: &str) -> Reply {
        self.request(&format!("GET {path} HTTP/1.1\r\nhost: wall\r\n{more}\r\n"), None).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &str, more: &str) -> Reply {
        self.request(&posted(path, body, more), None).await
    }

    /// What comes on the connection within a second and belongs to no answer.
    pub(crate) async fn rest(&mut self) -> &[u8] {
        while matches!(tokio::time::timeout(Duration::from_secs(1), self.more()).await, Ok(Ok(())))
        {
        }
        &self.bytes
    }

    /// Everything that comes until the connection ends, as it is.
    pub(crate) async fn post_raw(mut self, path: &str, body: &str) -> Vec<u8> {
        self.stream.write_all(posted(path, body, "").as_bytes()).await.unwrap();
        while self.more().await.is_ok() {}
        self.bytes
    }

    /// Posts and leaves after so many `data:` lines.
    pub(crate) async fn post_and_leave(mut self, path: &str, body: &str, after: usize) -> Reply {
        self.request(&posted(path, body, ""), Some(after)).await
    }

    async fn request(&mut self, request: &str, leave_after: Option<usize>) -> Reply {
        let start = now();
        let mut reply = Reply {
            status: 0,
            headers: BTreeMap::new(),
            body: String::new(),
            times: Vec::new(),
            headed: Duration::ZERO,
            hints: 0,
            end: End::Nothing,
            took: Duration::ZERO,
        };
        self.stream.write_all(request.as_bytes()).await.unwrap();
        reply.end = self.read(&mut reply, start, leave_after).await.unwrap_or_else(|end| end);
        reply.took = now() - start;
        reply
    }

    async fn read(
        &mut self,
        reply: &mut Reply,
        start: Instant,
        leave_after: Option<usize>,
    ) -> Result<End, End> {
        if leave_after == Some(0) {
            return Ok(End::Left);
        }
        let mut head = self.until(b"\r\n\r\n").await?;
        while head.starts_with("HTTP/1.1 1") {
            reply.hints += 1;
            head = self.until(b"\r\n\r\n").await?;
        }
        reply.headed = now() - start;
        let mut lines = head.lines();
        reply.status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").unwrap();
            reply.headers.insert(name.to_owned(), value.to_owned());
        }
        if let Some(length) = reply.headers.get("content-length") {
            let length = length.parse().unwrap();
            while self.bytes.len() < length {
                let more = self.more().await;
                if more.is_err() {
                    reply.body =
                        String::from_utf8_lossy(&std::mem::take(&mut self.bytes)).into_owned();
                    return Ok(End::Cut);
                }
            }
            reply.body = String::from_utf8_lossy(&self.bytes.drain(..length).collect::<Vec<_>>())
                .into_owned();
            return Ok(End::Whole);
        }
        loop {
            let cut = |end| if end == End::Nothing { End::Cut } else { end };
            let size = self.until(b"\r\n").await.map_err(cut)?;
            let size = usize::from_str_radix(size.trim(), 16).map_err(|_| End::Cut)?;
            while self.bytes.len() < size + 2 {
                if let Err(end) = self.more().await {
                    reply.body.push_str(&String::from_utf8_lossy(&self.bytes));
                    return Err(cut(end));
                }
            }
            let chunk: Vec<u8> = self.bytes.drain(..size + 2).collect();
            assert!(chunk.ends_with(b"\r\n"));
            if size == 0 {
                return Ok(End::Whole);
            }
            reply.body.push_str(&String::from_utf8_lossy(&chunk[..size]));
            reply.times.resize(reply.data().len(), now() - start);
            if leave_after.is_some_and(|after| reply.times.len() >= after) {
                return Ok(End::Left);
            }
        }
    }

    async fn until(&mut self, mark: &[u8]) -> Result<String, End> {
        loop {
            if let Some(at) = self.bytes.windows(mark.len()).position(|window| window == mark) {
                let head = self.bytes.drain(..at + mark.len()).collect();
                return Ok(String::from_utf8(head).unwrap());
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), End> {
        match self.stream.read_buf(&mut self.bytes).await {
            Ok(0) => Err(End::Nothing),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Err(End::Reset),
            Err(error) => panic!("{error}"),
        }
    }
}

fn posted(path: &str, body: &str, more: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: wall\r\ncontent-length: {length}\r\n{more}\r\n{body}")
}
