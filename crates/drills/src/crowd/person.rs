//! One who asks: a conversation of some turns, each sent as the official SDKs send it, who waits as
//! long as people wait and tells the books what came of it.

use std::sync::Arc;
use std::time::Duration;

use clock::Dice;
use tokio::time::Instant;

use super::tongue::Question;
use super::wire::{Ask, End, Lines, Reply, Target};
use super::{Size, exponential, naive};
use crate::provider::{Asker, Capacity, Work};
use crate::replay::VirtualClock;
use crate::scenario::Crowd;
use crate::score::{Books, Outcome, Story};
use crate::wall::Dialect;

/// The SDKs' first pause and their longest.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// A longer `Retry-After` is not obeyed but replaced by their own pause.
const RETRY_AFTER_S_MAX: f64 = 60.0;

/// Which way requests go.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    /// One provider, and the SDK's own retries.
    Single(Target),
    /// The instant fallback over all of them.
    Naive(Vec<Target>),
    /// Through the whole product.
    Gateway,
}

/// What all people of one run share.
#[derive(Debug, Clone)]
pub(crate) struct People {
    pub(crate) lines: Lines,
    pub(crate) route: Route,
    /// The model's name, by route.
    pub(crate) model: String,
    /// By which the work of a request is measured.
    pub(crate) measure: Capacity,
    pub(crate) books: Books,
    pub(crate) clock: VirtualClock,
    /// Nothing begins after it.
    pub(crate) until: Duration,
}

/// One conversation.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) crowd: Arc<Crowd>,
    pub(crate) number: u64,
    pub(crate) size: Size,
    pub(crate) dice: Dice,
}

impl People {
    pub(crate) fn new(
        network: crate::replay::Network,
        (route, model, measure): (Route, String, Capacity),
        books: Books,
        (clock, until): (VirtualClock, Duration),
    ) -> Self {
        Self { lines: Lines::new(network), route, model, measure, books, clock, until }
    }

    /// Speaks from the first turn to the last, or to the first that is not answered.
    pub(crate) async fn converse(self, mut conversation: Conversation) {
        let crowd = conversation.crowd.clone();
        let dialect = dialect_of(&crowd, &mut conversation.dice);
        for turn in 0..crowd.turns {
            if turn > 0 {
                let think = exponential(&mut conversation.dice, crowd.think.as_secs_f64());
                tokio::time::sleep(Duration::from_secs_f64(think)).await;
                if self.clock.elapsed() >= self.until {
                    return;
                }
                let Size { input_tokens, output_tokens } = conversation.size;
                let grown = input_tokens.saturating_add(output_tokens).saturating_add(40);
                conversation.size.input_tokens = grown.min(100_000);
            }
            // Crowds differ in their turns, and no two requests may have one number.
            let id = (conversation.number << u32::BITS) | u64::from(turn);
            if !self.ask(&mut conversation, id, dialect).await {
                return;
            }
        }
    }

    /// One request with the SDK's retries; true if it was answered.
    async fn ask(&self, conversation: &mut Conversation, id: u64, dialect: Dialect) -> bool {
        let Conversation { crowd, size, dice, .. } = conversation;
        let began = self.clock.tick();
        let stream = dice.fraction() < crowd.stream_share;
        let hangs_up = stream && dice.fraction() < crowd.hang_up_share;
        self.books.begin(began, self.work_of(*size));
        let mut waited = false;
        let mut told_wait = false;
        let mut round = 0;
        let reply = loop {
            let now = now();
            let ask = Ask {
                target: &Target::Gateway,
                tenant: &crowd.tenant,
                dialect,
                question: Question {
                    model: &self.model,
                    size: *size,
                    stream,
                    asker: Asker { request: id, round },
                },
                patience_until: now + crowd.patience,
                total_until: now + crowd.total,
                hangs_up,
            };
            let reply = self.send(&ask, dice).await;
            waited |= reply.has_waited();
            if told_wait {
                self.books.waited_as_told(reply.end == End::Complete);
            }
            if round >= crowd.retries || !is_retried(&reply) {
                break reply;
            }
            told_wait = reply.retry_after_s.is_some_and(obeyed);
            tokio::time::sleep(pause(round, reply.retry_after_s, dice)).await;
            round += 1;
        };
        let complete = reply.end == End::Complete;
        self.books.end(self.story(id, began, (&reply, round, waited), crowd));
        complete
    }

