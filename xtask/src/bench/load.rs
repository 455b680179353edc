//! The caller of the measurements: keeps so many connections busy for so long, checks every answer
//! to its last byte and prints one line of JSON. Or it opens streams and holds them.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use clock::{Clock, SystemClock, Tick};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::LocalSet;

use super::mock;
use super::wire::{self, Chunks, Framing, Speech};
use crate::say;

/// Samples beyond it are not kept; a run is far shorter.
const SAMPLES_MAX: usize = 4_000_000;
const READ_BYTES: usize = 64 * 1024;
/// Streams that are being opened at one time, when they are to be held.
const OPENING_MAX: usize = 512;
/// An answer that takes longer is lost.
const ANSWER_MS_MAX: u64 = 150_000;

#[derive(Debug, Clone, Args)]
pub(crate) struct Wish {
    #[arg(long)]
    target: SocketAddr,
    #[arg(long)]
    connections: usize,
    #[arg(long)]
    model: String,
    #[arg(long, value_enum)]
    shape: Shape,
    /// In which form to ask.
    #[arg(long, value_enum, default_value = Speech::OpenAi.name())]
    speech: Speech,
    /// Requests a second, for the shape that keeps to a rate.
    #[arg(long, default_value_t = 1)]
    a_second: u32,
    /// For how long; when holding, for how long after the last stream has opened.
    #[arg(long)]
    millis: u64,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Shape {
    /// Answers in one piece, one after another on each connection.
    Whole,
    /// Streams, one after another on each connection.
    Stream,
    /// One stream on each connection, held open.
    Hold,
    /// The status page, at a rate that does not wait for answers.
    Page,
}

/// Runs the load; the result is a line on standard output.
pub(crate) fn run(wish: &Wish) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tally = Rc::new(RefCell::new(Tally::default()));
    let clock = SystemClock::new();
    LocalSet::new().block_on(&runtime, async {
        match wish.shape {
            Shape::Hold => hold(wish, &tally).await,
            Shape::Page => visit(wish, clock, &tally).await,
            Shape::Whole | Shape::Stream => drive(wish, clock, &tally).await,
        }
    })?;
    let tally = tally.borrow();
    say::line(&tally.told(clock.now()).to_string());
    Ok(tally.errors == 0)
}

/// What was seen.
#[derive(Debug, Default)]
struct Tally {
    answers: usize,
    events: usize,
    reads: usize,
    errors: usize,
    first_error: Option<String>,
    /// Nanoseconds from the request to the whole answer.
    took: Vec<u32>,
    /// Nanoseconds from the request to the first byte of the answer.
    first: Vec<u32>,
}

impl Tally {
    fn add(&mut self, seen: &Seen) {
        self.answers += 1;
        self.events += seen.events;
        self.reads += seen.reads;
        if self.took.len() < SAMPLES_MAX {
            self.took.push(nanos(seen.took));
            self.first.push(nanos(seen.first));
        }
    }

    fn fail(&mut self, error: &anyhow::Error) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| format!("{error:#}"));
    }

    fn told(&self, elapsed: Tick) -> serde_json::Value {
        let micros = |samples: &Vec<u32>, share| f64::from(quantile(samples, share)) / 1_000.0;
        json!({
            "answers": self.answers,
            "events": self.events,
            "reads": self.reads,
            "errors": self.errors,
            "first_error": self.first_error,
            "seconds": elapsed.since(Tick::default()).as_secs_f64(),
            "took_us": { "p50": micros(&self.took, 0.5), "p99": micros(&self.took, 0.99) },
            "first_us": { "p50": micros(&self.first, 0.5), "p99": micros(&self.first, 0.99) },
        })
    }
}

fn nanos(span: Duration) -> u32 {
    u32::try_from(span.as_nanos()).unwrap_or(u32::MAX)
}

/// The sample below which this share of all lies; 0 without samples.
fn quantile(samples: &[u32], share: f64) -> u32 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index within four million"
    )]
    let at = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or(0)
}

/// One answer.
#[derive(Debug, Default)]
struct Seen {
    events: usize,
    reads: usize,
    took: Duration,
    first: Duration,
}

async fn drive(wish: &Wish, clock: SystemClock, tally: &Rc<RefCell<Tally>>) -> Result<()> {
    let until = clock.now() + Duration::from_millis(wish.millis);
    let mut drivers = Vec::new();
    for _ in 0..wish.connections {
        let (wish, tally) = (wish.clone(), Rc::clone(tally));
        drivers.push(tokio::task::spawn_local(async move {
            if let Err(error) = ask_until(&wish, clock, until, &tally).await {
                tally.borrow_mut().fail(&error);
            }
        }));
    }
    for driver in drivers {
        driver.await?;
    }
    Ok(())
}

