//! A stream that broke off after its first words is taken over: the ladder is tried again from
//! there, and what the next provider says is joined to what the caller has. Whether that is right
//! is judged here, and so is what is asked for; where the join is, is found by the splice. Nothing
//! of a provider that tells another answer ever reaches the caller.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use clock::Tick;
use domain::{
    Delta, Event, Fault, FaultClass, Finish, Full, Needs, Operation, Piece, Request, Retry, Target,
};
use resilience::{Found, Manner, NotContinued, Splice};
use tokio::time::Sleep;
use upstream::{Continuation, Pieces, Upstream};

use crate::attempt::{Again, Answered, attempt_again};
use crate::receipt::Ticket;
use crate::told::Story;
use crate::trail::Trail;
use crate::{Gateway, Lineup};

/// While a long text is told again from its beginning, it is compared each time that it has grown
/// by one part in so many, so that the work stays in proportion to its length.
const COMPARED_PARTS: usize = 16;
/// New text that is held while it is not known where it goes on, beyond what was said already.
const HELD_BYTES_MAX: usize = 64 * 1024;
/// How long new text is held at most before its first words are judged, however few they are.
const HELD_TIME_MAX: Duration = Duration::from_secs(3);

/// What a stream that is being relayed must know to be taken over.
pub(crate) struct Origin {
    pub(crate) request: Arc<Request>,
    pub(crate) lineup: Arc<Lineup>,
    pub(crate) ladder: Found,
    pub(crate) trail: Trail,
}

/// How a broken stream may go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the end of the text that was told.
    Continue,
    /// From the beginning: nothing was told that counts.
    Restart,
    /// Not at all, for this reason.
    Stop(&'static str),
}

/// Judges what was told when a stream broke.
pub(crate) fn judge(request: &Request, fault: &Fault, story: &Story) -> Way {
    if fault.class.retry() == Retry::Never || fault.class == FaultClass::Internal {
        return Way::Stop("this fault is none of the provider's");
    }
    if request.operation != Operation::Generate
        || request.outline.needs.contains(Needs::MANY_CHOICES)
    {
        return Way::Stop("several answers cannot be gone on with");
    }
    if story.finished || story.other {
        return Way::Stop("what was told has an end of its own");
    }
    if story.called {
        return Way::Stop("part of a tool call was told");
    }
    match (story.text.is_empty(), request.outline.needs.contains(Needs::JSON_OUTPUT)) {
        (true, _) => Way::Restart,
        (false, true) => Way::Stop("part of a JSON text was told"),
        (false, false) => Way::Continue,
    }
}

/// A stream that broke, with everything that is needed to go on.
pub(crate) struct Broken {
    pub(crate) gateway: Gateway,
    pub(crate) origin: Origin,
    pub(crate) ticket: Ticket,
    pub(crate) story: Story,
    pub(crate) failed: Target,
    /// The class of the break allows the same rung to be tried again.
    pub(crate) same_again: bool,
    pub(crate) deadline: Tick,
}

/// What came of it.
pub(crate) struct TakenOver {
    pub(crate) origin: Origin,
    pub(crate) ticket: Ticket,
    /// The new answer, joined to the old; `None` if nobody could go on.
    pub(crate) answered: Option<Answered>,
}

/// Tries the rest of the ladder.
pub(crate) async fn take_over(broken: Broken) -> TakenOver {
    let Broken { gateway, mut origin, ticket, story, failed, same_again, deadline } = broken;
    let lineup = origin.lineup.clone();
    let tries = u32::try_from(ticket.view().attempts.len()).unwrap_or(u32::MAX);
    if tries >= lineup.failover.attempts_max {
        return TakenOver { origin, ticket, answered: None };
    }
    let ladder = rest_of_ladder(&lineup, &origin.ladder, &failed, same_again);
    let again = Again {
        request: origin.request.clone(),
        ticket,
        trail: std::mem::take(&mut origin.trail),
        ladder,
        deadline,
        tries,
        going_on: GoingOn::new(&story),
    };
    let (answered, mut ticket, trail) = attempt_again(&gateway, &lineup, again).await;
    origin.trail = trail;
    if let Some(answered) = &answered {
        let target = &answered.claim.rung.target;
        let steps = origin.ladder.steps.iter();
        let step = steps.enumerate().find(|(_, step)| step.contains(target));
        let is_reserve =
            lineup.upstreams.get(&*target.provider).is_some_and(|upstream| upstream.is_reserve());
        ticket.served_by(target.clone(), step.map_or(0, |(step, _)| step), is_reserve);
    }
    TakenOver { origin, ticket, answered }
}

