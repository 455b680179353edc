//! The part of an attempt that tries one rung: its keys, and a second try where a fault allows it. A
//! call whose stream stays without content is left here and gone on with, so that its caller can
//! hear from us meanwhile. Which rung is tried, and what one call is, is settled elsewhere.

use std::sync::Arc;

use domain::Fault;
use resilience::Next;
use upstream::Upstream;

use super::call::{Came, Silent};
use super::{Answered, Climb, NotYet, Onward};
use crate::rung::{Rung, Standing, Wish};
use crate::takeover;

/// How far one rung was tried.
pub(super) struct Tries {
    spent_keys: Vec<u16>,
    count: u32,
    /// The first try, and the one in other words, are no repetitions.
    anew: bool,
}

/// A call whose caller is to hear from us before its first content, and all that is needed to go on
/// with it.
pub(super) struct HeldCall {
    silent: Silent,
    standing: Standing,
    tries: Tries,
}

impl Climb<'_> {
    /// Everything that one rung is good for.
    pub(super) async fn try_rung(
        &mut self,
        rung: &Arc<Rung>,
        upstream: &dyn Upstream,
        standing: Standing,
    ) -> Result<Answered, Onward> {
        if let Some((class, reason)) = self.cannot_serve(rung, upstream) {
            self.trail.skipped(&rung.target, class, &reason);
            self.given_up.push(rung.target.clone());
            return Err(Onward::NextRung);
        }
        let tries = Tries { spent_keys: Vec::new(), count: 0, anew: true };
        self.keep_trying((rung, upstream), standing, tries).await
    }

    /// Goes on with a call that was left, and then with its rung; `None` if that gave nothing.
    pub(super) async fn go_on_with(&mut self, call: HeldCall) -> Option<Result<Answered, NotYet>> {
        let HeldCall { silent, standing, mut tries } = call;
        let (rung, key) = (silent.claim.rung.clone(), silent.claim.key);
        let upstream = self.lineup.upstreams.get(&*rung.target.provider).cloned()?;
        let onward = match self.hear_out(silent).await {
            Came::Answer(answered) => return Some(Ok(answered)),
            // It was waited for to its end.
            Came::Silence(_) => return None,
            Came::Fault(fault) => {
                self.after_failed((&rung, &*upstream), (key, fault), &mut tries).await
            }
        };
        let ended = match onward {
            Ok(()) => self.keep_trying((&rung, &*upstream), standing, tries).await,
            Err(onward) => Err(onward),
        };
        match ended {
            Ok(answered) => Some(Ok(answered)),
            Err(Onward::Stop) => Some(Err(NotYet::Exhausted)),
            Err(Onward::NextRung | Onward::Tell(_)) => None,
        }
    }

    async fn keep_trying(
        &mut self,
        (rung, upstream): (&Arc<Rung>, &dyn Upstream),
        standing: Standing,
        mut tries: Tries,
    ) -> Result<Answered, Onward> {
        loop {
            let now = self.gateway.shared.clock.now();
            // Who was let in is in: what is asked once more is no new guest.
            let spilled = standing.spilled && tries.count == 0;
            let standing = Standing { spilled, ..standing };
            let wish = Wish { now, spent: &tries.spent_keys, take: self.take, standing };
            let claim = match rung.claim(&wish, self.gateway.dice()) {
                Ok(claim) => claim,
                Err(held) => {
                    self.passed_over(rung, held, now);
                    return Err(Onward::NextRung);
                }
            };
            let first = if tries.count == 0 { !self.has_asked(&rung.target) } else { tries.anew };
            if !self.pay_for_try(rung, first, now) {
                claim.unsent(now);
                self.trail.budget_is_spent();
                self.given_up.push(rung.target.clone());
                return Err(Onward::NextRung);
            }
            self.went_in(now);
            let key = claim.key;
            let fault = match self.call(claim, upstream).await {
                Came::Answer(answered) => return Ok(answered),
                Came::Silence(silent) => {
                    let call = HeldCall { silent, standing, tries };
                    return Err(Onward::Tell(Box::new(call)));
                }
                Came::Fault(fault) => fault,
            };
            self.after_failed((rung, upstream), (key, fault), &mut tries).await?;
        }
    }

    /// What follows a failed call: another one on this rung, after a pause if that is right, or
    /// something else.
    async fn after_failed(
        &mut self,
        (rung, upstream): (&Rung, &dyn Upstream),
        (key, fault): (u16, Fault),
        tries: &mut Tries,
    ) -> Result<(), Onward> {
        tries.count += 1;
        tries.anew = self.asks_without_proofs(rung, &fault);
        if tries.anew || self.asks_otherwise(rung, upstream, &fault) {
            return Ok(());
        }
        let fault = if self.going_on.is_some() { takeover::reclass(fault) } else { fault };
        let other_key = tries.spent_keys.len() + 1 < rung.key_count();
        let decision = self.after_fault(rung, &fault, (tries.count, other_key));
        self.trail.failed(&rung.target, fault, decision.why);
        match decision.next {
            Next::SameRung { pause } => tokio::time::sleep(pause).await,
            Next::NextKey => tries.spent_keys.push(key),
            Next::NextRung => {
                self.given_up.push(rung.target.clone());
                return Err(Onward::NextRung);
            }
            Next::Stop => return Err(Onward::Stop),
        }
        Ok(())
    }
}