async fn ask_until(
    wish: &Wish,
    clock: SystemClock,
    until: Tick,
    tally: &RefCell<Tally>,
) -> Result<()> {
    let mut line = Line::open(wish, Ipv4Addr::LOCALHOST, clock).await?;
    let request = request(wish);
    while clock.now() < until {
        let wait = Duration::from_millis(ANSWER_MS_MAX);
        let seen = tokio::time::timeout(wait, line.ask(&request)).await??;
        let wanted = match (wish.shape, wish.speech) {
            (Shape::Stream, Speech::OpenAi) => mock::EVENTS,
            (Shape::Stream, Speech::Anthropic) => mock::EVENTS_TRANSLATED,
            _ => 0,
        };
        ensure!(seen.events == wanted, "a stream had {} events, not {wanted}", seen.events);
        tally.borrow_mut().add(&seen);
    }
    Ok(())
}

/// Visitors who come at a steady rate, whether those before them were served or not: what one waits
/// for a connection counts as his time.
async fn visit(wish: &Wish, clock: SystemClock, tally: &Rc<RefCell<Tally>>) -> Result<()> {
    let start = clock.now();
    let visitors = u64::from(wish.a_second) * wish.millis / 1_000;
    let next = Rc::new(Cell::new(0_u64));
    let mut doors = Vec::new();
    for _ in 0..wish.connections {
        let (wish, tally, next) = (wish.clone(), Rc::clone(tally), Rc::clone(&next));
        doors.push(tokio::task::spawn_local(async move {
            let mut line = Line::open(&wish, Ipv4Addr::LOCALHOST, clock).await?;
            let request = visit_request(wish.target);
            loop {
                let visitor = next.replace(next.get() + 1);
                if visitor >= visitors {
                    return anyhow::Ok(());
                }
                let due = start + Duration::from_secs(1) * u32::try_from(visitor)? / wish.a_second;
                tokio::time::sleep(due.since(clock.now())).await;
                let mut seen = line.ask(&request).await?;
                seen.took = clock.now().since(due);
                tally.borrow_mut().add(&seen);
            }
        }));
    }
    for door in doors {
        if let Err(error) = door.await? {
            tally.borrow_mut().fail(&error);
        }
    }
    Ok(())
}

/// As a browser asks.
fn visit_request(target: SocketAddr) -> Vec<u8> {
    format!(
        "GET / HTTP/1.1\r\nhost: {target}\r\naccept: text/html\r\naccept-encoding: gzip\r\n\
         accept-language: en\r\n\r\n"
    )
    .into_bytes()
}

/// Opens the streams, says so, and reads them for the time that was asked for.
async fn hold(wish: &Wish, tally: &Rc<RefCell<Tally>>) -> Result<()> {
    let clock = SystemClock::new();
    let permits = Rc::new(tokio::sync::Semaphore::new(OPENING_MAX));
    let opened = Rc::new(tokio::sync::Semaphore::new(0));
    let mut readers = Vec::new();
    for index in 0..wish.connections {
        let permit = Rc::clone(&permits);
        let (wish, tally, opened) = (wish.clone(), Rc::clone(tally), Rc::clone(&opened));
        // One source address has too few ports for all connections of a busy machine.
        let source = Ipv4Addr::new(127, 0, 0, if index % 2 == 0 { 1 } else { 2 });
        readers.push(tokio::task::spawn_local(async move {
            let opening = async {
                let permit = permit.acquire().await?;
                let mut line = Line::open(&wish, source, clock).await?;
                line.stream.write_all(&request(&wish)).await?;
                line.read_answer_start().await?;
                drop(permit);
                anyhow::Ok(line)
            };
            match opening.await {
                Ok(mut line) => {
                    tally.borrow_mut().answers += 1;
                    opened.add_permits(1);
                    // Whatever comes is read, so that nothing piles up in the gateway.
                    while matches!(line.read().await, Ok(count) if count > 0) {}
                }
                Err(error) => {
                    tally.borrow_mut().fail(&error);
                    opened.add_permits(1);
                }
            }
        }));
    }
    let all = u32::try_from(wish.connections)?;
    drop(opened.acquire_many(all).await?);
    say::line(&json!({ "opened": tally.borrow().answers }).to_string());
    tokio::time::sleep(Duration::from_millis(wish.millis)).await;
    readers.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(())
}

