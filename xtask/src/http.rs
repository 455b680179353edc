//! One HTTP/1.1 exchange on a connection of its own, for asking whether a server is up: the status
//! is all that is read. No TLS, no keep-alive, no redirects.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

/// How long a connection may take.
const CONNECT_MS_MAX: u64 = 2_000;
/// `HTTP/1.1 200` is all that counts.
const STATUS_LINE_BYTES: usize = 12;

/// Asks with GET; the answer's status.
pub(crate) fn get(at: SocketAddr, path: &str, wait: Duration) -> Result<u16> {
    exchange(at, &format!("GET {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n"), wait)
}

/// Sends JSON with POST; the answer's status.
pub(crate) fn post(at: SocketAddr, path: &str, json: &str, wait: Duration) -> Result<u16> {
    let length = json.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{json}"
    );
    exchange(at, &request, wait)
}

fn exchange(at: SocketAddr, request: &str, wait: Duration) -> Result<u16> {
    let mut stream = TcpStream::connect_timeout(&at, Duration::from_millis(CONNECT_MS_MAX))?;
    stream.set_read_timeout(Some(wait))?;
    stream.set_write_timeout(Some(wait))?;
    stream.write_all(request.as_bytes())?;
    let mut line = [0; STATUS_LINE_BYTES];
    stream.read_exact(&mut line)?;
    let status = std::str::from_utf8(&line)?.split(' ').nth(1);
    status.and_then(|word| word.parse().ok()).context("the status line has no status")
}
