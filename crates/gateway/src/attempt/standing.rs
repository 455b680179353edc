//! The part of an attempt in which a request stands in line: what it will take, who it stands for,
//! and what it says of rungs that cannot take it now.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use admission::{Class, NoPlace, Ticket as RoomTicket, Waiter};
use bytes::Bytes;
use clock::{Clock, Tick};
use domain::{Dialect, FaultClass};
use resilience::Take;

use super::Climb;
use crate::rung::{Held, Rung};
use crate::waiting::{Place, Room, Turn};

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

/// What a request may still hope for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hopes {
    /// It may still stand in line.
    pub(super) may_wait: bool,
    /// The earliest instant at which a rung that would be too much now may take it.
    pub(super) held_until: Option<Tick>,
    /// The earliest instant at which a breaker that refuses now may let a call through.
    shut_until: Option<Tick>,
}

impl Hopes {
    pub(super) fn new(may_wait: bool) -> Self {
        Self { may_wait, held_until: None, shut_until: None }
    }

    /// The rungs are about to be asked.
    pub(super) fn none_yet(&mut self) {
        (self.held_until, self.shut_until) = (None, None);
    }

    /// True if waiting may lead to something.
    pub(super) fn any(&self) -> bool {
        self.may_wait && (self.held_until.is_some() || self.shut_until.is_some())
    }

    /// When it makes sense to ask again, if nothing happens until then.
    fn next_look(&self, now: Tick) -> Tick {
        self.held_until.into_iter().chain(self.shut_until).min().unwrap_or(now)
    }

    /// When somebody may be let in, as far as is known.
    fn opens(&self, now: Tick) -> Tick {
        match (self.held_until, self.shut_until) {
            (None, Some(until)) => until.max(now),
            _ => now,
        }
    }
}

/// Shows where somebody stands in line, to whoever tells his caller.
#[derive(Debug, Default)]
pub(crate) struct Sign(Mutex<Option<(Arc<Room>, RoomTicket)>>);

impl Sign {
    fn show(&self, place: Option<(Arc<Room>, RoomTicket)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// What is told now, as a comment of a stream of events.
    pub(crate) fn words(&self, clock: &dyn Clock) -> Bytes {
        let place = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let position = place.and_then(|(room, ticket)| room.position(clock.now(), ticket));
        let Some((ahead, eta)) = position else {
            return Bytes::from_static(b": seawall asking a provider\n\n");
        };
        let eta = eta.map(|eta| format!(" eta_s={:.0}", eta.p80.as_secs_f64().ceil()));
        format!(": seawall waiting position={}{}\n\n", ahead + 1, eta.unwrap_or_default()).into()
    }
}

impl Climb<'_> {
    pub(super) fn others_wait(&self) -> bool {
        let rooms = &self.gateway.shared.rooms;
        rooms.waiting() > 0
            && rooms.known(&self.ladder.pattern).is_some_and(|room| room.is_waited_in())
    }

    /// True if no provider of the ladder lets anybody in now. Then the reserve is asked at once,
    /// whoever stands in line for them.
    pub(super) fn is_shut(&self, now: Tick) -> bool {
        let rungs = self.ladder.steps.iter().flat_map(|step| step.iter());
        let rungs = rungs.filter_map(|target| self.rung(target));
        let mut providers = rungs.filter(|(_, upstream)| !upstream.is_reserve()).peekable();
        providers.peek().is_some() && providers.all(|(rung, _)| rung.is_shut(now))
    }

    /// Stands in line until it is this request's turn, or until waiting is over.
    pub(super) async fn wait(&mut self) {
        let shared = self.gateway.shared.clone();
        let now = shared.clock.now();
        let place = match self.place.take() {
            Some(place) => place,
            None => match self.take_a_place(now) {
                Ok(place) => place,
                Err(no) => {
                    self.trail.not_waited(no.why.as_str(), no.turn);
                    self.hopes.may_wait = false;
                    return;
                }
            },
        };
        match place.turn(&*shared.clock, self.hopes.next_look(now)).await {
            Turn::Try => self.place = Some(place),
            Turn::Over => {
                self.show(None);
                let now = shared.clock.now();
                let turn = place.give_up(now, self.hopes.opens(now), self.gateway.dice());
                if let Some(turn) = turn {
                    self.trail.not_waited("waited in vain", turn);
                }
                self.hopes.may_wait = false;
            }
        }
    }

    fn take_a_place(&self, now: Tick) -> Result<Place, NoPlace> {
        let waiter = Waiter {
            tenant: self.tenant(),
            class: self.class(),
            cost: self.cost(),
            deadline: self.deadline,
            opens: self.hopes.opens(now),
            again: self.request.again,
        };
        let rooms = &self.gateway.shared.rooms;
        let (ladder, settings) = (&*self.ladder.pattern, self.lineup.room);
        let place = rooms.enter(ladder, settings, waiter, (now, self.gateway.dice()))?;
        self.show(Some(place.whereabouts()));
        Ok(place)
    }

    fn show(&self, place: Option<(Arc<Room>, RoomTicket)>) {
        if let Some(sign) = &self.sign {
            sign.show(place);
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
        self.show(None);
        let (waited, room) = place.let_in(now);
        self.ticket.waited(waited, room);
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
                sooner(&mut self.hopes.shut_until, until);
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
                sooner(&mut self.hopes.held_until, until);
                self.trail.wait(millis(until.since(now)));
                self.trail.skipped_once(&rung.target, class, why);
            }
        }
    }
}

fn sooner(known: &mut Option<Tick>, until: Tick) {
    *known = Some(known.map_or(until, |known| known.min(until)));
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A request that has an assistant's turn in it goes on with something that was begun. Read only
/// when somebody must wait, and only as text.
fn class_of(request: &domain::Request) -> Class {
    let role = &b"\"role\""[..];
    let begun: &[(&[u8], &[u8])] = match request.dialect {
        Dialect::Gemini => &[(role, b"\"model\"")],
        Dialect::OpenAiResponses => {
            &[(role, b"\"assistant\""), (b"\"type\"", b"\"function_call_output\"")]
        }
        Dialect::OpenAiChat | Dialect::Anthropic => &[(role, b"\"assistant\"")],
    };
    let begun = begun.iter().any(|(key, value)| says(&request.body, key, value));
    if begun { Class::Continuation } else { Class::Fresh }
}

/// True if some key of a text of JSON has this value. The value alone proves nothing: a model may
/// well be named like a role.
fn says(body: &[u8], key: &[u8], value: &[u8]) -> bool {
    memchr::memmem::find_iter(body, value).any(|at| {
        let before = body.get(..at).unwrap_or_default().trim_ascii_end();
        let key_of = |before: &[u8]| before.trim_ascii_end().ends_with(key);
        before.strip_suffix(b":").is_some_and(key_of)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_told_from_a_name() {
        let chat = |body: &str| says(body.as_bytes(), b"\"role\"", b"\"assistant\"");
        assert!(chat(r#"{"messages":[{"role":"user"},{"role" : "assistant","content":""}]}"#));
        assert!(!chat(
            r#"{"model":"assistant","messages":[{"role":"user","content":"assistant"}]}"#
        ));
        let quoted = r#"{"messages":[{"role":"user","content":"{\"role\":\"assistant\"}"}]}"#;
        assert!(!chat(quoted), "somebody only speaks of it");
        assert!(!chat(r#""assistant""#));
    }
}
