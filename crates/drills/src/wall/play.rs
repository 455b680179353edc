//! Carries out what a model name stands for: which act follows from the scene, and how the act
//! is played on a connection.

use std::time::Duration;

use serde_json::json;

use super::answer::{Answer, Envelope};
use super::catalogue::Scene;
use super::http::{Gone, LAST_CHUNK, Line, answer_head, chunk};
use super::ledger::{End, Sent};
use super::timing::Timings;
use super::wire::Wire;

/// S08 and S14 cut after so many pieces.
const CUT_AFTER: usize = 40;
/// S09 stalls after so many.
const STALL_AFTER: usize = 20;
/// S10 puts its malformed event before this piece; with the opening event it is the tenth.
const MALFORMED_BEFORE: usize = 8;

/// What is done with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    Answer(Play),
    Refuse(Refusal),
    /// Not a byte for so long, then the connection closes.
    Silence(Duration),
    Reset,
}

/// How an answer is given; the default is a healthy one without any wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Play {
    /// Before the first piece of a stream.
    first_wait: Duration,
    /// Between the head and the body of an answer that is not streamed.
    whole_wait: Duration,
    /// Between two pieces of a stream.
    between: Duration,
    /// The answer breaks off after so many pieces.
    break_after: Option<usize>,
    /// And the connection stays open for so long before it closes.
    stall: Duration,
    malformed: bool,
    done_mark: bool,
}

impl Play {
    fn healthy(between: Duration) -> Self {
        Self {
            first_wait: Duration::ZERO,
            whole_wait: Duration::ZERO,
            between,
            break_after: None,
            stall: Duration::ZERO,
            malformed: false,
            done_mark: true,
        }
    }
}

/// An error answer in OpenAI's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    kind: &'static str,
    code: &'static str,
    message: &'static str,
    retry_after_s: Option<u32>,
}

impl Refusal {
    pub(crate) const fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        let kind = match status {
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        Self { status, kind, code, message, retry_after_s: None }
    }

    fn body(&self) -> String {
        let Self { kind, code, message, .. } = self;
        json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
            .to_string()
    }
}

const RATE_LIMITED: Refusal =
    Refusal::new(429, "rate_limit_exceeded", "Too many requests; the wall says so on purpose.");
const SERVER_ERROR: Refusal =
    Refusal::new(500, "server_error", "The server had an error; the wall makes it on purpose.");
const OVERLOADED: Refusal =
    Refusal::new(503, "overloaded", "The model is overloaded; the wall says so on purpose.");
const TOO_LONG: Refusal = Refusal::new(
    400,
    "context_length_exceeded",
    "This model's maximum context length is 16 tokens; the wall says so on purpose.",
);
const FILTERED: Refusal = Refusal::new(
    400,
    "content_policy_violation",
    "The request was refused by the content policy; the wall says so on purpose.",
);
const NO_PREFILL: Refusal = Refusal::new(
    400,
    "invalid_prefill",
    "This model does not support a prefill: the last message must not be the assistant's.",
);
pub(crate) const BAD_KEY: Refusal =
    Refusal::new(401, "invalid_api_key", "Incorrect API key provided.");
pub(crate) const UNKNOWN_MODEL: Refusal =
    Refusal::new(404, "model_not_found", "The wall knows no such model; see GET /v1/models.");

/// The circumstances of one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances {
    /// How often the model was asked for before.
    pub(crate) earlier: u32,
    pub(crate) since_reset: Duration,
    /// Whether the request ends with an assistant turn.
    pub(crate) prefilled: bool,
    /// Whether the wall expects a key and the request has it.
    pub(crate) key_matched: bool,
}

/// The act that a scene plays in these circumstances.
pub(crate) fn decide(scene: Scene, case: Circumstances, timings: &Timings) -> Act {
    let healthy = Play::healthy(timings.between);
    let first = case.earlier == 0;
    match scene {
        Scene::DeadKey if !case.key_matched => Act::Refuse(BAD_KEY),
        Scene::NoPrefill if case.prefilled => Act::Refuse(NO_PREFILL),
        Scene::Slow => Act::Answer(Play {
            whole_wait: timings.slow_between * 30,
            ..Play::healthy(timings.slow_between)
        }),
        Scene::S01 if first => {
            let retry_after_s = Some(timings.retry_after_s);
            Act::Refuse(Refusal { retry_after_s, ..RATE_LIMITED })
        }
        Scene::S02 => Act::Refuse(RATE_LIMITED),
        Scene::S03 if first => Act::Refuse(SERVER_ERROR),
        Scene::S04 | Scene::S16 => Act::Refuse(OVERLOADED),
        Scene::S05 if first => Act::Reset,
        Scene::S06 => Act::Silence(timings.silence),
        Scene::S07 => Act::Answer(Play {
            first_wait: timings.first_token,
            whole_wait: timings.first_token,
            ..healthy
        }),
        Scene::S08 | Scene::S14 => Act::Answer(Play { break_after: Some(CUT_AFTER), ..healthy }),
        Scene::S09 => {
            Act::Answer(Play { break_after: Some(STALL_AFTER), stall: timings.stall, ..healthy })
        }
        Scene::S10 => Act::Answer(Play { malformed: true, ..healthy }),
        Scene::S11 => Act::Answer(Play { done_mark: false, ..healthy }),
        Scene::S12 => Act::Refuse(TOO_LONG),
        Scene::S13 => Act::Refuse(FILTERED),
        Scene::S15 if case.since_reset < timings.down => Act::Refuse(OVERLOADED),
        _ => Act::Answer(healthy),
    }
}

