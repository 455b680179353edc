//! One HTTP/1.1 connection that is polled by whoever uses it. It has no task of its own.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use super::{ClientLimits, SendError};
use crate::BoxIo;

/// Header lines of an answer.
const HEADERS_MAX: usize = 100;

/// An open connection. Dropping it closes the socket.
pub(super) struct H1 {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<TokioIo<BoxIo>, Full<Bytes>>,
    used_before: bool,
    closed: bool,
}

impl H1 {
    pub(super) async fn open(io: BoxIo, limits: &ClientLimits) -> Result<Self, SendError> {
        let (sender, connection) = Builder::new()
            .max_buf_size(limits.buffer_bytes_max)
            .max_headers(HEADERS_MAX)
            .handshake(TokioIo::new(io))
            .await
            .map_err(|source| SendError::Broken { source, stale: false })?;
        Ok(Self { sender, connection, used_before: false, closed: false })
    }

    /// Drives the connection; true once it is closed.
    pub(super) fn poll_drive(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.closed && Pin::new(&mut self.connection).poll(cx).is_ready() {
            self.closed = true;
        }
        self.closed
    }

    /// One look at a kept connection: still open and ready for a request. Without a system call
    /// unless the socket had something to say.
    pub(super) async fn is_alive(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(!self.poll_drive(cx) && self.sender.is_ready())).await
    }

    /// True if the last exchange is over and the connection may serve another.
    pub(super) fn mark_reusable(&mut self) -> bool {
        self.used_before = true;
        !self.closed
    }

    /// Sends a request and resolves at the answer's head.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, SendError> {
        let mut answer = std::pin::pin!(self.sender.send_request(request));
        let connection = &mut self.connection;
        let closed = &mut self.closed;
        let sent = poll_fn(|cx| {
            if !*closed && Pin::new(&mut *connection).poll(cx).is_ready() {
                *closed = true;
            }
            answer.as_mut().poll(cx)
        })
        .await;
        sent.map_err(|source| {
            if source.is_parse() || source.is_parse_too_large() {
                return SendError::Unreadable(source);
            }
            let stale = self.used_before
                && (source.is_incomplete_message() || source.is_canceled() || source.is_closed());
            SendError::Broken { source, stale }
        })
    }
}
