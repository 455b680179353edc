//! A caller that speaks raw HTTP/1.1, so that every byte of the answer can be looked at.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::house::House;

/// An answer taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The body ended as HTTP says it should.
    pub(crate) ended: bool,
    /// Pieces in which the body was written, where it came in chunks.
    pub(crate) chunks: usize,
    /// How long after the question the first byte came.
    pub(crate) began: Duration,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// Sends one request on a connection of its own and reads the answer to its end.
pub(crate) async fn ask(
    house: &House,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Got {
    send(house, crate::house::GATEWAY_PORT, &format!("{method} {path}"), headers, body).await
}

/// A page of another listener.
pub(crate) async fn look(house: &House, port: u16, path: &str) -> Got {
    send(house, port, &format!("GET {path}"), &[], b"").await
}

/// Sends something to a listener.
pub(crate) async fn send(
    house: &House,
    port: u16,
    wish: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Got {
    let mut io = house.network.dial(port).await.unwrap();
    let mut head = format!("{wish} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head.push_str("host: seawall.test\r\n");
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    io.write_all(head.as_bytes()).await.unwrap();
    io.write_all(body).await.unwrap();
    let (mut bytes, asked) = (Vec::new(), Instant::now());
    let _cut = io.read_buf(&mut bytes).await;
    let began = asked.elapsed();
    let _cut = io.read_to_end(&mut bytes).await;
    Got { began, ..take_apart(&bytes) }
}

/// A chat completion with this body.
pub(crate) async fn chat(house: &House, body: &str) -> Got {
    let headers = [("content-type", "application/json")];
    ask(house, "POST", "/v1/chat/completions", &headers, body.as_bytes()).await
}

fn take_apart(bytes: &[u8]) -> Got {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let chunked =
        headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let (body, chunks, ended) =
        if chunked { unchunk(&bytes[end..]) } else { (bytes[end..].to_vec(), 0, true) };
    Got { status, headers, body, ended, chunks, began: Duration::ZERO }
}

/// The body, in how many chunks it came, and whether it ended as it should.
fn unchunk(mut bytes: &[u8]) -> (Vec<u8>, usize, bool) {
    let (mut body, mut chunks) = (Vec::new(), 0);
    loop {
        let Some(line) = bytes.windows(2).position(|two| two == b"\r\n") else {
            return (body, chunks, false);
        };
        let size = std::str::from_utf8(&bytes[..line]).unwrap();
        let size = usize::from_str_radix(size.split(';').next().unwrap(), 16).unwrap();
        bytes = &bytes[line + 2..];
        if size == 0 {
            return (body, chunks, true);
        }
        if bytes.len() < size + 2 {
            body.extend_from_slice(bytes);
            return (body, chunks, false);
        }
        body.extend_from_slice(&bytes[..size]);
        chunks += 1;
        bytes = &bytes[size + 2..];
    }
}
