//! A listener that answers a TLS greeting with garbage: S57. It speaks no TLS and reads nothing
//! beyond the greeting.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::serve::accept;

/// Of a greeting, more is not read.
const GREETING_BYTES_MAX: usize = 4 << 10;
/// For the greeting to come and for the garbage to be taken.
const EACH_MS_MAX: u64 = 5_000;
/// A record of a type and version that there are not, and noise.
const GARBAGE: &[u8] = b"\x7f\x09\x09\x00\x20the harbour speaks no such tongue";

/// Answers every connection with garbage and closes it, until `shutdown` is ready.
pub async fn serve_broken(
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    accept(listener, shutdown, answer).await
}

async fn answer(mut stream: TcpStream) {
    let limit = Duration::from_millis(EACH_MS_MAX);
    let mut greeting = [0; GREETING_BYTES_MAX];
    if !matches!(timeout(limit, stream.read(&mut greeting)).await, Ok(Ok(1..))) {
        return;
    }
    if !matches!(timeout(limit, stream.write_all(GARBAGE)).await, Ok(Ok(()))) {
        tracing::debug!("a greeting was left before it was answered");
    }
}
