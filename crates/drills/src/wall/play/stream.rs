//! An answer that is streamed, with the faults that lie between its pieces.

use std::time::Duration;

use super::super::answer::Piece;
use super::super::decide::{Fault, Play};
use super::super::dress::Dress;
use super::super::http::{Gone, LAST_CHUNK, Line, answer_head, chunk};
use super::super::ledger::{End, Sent};
use super::super::wire::Wire;
use super::{Performance, break_off};

/// So many events come before the malformed one.
const EVENTS_BEFORE_MALFORMED: usize = 9;
/// And so many pieces before what comes between them.
const PIECES_BEFORE_OTHERS: usize = 9;
/// The chunk that S51 announces and does not fill.
const HALF_CHUNK_BYTES: &str = "200";
const FRAGMENT: &str = "data: {\"half\":";
/// A part of the line that does not end.
const LINE_PART_KIB: usize = 64;
/// How much longer than the body the length of S53 is.
const LENGTH_EXCESS_BYTES: usize = 1_000;

impl Performance<'_> {
    pub(super) async fn stream<S: Wire>(
        &mut self,
        line: &mut Line<S>,
        play: &Play,
        sent: &mut Sent,
    ) -> Result<End, Gone> {
        if play.dress.announces() {
            return self.announced(line, play.dress, sent).await;
        }
        let mut start = self.head(play.dress, None);
        if play.fault == Some(Fault::Bare) {
            line.send(format!("{start}{LAST_CHUNK}").as_bytes()).await?;
            sent.status = Some(200);
            return Ok(End::Finished);
        }
        let opening = self.script.opening();
        let mut events = opening.len();
        let mut garbled = false;
        start.push_str(&framed(play.dress, play.dress.before_body()));
        start.push_str(&put(play.dress, &opening));
        line.send(start.as_bytes()).await?;
        sent.status = Some(200);
        self.wait(line, play).await?;
        for (index, piece) in self.answer.pieces.iter().enumerate() {
            if let Some(end) = self.interrupted(line, play, index).await? {
                return Ok(end);
            }
            if play.fault == Some(Fault::Malformed) && !garbled && events >= EVENTS_BEFORE_MALFORMED
            {
                garbled = true;
                line.send(chunk(&self.script.malformed()).as_bytes()).await?;
            }
            if index > 0 {
                line.pause(play.between).await?;
            }
            let mut more = self.inserted(play, index);
            more.extend(self.script.piece(piece));
            events += more.len();
            line.send(put(play.dress, &more).as_bytes()).await?;
            sent.pieces = index + 1;
        }
        self.end(line, play).await
    }

    async fn end<S: Wire>(&mut self, line: &mut Line<S>, play: &Play) -> Result<End, Gone> {
        let mut end = self.script.closing();
        if play.fault != Some(Fault::NoMark) {
            end.extend(self.script.mark());
        }
        if play.fault == Some(Fault::Afterword) {
            for word in [" and", " more"] {
                end.extend(self.script.piece(&Piece::Text(word.to_owned())));
            }
        }
        line.send(format!("{}{LAST_CHUNK}", put(play.dress, &end)).as_bytes()).await?;
        Ok(End::Finished)
    }

    fn head(&self, dress: Dress, length: Option<usize>) -> String {
        let more = format!("cache-control: no-cache\r\n{}", self.script.headers());
        let kind = dress.content_type(self.script.stream_type());
        format!("{}{}", dress.before_head(), answer_head(200, kind, length, &more))
    }

    /// Before the first piece.
    async fn wait<S: Wire>(&mut self, line: &mut Line<S>, play: &Play) -> Result<(), Gone> {
        let mut left = play.first_wait;
        while let Some(every) = play.ping_every.filter(|every| *every < left) {
            line.pause(every).await?;
            line.send(framed(play.dress, &self.script.idle()).as_bytes()).await?;
            left -= every;
        }
        line.pause(left).await
    }

    /// What ends the answer before this piece, if something does.
    async fn interrupted<S: Wire>(
        &mut self,
        line: &mut Line<S>,
        play: &Play,
        index: usize,
    ) -> Result<Option<End>, Gone> {
        let end = match play.fault {
            Some(Fault::Break { after, stall }) if after == index => break_off(line, stall).await?,
            Some(Fault::Reset { after }) if after == index => End::Reset,
            Some(Fault::Error { after, failing }) if after == index => {
                // The provider's own error, after which the stream ends in order.
                let end = put(play.dress, &self.script.failure(&failing.cause()));
                line.send(format!("{end}{LAST_CHUNK}").as_bytes()).await?;
                End::Finished
            }
            Some(Fault::Unfinished { after }) if after == index => {
                line.send(LAST_CHUNK.as_bytes()).await?;
                End::Finished
            }
            Some(Fault::MidChunk { after }) if after == index => {
                line.send(format!("{HALF_CHUNK_BYTES}\r\n{FRAGMENT}").as_bytes()).await?;
                End::Cut
            }
            Some(Fault::BadChunk { after }) if after == index => {
                line.send(format!("zz\r\n{FRAGMENT}\r\n{LAST_CHUNK}").as_bytes()).await?;
                End::Cut
            }
            Some(Fault::Idle { after, every, span, hollow }) if after == index => {
                self.idle_on(line, every, span, hollow).await?
            }
            Some(Fault::EndlessLine { mib }) if index == 0 => endless(line, mib).await?,
            _ => return Ok(None),
        };
        Ok(Some(end))
    }

    /// Events that are none of the answer's.
    fn inserted(&mut self, play: &Play, index: usize) -> Vec<String> {
        let here = index == PIECES_BEFORE_OTHERS;
        match play.fault {
            Some(Fault::Twice) if index == 1 => self.script.opening(),
            Some(Fault::Stray) if here => vec![self.script.stray()],
            Some(Fault::Aside { kib: 0 })
                if index > 0 && index.is_multiple_of(PIECES_BEFORE_OTHERS) =>
            {
                vec![self.script.aside("calm")]
            }
            Some(Fault::Aside { kib }) if here => vec![self.script.aside(&"x".repeat(kib << 10))],
            _ => Vec::new(),
        }
    }

    async fn idle_on<S: Wire>(
        &mut self,
        line: &mut Line<S>,
        every: Duration,
        span: Duration,
        hollow: bool,
    ) -> Result<End, Gone> {
        let mut left = span;
        while let Some(rest) = left.checked_sub(every) {
            let event = if hollow {
                self.script.piece(&Piece::Text(String::new())).concat()
            } else {
                self.script.idle()
            };
            line.send(chunk(&event).as_bytes()).await?;
            line.pause(every).await?;
            left = rest;
        }
        Ok(End::Stalled)
    }

    /// A stream whose length is told beforehand, and wrongly.
    async fn announced<S: Wire>(
        &mut self,
        line: &mut Line<S>,
        dress: Dress,
        sent: &mut Sent,
    ) -> Result<End, Gone> {
        let mut body = self.script.opening().concat();
        for piece in &self.answer.pieces {
            body.push_str(&self.script.piece(piece).concat());
        }
        body.push_str(&self.script.closing().concat());
        body.push_str(&self.script.mark().concat());
        let (length, end) = told_length(dress, body.len());
        let head = self.head(dress, Some(length));
        line.send(format!("{head}{body}").as_bytes()).await?;
        sent.status = Some(200);
        sent.pieces = self.answer.pieces.len();
        Ok(end)
    }
}

