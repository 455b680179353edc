//! The clocks of one call and what is read under them: the first content of a stream, or all of an
//! answer that was not asked for as one. What follows when a clock runs out is decided elsewhere.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::time::Duration;

use domain::{Dialect, Event, Fault, FaultClass, Gatherer, Losses, Piece, Reply};
use upstream::Pieces;

use super::Began;

/// One clock of an attempt: how long from its start, and what it is called when it runs out.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) max: Option<Duration>,
    pub(super) class: FaultClass,
    pub(super) text: &'static str,
}

#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) head: Limit,
    pub(super) content: Limit,
}

impl Limits {
    /// An answer that is not streamed sends its head when it is done, so neither the clock of the
    /// headers nor that of the first token can be read from it. The reserve bounds its own queue
    /// and work.
    pub(super) fn of(clocks: &resilience::Clocks, streams: bool, reserve: bool) -> Self {
        let limit =
            |ms: u64, class, text| Limit { max: Some(Duration::from_millis(ms)), class, text };
        if reserve {
            let open = Limit { max: None, class: FaultClass::TotalTime, text: "" };
            return Self { head: open, content: open };
        }
        if streams {
            return Self {
                head: limit(clocks.headers_ms_max, FaultClass::Silent, "no headers in time"),
                content: limit(
                    clocks.first_token_ms_max,
                    FaultClass::SlowFirstToken,
                    "no content in time",
                ),
            };
        }
        let whole = limit(clocks.unstreamed_ms_max, FaultClass::Silent, "no whole answer in time");
        Self { head: whole, content: whole }
    }
}

/// A stream that has begun, until its first content.
pub(super) struct Opening {
    /// That of relayed bytes, `None` for native events.
    dialect: Option<Dialect>,
    held: VecDeque<Piece>,
    held_bytes: usize,
    pieces: Pieces,
}

impl Opening {
    pub(super) fn new(dialect: Option<Dialect>, pieces: Pieces) -> Self {
        Self { dialect, held: VecDeque::new(), held_bytes: 0, pieces }
    }

    /// Reads up to the first content, or to an end that needs none, such as a refusal by filter.
    /// What was read is kept if nobody waits for it any more, so that it can be gone on with.
    pub(super) async fn until_content(&mut self, held_bytes_max: usize) -> Result<(), Fault> {
        while let Some(piece) = poll_fn(|cx| self.pieces.as_mut().poll_next(cx)).await {
            let piece = piece?;
            let commits = match &piece {
                Piece::Relayed { bytes, sight } => {
                    self.held_bytes += bytes.len();
                    sight.content_deltas > 0 || sight.finish.is_some()
                }
                Piece::Native(event) => {
                    self.held_bytes += size_of::<Event>();
                    commits(event)
                }
            };
            self.held.push_back(piece);
            if commits {
                return Ok(());
            }
            if self.held_bytes > held_bytes_max {
                let text = format!("{} bytes came without content", self.held_bytes);
                return Err(Fault::new(FaultClass::Malformed, text));
            }
        }
        Err(Fault::new(FaultClass::Empty, "the stream ended without content"))
    }

    /// The stream after its first content.
    pub(super) fn began(self) -> Began {
        Began::Streaming { dialect: self.dialect, held: self.held, pieces: self.pieces }
    }
}

/// True for content and for the end of an answer; what only announces either can still be taken
/// back.
fn commits(event: &Event) -> bool {
    match event {
        Event::Delta { .. } => event.sight().content_deltas > 0,
        Event::Finish { .. } => true,
        Event::Start { .. } | Event::Usage(_) | Event::Ping | Event::Lost(_) => false,
    }
}

/// Native events of a caller who did not ask for a stream.
pub(super) async fn gather(mut pieces: Pieces) -> Result<(Reply, Losses), Fault> {
    let mut gatherer = Gatherer::default();
    while let Some(piece) = poll_fn(|cx| pieces.as_mut().poll_next(cx)).await {
        match piece? {
            Piece::Native(event) => gatherer.take(event),
            Piece::Relayed { .. } => {
                return Err(Fault::new(FaultClass::Internal, "a stream came where none was asked"));
            }
        }
    }
    let (completion, losses) = gatherer.finish();
    if completion.choices.first().is_none_or(|choice| choice.finish.is_none()) {
        return Err(Fault::new(FaultClass::Cut, "the answer ended without a finish reason"));
    }
    Ok((Reply::Completion(completion), losses))
}
