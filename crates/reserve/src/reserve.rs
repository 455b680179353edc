//! The reserve as an [`Upstream`]: takes calls, lets them wait, hands out what the engine says.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use clock::{Clock, SystemClock};
use domain::{Conversation, Event, Fault, FaultClass, Losses, Operation, Piece, Reply, Request};
use futures_core::Stream;
use tokio::sync::{mpsc, oneshot};
use upstream::{Answer, Body, BoxFuture, Call, Head, Readiness, Upstream};

use crate::engine::{Engine, Weights};
use crate::file::MODEL;
use crate::fit;
use crate::queue::Job;
use crate::settings::ReserveSettings;

/// What a caller is told to wait at least and at most.
const RETRY_AFTER_MS: std::ops::RangeInclusive<u64> = 1000..=60_000;
/// Besides the tokens, an answer has a rest of text, its end, its usage, and perhaps a fault.
const PIECES_BESIDES: usize = 4;
/// The channel of one answer holds a piece per token; more tokens than this are not given.
const OUTPUT_TOKENS_MAX: usize = 65_536;

/// The model on board. Dropping it lets its threads end.
pub struct Reserve {
    name: Box<str>,
    queue_wait: Duration,
    pieces_max: usize,
    engine: Arc<Engine>,
}

impl Reserve {
    /// Begins to load in the background; `name` is the provider's name in the configuration.
    /// [`Upstream::readiness`] tells how it goes.
    pub fn start(name: &str, settings: ReserveSettings) -> Arc<Self> {
        let weights = Weights {
            path: settings.model_dir.join(MODEL.weights),
            sha256: MODEL.weights_sha256.into(),
        };
        Self::start_with(name, settings, weights, Arc::new(SystemClock::new()))
    }

    pub(crate) fn start_with(
        name: &str,
        mut settings: ReserveSettings,
        weights: Weights,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let output_max = usize::try_from(settings.output_tokens_max).unwrap_or(usize::MAX);
        let output_max = output_max.clamp(1, OUTPUT_TOKENS_MAX);
        settings.output_tokens_max = u32::try_from(output_max).unwrap_or(u32::MAX);
        Arc::new(Self {
            name: name.into(),
            queue_wait: Duration::from_millis(settings.queue_wait_ms_max),
            pieces_max: output_max + PIECES_BESIDES,
            engine: Engine::start(settings, weights, clock),
        })
    }

    /// Ends all answers and lets the threads go, without waiting for them. Calls are refused from
    /// now on.
    pub fn shutdown(&self) {
        self.engine.queue.close();
    }

    async fn answer(&self, call: Call) -> Result<Answer, Fault> {
        match self.engine.readiness() {
            Readiness::Ready => {}
            Readiness::Loading => return Err(self.busy("the reserve model is still loading")),
            Readiness::Unavailable(reason) => return Err(Fault::new(FaultClass::Busy, reason)),
        }
        if &*call.model != MODEL.name {
            let detail = format!("the reserve has no such model, only {}", MODEL.name);
            return Err(Fault::new(FaultClass::ModelUnknown, detail));
        }
        let conversation = fit::conversation(&call.request)
            .map_err(|error| Fault::new(FaultClass::CallerFault, error))?;
        if call.request.operation == Operation::CountTokens {
            return Ok(counted(conversation));
        }
        let losses = fit::losses(conversation);
        let conversation = match &call.continuation {
            Some(continuation) => continuation.extend(conversation),
            None => conversation.clone(),
        };
        let (begun, begins) = oneshot::channel();
        let (pieces, spoken) = mpsc::channel(self.pieces_max);
        let job = Job { conversation, begun: Some(begun), pieces, request_id: call.request_id };
        self.engine.queue.put(job).map_err(|waiting| {
            self.busy(&format!("the reserve's queue is full: {waiting} wait"))
        })?;
        match tokio::time::timeout(self.queue_wait, begins).await {
            Ok(Ok(Ok(()))) => Ok(Answer {
                dialect: None,
                head: Head::default(),
                body: Body::Stream(Box::pin(Spoken { pieces: spoken, over: false })),
                losses,
            }),
            Ok(Ok(Err(fault))) => Err(fault),
            Ok(Err(_)) => Err(self.busy("the reserve is shutting down")),
            Err(_) => Err(self.busy(&format!(
                "the reserve's queue did not move within {} ms",
                self.queue_wait.as_millis()
            ))),
        }
    }

    fn busy(&self, why: &str) -> Fault {
        let wait_ms = u64::try_from(self.engine.expected_wait().as_millis()).unwrap_or(u64::MAX);
        let wait_ms = wait_ms.clamp(*RETRY_AFTER_MS.start(), *RETRY_AFTER_MS.end());
        Fault { retry_after_ms: Some(wait_ms), ..Fault::new(FaultClass::Busy, why) }
    }
}

/// A count of tokens without the model's own tokenizer, which lives on the engine's threads and is
/// not worth a place in its queue.
fn counted(conversation: &Conversation) -> Answer {
    let mut losses = Losses::default();
    losses.approximated("input_tokens");
    let reply = Reply::InputTokens { count: conversation.estimated_tokens(), estimated: true };
    Answer { dialect: None, head: Head::default(), body: Body::Native(reply), losses }
}

impl fmt::Debug for Reserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Reserve");
        shown.field("name", &self.name).field("readiness", &self.engine.readiness());
        shown.finish_non_exhaustive()
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl Upstream for Reserve {
    fn provider(&self) -> &str {
        &self.name
    }

    fn unfit(&self, model: &str, request: &Request) -> Option<Box<str>> {
        if model != MODEL.name {
            return Some(format!("the reserve has only the model {}", MODEL.name).into());
        }
        fit::unfit(request)
    }

    fn readiness(&self) -> Readiness {
        self.engine.readiness()
    }

    fn is_reserve(&self) -> bool {
        true
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Result<Answer, Fault>> {
        Box::pin(self.answer(call))
    }
}

/// An answer as it is spoken. Dropping it closes the channel, which the engine notices before its
/// next layer.
struct Spoken {
    pieces: mpsc::Receiver<Result<Piece, Fault>>,
    over: bool,
}

impl Stream for Spoken {
    type Item = Result<Piece, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.pieces.poll_recv(cx);
        match &polled {
            Poll::Ready(Some(Ok(Piece::Native(Event::Finish { .. })) | Err(_))) => self.over = true,
            // The engine went away in mid-answer: an end without a finish must not look complete.
            Poll::Ready(None) if !self.over => {
                self.over = true;
                let fault = Fault::new(FaultClass::Internal, "the reserve stopped in mid-answer");
                return Poll::Ready(Some(Err(fault)));
            }
            Poll::Ready(_) | Poll::Pending => {}
        }
        polled
    }
}