/// The length that is announced for a body, and how the attempt ends by it.
pub(super) fn told_length(dress: Dress, bytes: usize) -> (usize, End) {
    if dress == Dress::LengthLong {
        (bytes + LENGTH_EXCESS_BYTES, End::Cut)
    } else {
        (bytes / 2, End::Finished)
    }
}

/// Keeps a line open until so much of it was sent.
pub(super) async fn endless<S: Wire>(line: &mut Line<S>, mib: usize) -> Result<End, Gone> {
    line.send(chunk("data: {\"endless\":\"").as_bytes()).await?;
    let part = chunk(&"x".repeat(LINE_PART_KIB << 10));
    for _ in 0..(mib << 10) / LINE_PART_KIB {
        line.send(part.as_bytes()).await?;
    }
    Ok(End::Cut)
}

/// Events as they are sent.
fn put(dress: Dress, events: &[String]) -> String {
    let text: String = events.iter().map(|event| dress.event(event)).collect();
    framed(dress, &text)
}

/// A part of a body in chunks; all of the wall's texts but the mark of S72 are ASCII or whole.
pub(super) fn framed(dress: Dress, text: &str) -> String {
    if dress != Dress::Tiny || !text.is_ascii() {
        return chunk(text);
    }
    text.chars().map(|byte| format!("1\r\n{byte}\r\n")).collect()
}
