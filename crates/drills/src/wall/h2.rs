//! HTTP/2 by hand, without TLS and without negotiation, for the two faults that only it has: a
//! GOAWAY that gives up an open stream, and a RST_STREAM. Frames are read one by one; of a request
//! the wall looks at its body alone, so that no headers need be unpacked, and every request is taken
//! for a chat completion. One stream is answered at a time.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use super::doors::{ChatEvents, Doors};
use super::further::Plot;
use super::ledger::{End, Sent};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEAD_BYTES: usize = 9;
/// What HTTP/2 allows without having agreed on more.
const FRAME_BYTES_MAX: usize = 16 << 10;
const BODY_BYTES_MAX: usize = 1 << 20;
/// Requests of one connection that have come in part.
const STREAMS_MAX: u8 = 16;
/// For each read and each write.
const EACH_MS_MAX: u64 = 30_000;
/// S55 and S56 break off after so many words.
const WORDS: usize = 20;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const INTERNAL_ERROR: u32 = 2;
const MAX_CONCURRENT_STREAMS: u8 = 3;

/// The connection is over, one way or another.
struct Over;

#[derive(Debug)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: BytesMut,
}

struct Line<S> {
    stream: S,
    ahead: BytesMut,
}

/// Answers the requests of one connection, one after another.
pub(crate) async fn converse<S: AsyncRead + AsyncWrite + Unpin>(doors: &Doors, stream: S) {
    let mut line = Line { stream, ahead: BytesMut::new() };
    // It ends with the connection, for whatever reason.
    let Err(Over) = line.serve(doors).await;
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    async fn serve(&mut self, doors: &Doors) -> Result<Infallible, Over> {
        self.take_preface().await?;
        self.send(SETTINGS, 0, 0, &settings()).await?;
        let mut bodies = BTreeMap::new();
        loop {
            let frame = self.frame().await?;
            match frame.kind {
                SETTINGS if frame.flags & ACK == 0 => self.send(SETTINGS, ACK, 0, &[]).await?,
                PING if frame.flags & ACK == 0 => {
                    self.send(PING, ACK, 0, &frame.payload).await?;
                }
                HEADERS if frame.flags & END_STREAM != 0 => {
                    bodies.remove(&frame.stream);
                    self.refuse(frame.stream).await?;
                }
                RST_STREAM => drop(bodies.remove(&frame.stream)),
                DATA => {
                    self.give_back(&frame).await?;
                    gather(&mut bodies, &frame).ok_or(Over)?;
                    if frame.flags & END_STREAM != 0 {
                        let whole = bodies.remove(&frame.stream).unwrap_or_default().freeze();
                        match doors.chat_events(&whole) {
                            Some(answer) => self.answer(doors, frame.stream, answer).await?,
                            None => self.refuse(frame.stream).await?,
                        }
                    }
                }
                GOAWAY => return Err(Over),
                _ => {}
            }
        }
    }

    /// The windows that a frame of data used up: without them a client falls silent for good after
    /// the first 65,535 bytes. A stream that has ended needs its own no more.
    async fn give_back(&mut self, frame: &Frame) -> Result<(), Over> {
        // The padding counts too.
        let bytes = u32::try_from(frame.payload.len()).map_err(|_| Over)?;
        if bytes == 0 {
            return Ok(());
        }
        self.send(WINDOW_UPDATE, 0, 0, &bytes.to_be_bytes()).await?;
        if frame.flags & END_STREAM == 0 {
            self.send(WINDOW_UPDATE, 0, frame.stream, &bytes.to_be_bytes()).await?;
        }
        Ok(())
    }

    async fn take_preface(&mut self) -> Result<(), Over> {
        while self.ahead.len() < PREFACE.len() {
            self.read_more().await?;
        }
        (self.ahead.split_to(PREFACE.len()) == PREFACE).then_some(()).ok_or(Over)
    }

    async fn answer(&mut self, doors: &Doors, stream: u32, answer: ChatEvents) -> Result<(), Over> {
        let mut sent = Sent::default();
        let ended = self.send_events(stream, &answer, &mut sent).await;
        let end = ended.as_ref().map_or(End::HungUp, |end| *end);
        doors.ledger().close(answer.place, sent, end);
        match ended? {
            End::Finished => Ok(()),
            End::Reset => self.send(RST_STREAM, 0, stream, &INTERNAL_ERROR.to_be_bytes()).await,
            _ => {
                // No stream was done, not even this one.
                let gone = [0_u32.to_be_bytes(), INTERNAL_ERROR.to_be_bytes()].concat();
                self.send(GOAWAY, 0, 0, &gone).await?;
                Err(Over)
            }
        }
    }

    async fn send_events(
        &mut self,
        stream: u32,
        answer: &ChatEvents,
        sent: &mut Sent,
    ) -> Result<End, Over> {
        // `:status: 200` from the static table, then a literal content type, whose name is the
        // table's thirty-first.
        let kind = b"text/event-stream";
        let length = u8::try_from(kind.len()).unwrap_or_default();
        let head = [&[0x88, 0x0f, 0x10, length], kind.as_slice()].concat();
        self.send(HEADERS, END_HEADERS, stream, &head).await?;
        sent.status = Some(200);
        let last = answer.events.len().saturating_sub(1);
        for (index, event) in answer.events.iter().enumerate() {
            // The first event is the opening.
            match answer.plot {
                Some(Plot::GoAway) if index == WORDS + 1 => return Ok(End::Cut),
                Some(Plot::StreamReset) if index == WORDS + 1 => return Ok(End::Reset),
                _ => {}
            }
            if index > 1 {
                sleep(answer.between).await;
            }
            for part in event.as_bytes().chunks(FRAME_BYTES_MAX) {
                self.send(DATA, 0, stream, part).await?;
            }
            sent.pieces = index.min(last.saturating_sub(1));
        }
        self.send(DATA, END_STREAM, stream, &[]).await?;
        Ok(End::Finished)
    }

    /// `:status: 404` and no body: what was asked for is not here.
    async fn refuse(&mut self, stream: u32) -> Result<(), Over> {
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, &[0x8d]).await
    }

    async fn frame(&mut self) -> Result<Frame, Over> {
        loop {
            if let Some(frame) = parse(&mut self.ahead)? {
                return Ok(frame);
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Result<(), Over> {
        let limit = Duration::from_millis(EACH_MS_MAX);
        match timeout(limit, self.stream.read_buf(&mut self.ahead)).await {
            Ok(Ok(1..)) => Ok(()),
            _ => Err(Over),
        }
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Result<(), Over> {
        let length = u32::try_from(payload.len()).map_err(|_| Over)?;
        let [_, a, b, c] = length.to_be_bytes();
        let mut frame = vec![a, b, c, kind, flags];
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        let limit = Duration::from_millis(EACH_MS_MAX);
        match timeout(limit, self.stream.write_all(&frame)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Over),
        }
    }
}

fn settings() -> [u8; 6] {
    [0, MAX_CONCURRENT_STREAMS, 0, 0, 0, STREAMS_MAX]
}

/// Puts a frame's data to what came of its stream before; none if that is too much.
fn gather(bodies: &mut BTreeMap<u32, BytesMut>, frame: &Frame) -> Option<()> {
    let part = unpadded(frame)?;
    let body = bodies.entry(frame.stream).or_default();
    body.extend_from_slice(part);
    let fits = body.len() <= BODY_BYTES_MAX;
    (fits && bodies.len() <= usize::from(STREAMS_MAX)).then_some(())
}

/// The data of a frame without its padding.
fn unpadded(frame: &Frame) -> Option<&[u8]> {
    if frame.flags & PADDED == 0 {
        return Some(&frame.payload);
    }
    let (padding, rest) = frame.payload.split_first()?;
    rest.get(..rest.len().checked_sub(usize::from(*padding))?)
}

/// The next frame if it is there whole.
fn parse(ahead: &mut BytesMut) -> Result<Option<Frame>, Over> {
    let Some(&[a, b, c, kind, flags, s, t, u, v]) = ahead.first_chunk::<HEAD_BYTES>() else {
        return Ok(None);
    };
    let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).map_err(|_| Over)?;
    if length > FRAME_BYTES_MAX {
        return Err(Over);
    }
    if ahead.len() < HEAD_BYTES + length {
        return Ok(None);
    }
    ahead.advance(HEAD_BYTES);
    let stream = u32::from_be_bytes([s & 0x7f, t, u, v]);
    Ok(Some(Frame { kind, flags, stream, payload: ahead.split_to(length) }))
}
