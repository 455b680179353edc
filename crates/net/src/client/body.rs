//! The body of an answer, which carries its connection and drives it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::AnswerError;
use super::h1::H1;
use super::h2::Slot;
use super::pool::{self, Home};

/// An answer's body. A connection whose answer was read to its end goes back to the pool when the
/// body is dropped; any other is closed, which cancels the exchange upstream.
pub struct ClientBody(Carrier);

enum Carrier {
    /// The connection is there until the drop.
    H1 { connection: Option<Box<H1>>, home: Home },
    /// The slot is held so that the count of streams on its connection falls when the body goes.
    H2 {
        body: Incoming,
        #[allow(dead_code, reason = "its drop is its use")]
        slot: Slot,
    },
}

impl fmt::Debug for ClientBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBody").field("ended", &self.is_end_stream()).finish_non_exhaustive()
    }
}

impl ClientBody {
    pub(super) fn over_h1(connection: Box<H1>, home: Home) -> Self {
        Self(Carrier::H1 { connection: Some(connection), home })
    }

    pub(super) fn over_h2(body: Incoming, slot: Slot) -> Self {
        Self(Carrier::H2 { body, slot })
    }

    /// Whether another frame may be ready now. False spares whoever gathers frames a look that
    /// would be in vain; it says nothing of the end.
    pub fn may_have_more(&self) -> bool {
        match &self.0 {
            Carrier::H1 { connection, .. } => {
                connection.as_ref().is_some_and(|h1| h1.may_have_more())
            }
            Carrier::H2 { .. } => true,
        }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        match &mut self.0 {
            Carrier::H1 { connection: Some(connection), .. } => {
                connection.poll_body(cx).map(|read| read.map(|read| read.map(Frame::data)))
            }
            Carrier::H1 { connection: None, .. } => Poll::Ready(None),
            Carrier::H2 { body, .. } => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(AnswerError::Http2))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Carrier::H1 { connection, .. } => connection.as_ref().is_none_or(|h1| h1.is_over()),
            Carrier::H2 { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Carrier::H1 { connection, .. } => connection
                .as_ref()
                .and_then(|h1| h1.bytes_left())
                .map_or_else(SizeHint::default, SizeHint::with_exact),
            Carrier::H2 { body, .. } => body.size_hint(),
        }
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        if let Carrier::H1 { connection, home } = &mut self.0
            && let Some(connection) = connection.take()
            && connection.is_reusable()
        {
            pool::give_back(home, connection);
        }
    }
}
