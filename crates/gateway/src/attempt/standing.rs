//! The part of an attempt in which a request stands in line: what it will take, who it stands for,
//! and what it says of rungs that cannot take it now.

use std::sync::Arc;
use std::time::Duration;

use admission::{Class, Waiter};
use clock::Tick;
use domain::{Dialect, FaultClass};
use resilience::Take;

use super::Climb;
use crate::rung::{Held, Rung};
use crate::waiting::Turn;

/// Tokens of a request without a tokenizer, and of its answer where the caller sets no limit: most
/// answers are shorter, and what is not used is given back.
const BYTES_A_TOKEN: u64 = 4;
const OUTPUT_TOKENS_USUAL: u64 = 1_000;

/// What a request will take of a provider's limits.
pub(super) fn take_of(request: &domain::Request) -> Take {
    Take {
        input_tokens: request.body.len() as u64 / BYTES_A_TOKEN,
        output_tokens: request.outline.output_tokens_max.unwrap_or(OUTPUT_TOKENS_USUAL),
    }
}

impl Climb<'_> {
    pub(super) fn others_wait(&self) -> bool {
        let rooms = &self.gateway.shared.rooms;
        rooms.waiting() > 0
            && rooms.known(&self.ladder.pattern).is_some_and(|room| room.is_waited_in())
    }

    /// Stands in line until it is this request's turn, or until waiting is over.
    pub(super) async fn wait(&mut self) {
        let shared = &self.gateway.shared;
        let now = shared.clock.now();
        let place = match self.place.take() {
            Some(place) => place,
            None => {
                let waiter = Waiter {
                    tenant: self.tenant(),
                    class: self.class(),
                    cost: self.cost(),
                    deadline: self.deadline,
                };
                let (ladder, settings) = (&*self.ladder.pattern, self.lineup.room);
                let dice = self.gateway.dice();
                match shared.rooms.enter(ladder, settings, waiter, (now, dice)) {
                    Ok(place) => place,
                    Err(no) => {
                        self.trail.not_waited(no.why.as_str(), no.retry_after);
                        self.may_wait = false;
                        return;
                    }
                }
            }
        };
        let held_until = self.held_until.unwrap_or(now);
        match place.turn(&*shared.clock, held_until).await {
            Turn::Try => self.place = Some(place),
            Turn::Over => {
                let now = shared.clock.now();
                let again = place.retry_after(now, self.gateway.dice());
                self.trail.not_waited("waited in vain", again);
                self.may_wait = false;
            }
        }
    }

    fn class(&self) -> Class {
        if self.going_on.is_some() { Class::Takeover } else { class_of(&self.request) }
    }

    fn tenant(&self) -> Arc<str> {
        self.ticket.view().caller.clone().unwrap_or_else(|| Arc::from("open"))
    }

    fn cost(&self) -> u64 {
        self.take.input_tokens.saturating_add(self.take.output_tokens).max(1)
    }

    /// A place on a rung was claimed: the line moves on.
    pub(super) fn went_in(&mut self, now: Tick) {
        let Some(place) = self.place.take() else {
            if let Some(room) = self.gateway.shared.rooms.known(&self.ladder.pattern) {
                room.passed_by(now, &self.tenant(), self.cost());
            }
            return;
        };
        let waited = place.let_in(now);
        self.ticket.waited(waited);
        self.trail.waited(waited);
    }

    pub(super) fn passed_over(&mut self, rung: &Rung, held: Held, now: Tick) {
        // After a failure on this very rung there is no news in its breaker being open.
        let tried_just_now =
            self.ticket.view().attempts.last().is_some_and(|last| last.target == rung.target);
        match held {
            Held::NoKey if tried_just_now => {}
            Held::NoKey => {
                let reason = "no key is left to try";
                self.trail.skipped(&rung.target, FaultClass::KeyRejected, reason);
                self.given_up.push(rung.target.clone());
            }
            Held::Breaker { until, class } => {
                self.trail.wait(millis(until.since(now)));
                if !tried_just_now {
                    let seconds = until.since(now).as_secs_f64();
                    let why = if rung.is_out() { "outage confirmed, " } else { "" };
                    let reason = format!("{why}breaker open for {seconds:.1} s more");
                    // Whoever limits our rate or our purse still does; all else may have passed.
                    let class = match class {
                        FaultClass::RateLimited | FaultClass::QuotaExhausted => class,
                        _ => FaultClass::Overloaded,
                    };
                    self.trail.skipped_once(&rung.target, class, &reason);
                }
            }
            Held::Paced { until, why, class } => {
                self.held_until = Some(self.held_until.map_or(until, |known| known.min(until)));
                self.trail.wait(millis(until.since(now)));
                self.trail.skipped_once(&rung.target, class, why);
            }
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A request that has an assistant's turn in it goes on with something that was begun. Read only
/// when somebody must wait, and only as text.
fn class_of(request: &domain::Request) -> Class {
    let begun: &[&[u8]] = match request.dialect {
        Dialect::Gemini => &[b"\"model\""],
        Dialect::OpenAiResponses => &[b"\"assistant\"", b"\"function_call_output\""],
        Dialect::OpenAiChat | Dialect::Anthropic => &[b"\"assistant\""],
    };
    let has = |word: &&[u8]| memchr::memmem::find(&request.body, word).is_some();
    if begun.iter().any(has) { Class::Continuation } else { Class::Fresh }
}