/// The rungs that may go on: the failed one's equals, those below, and at last itself if its fault
/// may pass. The reserve comes last of all.
fn rest_of_ladder(lineup: &Lineup, ladder: &Found, failed: &Target, same_again: bool) -> Found {
    let at = ladder.steps.iter().position(|step| step.contains(failed)).unwrap_or(0);
    let mut steps: Vec<Box<[Target]>> = Vec::new();
    for step in ladder.steps.iter().skip(at) {
        let others: Box<[Target]> = step.iter().filter(|rung| *rung != failed).cloned().collect();
        if !others.is_empty() {
            steps.push(others);
        }
    }
    if same_again {
        let is_reserve = |step: &[Target]| {
            step.iter().all(|rung| {
                lineup.upstreams.get(&*rung.provider).is_some_and(|rung| rung.is_reserve())
            })
        };
        let place = steps.iter().position(|step| is_reserve(step)).unwrap_or(steps.len());
        steps.insert(place, Box::from([failed.clone()]));
    }
    Found { steps: steps.into(), ..ladder.clone() }
}

/// What is asked of a rung that is to go on, from rung to rung.
#[derive(Debug)]
pub(crate) struct GoingOn {
    /// Empty for a restart.
    said: Arc<str>,
    /// Rungs that refused a prefill.
    prefill_refused: Vec<Target>,
}

impl GoingOn {
    fn new(story: &Story) -> Self {
        Self { said: Arc::from(story.text.as_str()), prefill_refused: Vec::new() }
    }

    /// What `target` is asked; `None` for a restart.
    pub(crate) fn ask(
        &self,
        upstream: &dyn Upstream,
        target: &Target,
        request: &Request,
    ) -> Option<Arc<Continuation>> {
        if self.said.is_empty() {
            return None;
        }
        let manner = self.manner(upstream, target, request);
        Some(Arc::new(Continuation { said: Box::from(&*self.said), manner }))
    }

    /// Prefill is asked of models that are known to take it. A user's turn serves everywhere, and
    /// models that think take no prefill.
    fn manner(&self, upstream: &dyn Upstream, target: &Target, request: &Request) -> Manner {
        let card = upstream.card(&target.model);
        let takes = card.is_some_and(|card| card.continues_prefill == Some(true));
        let thinks = request.outline.needs.contains(Needs::REASONING)
            || matches!(
                request.full_if_read(),
                Some(Full::Conversation(asked)) if asked.reasoning.effort.is_some()
                    || asked.reasoning.budget_tokens.is_some()
            );
        let refused = self.prefill_refused.contains(target);
        if takes && !thinks && !refused { Manner::Prefill } else { Manner::UserTurn }
    }

    /// The rung refused what was asked. True if it is to be asked once more, in a user's turn.
    pub(crate) fn was_refused(
        &mut self,
        target: &Target,
        asked: Option<Manner>,
        fault: &Fault,
    ) -> bool {
        let again = fault.class == FaultClass::CallerFault
            && asked == Some(Manner::Prefill)
            && !self.prefill_refused.contains(target);
        if again {
            self.prefill_refused.push(target.clone());
        }
        again
    }
}

/// The first provider took the request, so a second one that refuses it as faulty refuses the
/// continuation. That is nothing to tell the caller, and no reason to ask no further.
pub(crate) fn reclass(fault: Fault) -> Fault {
    match fault.class {
        FaultClass::CallerFault => Fault { class: FaultClass::Unfit, relayable: None, ..fault },
        _ => fault,
    }
}

/// The clocks of a join.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JoinClocks {
    /// To the first content, from now.
    pub(crate) first: Duration,
    /// Between two pieces of content.
    pub(crate) gap: Duration,
}

