//! A provider that plays a script over the network in memory: for each request it notes what came
//! and does what the script says next.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use net::{BoxIo, Listener};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::memory::Network;

/// What is done with one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Act {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// Written one after the other, each as one HTTP chunk; `None` sends a whole body.
    pub(crate) chunks: Option<Vec<Vec<u8>>>,
    pub(crate) body: Vec<u8>,
    /// Before the head.
    pub(crate) wait: Duration,
    /// Before each chunk but the first.
    pub(crate) chunk_wait: Duration,
    /// End of the connection instead of a proper end of the body.
    pub(crate) cut: bool,
    /// Silence instead of anything at all, after the chunks if there are some.
    pub(crate) hang: bool,
}

impl Act {
    pub(crate) fn whole(status: u16, content_type: &str, body: &[u8]) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.to_vec(), ..Self::default() }
    }

    pub(crate) fn stream(chunks: Vec<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
        Self { status: 200, headers, chunks: Some(chunks), ..Self::default() }
    }
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) at: tokio::time::Instant,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Provider {
    script: Arc<Mutex<VecDeque<Act>>>,
    /// What is done, beside the script, with a request that has this word in it.
    on_word: Arc<Mutex<Option<(String, Act)>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    hung_up: Arc<Mutex<usize>>,
}

impl Provider {
    /// Serves on `port` until the test ends. The script's last act repeats.
    pub(crate) fn start(network: &Network, port: u16, script: Vec<Act>) -> Self {
        let provider = Self::default();
        provider.script.lock().unwrap().extend(script);
        let mut listener = network.listen(port);
        let serving = provider.clone();
        tokio::spawn(async move {
            while let Ok((io, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.converse(io).await });
            }
        });
        provider
    }

    pub(crate) fn play(&self, script: Vec<Act>) {
        let mut playing = self.script.lock().unwrap();
        playing.clear();
        playing.extend(script);
    }

    pub(crate) fn on_word(&self, word: &str, act: Act) {
        *self.on_word.lock().unwrap() = Some((word.to_owned(), act));
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Exchanges that the other end left before they were over.
    pub(crate) fn hung_up(&self) -> usize {
        *self.hung_up.lock().unwrap()
    }

    async fn converse(self, mut io: BoxIo) {
        while let Some(seen) = read_request(&mut io).await {
            let own = self
                .on_word
                .lock()
                .unwrap()
                .clone()
                .filter(|(word, _)| String::from_utf8_lossy(&seen.body).contains(word));
            self.seen.lock().unwrap().push(seen);
            let act = own.map(|(_, act)| act).or_else(|| {
                let mut script = self.script.lock().unwrap();
                if script.len() > 1 { script.pop_front() } else { script.front().cloned() }
            });
            let Some(act) = act else { return };
            if !self.perform(&mut io, act).await {
                return;
            }
        }
    }

    /// True if the connection may serve another request.
    async fn perform(&self, io: &mut BoxIo, act: Act) -> bool {
        tokio::time::sleep(act.wait).await;
        if act.hang && act.chunks.is_none() {
            self.wait_for_hang_up(io).await;
            return false;
        }
        let mut head = format!("HTTP/1.1 {} X\r\n", act.status);
        for (name, value) in &act.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let Some(chunks) = act.chunks else {
            head.push_str(&format!("content-length: {}\r\n\r\n", act.body.len()));
            let _gone = io.write_all(head.as_bytes()).await;
            let _gone = io.write_all(&act.body).await;
            return !act.cut;
        };
        head.push_str("transfer-encoding: chunked\r\n\r\n");
        let _gone = io.write_all(head.as_bytes()).await;
        for (index, chunk) in chunks.iter().enumerate() {
            if index > 0 && !act.chunk_wait.is_zero() {
                tokio::time::sleep(act.chunk_wait).await;
            }
            let size = format!("{:x}\r\n", chunk.len());
            let mut framed = size.into_bytes();
            framed.extend_from_slice(chunk);
            framed.extend_from_slice(b"\r\n");
            if io.write_all(&framed).await.is_err() {
                *self.hung_up.lock().unwrap() += 1;
                return false;
            }
        }
        if act.hang {
            self.wait_for_hang_up(io).await;
            return false;
        }
        if act.cut {
            return false;
        }
        io.write_all(b"0\r\n\r\n").await.is_ok()
    }

    async fn wait_for_hang_up(&self, io: &mut BoxIo) {
        let mut byte = [0];
        let _ended = io.read(&mut byte).await;
        *self.hung_up.lock().unwrap() += 1;
    }
}

async fn read_request(io: &mut BoxIo) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if io.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned)
        })
        .map_or(0, |length| length.trim().parse::<usize>().unwrap());
    while bytes.len() < end + length {
        if io.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = bytes[end..end + length].to_vec();
    Some(Seen { head, body, at: tokio::time::Instant::now() })
}
