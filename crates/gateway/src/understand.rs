//! Second stage: the outline of the request, read from its bytes.

use std::sync::Arc;

use dialects::{RefusalKind, openai_chat};
use domain::{Dialect, Request};

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
    let Received { dialect, body, mut ticket } = received;
    let outline = match dialect {
        Dialect::OpenAiChat => openai_chat::read_outline(&body),
    };
    match outline {
        Ok(outline) => {
            let request = Arc::new(Request { dialect, body, outline });
            ticket.set_request(&request);
            Ok(Understood { request, ticket })
        }
        Err(malformed) => {
            let mut refusal = refusal(400, RefusalKind::InvalidRequest, malformed.to_string());
            refusal.param = malformed.param;
            Err(TurnedAway::by_us(ticket, dialect, refusal, "malformed"))
        }
    }
}
