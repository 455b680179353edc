//! The body of an answer on its way to the caller: the handler's, or a short one of the door's
//! own. It tells the connection how the exchange goes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::BoxError;
use super::watch::Hold;

/// Bytes of an answer that entitle an HTTP/2 peer to a control frame: it acknowledges what it
/// reads, for the stream and for the connection, and may do so in small steps.
const BYTES_PER_FRAME: u64 = 1_024;

/// How far the answer of one HTTP/2 stream is, for the stream's own task.
#[derive(Debug, Default)]
pub(super) struct Progress {
    handed_over: AtomicBool,
    pieces: AtomicU32,
}

impl Progress {
    /// The piece that was handed over and waits for the peer's window; none if more was asked for.
    pub(super) fn stuck_piece(&self) -> Option<u32> {
        self.handed_over.load(Ordering::Relaxed).then(|| self.pieces.load(Ordering::Relaxed))
    }
}

pin_project! {
    /// An answer's body that keeps its connection busy until it is dropped.
    pub(super) struct AnswerBody<B> {
        #[pin]
        content: Content<B>,
        hold: Hold,
        progress: Option<Arc<Progress>>,
    }
}

pin_project! {
    #[project = ContentProjected]
    enum Content<B> {
        Answer { #[pin] body: B },
        Refusal { text: &'static [u8] },
    }
}

impl<B> AnswerBody<B> {
    pub(super) fn new(body: B, hold: Hold, progress: Option<Arc<Progress>>) -> Self {
        Self { content: Content::Answer { body }, hold, progress }
    }

    /// A refusal by the door, before any handler.
    pub(super) fn refusal(status: StatusCode, text: &'static str, hold: Hold) -> Response<Self> {
        let content = Content::Refusal { text: text.as_bytes() };
        let mut response = Response::new(Self { content, hold, progress: None });
        *response.status_mut() = status;
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, plain);
        response
    }
}

impl<B> Body for AnswerBody<B>
where
    B: Body<Data = Bytes, Error = BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        let body = match this.content.project() {
            ContentProjected::Answer { body } => body,
            ContentProjected::Refusal { text } => {
                let text = std::mem::take(text);
                let frame = (!text.is_empty()).then(|| Ok(Frame::data(Bytes::from_static(text))));
                return Poll::Ready(frame);
            }
        };
        let Some(progress) = this.progress else {
            return body.poll_frame(cx);
        };
        progress.handed_over.store(false, Ordering::Relaxed);
        let frame = ready!(body.poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            this.hold.watch.earn(2 + bytes / BYTES_PER_FRAME);
            progress.pieces.fetch_add(1, Ordering::Relaxed);
            progress.handed_over.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Answer { body } => body.is_end_stream(),
            Content::Refusal { text } => text.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Answer { body } => body.size_hint(),
            Content::Refusal { text } => SizeHint::with_exact(text.len() as u64),
        }
    }
}
