//! An answer whose head goes out before anybody knows what the answer will be, so that a caller who
//! has to wait hears from us: comments in the stream, which his official client skips and every
//! proxy in between takes for life. What comes of it then goes on in the same stream; a refusal that
//! comes so late is an error event in the caller's dialect, since the status has been sent.
//!
//! Only for callers who asked for a stream of events ([`bears_a_head`]). Those whose clients bear no
//! comments hear nothing but the head, which is too little for a line that may turn them away
//! ([`bears_it`]). What is awaited and what is told meanwhile is the affair of whoever asks.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use domain::{Dialect, Framing, Request};
use http::Response;
use http_body::{Body as _, Frame};
use net::BoxError;
use tokio::time::Sleep;

use crate::reply::{self, ReplyBody, TurnedAway};

/// An answer in preparation: a response whose body goes on, or a refusal.
pub(crate) type Preparing =
    Pin<Box<dyn Future<Output = Result<Response<ReplyBody>, Box<TurnedAway>>> + Send>>;

/// What is told until the answer comes: a whole comment with its empty line, anew at each time.
pub(crate) type Words = Box<dyn FnMut() -> Bytes + Send>;

/// Who is told, when the head is sent early, and how often something is told after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    pub(crate) dialect: Dialect,
    pub(crate) after: Duration,
    pub(crate) every: Duration,
}

/// True if this caller can be sent a head, and comments, before his answer is there.
pub(crate) fn bears_it(request: &Request) -> bool {
    bears_a_head(request) && dialects::of(request.dialect).bears_comments()
}

/// True if this caller can be sent a head before his answer is there.
pub(crate) fn bears_a_head(request: &Request) -> bool {
    request.outline.stream && request.framing == Framing::Events
}

/// Waits for the answer as long as `patience` goes; if it is not there by then, gives `head` with a
/// body that tells `words` until it is, if the dialect bears them.
pub(crate) async fn answer_or_head(
    mut preparing: Preparing,
    patience: Patience,
    head: Response<()>,
    words: Words,
) -> Response<ReplyBody> {
    match tokio::time::timeout(patience.after, &mut preparing).await {
        Ok(Ok(response)) => response,
        Ok(Err(turned_away)) => reply::turn_away(*turned_away),
        Err(_) => {
            let timer = Box::pin(tokio::time::sleep(Duration::ZERO));
            let Patience { dialect, every, .. } = patience;
            let words = dialects::of(dialect).bears_comments().then_some(words);
            let state = State::Preparing { preparing, words, timer };
            let early = Early { state, dialect, every };
            head.map(|()| ReplyBody::early(early))
        }
    }
}

/// The body of such an answer.
pub(crate) struct Early {
    state: State,
    dialect: Dialect,
    every: Duration,
}

enum State {
    /// `words` are missing where nothing may be told.
    Preparing {
        preparing: Preparing,
        words: Option<Words>,
        timer: Pin<Box<Sleep>>,
    },
    Answering(ReplyBody),
    Over,
}

impl fmt::Debug for Early {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Early").field("every", &self.every).finish_non_exhaustive()
    }
}

impl Early {
    /// The next bytes for the caller.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let State::Preparing { preparing, words, timer } = &mut self.state else {
            return self.poll_answer(cx);
        };
        if let Poll::Ready(prepared) = preparing.as_mut().poll(cx) {
            let told = self.go_on(prepared);
            return if told.is_empty() {
                self.poll_answer(cx)
            } else {
                Poll::Ready(Some(Ok(Frame::data(told))))
            };
        }
        let Some(words) = words else { return Poll::Pending };
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        *timer = Box::pin(tokio::time::sleep(self.every));
        // Polled once, so that the new timer is heard.
        if timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Some(Ok(Frame::data(words()))))
    }

    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.state {
            State::Answering(body) => Pin::new(body).poll_frame(cx),
            State::Preparing { .. } | State::Over => Poll::Ready(None),
        }
    }

    /// True once nothing more will come.
    pub(crate) fn is_over(&self) -> bool {
        match &self.state {
            State::Preparing { .. } => false,
            State::Answering(body) => body.is_end_stream(),
            State::Over => true,
        }
    }

    fn go_on(&mut self, prepared: Result<Response<ReplyBody>, Box<TurnedAway>>) -> Bytes {
        let (told, body) = match prepared {
            Ok(response) => reply::as_stream(response, self.dialect),
            Err(turned_away) => (reply::turn_away_in_stream(*turned_away), None),
        };
        self.state = body.map_or(State::Over, State::Answering);
        told
    }
}
