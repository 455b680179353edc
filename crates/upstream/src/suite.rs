//! What every implementation of [`Upstream`](crate::Upstream) must hold, as checks that their
//! tests call. The checks drive futures themselves, so they need no runtime of their own.

use std::future::poll_fn;

use domain::{Delta, Event, Fault, Piece, Reply, Sight};

use crate::{Answer, Body};

/// What a whole answer said, gathered from its pieces.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Gathered {
    /// Relayed bytes in order.
    pub bytes: Vec<u8>,
    /// Native text in order.
    pub text: String,
    /// Content deltas, text characters, finish and usage of all pieces together.
    pub sight: Sight,
    /// The fault that ended it, if one did.
    pub fault: Option<Fault>,
}

/// Reads an answer to its end.
pub async fn gather(answer: Answer) -> Gathered {
    let mut gathered = Gathered::default();
    match answer.body {
        Body::Whole(whole) => {
            gathered.bytes.extend_from_slice(&whole.body);
            gathered.sight = whole.sight;
        }
        Body::Native(reply) => gathered.take_reply(&reply),
        Body::Stream(mut pieces) => {
            while let Some(piece) = poll_fn(|cx| pieces.as_mut().poll_next(cx)).await {
                match piece {
                    Ok(piece) => gathered.take(piece),
                    Err(fault) => {
                        gathered.fault = Some(fault);
                        break;
                    }
                }
            }
        }
    }
    gathered
}

impl Gathered {
    fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Relayed { bytes, sight } => {
                self.bytes.extend_from_slice(&bytes);
                self.add(sight);
            }
            Piece::Native(event) => {
                self.add(event.sight());
                if let Event::Delta { choice: 0, delta: Delta::Text(text) } = event {
                    self.text.push_str(&text);
                }
            }
        }
    }

    fn take_reply(&mut self, reply: &Reply) {
        let Reply::Completion(completion) = reply else { return };
        self.text = completion.text();
        self.add(completion.sight());
    }

    fn add(&mut self, sight: Sight) {
        self.sight.content_deltas += sight.content_deltas;
        self.sight.text_chars += sight.text_chars;
        self.sight.malformed += sight.malformed;
        self.sight.end_mark |= sight.end_mark;
        self.sight.finish = sight.finish.or(self.sight.finish.take());
        self.sight.usage = sight.usage.or(self.sight.usage.take());
        self.sight.model = self.sight.model.take().or(sight.model);
    }
}

/// An answer that ended without a fault must say why it finished, and must carry something or
/// have a reason for carrying nothing.
///
/// # Errors
/// A sentence about what is wrong.
pub fn check_complete(gathered: &Gathered) -> Result<(), String> {
    match (&gathered.fault, &gathered.sight.finish) {
        (Some(fault), _) => Err(format!("ended with a fault: {fault}")),
        (None, None) => Err("ended cleanly without a finish reason".to_owned()),
        (None, Some(_)) => Ok(()),
    }
}
