//! A request's body as the handler reads it, held to size, rate and time. What the bytes mean is
//! not known here.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use thiserror::Error;
use tokio::time::Instant;

use super::timer::{LazyTimer, now};
use super::watch::Hold;
use crate::ServerLimits;

/// Why a request's body could not be read to its end. Blame: the caller.
#[derive(Debug, Error)]
pub enum BodyFault {
    /// It is longer than the listener bears; also when it only says so.
    #[error("the body is larger than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    /// It came below the minimum rate after the grace.
    #[error("the body came too slowly")]
    TooSlow,
    /// It had not ended at its deadline.
    #[error("the body did not end in time")]
    Deadline,
    /// The caller left, or broke the framing.
    #[error("the body broke off: {0}")]
    Broken(#[source] hyper::Error),
}

/// A request's body. After a fault or its end it gives nothing more.
pub struct RequestBody {
    source: Source,
    received_bytes: u64,
    over: bool,
}

enum Source {
    /// From a caller, held to the listener's limits.
    Wire(Incoming, Meter),
    /// In memory.
    Whole(Bytes),
}

/// The limits of a body from a caller, and where it stands.
struct Meter {
    limits: Arc<ServerLimits>,
    hold: Hold,
    /// When a read had to wait for the first time.
    started: Option<Instant>,
    timer: LazyTimer,
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody")
            .field("received_bytes", &self.received_bytes)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

impl RequestBody {
    /// A body that is here already; it has no limits.
    pub fn whole(bytes: Bytes) -> Self {
        Self { source: Source::Whole(bytes), received_bytes: 0, over: false }
    }

    pub(super) fn wire(incoming: Incoming, limits: Arc<ServerLimits>, exchange: &Hold) -> Self {
        if incoming.is_end_stream() {
            return Self::whole(Bytes::new());
        }
        let hold = Hold::new(&exchange.watch);
        let meter = Meter { limits, hold, started: None, timer: LazyTimer::default() };
        Self { source: Source::Wire(incoming, meter), received_bytes: 0, over: false }
    }

    /// Bytes that were given out.
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes
    }
}

impl Meter {
    fn too_large(&self, bytes: u64) -> Option<BodyFault> {
        let bytes_max = self.limits.body_bytes_max;
        let within = usize::try_from(bytes).is_ok_and(|bytes| bytes <= bytes_max);
        (!within).then_some(BodyFault::TooLarge { bytes_max })
    }

    /// Waits for more until the body falls below its minimum rate or beyond its deadline.
    fn poll_overdue(&mut self, received: u64, cx: &mut Context<'_>) -> Poll<BodyFault> {
        let started = *self.started.get_or_insert_with(now);
        let limits = &self.limits;
        let earned_ms = received.saturating_mul(1_000) / limits.body_bytes_per_s_min.max(1);
        let rate_ms = earned_ms.max(limits.body_grace_ms_max);
        self.timer.set(started + Duration::from_millis(rate_ms.min(limits.body_ms_max)));
        self.timer.poll(cx).map(|()| match rate_ms < limits.body_ms_max {
            true => BodyFault::TooSlow,
            false => BodyFault::Deadline,
        })
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(None);
        }
        let (incoming, meter) = match &mut this.source {
            Source::Wire(incoming, meter) => (incoming, meter),
            Source::Whole(bytes) => {
                this.over = true;
                let bytes = std::mem::take(bytes);
                this.received_bytes = bytes.len() as u64;
                return Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))));
            }
        };
        // A declared length is judged before the first read, so that a caller who asks whether to
        // continue is never told to send what will be refused.
        let declared = this.received_bytes.saturating_add(incoming.size_hint().lower());
        let fault = match meter.too_large(declared) {
            Some(fault) => fault,
            None => match Pin::new(&mut *incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                    this.received_bytes = this.received_bytes.saturating_add(bytes);
                    match meter.too_large(this.received_bytes) {
                        Some(fault) => fault,
                        None => return Poll::Ready(Some(Ok(frame))),
                    }
                }
                Poll::Ready(Some(Err(error))) => BodyFault::Broken(error),
                Poll::Ready(None) => {
                    this.over = true;
                    return Poll::Ready(None);
                }
                Poll::Pending => match meter.poll_overdue(this.received_bytes, cx) {
                    Poll::Ready(fault) => fault,
                    Poll::Pending => return Poll::Pending,
                },
            },
        };
        this.over = true;
        Poll::Ready(Some(Err(fault)))
    }

    fn is_end_stream(&self) -> bool {
        self.over
            || match &self.source {
                Source::Wire(incoming, _) => incoming.is_end_stream(),
                Source::Whole(bytes) => bytes.is_empty(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Wire(incoming, _) => incoming.size_hint(),
            Source::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Source::Wire(incoming, meter) = &self.source
            && !incoming.is_end_stream()
        {
            meter.hold.watch.leave_unread();
        }
    }
}
