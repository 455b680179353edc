//! An origin behind pipes in memory that answers as a test has written it, byte by byte if it
//! wants, and remembers what it was asked.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use net::{BoxFuture, BoxIo, Connector, Origin};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// What a connection does, in its order.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Reads one whole request.
    Hear,
    /// Reads so many bytes.
    HearBytes(usize),
    Say(Vec<u8>),
    /// Says it in pieces of so many bytes, each read before the next is said.
    SayInPieces(Vec<u8>, usize),
    /// Keeps the connection open and silent for good.
    Stay,
}

/// Says a text.
pub(crate) fn say(text: &str) -> Act {
    Act::Say(text.as_bytes().to_vec())
}

#[derive(Debug, Default)]
struct Told {
    scripts: VecDeque<Vec<Act>>,
    requests: Vec<String>,
    connections: usize,
}

/// Gives each new connection the next script; it closes when its script is over.
#[derive(Clone, Default)]
pub(crate) struct Scripts(Arc<Mutex<Told>>);

impl fmt::Debug for Scripts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripts")
    }
}

impl Scripts {
    pub(crate) fn new(scripts: impl IntoIterator<Item = Vec<Act>>) -> Self {
        let told = Told { scripts: scripts.into_iter().collect(), ..Told::default() };
        Self(Arc::new(Mutex::new(told)))
    }

    pub(crate) fn connections(&self) -> usize {
        self.0.lock().unwrap().connections
    }

    /// All that was heard, one text a request.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.0.lock().unwrap().requests.clone()
    }
}

impl Connector for Scripts {
    fn connect<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, io::Result<BoxIo>> {
        let script = {
            let mut told = self.0.lock().unwrap();
            told.connections += 1;
            told.scripts.pop_front()
        };
        let scripts = self.clone();
        Box::pin(async move {
            let script = script.ok_or(io::ErrorKind::ConnectionRefused)?;
            // Small, so that writing has to wait for reading.
            let (ours, theirs) = tokio::io::duplex(1_024);
            tokio::spawn(async move { drop(scripts.play(script, theirs).await) });
            Ok(Box::new(ours) as BoxIo)
        })
    }
}

impl Scripts {
    async fn play(&self, script: Vec<Act>, mut io: DuplexStream) -> io::Result<()> {
        for act in script {
            match act {
                Act::Hear => {
                    let heard = hear(&mut io).await?;
                    self.0.lock().unwrap().requests.push(heard);
                }
                Act::HearBytes(count) => {
                    let mut bytes = vec![0; count];
                    io.read_exact(&mut bytes).await?;
                }
                Act::Say(bytes) => io.write_all(&bytes).await?,
                Act::SayInPieces(bytes, size) => {
                    for piece in bytes.chunks(size) {
                        io.write_all(piece).await?;
                        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                    }
                }
                Act::Stay => std::future::pending().await,
            }
        }
        Ok(())
    }
}

/// A request with its body, as text.
async fn hear(io: &mut DuplexStream) -> io::Result<String> {
    let mut bytes = Vec::new();
    let wanted = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let head = text.find("\r\n\r\n")? + 4;
        let length = text.split("content-length: ").nth(1)?.split("\r\n").next()?;
        Some(head + length.parse::<usize>().ok()?)
    };
    while wanted(&bytes).is_none_or(|wanted| bytes.len() < wanted) {
        if io.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
