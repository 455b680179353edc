//! Fourth stage: the ladder of the model that was asked for. Whether a rung can serve is asked
//! when its turn comes, so that a healthy first choice costs no questions about the others.

use std::sync::Arc;

use clock::Tick;
use dialects::RefusalKind;
use domain::Request;
use resilience::Found;

use crate::Lineup;
use crate::admit::Admitted;
use crate::receipt::Ticket;
use crate::receive::{quoted, refusal};
use crate::reply::TurnedAway;

/// A request with its ladder and its deadline.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) request: Arc<Request>,
    pub(crate) ticket: Ticket,
    pub(crate) ladder: Found,
    pub(crate) deadline: Tick,
}

/// Finds the ladder.
pub(crate) fn plan(lineup: &Lineup, admitted: Admitted) -> Result<Planned, Box<TurnedAway>> {
    let Admitted { request, ticket } = admitted;
    let Some(ladder) = lineup.ladders.find(&request.outline.model) else {
        let text = format!(
            "the model {} does not exist here; GET /v1/models lists those that do",
            quoted(&request.outline.model)
        );
        let mut refusal = refusal(404, RefusalKind::ModelNotFound, text);
        refusal.param = Some("model");
        return Err(TurnedAway::by_us(ticket, request.dialect, refusal, "model_not_found"));
    };
    let total = std::time::Duration::from_millis(ladder.clocks.total_ms_max);
    let deadline = ticket.view().started + total;
    Ok(Planned { request, ticket, ladder, deadline })
}
