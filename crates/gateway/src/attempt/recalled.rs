//! The rung of answers that were given before: asked first of all if the operator wants that, and
//! after the last provider, before the reserve, in an outage. It costs no attempt and no budget, and
//! no stream is gone on with from it.

use std::sync::Arc;

use domain::{Blame, Operation, Retry, Target};
use resilience::PaceSettings;

use super::call::Start;
use super::{Answered, Climb};
use crate::recall::{Question, RECALL, Recalled, When};
use crate::rung::{Rung, RungSettings, Standing, Wish};

impl Climb<'_> {
    /// An answer that the same caller was given to the same request.
    pub(super) async fn recall(&mut self, when: When) -> Option<Answered> {
        let age_max = self.lineup.recall.age_max(when)?;
        if self.going_on.is_some() || (when == When::Outage && !self.is_outage()) {
            return None;
        }
        let shared = &self.gateway.shared;
        let now = shared.clock.now();
        let caller = self.ticket.view().caller.as_deref();
        let question = Question::of(caller, &self.ladder.pattern, &self.request);
        let (finished, age) = shared.recall.find(&question, now, age_max)?;
        if self.request.operation == Operation::Embed {
            // The form in which the caller wants vectors stands in the full form.
            let _read =
                self.request.full(|asked| dialects::of(asked.dialect).read_full(asked)).ok()?;
        }
        let recalled = Recalled::new(finished, age);
        let target = Target::new(RECALL, recalled.given_by().model.clone());
        let settings = RungSettings {
            breaker: self.lineup.breaker,
            pace: PaceSettings { enabled: false, ..self.lineup.pace },
            first_token_ms_max: self.ladder.clocks.first_token_ms_max,
        };
        let rung = Arc::new(Rung::new(
            target.clone(),
            1,
            settings,
            (shared.rooms.clone(), Arc::default()),
        ));
        let standing = Standing { spilled: false, another: false, pressed: false };
        let wish = Wish { now, spent: &[], take: self.take, standing };
        let claim = rung.claim(&wish, self.gateway.dice()).ok()?;
        let called = Box::pin(self.call_under_clocks(&claim, &recalled, (now, None))).await;
        let Ok((head, Start::Began(began), losses)) = called else { return None };
        self.trail.recalled(recalled.given_by(), age);
        self.ticket.recalled(target, self.step, age);
        Some(Answered { claim, head, began, losses, started: now })
    }

    /// A provider failed or was passed over, and what was said of it is not the caller's to mend.
    fn is_outage(&self) -> bool {
        let faults = &self.trail.faults;
        faults.iter().any(|fault| fault.class.blame() == Blame::Upstream)
            && faults.iter().all(|fault| fault.class.retry() != Retry::Never)
    }
}
