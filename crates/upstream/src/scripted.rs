//! A fake that answers as its script says, for tests of everything above.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use domain::{Dialect, Fault, Losses, Piece, Request};
use futures_core::Stream;

use crate::{Answer, Body, BoxFuture, Call, Head, Pieces, Upstream, Whole};

/// What the next call does.
#[derive(Debug, Clone)]
pub enum Step {
    /// Fails before any head.
    Fail(Fault),
    /// Answers at once with a whole body.
    Whole(Dialect, Whole),
    /// Streams relayed pieces.
    Relay(Dialect, Vec<Result<Piece, Fault>>),
    /// Streams native events.
    Native(Vec<Result<Piece, Fault>>),
    /// Never answers.
    Hang,
    /// Streams these pieces, then nothing for ever.
    Stall(Dialect, Vec<Piece>),
}

/// An upstream that follows a script, one step a call; the last step repeats.
#[derive(Debug, Default)]
pub struct Scripted {
    name: Box<str>,
    script: Mutex<VecDeque<Step>>,
    calls: Mutex<Vec<Call>>,
}

impl Scripted {
    /// A fake named `name`.
    pub fn new(name: &str, script: impl IntoIterator<Item = Step>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            script: Mutex::new(script.into_iter().collect()),
            calls: Mutex::default(),
        })
    }

    /// The calls so far, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn next_step(&self) -> Step {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        match script.len() {
            0 => Step::Hang,
            1 => script.front().cloned().unwrap_or(Step::Hang),
            _ => script.pop_front().unwrap_or(Step::Hang),
        }
    }
}

struct ScriptedPieces {
    pieces: VecDeque<Result<Piece, Fault>>,
    then_hang: bool,
}

impl Stream for ScriptedPieces {
    type Item = Result<Piece, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.pieces.pop_front() {
            Some(piece) => Poll::Ready(Some(piece)),
            None if self.then_hang => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

fn stream(
    dialect: Option<Dialect>,
    pieces: impl IntoIterator<Item = Result<Piece, Fault>>,
    then_hang: bool,
) -> Answer {
    let pieces: Pieces =
        Box::pin(ScriptedPieces { pieces: pieces.into_iter().collect(), then_hang });
    Answer { dialect, head: Head::default(), body: Body::Stream(pieces), losses: Losses::default() }
}

impl Upstream for Scripted {
    fn provider(&self) -> &str {
        &self.name
    }

    fn unfit(&self, _model: &str, _request: &Request) -> Option<Box<str>> {
        None
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Result<Answer, Fault>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        let step = self.next_step();
        Box::pin(async move {
            match step {
                Step::Fail(fault) => Err(fault),
                Step::Whole(dialect, whole) => Ok(Answer {
                    dialect: Some(dialect),
                    head: Head::default(),
                    body: Body::Whole(whole),
                    losses: Losses::default(),
                }),
                Step::Relay(dialect, pieces) => Ok(stream(Some(dialect), pieces, false)),
                Step::Native(pieces) => Ok(stream(None, pieces, false)),
                Step::Stall(dialect, pieces) => {
                    Ok(stream(Some(dialect), pieces.into_iter().map(Ok), true))
                }
                Step::Hang => std::future::pending().await,
            }
        })
    }
}
