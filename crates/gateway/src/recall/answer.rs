//! A kept answer as an upstream: it answers at once, whole or as a stream, whatever it was when it
//! was given. How old it is, it says in `age`.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use domain::{Delta, Event, Fault, Piece, Reply, Request, Target};
use futures_core::Stream;
use http::{HeaderMap, HeaderValue, header};
use upstream::{Answer, Body, BoxFuture, Call, Head, Upstream};

use super::Finished;

/// The provider's name of all kept answers. The configuration gives it to nobody else.
pub const RECALL: &str = "recall";
/// Bytes of text in one event: some clients read lines of a bounded length.
const EVENT_BYTES_MAX: usize = 2_048;

/// One kept answer that is given again.
#[derive(Debug)]
pub(crate) struct Recalled {
    answer: Arc<Finished>,
    age: Duration,
}

impl Recalled {
    pub(crate) fn new(answer: Arc<Finished>, age: Duration) -> Self {
        Self { answer, age }
    }

    /// Who gave it first.
    pub(crate) fn given_by(&self) -> &Target {
        &self.answer.target
    }

    fn answer(&self, stream: bool) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(header::AGE, HeaderValue::from(self.age.as_secs()));
        let body = match &self.answer.reply {
            Reply::Completion(completion) if stream => {
                let mut events = VecDeque::new();
                completion
                    .clone()
                    .into_events()
                    .into_iter()
                    .for_each(|event| split(event, &mut events));
                Body::Stream(Box::pin(Events(events)))
            }
            reply => Body::Native(reply.clone()),
        };
        let head = Head { headers, ..Head::default() };
        Answer { dialect: None, head, body, losses: self.answer.losses.clone() }
    }
}

impl Upstream for Recalled {
    fn provider(&self) -> &str {
        RECALL
    }

    fn unfit(&self, _model: &str, _request: &Request) -> Option<Box<str>> {
        None
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Result<Answer, Fault>> {
        let answer = self.answer(call.request.outline.stream);
        Box::pin(std::future::ready(Ok(answer)))
    }
}

/// A long text in several events, cut between characters.
fn split(event: Event, events: &mut VecDeque<Event>) {
    let Event::Delta { choice, delta: Delta::Text(text) } = event else {
        return events.push_back(event);
    };
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (part, left) = rest.split_at(rest.floor_char_boundary(EVENT_BYTES_MAX));
        events.push_back(Event::Delta { choice, delta: Delta::Text(part.to_owned()) });
        rest = left;
    }
}

struct Events(VecDeque<Event>);

impl Stream for Events {
    type Item = Result<Piece, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.pop_front().map(|event| Ok(Piece::Native(event))))
    }
}

#[cfg(test)]
mod tests {
    use domain::Gatherer;

    use super::*;

    #[test]
    fn a_long_text_is_the_same_in_several_events() {
        let text = "äöü€".repeat(2_000);
        let mut events = VecDeque::new();
        split(Event::text(text.clone()), &mut events);
        assert!(events.len() > 8);
        let mut gatherer = Gatherer::default();
        events.into_iter().for_each(|event| gatherer.take(event));
        assert_eq!(gatherer.finish().0.text(), text);
    }
}