/// Reads the new answer until it is known where it goes on with the old one. What was held begins
/// there.
pub(crate) async fn until_joined(
    mut pieces: Pieces,
    continuation: &Continuation,
    clocks: JoinClocks,
) -> Result<(VecDeque<Piece>, Pieces), Fault> {
    let mut join = Join::new(continuation);
    let mut left = clocks.first;
    let mut hold: Option<Pin<Box<Sleep>>> = None;
    loop {
        let next = poll_fn(|cx| match pieces.as_mut().poll_next(cx) {
            Poll::Ready(piece) => Poll::Ready(Some(piece)),
            Poll::Pending => match &mut hold {
                Some(hold) => hold.as_mut().poll(cx).map(|()| None),
                None => Poll::Pending,
            },
        });
        let joined = match tokio::time::timeout(left, next).await {
            Ok(Some(Some(piece))) => {
                let Piece::Native(event) = piece? else {
                    return Err(Fault::new(FaultClass::Internal, "native events were asked for"));
                };
                if event.sight().content_deltas > 0 {
                    if !join.any {
                        hold = Some(Box::pin(tokio::time::sleep(HELD_TIME_MAX)));
                    }
                    left = clocks.gap;
                }
                join.take(event)?
            }
            Ok(Some(None)) => {
                return Err(Fault::new(FaultClass::Cut, "it ended before it was joined"));
            }
            Ok(None) => {
                hold = None;
                join.decide()?
            }
            Err(_) if join.any => {
                return Err(Fault::new(FaultClass::Stalled, "no content within the gap allowed"));
            }
            Err(_) => return Err(Fault::new(FaultClass::SlowFirstToken, "no content in time")),
        };
        if joined {
            tracing::debug!(why = join.splice.why(), "joined");
            return Ok((join.held, pieces));
        }
    }
}

/// One join in progress.
struct Join {
    splice: Splice,
    said_bytes: usize,
    /// New text that was not compared yet, and how much was.
    fresh: String,
    compared: usize,
    held: VecDeque<Piece>,
    /// Some content came.
    any: bool,
}

impl Join {
    fn new(continuation: &Continuation) -> Self {
        Self {
            splice: Splice::new(&continuation.said, continuation.manner),
            said_bytes: continuation.said.len(),
            fresh: String::new(),
            compared: 0,
            held: VecDeque::new(),
            any: false,
        }
    }

    /// True once it is joined.
    fn take(&mut self, event: Event) -> Result<bool, Fault> {
        match event {
            Event::Delta { choice: 0, delta: Delta::Text(text) } => {
                self.any = true;
                self.fresh.push_str(&text);
                let total = self.compared + self.fresh.len();
                if total > self.said_bytes.saturating_mul(2) + HELD_BYTES_MAX {
                    return Err(not_continued(NotContinued::AnotherAnswer));
                }
                if self.fresh.len() * COMPARED_PARTS < self.compared {
                    return Ok(false);
                }
                self.compare()
            }
            Event::Delta { delta: Delta::Refusal(_), .. }
            | Event::Finish { finish: Finish::ContentFilter(_) | Finish::Refusal, .. } => {
                Err(Fault::new(FaultClass::Unfit, "it declined to go on"))
            }
            Event::Delta { delta: Delta::ToolCall { .. }, .. } => {
                // The text was complete, and a call follows.
                self.compare()?;
                self.end()?;
                self.held.push_back(Piece::Native(event));
                Ok(true)
            }
            Event::Finish { .. } if !self.any => {
                Err(Fault::new(FaultClass::Empty, "it had nothing to go on with"))
            }
            Event::Finish { .. } => {
                self.compare()?;
                self.end()?;
                self.held.push_back(Piece::Native(event));
                Ok(true)
            }
            Event::Usage(_) | Event::Lost(_) => {
                self.held.push_back(Piece::Native(event));
                Ok(false)
            }
            Event::Delta { .. } | Event::Start { .. } | Event::Ping => Ok(false),
        }
    }

    /// No more is waited for.
    fn decide(&mut self) -> Result<bool, Fault> {
        self.compare()?;
        let rest = self.splice.decide().map_err(not_continued)?;
        self.say(rest);
        Ok(self.splice.is_joined())
    }

    fn compare(&mut self) -> Result<bool, Fault> {
        let fresh = std::mem::take(&mut self.fresh);
        self.compared += fresh.len();
        let rest = self.splice.push(&fresh).map_err(not_continued)?;
        self.say(rest);
        Ok(self.splice.is_joined())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let rest = self.splice.end().map_err(not_continued)?;
        self.say(rest);
        Ok(())
    }

    fn say(&mut self, text: String) {
        if !text.is_empty() {
            self.held.push_back(Piece::Native(Event::text(text)));
        }
    }
}

/// It is no ill health of a provider's to tell another answer.
fn not_continued(why: NotContinued) -> Fault {
    Fault::new(FaultClass::Unfit, why.to_string())
}

/// The line that tells a caller who reads the bytes. Names may hold anything, and a line feed
/// would end the comment.
pub(crate) fn mark(from: &Target, to: &Target, after_chars: usize) -> String {
    let tame = |target: &Target| -> String {
        let text = target.to_string();
        text.chars().filter(char::is_ascii_graphic).take(200).collect()
    };
    format!(": seawall takeover from={} to={} after_chars={after_chars}\n\n", tame(from), tame(to))
}
