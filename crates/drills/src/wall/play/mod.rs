//! Plays an act on a connection: writes the dialect's script piece by piece, and leaves it where
//! the act says. It knows no scene and no dialect.

mod page;
mod stream;
mod whole;

use std::time::Duration;

pub(crate) use page::show;

use super::answer::Answer;
use super::decide::{Act, Play};
use super::dialect::{Refused, Script};
use super::http::{Gone, Line, answer_head};
use super::ledger::{End, Sent};
use super::wire::Wire;

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
