//! Second stage: the outline of the request, read from its bytes.

use std::sync::Arc;

use dialects::{Ask, RefusalKind};
use domain::Request;

use crate::receipt::Ticket;
use crate::receive::{Received, refusal};
use crate::reply::TurnedAway;

/// A request whose outline is known.
#[derive(Debug)]
pub(crate) struct Understood {
    pub(crate) request: Arc<Request>,
    pub(crate) ticket: Ticket,
}

/// Reads the outline in the caller's dialect.
pub(crate) fn understand(received: Received) -> Result<Understood, Box<TurnedAway>> {
    let Received { asked, passed, again, body, mut ticket } = received;
    let ask = Ask {
        operation: asked.operation,
        body: &body,
        model_in_path: asked.model_in_path.as_deref(),
        stream_in_path: asked.stream_in_path,
    };
    match dialects::of(asked.dialect).read_outline(&ask) {
        Ok(outline) => {
            let mut request = Request::new(asked.dialect, body, outline);
            request.operation = asked.operation;
            request.framing = asked.framing;
            request.passed = passed;
            request.again = again;
            ticket.set_request(&request);
            Ok(Understood { request: Arc::new(request), ticket })
        }
        Err(malformed) => {
            let mut refusal = refusal(400, RefusalKind::InvalidRequest, malformed.message);
            refusal.param = malformed.param;
            Err(TurnedAway::by_us(ticket, asked.dialect, refusal, "malformed"))
        }
    }
}
