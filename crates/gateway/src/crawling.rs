//! Whether a stream that crawls is given up for another rung's. It still answers, so that it is only
//! where its text can be gone on with and somebody else is at ease. How it is taken over is the same
//! as for one that broke off.

use domain::{Fault, Target};

use crate::Gateway;
use crate::takeover::{self, Origin, Way};
use crate::told::Story;

/// True if another rung should go on with what was told.
pub(crate) fn may_move_on(
    gateway: &Gateway,
    origin: &Origin,
    (from, tries): (&Target, usize),
    fault: &Fault,
    story: &Story,
) -> bool {
    let failover = &origin.lineup.failover;
    let left = u32::try_from(tries).is_ok_and(|tries| tries < failover.attempts_max);
    let way = takeover::judge(&origin.request, fault, story);
    if !failover.takeover || !left || matches!(way, Way::Stop(_)) {
        return false;
    }
    let now = gateway.shared.clock.now();
    let mut others = origin.ladder.steps.iter().flatten().filter(|target| *target != from);
    others.any(|target| {
        let upstream = origin.lineup.upstreams.get(&*target.provider);
        let serves = upstream.is_some_and(|upstream| {
            !upstream.is_reserve() && upstream.unfit(&target.model, &origin.request).is_none()
        });
        // One that nobody asked yet has nothing to do.
        let known = gateway.shared.routes.known(target);
        serves && known.is_none_or(|rung| rung.ease(now).is_at_ease())
    })
}
