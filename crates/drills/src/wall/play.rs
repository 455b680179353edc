//! Plays an act on a connection: writes the dialect's script piece by piece, and leaves it where
//! the act says. It knows no scene and no dialect.

use std::time::Duration;

use super::answer::Answer;
use super::decide::{Act, Fault, Play};
use super::dialect::{Refused, Script};
use super::http::{Gone, LAST_CHUNK, Line, answer_head, chunk};
use super::ledger::{End, Sent};
use super::wire::Wire;

/// So many events come before the malformed one.
const EVENTS_BEFORE_MALFORMED: usize = 9;
/// A body that has no pieces breaks off as if it had so many.
const PIECES_ASSUMED: usize = 60;

/// A request's answer on its way.
pub(crate) struct Performance<'a> {
    pub(crate) script: &'a mut dyn Script,
    pub(crate) answer: &'a Answer,
    pub(crate) streamed: bool,
}

impl Performance<'_> {
    /// Plays an answer; `sent` tells how far it came, also when the client left.
    pub(crate) async fn answer<S: Wire>(
        &mut self,
        line: &mut Line<S>,
        play: &Play,
        sent: &mut Sent,
    ) -> Result<End, Gone> {
        if self.streamed {
            self.stream(line, play, sent).await
        } else {
            self.whole(line, play, sent).await
        }
    }

    async fn stream<S: Wire>(
        &mut self,
        line: &mut Line<S>,
        play: &Play,
        sent: &mut Sent,
    ) -> Result<End, Gone> {
        let more = format!("cache-control: no-cache\r\n{}", self.script.headers());
        let mut start = answer_head(200, self.script.stream_type(), None, &more);
        let opening = self.script.opening();
        let (mut events, mut garbled) = (opening.len(), false);
        start.push_str(&chunk(&opening.concat()));
        line.send(start.as_bytes()).await?;
        sent.status = Some(200);
        line.pause(play.first_wait).await?;
        for (index, piece) in self.answer.pieces.iter().enumerate() {
            match play.fault {
                Some(Fault::Break { after, stall }) if after == index => {
                    return break_off(line, stall).await;
                }
                Some(Fault::Error { after }) if after == index => {
                    return self.fail(line).await;
                }
                Some(Fault::Malformed) if !garbled && events >= EVENTS_BEFORE_MALFORMED => {
                    garbled = true;
                    line.send(chunk(&self.script.malformed()).as_bytes()).await?;
                }
                _ => {}
            }
            if index > 0 {
                line.pause(play.between).await?;
            }
            let more = self.script.piece(piece);
            events += more.len();
            line.send(chunk(&more.concat()).as_bytes()).await?;
            sent.pieces = index + 1;
        }
        let mut end = self.script.closing();
        if play.fault != Some(Fault::NoMark) {
            end.extend(self.script.mark());
        }
        let end: String = end.iter().map(|event| chunk(event)).collect();
        line.send(format!("{end}{LAST_CHUNK}").as_bytes()).await?;
        Ok(End::Finished)
    }

    /// The provider's own error within the stream, after which it ends in order.
    async fn fail<S: Wire>(&mut self, line: &mut Line<S>) -> Result<End, Gone> {
        let end = chunk(&self.script.failure().concat());
        line.send(format!("{end}{LAST_CHUNK}").as_bytes()).await?;
        Ok(End::Finished)
    }

    async fn whole<S: Wire>(
        &mut self,
        line: &mut Line<S>,
        play: &Play,
        sent: &mut Sent,
    ) -> Result<End, Gone> {
        let body = self.script.whole();
        let pieces = self.answer.pieces.len();
        let count = if pieces == 0 { PIECES_ASSUMED } else { pieces };
        let malformed = play.fault == Some(Fault::Malformed);
        let said = if malformed { body.len() / 2 } else { body.len() };
        let head = answer_head(200, "application/json", Some(said), &self.script.headers());
        line.send(head.as_bytes()).await?;
        sent.status = Some(200);
        line.pause(play.whole_wait).await?;
        if let Some(Fault::Break { after, stall }) = play.fault {
            // A whole body breaks off at the same share of its length as a stream of its pieces.
            let kept = body.len() * after.min(count) / count;
            line.send(body.as_bytes().get(..kept).unwrap_or_default()).await?;
            if kept < said {
                return break_off(line, stall).await;
            }
        } else {
            line.send(body.as_bytes().get(..said).unwrap_or_default()).await?;
        }
        sent.pieces = pieces;
        Ok(End::Finished)
    }
}

/// Plays an act without an answer.
pub(crate) async fn withhold<S: Wire>(line: &mut Line<S>, act: &Act) -> Result<End, Gone> {
    match act {
        Act::Silence(span) => {
            line.pause(*span).await?;
            Ok(End::Silent)
        }
        _ => Ok(End::Reset),
    }
}

async fn break_off<S: Wire>(line: &mut Line<S>, stall: Duration) -> Result<End, Gone> {
    if stall.is_zero() {
        return Ok(End::Cut);
    }
    line.pause(stall).await?;
    Ok(End::Stalled)
}

/// Sends an error answer.
pub(crate) async fn refuse<S: Wire>(
    line: &mut Line<S>,
    refused: &Refused,
    sent: &mut Sent,
) -> Result<End, Gone> {
    let Refused { status, content_type, headers, body } = refused;
    let mut answer = answer_head(*status, content_type, Some(body.len()), headers);
    answer.push_str(body);
    line.send(answer.as_bytes()).await?;
    sent.status = Some(*status);
    Ok(End::Finished)
}