    fn work_of(&self, size: Size) -> f64 {
        self.measure.slot_seconds(&Work {
            input_tokens: size.input_tokens,
            output_tokens: size.output_tokens,
            step_tokens: u32::MAX,
        })
    }

    async fn send(&self, ask: &Ask<'_>, dice: &mut Dice) -> Reply {
        let now = now();
        match &self.route {
            Route::Gateway => self.lines.send(ask, now).await,
            Route::Single(target) => {
                let reply = self.lines.send(&Ask { target, ..*ask }, now).await;
                let Target::Provider { name, .. } = target else {
                    return reply;
                };
                Reply { served_by: Some(name.clone()), ..reply }
            }
            Route::Naive(ladder) => naive::send(&self.lines, ladder, ask, dice).await,
        }
    }

    fn story(
        &self,
        id: u64,
        began: clock::Tick,
        (reply, round, waited): (&Reply, u32, bool),
        crowd: &Crowd,
    ) -> Story {
        let first_word =
            reply.first_word.map(|at| self.clock.elapsed() - now().saturating_duration_since(at));
        Story {
            id,
            began,
            ended: self.clock.tick(),
            outcome: match reply.end {
                End::Complete => Outcome::Answered,
                End::Refused => Outcome::Refused(reply.status),
                End::Cut => Outcome::Cut,
                End::Broken => Outcome::Failed,
                End::TooSlow => Outcome::GaveUp,
                End::HungUp => Outcome::HungUp,
            },
            first_word: first_word
                .map(|at| at.saturating_sub(Duration::from_nanos(began.as_nanos()))),
            served_by: reply.served_by.clone(),
            why: reply.why.clone(),
            rounds: round + 1,
            takeovers: reply.takeovers,
            waited,
            tenant: crowd.tenant.clone(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the paused time of the drill's runtime")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// What the official SDKs send again: 408, 409, 429, 5xx, broken connections, and time-outs.
fn is_retried(reply: &Reply) -> bool {
    let status = match reply.end {
        End::Refused => matches!(reply.status, 408 | 409 | 429 | 500..),
        End::Broken | End::TooSlow => true,
        // What was read of a stream cannot be unread.
        End::Cut | End::Complete | End::HungUp => false,
    };
    status && reply.may_retry
}

fn obeyed(retry_after_s: f64) -> bool {
    retry_after_s > 0.0 && retry_after_s <= RETRY_AFTER_S_MAX
}

/// The SDKs' pause before the next try.
pub(super) fn pause(round: u32, retry_after_s: Option<f64>, dice: &mut Dice) -> Duration {
    if let Some(told) = retry_after_s.filter(|told| obeyed(*told)) {
        return Duration::from_secs_f64(told);
    }
    let doubled = PAUSE_MIN.saturating_mul(1 << round.min(10)).min(PAUSE_MAX);
    doubled.mul_f64(1.0 - 0.25 * dice.fraction())
}

/// What a conversation is spoken in. Nothing is thrown where there is nothing to choose.
fn dialect_of(crowd: &Crowd, dice: &mut Dice) -> Dialect {
    let mut left = if crowd.dialects.len() > 1 { dice.fraction() } else { 0.0 };
    let mut spoken = domain::Dialect::OpenAiChat;
    for (dialect, share) in &crowd.dialects {
        spoken = *dialect;
        if left < *share {
            break;
        }
        left -= share;
    }
    match spoken {
        domain::Dialect::OpenAiChat => Dialect::Chat,
        domain::Dialect::OpenAiResponses => Dialect::Responses,
        domain::Dialect::Anthropic => Dialect::Messages,
        domain::Dialect::Gemini => Dialect::Gemini,
    }
}
