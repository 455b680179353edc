//! A request between its first look at the rungs and its place in line. Here it changes hands: it
//! owns all that it needs, so that whoever answers its caller can go on with it when he likes.

use std::sync::Arc;

use domain::Dialect;

use super::{Answering, Climb, Sign};
use crate::reply::TurnedAway;

/// What came of an attempt.
#[expect(clippy::large_enum_variant, reason = "nearly always the large one, and moved at once")]
pub(crate) enum Attempted {
    Answers(Answering),
    /// It would have to stand in line now, and its caller can be told so.
    Waits(Queued),
}

/// A request that is about to stand in line; nothing but [`go_on`](Self::go_on) moves it.
pub(crate) struct Queued(Box<Climb<'static>>);

impl Queued {
    pub(super) fn new(climb: Climb<'static>) -> Self {
        Self(Box::new(climb))
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.0.request.dialect
    }

    pub(crate) fn early_head(&self) -> http::Response<()> {
        crate::reply::early_head(&self.0.request, &self.0.ticket)
    }

    pub(crate) fn sign(&self) -> Arc<Sign> {
        self.0.sign.clone().unwrap_or_default()
    }

    /// Stands in line and goes on from there.
    pub(crate) async fn go_on(mut self) -> Result<Answering, Box<TurnedAway>> {
        let answered = self.0.stand_in_line().await;
        self.0.end(answered).await
    }
}
