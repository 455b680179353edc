//! A provider's event stream as pieces: frames in, runs of whole events out.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use dialects::{ByteOrderMark, StreamReader};
use domain::{Event, Fault, FaultClass, Piece};
use futures_core::Stream;
use http_body::Body as _;
use net::ClientBody;

use crate::keys::Keys;

/// Frames that are ready together are read together up to this size: a burst of a hundred events
/// then costs one run, not a hundred.
const BURST_BYTES_MAX: usize = 32 * 1024;

/// Reads the body of one streamed answer.
pub(crate) struct StreamPieces {
    body: ClientBody,
    reader: Box<dyn StreamReader>,
    mark: ByteOrderMark,
    /// What an error inside the stream must not repeat.
    keys: Arc<Keys>,
    /// The reader was given bytes, and has not yet said that it wants more.
    unread: bool,
    end: End,
}

/// What is known of the body's end.
enum End {
    Open,
    /// The body ended as it should.
    Clean,
    /// The body broke; told after everything that came before.
    Broken(Fault),
    /// Nothing more is to be said.
    Told,
}

impl StreamPieces {
    pub(crate) fn new(body: ClientBody, reader: Box<dyn StreamReader>, keys: Arc<Keys>) -> Self {
        let mark = ByteOrderMark::default();
        Self { body, reader, mark, keys, unread: false, end: End::Open }
    }

    /// Takes every frame that is ready now. Pending only if there was none.
    fn poll_burst(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let mut first = Bytes::new();
        let mut joined = BytesMut::new();
        loop {
            if first.len() + joined.len() >= BURST_BYTES_MAX {
                break;
            }
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending if first.is_empty() && joined.is_empty() => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(None) => {
                    self.end = End::Clean;
                    break;
                }
                Poll::Ready(Some(Err(error))) => {
                    let text = format!("the stream broke: {error}");
                    self.end = End::Broken(Fault::new(FaultClass::Cut, text));
                    break;
                }
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    if first.is_empty() && joined.is_empty() {
                        first = data;
                        if !self.body.may_have_more() {
                            break;
                        }
                        continue;
                    }
                    if joined.is_empty() {
                        joined.reserve(BURST_BYTES_MAX);
                        joined.extend_from_slice(&first);
                        first = Bytes::new();
                    }
                    joined.extend_from_slice(&data);
                }
            }
        }
        Poll::Ready(if joined.is_empty() { first } else { joined.freeze() })
    }
}

impl Stream for StreamPieces {
    type Item = Result<Piece, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            // Asked only after new bytes: a poll that finds nothing is as frequent as one that does.
            if this.unread {
                if let Some(run) = this.reader.next_run() {
                    if run.is_err() {
                        this.end = End::Told;
                    }
                    return Poll::Ready(Some(run.map_err(|fault| this.keys.kept_from(fault))));
                }
                this.unread = false;
            }
            match std::mem::replace(&mut this.end, End::Told) {
                End::Told => return Poll::Ready(None),
                End::Broken(fault) => return Poll::Ready(Some(Err(fault))),
                End::Clean => {
                    let last = this.reader.end();
                    if matches!(last, Some(Ok(_))) {
                        this.end = End::Clean;
                    }
                    let masked = |fault| this.keys.kept_from(fault);
                    return Poll::Ready(last.map(|run| run.map_err(masked)));
                }
                End::Open => {
                    this.end = End::Open;
                    match this.poll_burst(cx) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(bytes) => {
                            this.reader.push(this.mark.pass(bytes));
                            this.unread = true;
                        }
                    }
                }
            }
        }
    }
}

/// A whole answer told as a stream, for a caller who asked for one and a provider who gave none.
pub(crate) struct ReadyPieces(pub(crate) VecDeque<Event>);

impl Stream for ReadyPieces {
    type Item = Result<Piece, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.pop_front().map(|event| Ok(Piece::Native(event))))
    }
}
