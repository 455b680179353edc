//! One HTTP/1.1 connection that is polled by whoever uses it. It has no task of its own, and no
//! read buffer: all that one read brought becomes one frame, however many chunks it is, so that a
//! burst of events costs one step through the house. It serves one exchange after another and
//! never two at once.

mod buffer;
mod framing;
mod head;

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{AnswerError, SendError, Unreadable};
use crate::BoxIo;
use framing::Framing;
use head::AnswerHead;

/// Bodies up to this size are sent in one piece with their head.
const JOINED_BYTES_MAX: usize = 16 * 1024;
/// Interim answers (1xx) before the one that counts.
const INTERIM_MAX: u32 = 16;

/// An open connection. Dropping it closes the socket.
pub(super) struct H1 {
    io: BoxIo,
    /// Read, but not yet given out or understood.
    ahead: Bytes,
    framing: Framing,
    /// Bytes of an answer's head that are borne.
    head_bytes_max: usize,
    used_before: bool,
    /// Nothing was seen that forbids another exchange.
    reusable: bool,
    last_read: LastRead,
    /// The rest of a request whose answer began before all of it was sent.
    unsent: Option<Outbox>,
}

/// Whether the last read brought all that there was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastRead {
    /// Nobody knows: TLS may hold more than it gives at once.
    Unknown,
    /// It filled the buffer.
    Full,
    Short,
}

/// What of a request is still to be sent.
struct Outbox {
    head: Bytes,
    body: Bytes,
    /// TLS may hold on to what it took.
    flushed: bool,
}

impl H1 {
    /// A connection that was just made; `is_plain` if there is no TLS on it.
    pub(super) fn new(io: BoxIo, is_plain: bool, head_bytes_max: usize) -> Self {
        Self {
            io,
            ahead: Bytes::new(),
            framing: Framing::Length(0),
            head_bytes_max,
            used_before: false,
            reusable: true,
            last_read: if is_plain { LastRead::Full } else { LastRead::Unknown },
            unsent: None,
        }
    }

    /// False if another look at the body now would be in vain.
    pub(super) fn may_have_more(&self) -> bool {
        self.last_read != LastRead::Short || !self.ahead.is_empty()
    }

    /// One look at a kept connection: still open and silent. Without a system call unless the
    /// socket had something to say. Bytes that nobody asked for are no better than its end.
    pub(super) async fn is_alive(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(self.poll_read(cx, |_| ()).is_pending())).await
    }

    /// True if the last exchange is over and the connection may serve another.
    pub(super) fn is_reusable(&self) -> bool {
        self.reusable && self.is_over() && self.ahead.is_empty() && self.unsent.is_none()
    }

    /// True once the answer's body was read to its end.
    pub(super) fn is_over(&self) -> bool {
        self.framing.is_over()
    }

    /// How many bytes of the body are still to come, if that was told.
    pub(super) fn bytes_left(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(left) => Some(left),
            Framing::Chunked(_) | Framing::UntilClose => None,
        }
    }

    /// Sends a request and resolves at the answer's head. What is then still to be sent goes out
    /// while the body is read: a server may answer early and yet wait for the whole request.
    pub(super) async fn send(
        &mut self,
        request: &Request<Bytes>,
    ) -> Result<Response<()>, SendError> {
        let mut outbox = Outbox::of(request);
        let mut interim = 0;
        let mut write_fault = None;
        let sent = poll_fn(|cx| {
            if write_fault.is_none()
                && let Poll::Ready(Err(error)) = outbox.poll_send(&mut self.io, cx)
            {
                // A server may refuse and close before it has read everything. What it said is
                // worth more than the fact that it did not listen.
                write_fault = Some(error);
            }
            self.poll_head(request.method(), &mut interim, cx)
        })
        .await;
        let began = !self.ahead.is_empty();
        self.reusable &= write_fault.is_none();
        self.unsent = Some(outbox).filter(|outbox| write_fault.is_none() && !outbox.flushed);
        let stale = self.used_before && !began && interim == 0;
        self.used_before = true;
        match sent {
            Ok(head) => Ok(self.begin(head)),
            Err(AnswerError::Unreadable(why)) => Err(SendError::Unreadable(why)),
            Err(error) => {
                let source = write_fault.map_or(error, AnswerError::Io);
                Err(SendError::Broken { source, stale })
            }
        }
    }

    /// The head is read: what follows is the body.
    fn begin(&mut self, head: AnswerHead) -> Response<()> {
        self.framing = head.framing;
        self.reusable &= head.keeps_alive;
        self.ahead.advance(head.bytes);
        head.response
    }

    /// Reads until the head of the answer that counts is whole; it stays in `ahead`.
    fn poll_head(
        &mut self,
        method: &Method,
        interim: &mut u32,
        cx: &mut Context<'_>,
    ) -> Poll<Result<AnswerHead, AnswerError>> {
        loop {
            if let Some(head) = self.look_for_head(method)? {
                if !head.response.status().is_informational() {
                    return Poll::Ready(Ok(head));
                }
                *interim += 1;
                if head.response.status() == StatusCode::SWITCHING_PROTOCOLS
                    || *interim > INTERIM_MAX
                {
                    return Poll::Ready(Err(Unreadable::Status.into()));
                }
                self.ahead.advance(head.bytes);
                continue;
            }
            if self.ahead.len() > self.head_bytes_max {
                return Poll::Ready(Err(Unreadable::TooLarge.into()));
            }
            let before = std::mem::take(&mut self.ahead);
            let read = self.poll_read(cx, |read| match before.is_empty() {
                true => Bytes::copy_from_slice(read),
                false => [&before, read].concat().into(),
            });
            match read {
                Poll::Ready(Ok(Some(joined))) => self.ahead = joined,
                Poll::Ready(Ok(None)) => {
                    self.ahead = before;
                    return Poll::Ready(Err(AnswerError::Closed));
                }
                Poll::Ready(Err(error)) => {
                    self.ahead = before;
                    return Poll::Ready(Err(error));
                }
                Poll::Pending => {
                    self.ahead = before;
                    return Poll::Pending;
                }
            }
        }
    }

    fn look_for_head(&self, method: &Method) -> Result<Option<AnswerHead>, Unreadable> {
        if self.ahead.is_empty() { Ok(None) } else { head::read_answer(&self.ahead, method) }
    }

    /// The next bytes of the body, all that one read brought; `None` at its end.
    pub(super) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, AnswerError>>> {
        self.poll_unsent(cx);
        let polled = self.poll_content(cx);
        if matches!(polled, Poll::Ready(Some(Err(_)))) {
            self.reusable = false;
            self.framing = Framing::Length(0);
        }
        polled
    }

    /// Sends on. A server that no longer listens may still have something to say.
    fn poll_unsent(&mut self, cx: &mut Context<'_>) {
        if let Some(outbox) = &mut self.unsent
            && let Poll::Ready(sent) = outbox.poll_send(&mut self.io, cx)
        {
            self.reusable &= sent.is_ok();
            self.unsent = None;
        }
    }

    fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, AnswerError>>> {
        while !self.is_over() {
            let content = if self.ahead.is_empty() {
                let mut framing = self.framing;
                let read = ready!(self.poll_read(cx, |read| content_of(&mut framing, read)))?;
                self.framing = framing;
                match read {
                    Some(content) => content?,
                    None if self.framing == Framing::UntilClose => {
                        self.framing = Framing::Length(0);
                        return Poll::Ready(None);
                    }
                    None => return Poll::Ready(Some(Err(AnswerError::Closed))),
                }
            } else {
                content_of_shared(&mut self.framing, std::mem::take(&mut self.ahead))?
            };
            // More than the answer: nobody can say whose bytes these are.
            self.reusable &= !content.excess;
            if !content.bytes.is_empty() {
                return Poll::Ready(Some(Ok(content.bytes)));
            }
        }
        Poll::Ready(None)
    }

    /// One read into the core's buffer, looked at by `take`; `None` if the other side has closed.
    fn poll_read<T>(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Poll<Result<Option<T>, AnswerError>> {
        buffer::lend(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer)).map_err(AnswerError::Io)?;
            self.last_read = match self.last_read {
                LastRead::Unknown => LastRead::Unknown,
                _ if buffer.remaining() > 0 => LastRead::Short,
                _ => LastRead::Full,
            };
            let read = buffer.filled();
            Poll::Ready(Ok((!read.is_empty()).then(|| take(read))))
        })
    }
}

