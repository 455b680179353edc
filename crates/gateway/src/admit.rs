//! Third stage: one cap on the requests in flight, whatever they ask for. Who waits for a provider
//! stands in line later, in `attempt`, since only the ladder tells for whom he waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dialects::RefusalKind;
use domain::Request;

use crate::receipt::Ticket;
use crate::receive::refusal;
use crate::reply::TurnedAway;
use crate::understand::Understood;
use crate::{Gateway, Lineup};

/// Seconds after which a caller that found no room may come again.
const RETRY_AFTER_S: u64 = 1;

/// A request that may go on.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) request: Arc<Request>,
    pub(crate) ticket: Ticket,
}

/// Lets the request in, or turns it away at once.
pub(crate) fn admit(
    gateway: &Gateway,
    lineup: &Lineup,
    understood: Understood,
) -> Result<Admitted, Box<TurnedAway>> {
    let Understood { request, ticket } = understood;
    let shared = &gateway.shared;
    // The ticket of this request is counted already.
    if shared.in_flight.load(Ordering::Relaxed) > lineup.caps.in_flight_max {
        let text = format!(
            "{} requests are in flight, which is as many as this gateway takes; come again",
            lineup.caps.in_flight_max
        );
        let mut refusal = refusal(503, RefusalKind::Overloaded, text);
        refusal.retry_after_s = Some(RETRY_AFTER_S);
        return Err(TurnedAway::by_us(ticket, request.dialect, refusal, "in_flight_max"));
    }
    Ok(Admitted { request, ticket })
}