/// A request's answer on its way.
#[derive(Debug)]
pub(crate) struct Performance<'a> {
    pub(crate) envelope: &'a Envelope,
    pub(crate) answer: &'a Answer,
    pub(crate) stream: bool,
}

impl Performance<'_> {
    /// Plays an act; `sent` tells how far it came, also when the client left.
    pub(crate) async fn play<S: Wire>(
        &self,
        line: &mut Line<S>,
        act: &Act,
        sent: &mut Sent,
    ) -> Result<End, Gone> {
        match act {
            Act::Refuse(refusal) => refuse(line, *refusal, sent).await,
            Act::Silence(span) => {
                line.pause(*span).await?;
                Ok(End::Silent)
            }
            Act::Reset => Ok(End::Reset),
            Act::Answer(play) if self.stream => self.stream(line, play, sent).await,
            Act::Answer(play) => self.whole(line, play, sent).await,
        }
    }

    async fn stream<S: Wire>(
        &self,
        line: &mut Line<S>,
        play: &Play,
        sent: &mut Sent,
    ) -> Result<End, Gone> {
        let more = format!("cache-control: no-cache\r\nx-request-id: {}\r\n", self.envelope.id);
        let mut start = answer_head(200, "text/event-stream", None, &more);
        start.push_str(&chunk(&self.envelope.opening()));
        line.send(start.as_bytes()).await?;
        sent.status = Some(200);
        line.pause(play.first_wait).await?;
        for (index, piece) in self.answer.pieces.iter().enumerate() {
            if play.break_after == Some(index) {
                return break_off(line, play).await;
            }
            if play.malformed && index == MALFORMED_BEFORE {
                line.send(chunk(&self.envelope.malformed()).as_bytes()).await?;
            }
            if index > 0 {
                line.pause(play.between).await?;
            }
            line.send(chunk(&self.envelope.piece(piece)).as_bytes()).await?;
            sent.pieces = index + 1;
        }
        let mut end = chunk(&self.envelope.closing(self.answer));
        if play.done_mark {
            end.push_str(&chunk("data: [DONE]\n\n"));
        }
        end.push_str(LAST_CHUNK);
        line.send(end.as_bytes()).await?;
        Ok(End::Finished)
    }

    async fn whole<S: Wire>(
        &self,
        line: &mut Line<S>,
        play: &Play,
        sent: &mut Sent,
    ) -> Result<End, Gone> {
        let body = self.envelope.whole(self.answer);
        let count = self.answer.pieces.len().max(1);
        // A whole body breaks off at the same share of its length as a stream of its pieces.
        let kept = match play.break_after {
            Some(after) => body.len() * after.min(count) / count,
            None => body.len(),
        };
        let said = if play.malformed { body.len() / 2 } else { body.len() };
        let more = format!("x-request-id: {}\r\n", self.envelope.id);
        let head = answer_head(200, "application/json", Some(said), &more);
        line.send(head.as_bytes()).await?;
        sent.status = Some(200);
        line.pause(play.whole_wait).await?;
        line.send(body.as_bytes().get(..kept.min(said)).unwrap_or_default()).await?;
        if kept < said {
            return break_off(line, play).await;
        }
        sent.pieces = self.answer.pieces.len();
        Ok(End::Finished)
    }
}

async fn break_off<S: Wire>(line: &mut Line<S>, play: &Play) -> Result<End, Gone> {
    if play.stall.is_zero() {
        return Ok(End::Cut);
    }
    line.pause(play.stall).await?;
    Ok(End::Stalled)
}

/// Sends an error answer.
pub(crate) async fn refuse<S: Wire>(
    line: &mut Line<S>,
    refusal: Refusal,
    sent: &mut Sent,
) -> Result<End, Gone> {
    let body = refusal.body();
    let more = match refusal.retry_after_s {
        Some(seconds) => format!("retry-after: {seconds}\r\n"),
        None => String::new(),
    };
    let mut answer = answer_head(refusal.status, "application/json", Some(body.len()), &more);
    answer.push_str(&body);
    line.send(answer.as_bytes()).await?;
    sent.status = Some(refusal.status);
    Ok(End::Finished)
}

#[cfg(test)]
mod tests {
    use super::super::timing::Profile;
    use super::*;

    fn act(scene: Scene, earlier: u32, since_reset_ms: u64) -> Act {
        let case = Circumstances {
            earlier,
            since_reset: Duration::from_millis(since_reset_ms),
            prefilled: true,
            key_matched: false,
        };
        decide(scene, case, &Profile::Full.timings())
    }

    #[test]
    fn what_happens_once_happens_once() {
        let healthy = Act::Answer(Play::healthy(Duration::from_millis(15)));
        for scene in [Scene::S01, Scene::S03, Scene::S05] {
            assert_ne!(act(scene, 0, 0), healthy);
            assert_eq!(act(scene, 1, 0), healthy);
        }
        for scene in [Scene::S02, Scene::S04, Scene::S06, Scene::S12, Scene::S13, Scene::S16] {
            assert_ne!(act(scene, 0, 0), healthy);
            assert_eq!(act(scene, 9, 90_000), act(scene, 0, 0));
        }
    }

    #[test]
    fn the_outage_ends_by_time() {
        assert_eq!(act(Scene::S15, 3, 59_999), Act::Refuse(OVERLOADED));
        assert!(matches!(act(Scene::S15, 0, 60_000), Act::Answer(_)));
    }

    #[test]
    fn refusals_depend_on_the_request() {
        assert_eq!(act(Scene::NoPrefill, 0, 0), Act::Refuse(NO_PREFILL));
        assert_eq!(act(Scene::DeadKey, 0, 0), Act::Refuse(BAD_KEY));
        assert!(matches!(act(Scene::Plain, 0, 0), Act::Answer(_)));
    }
}
