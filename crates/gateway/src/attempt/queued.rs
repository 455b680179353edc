//! A request that has to wait, for its place in line or for the first content of a stream that is
//! open. Here it changes hands: it owns all that it needs, so that whoever answers its caller can go
//! on with it when he likes. For how long and for whom is decided by others.

use std::sync::Arc;
use std::time::Duration;

use domain::Dialect;

use super::tries::HeldCall;
use super::{Answering, Climb, Sign};
use crate::reply::TurnedAway;

/// What the head of such a request says of itself.
const IN_LINE: &str = "waiting in line";
const FIRST_WORD: &str = "waiting for the first word";

/// What came of an attempt.
#[expect(clippy::large_enum_variant, reason = "nearly always the large one, and moved at once")]
pub(crate) enum Attempted {
    Answers(Answering),
    /// It has to wait now, and its caller can be told so.
    Waits(Queued),
}

/// A request that is about to wait; nothing but [`go_on`](Self::go_on) moves it.
pub(crate) struct Queued {
    climb: Box<Climb<'static>>,
    /// Whose first content is awaited; without it a place in line is.
    call: Option<Box<HeldCall>>,
}

impl Queued {
    pub(super) fn new(climb: Climb<'static>, call: Option<Box<HeldCall>>) -> Self {
        Self { climb: Box::new(climb), call }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.climb.request.dialect
    }

    pub(crate) fn early_head(&self) -> http::Response<()> {
        let why = if self.call.is_some() { FIRST_WORD } else { IN_LINE };
        crate::reply::early_head(&self.climb.request, &self.climb.ticket, why)
    }

    /// For how long from now its caller is not told yet.
    pub(crate) fn untold(&self, tell_after_ms: u64) -> Duration {
        // Who waits for a stream's first content has waited as long as his head is held.
        let ms = if self.call.is_some() { 0 } else { tell_after_ms };
        Duration::from_millis(ms)
    }

    pub(crate) fn sign(&self) -> Arc<Sign> {
        self.climb.sign.clone().unwrap_or_default()
    }

    /// Waits and goes on from there.
    pub(crate) async fn go_on(self) -> Result<Answering, Box<TurnedAway>> {
        let Self { mut climb, call } = self;
        let answered = match call {
            None => climb.stand_in_line().await,
            Some(call) => match climb.go_on_with(*call).await {
                Some(ended) => ended,
                None => climb.run(false).await,
            },
        };
        climb.end(answered).await
    }
}
