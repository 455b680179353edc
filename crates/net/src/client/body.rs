//! The body of an answer, which carries its connection and drives it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::h1::H1;
use super::h2::Slot;
use super::pool::{self, Home};

/// An answer's body. A connection whose answer was read to its end goes back to the pool when the
/// body is dropped; any other is closed, which cancels the exchange upstream.
pub struct ClientBody {
    body: Incoming,
    carrier: Carrier,
    ended: bool,
}

enum Carrier {
    H1(Option<(Box<H1>, Home)>),
    /// Held so that the count of streams on its connection falls when the body goes.
    H2(#[allow(dead_code, reason = "its drop is its use")] Slot),
}

impl fmt::Debug for ClientBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBody").field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl ClientBody {
    pub(super) fn over_h1(body: Incoming, connection: Box<H1>, home: Home) -> Self {
        Self { body, carrier: Carrier::H1(Some((connection, home))), ended: false }
    }

    pub(super) fn over_h2(body: Incoming, slot: Slot) -> Self {
        Self { body, carrier: Carrier::H2(slot), ended: false }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        if let Carrier::H1(Some((connection, _))) = &mut this.carrier {
            connection.poll_drive(cx);
        }
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) {
            this.ended = true;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        let ended = self.is_end_stream();
        if let Carrier::H1(carried) = &mut self.carrier
            && let Some((connection, home)) = carried.take()
            && ended
        {
            pool::give_back(&home, connection);
        }
    }
}
