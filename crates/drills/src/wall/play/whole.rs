//! An answer that comes whole, with what the faults of a stream mean for it.

use super::super::decide::{Fault, Play};
use super::super::dress::Dress;
use super::super::http::{Gone, LAST_CHUNK, Line, answer_head, chunk};
use super::super::ledger::{End, Sent};
use super::super::wire::Wire;
use super::stream::{endless, framed, told_length};
use super::{Performance, break_off};

/// A body that has no pieces breaks off as if it had so many.
const PIECES_ASSUMED: usize = 60;
const JSON: &str = "application/json";

impl Performance<'_> {
    pub(super) async fn whole<S: Wire>(
        &mut self,
        line: &mut Line<S>,
        play: &Play,
        sent: &mut Sent,
    ) -> Result<End, Gone> {
        let body = self.script.whole();
        match play.fault {
            Some(Fault::Break { .. } | Fault::Malformed | Fault::Reset { .. }) => {
                return self.cut(line, play, &body, sent).await;
            }
            Some(Fault::Unfinished { after }) => {
                let kept = body.get(..self.share(&body, after)).unwrap_or_default().to_owned();
                self.plain(line, play, &kept, sent).await?;
            }
            Some(Fault::Bare) => self.plain(line, play, "", sent).await?,
            Some(Fault::Aside { kib }) => {
                let news = format!("{{\"news\":\"{}\",", "x".repeat(kib << 10));
                self.plain(line, play, &body.replacen('{', &news, 1), sent).await?;
            }
            Some(
                Fault::Idle { .. }
                | Fault::EndlessLine { .. }
                | Fault::MidChunk { .. }
                | Fault::BadChunk { .. },
            ) => return self.chunked(line, play, &body, sent).await,
            _ if play.dress.announces() => {
                let (length, end) = told_length(play.dress, body.len());
                self.begin(line, play.dress, Some(length), sent).await?;
                line.send(body.as_bytes()).await?;
                sent.pieces = self.answer.pieces.len();
                return Ok(end);
            }
            _ => self.plain(line, play, &body, sent).await?,
        }
        sent.pieces = self.answer.pieces.len();
        Ok(End::Finished)
    }

    /// The bytes of a body that stand for so many pieces of a stream.
    fn share(&self, body: &str, after: usize) -> usize {
        let pieces = self.answer.pieces.len();
        let count = if pieces == 0 { PIECES_ASSUMED } else { pieces };
        body.len() * after.min(count) / count
    }

    /// Sends the head.
    async fn begin<S: Wire>(
        &mut self,
        line: &mut Line<S>,
        dress: Dress,
        length: Option<usize>,
        sent: &mut Sent,
    ) -> Result<(), Gone> {
        let head = answer_head(200, dress.content_type(JSON), length, &self.script.headers());
        line.send(format!("{}{head}", dress.before_head()).as_bytes()).await?;
        sent.status = Some(200);
        Ok(())
    }

    async fn plain<S: Wire>(
        &mut self,
        line: &mut Line<S>,
        play: &Play,
        body: &str,
        sent: &mut Sent,
    ) -> Result<(), Gone> {
        let tiny = play.dress == Dress::Tiny;
        let body = format!("{}{body}", play.dress.before_body());
        self.begin(line, play.dress, (!tiny).then_some(body.len()), sent).await?;
        line.pause(play.whole_wait).await?;
        if tiny {
            let body = framed(play.dress, &body);
            line.send(format!("{body}{LAST_CHUNK}").as_bytes()).await
        } else {
            line.send(body.as_bytes()).await
        }
    }

    /// A body that is not all there.
    async fn cut<S: Wire>(
        &mut self,
        line: &mut Line<S>,
        play: &Play,
        body: &str,
        sent: &mut Sent,
    ) -> Result<End, Gone> {
        let malformed = play.fault == Some(Fault::Malformed);
        let said = if malformed { body.len() / 2 } else { body.len() };
        self.begin(line, play.dress, Some(said), sent).await?;
        line.pause(play.whole_wait).await?;
        let kept = match play.fault {
            Some(Fault::Break { after, .. } | Fault::Reset { after }) => self.share(body, after),
            _ => said,
        };
        line.send(body.as_bytes().get(..kept).unwrap_or_default()).await?;
        if kept < said {
            return match play.fault {
                Some(Fault::Break { stall, .. }) => break_off(line, stall).await,
                _ => Ok(End::Reset),
            };
        }
        sent.pieces = self.answer.pieces.len();
        Ok(End::Finished)
    }

    /// A body in chunks that do not come to an end, or to a wrong one.
    async fn chunked<S: Wire>(
        &mut self,
        line: &mut Line<S>,
        play: &Play,
        body: &str,
        sent: &mut Sent,
    ) -> Result<End, Gone> {
        self.begin(line, play.dress, None, sent).await?;
        match play.fault {
            Some(Fault::Idle { every, span, .. }) => {
                let mut left = span;
                while let Some(rest) = left.checked_sub(every) {
                    line.send(chunk("\n").as_bytes()).await?;
                    line.pause(every).await?;
                    left = rest;
                }
                Ok(End::Stalled)
            }
            Some(Fault::EndlessLine { mib }) => endless(line, mib).await,
            Some(Fault::MidChunk { after }) => {
                let half = body.get(..self.share(body, after)).unwrap_or_default();
                line.send(format!("{:x}\r\n{half}", body.len()).as_bytes()).await?;
                Ok(End::Cut)
            }
            _ => {
                line.send(format!("zz\r\n{body}\r\n{LAST_CHUNK}").as_bytes()).await?;
                Ok(End::Cut)
            }
        }
    }
}
