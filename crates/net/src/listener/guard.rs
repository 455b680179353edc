//! The byte stream of one connection, above TLS. It gives up on a peer that does not read, tells
//! the watch that bytes came, counts HTTP/2 frames, and closes so that the last answer arrives.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::flood::FrameMeter;
use super::timer::{LazyTimer, now};
use super::watch::Watch;
use crate::BoxIo;

/// For which a closed connection still takes in what the caller had under way. Without it the
/// kernel answers those bytes with a reset, which destroys the refusal that the caller has not
/// read yet.
const LINGER_MAX: Duration = Duration::from_secs(2);

pub(super) struct Guard {
    io: BoxIo,
    /// Read while the protocol was found out; given out first.
    ahead: Bytes,
    watch: Arc<Watch>,
    frames: Option<FrameMeter>,
    stall_max: Duration,
    stall: LazyTimer,
    closing: Closing,
}

enum Closing {
    No,
    Lingering(LazyTimer),
    Done,
}

impl Guard {
    /// For HTTP/1.1.
    pub(super) fn new(io: BoxIo, ahead: Bytes, watch: Arc<Watch>, stall_max: Duration) -> Self {
        let (stall, closing) = (LazyTimer::default(), Closing::No);
        Self { io, ahead, watch, frames: None, stall_max, stall, closing }
    }

    /// For HTTP/2, from the preface on.
    pub(super) fn counting_frames(mut self) -> Self {
        self.frames = Some(FrameMeter::new());
        self
    }

    /// Tells what came in to those who count it.
    fn take_in(&mut self, came: &[u8]) -> io::Result<()> {
        let Some(frames) = &mut self.frames else {
            if !came.is_empty() {
                self.watch.bytes_came();
            }
            return Ok(());
        };
        if frames.bears(came, self.watch.take_earned()) {
            return Ok(());
        }
        tracing::debug!("connection dropped: too many control frames");
        Err(io::Error::other("too many control frames"))
    }

    /// Passes the outcome of a write on, unless the peer has not read for too long.
    fn unless_stalled<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stall.clear();
            return written;
        }
        if !self.stall.is_set() {
            self.stall.set(now() + self.stall_max);
        }
        ready!(self.stall.poll(cx));
        tracing::debug!("connection dropped: the peer does not read");
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")))
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Closing::Lingering(timer) = &mut self.closing else {
            return Poll::Ready(());
        };
        let mut scratch = [0_u8; 4_096];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.io).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return timer.poll(cx),
            }
            // A peer that never stops sending is cut off as well.
            if timer.poll(cx).is_ready() {
                return Poll::Ready(());
            }
        }
    }
}

impl AsyncRead for Guard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        if this.ahead.is_empty() {
            ready!(Pin::new(&mut this.io).poll_read(cx, buffer))?;
        } else {
            let fits = this.ahead.len().min(buffer.remaining());
            buffer.put_slice(&this.ahead.split_to(fits));
        }
        Poll::Ready(this.take_in(buffer.filled().get(before..).unwrap_or_default()))
    }
}

impl AsyncWrite for Guard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.unless_stalled(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.unless_stalled(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.unless_stalled(flushed, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if matches!(this.closing, Closing::No) {
            let shut = Pin::new(&mut this.io).poll_shutdown(cx);
            ready!(this.unless_stalled(shut, cx))?;
            this.closing = Closing::Done;
            if this.frames.is_none() && this.watch.has_unread() {
                let mut timer = LazyTimer::default();
                timer.set(now() + LINGER_MAX);
                this.closing = Closing::Lingering(timer);
            }
        }
        ready!(this.poll_linger(cx));
        this.closing = Closing::Done;
        Poll::Ready(Ok(()))
    }
}