fn request(wish: &Wish) -> Vec<u8> {
    let (target, model) = (wish.target, &wish.model);
    const SYSTEM: &str = "You are the harbour master of a small town. Answer in one sentence.";
    const USER: &str = r#"{"role":"user","content":"When does the ferry leave?"}"#;
    let streams = wish.shape != Shape::Whole;
    let (path, body) = match wish.speech {
        Speech::OpenAi => {
            let stream = r#","stream":true,"stream_options":{"include_usage":true}"#;
            let stream = if streams { stream } else { "" };
            let system = format!(r#"{{"role":"system","content":"{SYSTEM}"}}"#);
            let messages = format!(r#""messages":[{system},{USER}],"temperature":0.2"#);
            ("/v1/chat/completions", format!(r#"{{"model":"{model}",{messages}{stream}}}"#))
        }
        Speech::Anthropic => {
            let stream = if streams { r#","stream":true"# } else { "" };
            let system = format!(r#""max_tokens":256,"system":"{SYSTEM}""#);
            let messages = format!(r#""messages":[{USER}],"temperature":0.2"#);
            ("/v1/messages", format!(r#"{{"model":"{model}",{system},{messages}{stream}}}"#))
        }
    };
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {target}\r\ncontent-type: application/json\r\n\
         authorization: Bearer bench\r\naccept: */*\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A connection and what was read from it.
struct Line {
    stream: TcpStream,
    bytes: Vec<u8>,
    clock: SystemClock,
    speech: Speech,
}

impl Line {
    async fn open(wish: &Wish, source: Ipv4Addr, clock: SystemClock) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if source != Ipv4Addr::LOCALHOST {
            socket.bind(SocketAddr::new(IpAddr::V4(source), 0))?;
        }
        let stream = socket.connect(wish.target).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, bytes: Vec::new(), clock, speech: wish.speech })
    }

    /// Reads into the empty buffer; 0 if the other side closed.
    async fn read(&mut self) -> Result<usize> {
        self.bytes.clear();
        if self.bytes.capacity() == 0 {
            self.bytes.reserve(READ_BYTES);
        }
        Ok(self.stream.read_buf(&mut self.bytes).await?)
    }

    /// Reads until the answer's head and something of its body are there.
    async fn read_answer_start(&mut self) -> Result<()> {
        self.bytes.clear();
        // Held connections are many; each gets a small buffer.
        self.bytes.reserve(1_024);
        loop {
            let head = wire::answer(&self.bytes)?;
            if let Some(head) = head.filter(|head| self.bytes.len() > head.bytes) {
                ensure!(head.status == 200, "status {}", head.status);
                return Ok(());
            }
            ensure!(self.stream.read_buf(&mut self.bytes).await? > 0, "closed without an answer");
        }
    }

    /// One request and its answer, read to the end.
    async fn ask(&mut self, request: &[u8]) -> Result<Seen> {
        let start = self.clock.now();
        self.stream.write_all(request).await?;
        let mut seen = Seen::default();
        let mut head_bytes = Vec::new();
        let head = loop {
            ensure!(self.read().await? > 0, "closed without an answer");
            seen.reads += 1;
            if seen.reads == 1 {
                seen.first = self.clock.now().since(start);
            }
            head_bytes.extend_from_slice(&self.bytes);
            if let Some(head) = wire::answer(&head_bytes)? {
                break head;
            }
        };
        ensure!(head.status == 200, "status {}", head.status);
        let body = head_bytes.get(head.bytes..).unwrap_or_default();
        match head.framing {
            Framing::Length(length) => self.rest_of_length(length, body.len(), &mut seen).await?,
            Framing::Chunked => self.rest_of_chunks(body, &mut seen).await?,
        }
        seen.took = self.clock.now().since(start);
        Ok(seen)
    }

    async fn rest_of_length(&mut self, length: usize, had: usize, seen: &mut Seen) -> Result<()> {
        let mut had = had;
        while had < length {
            let count = self.read().await?;
            ensure!(count > 0, "an answer was cut");
            seen.reads += 1;
            had += count;
        }
        ensure!(had == length, "an answer is longer than it said");
        Ok(())
    }

    async fn rest_of_chunks(&mut self, had: &[u8], seen: &mut Seen) -> Result<()> {
        let mut chunks = Chunks::new(self.speech);
        let mut ended = chunks.feed(had)?;
        while !ended {
            ensure!(self.read().await? > 0, "a stream was cut");
            seen.reads += 1;
            ended = chunks.feed(&self.bytes)?;
        }
        ensure!(chunks.is_whole(), "a stream ended without its end marker");
        seen.events = chunks.events();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_samples() {
        let samples: Vec<u32> = (1..=100).rev().collect();
        assert_eq!((quantile(&samples, 0.5), quantile(&samples, 0.99)), (51, 99));
        assert_eq!(quantile(&[], 0.5), 0);
    }
}