/// What bytes that were read hold of the body.
struct Content {
    bytes: Bytes,
    /// There was more than the body.
    excess: bool,
}

fn content_of(framing: &mut Framing, read: &[u8]) -> Result<Content, Unreadable> {
    let mut content = BytesMut::with_capacity(read.len());
    let used = framing.feed(read, &mut content)?;
    Ok(Content { bytes: content.freeze(), excess: used < read.len() })
}

/// The same for bytes that came with the head: a body of known length is given out as a slice.
fn content_of_shared(framing: &mut Framing, mut read: Bytes) -> Result<Content, Unreadable> {
    let Framing::Length(left) = framing else {
        return content_of(framing, &read);
    };
    let mine = usize::try_from(*left).unwrap_or(usize::MAX).min(read.len());
    *left -= mine as u64;
    let bytes = read.split_to(mine);
    Ok(Content { bytes, excess: !read.is_empty() })
}

impl Outbox {
    fn of(request: &Request<Bytes>) -> Self {
        let body = request.body();
        let joins = body.len() <= JOINED_BYTES_MAX;
        let room = if joins { body.len() } else { 0 };
        let mut head = head::write_request(request, body.len(), room);
        if joins {
            head.extend_from_slice(body);
        }
        let body = if joins { Bytes::new() } else { body.clone() };
        Self { head: head.into(), body, flushed: false }
    }

    /// Ready once all is sent, and without anything to do after that.
    fn poll_send(&mut self, io: &mut BoxIo, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.flushed {
            return Poll::Ready(Ok(()));
        }
        let mut io = Pin::new(io);
        while !self.head.is_empty() || !self.body.is_empty() {
            let written = if self.head.is_empty() {
                io.as_mut().poll_write(cx, &self.body)
            } else if self.body.is_empty() || !io.is_write_vectored() {
                io.as_mut().poll_write(cx, &self.head)
            } else {
                let slices = [IoSlice::new(&self.head), IoSlice::new(&self.body)];
                io.as_mut().poll_write_vectored(cx, &slices)
            };
            let written = ready!(written)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_head = written.min(self.head.len());
            self.head.advance(of_head);
            self.body.advance(written - of_head);
        }
        ready!(io.poll_flush(cx))?;
        self.flushed = true;
        Poll::Ready(Ok(()))
    }
}
