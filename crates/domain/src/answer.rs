//! A whole answer in the internal form, and how one is gathered from events.

use crate::{
    Content, Delta, Event, Finish, LogProb, Losses, Sight, Text, Thinking, ToolCall, Usage,
};

/// Choices kept of one answer.
const CHOICES_MAX: usize = 128;
/// Tool calls kept of one choice.
const CALLS_MAX: usize = 1024;

/// A whole answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Completion {
    /// The provider's id of the answer.
    pub id: Option<Box<str>>,
    /// The model's name as the provider wrote it.
    pub model: Option<Box<str>>,
    pub choices: Vec<Choice>,
    pub usage: Option<Usage>,
}

impl Completion {
    /// The answer text of choice 0.
    pub fn text(&self) -> String {
        let parts = self.choices.first().map_or(&[][..], |choice| &choice.content);
        let texts = parts.iter().filter_map(|part| match part {
            Content::Text(text) => Some(text.text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// What a reader would see in it.
    pub fn sight(&self) -> Sight {
        let first = self.choices.first();
        let content = self.choices.iter().any(|choice| !choice.content.is_empty());
        Sight {
            content_deltas: u32::from(content),
            text_chars: u32::try_from(self.text().chars().count()).unwrap_or(u32::MAX),
            finish: first.and_then(|choice| choice.finish.clone()),
            usage: self.usage,
            model: self.model.clone(),
            ..Sight::default()
        }
    }

    /// The events of a stream that says the same.
    pub fn into_events(self) -> Vec<Event> {
        let mut events = vec![Event::Start { id: self.id, model: self.model }];
        for (index, choice) in self.choices.into_iter().enumerate().take(CHOICES_MAX) {
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            choice.add_events(index, &mut events);
        }
        events.extend(self.usage.map(Event::Usage));
        events
    }
}

/// One of the answers that were drawn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice {
    pub content: Vec<Content>,
    /// `None` if the provider told none.
    pub finish: Option<Finish>,
    pub logprobs: Vec<LogProb>,
}

impl Choice {
    fn add_events(self, choice: u16, events: &mut Vec<Event>) {
        let mut calls = 0;
        let mut say = |delta| events.push(Event::Delta { choice, delta });
        for part in self.content {
            match part {
                Content::Text(text) => {
                    say(Delta::Text(text.text));
                    text.citations.into_iter().for_each(|cited| say(Delta::Citation(cited)));
                }
                Content::Refusal(text) => say(Delta::Refusal(text)),
                Content::Thinking(thinking) => {
                    if !thinking.text.is_empty() {
                        say(Delta::Thinking(thinking.text));
                    }
                    if let Some(proof) = thinking.proof {
                        say(Delta::Proof(proof));
                    }
                }
                Content::ToolCall(call) => {
                    let ToolCall { id, name, arguments, free_text, signature } = call;
                    say(Delta::ToolCall { index: calls, id, name, free_text, signature });
                    say(Delta::Arguments { index: calls, text: arguments });
                    calls += 1;
                }
                Content::SearchResults(results) => say(Delta::SearchResults(results)),
                Content::Media(media) => say(Delta::Media(media)),
                // A model's answer has no results of tools, and what only its own dialect knows
                // is dropped where it is read.
                Content::ToolResult(_) | Content::Foreign(_) => {}
            }
        }
        if !self.logprobs.is_empty() {
            say(Delta::LogProbs(self.logprobs));
        }
        events.extend(self.finish.map(|finish| Event::Finish { choice, finish }));
    }
}

/// Vectors.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Embeddings {
    pub model: Option<Box<str>>,
    /// One for each input, in their order.
    pub vectors: Vec<Vec<f32>>,
    pub usage: Option<Usage>,
}

/// A whole answer of any operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Completion(Completion),
    Embeddings(Embeddings),
    /// Tokens of the request's input; `estimated` if no tokenizer counted them.
    InputTokens {
        count: u64,
        estimated: bool,
    },
}

/// Gathers the events of a stream into a whole answer.
#[derive(Debug, Default)]
pub struct Gatherer {
    completion: Completion,
    /// For each choice, the tool calls by the index that the stream gave them.
    calls: Vec<Vec<(u32, usize)>>,
    losses: Losses,
}

impl Gatherer {
    /// Takes the next event.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Start { id, model } => {
                self.completion.id = id.or(self.completion.id.take());
                self.completion.model = model.or(self.completion.model.take());
            }
            Event::Delta { choice, delta } => self.take_delta(usize::from(choice), delta),
            Event::Finish { choice, finish } => {
                if let Some((choice, _)) = self.choice(usize::from(choice)) {
                    choice.finish = Some(finish);
                }
            }
            Event::Usage(usage) => self.completion.usage = Some(usage),
            Event::Ping => {}
            Event::Lost(loss) => self.losses.add(loss),
        }
    }

    /// The answer, and what was lost on the way.
    pub fn finish(self) -> (Completion, Losses) {
        (self.completion, self.losses)
    }

    fn choice(&mut self, index: usize) -> Option<(&mut Choice, &mut Vec<(u32, usize)>)> {
        if index >= CHOICES_MAX {
            return None;
        }
        let choices = &mut self.completion.choices;
        if choices.len() <= index {
            choices.resize_with(index + 1, Choice::default);
            self.calls.resize_with(index + 1, Vec::new);
        }
        choices.get_mut(index).zip(self.calls.get_mut(index))
    }

    fn take_delta(&mut self, choice: usize, delta: Delta) {
        let Some((choice, calls)) = self.choice(choice) else { return };
        let content = &mut choice.content;
        match delta {
            Delta::Text(more) => match content.last_mut() {
                Some(Content::Text(text)) => text.text.push_str(&more),
                _ => content.push(Content::text(more)),
            },
            Delta::Refusal(more) => match content.last_mut() {
                Some(Content::Refusal(text)) => text.push_str(&more),
                _ => content.push(Content::Refusal(more)),
            },
            Delta::Thinking(more) => match content.last_mut() {
                Some(Content::Thinking(Thinking { text, proof: None })) => text.push_str(&more),
                _ => content.push(Content::Thinking(Thinking { text: more, proof: None })),
            },
            Delta::Proof(proof) => match content.last_mut() {
                Some(Content::Thinking(thinking)) if thinking.proof.is_none() => {
                    thinking.proof = Some(proof);
                }
                _ => content
                    .push(Content::Thinking(Thinking { text: String::new(), proof: Some(proof) })),
            },
            Delta::ToolCall { index, id, name, free_text, signature }
                if calls.len() < CALLS_MAX =>
            {
                calls.push((index, content.len()));
                let arguments = String::new();
                content.push(Content::ToolCall(ToolCall {
                    id,
                    name,
                    arguments,
                    free_text,
                    signature,
                }));
            }
            Delta::ToolCall { .. } => {}
            Delta::Arguments { index, text } => {
                let place = calls.iter().rev().find(|(known, _)| *known == index);
                let call = place.and_then(|(_, at)| content.get_mut(*at));
                if let Some(Content::ToolCall(call)) = call {
                    call.arguments.push_str(&text);
                }
            }
            Delta::Citation(citation) => match content.last_mut() {
                Some(Content::Text(text)) => text.citations.push(citation),
                _ => content
                    .push(Content::Text(Text { citations: vec![citation], ..Text::default() })),
            },
            Delta::SearchResults(more) => match content.last_mut() {
                Some(Content::SearchResults(results)) => results.extend(more),
                _ => content.push(Content::SearchResults(more)),
            },
            Delta::LogProbs(more) => choice.logprobs.extend(more),
            Delta::Media(media) => content.push(Content::Media(media)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(delta: Delta) -> Event {
        Event::Delta { choice: 0, delta }
    }

    #[test]
    fn events_become_a_whole_answer() {
        let mut gatherer = Gatherer::default();
        let call = |index, id: &str| Delta::ToolCall {
            index,
            id: id.into(),
            name: "weather".into(),
            free_text: false,
            signature: None,
        };
        for event in [
            Event::Start { id: Some("a".into()), model: None },
            delta(Delta::Thinking("hm".into())),
            Event::text("Good "),
            Event::text("day"),
            delta(call(0, "c0")),
            delta(call(1, "c1")),
            delta(Delta::Arguments { index: 0, text: "{\"a\"".into() }),
            delta(Delta::Arguments { index: 1, text: "{}".into() }),
            delta(Delta::Arguments { index: 0, text: ":1}".into() }),
            Event::finish(Finish::ToolCalls),
        ] {
            gatherer.take(event);
        }
        let (completion, losses) = gatherer.finish();
        assert!(losses.is_empty());
        let content = &completion.choices[0].content;
        assert_eq!(content.len(), 4);
        assert_eq!(content[1], Content::text("Good day"));
        let arguments = |at: usize| match &content[at] {
            Content::ToolCall(call) => call.arguments.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!((arguments(2).as_str(), arguments(3).as_str()), ("{\"a\":1}", "{}"));
        assert_eq!(completion.choices[0].finish, Some(Finish::ToolCalls));
    }

    #[test]
    fn a_whole_answer_becomes_events_and_back() {
        let call = ToolCall {
            id: "c".into(),
            name: "f".into(),
            arguments: "{}".into(),
            ..ToolCall::default()
        };
        let choice = Choice {
            content: vec![Content::text("one"), Content::ToolCall(call)],
            finish: Some(Finish::ToolCalls),
            logprobs: Vec::new(),
        };
        let whole = Completion {
            id: Some("x".into()),
            model: Some("m".into()),
            choices: vec![choice],
            usage: Some(Usage { output: 2, ..Usage::default() }),
        };
        let mut gatherer = Gatherer::default();
        whole.clone().into_events().into_iter().for_each(|event| gatherer.take(event));
        assert_eq!(gatherer.finish().0, whole);
    }

    #[test]
    fn a_choice_beyond_the_bound_is_dropped() {
        let mut gatherer = Gatherer::default();
        gatherer.take(Event::Delta { choice: u16::MAX, delta: Delta::Text("x".into()) });
        assert!(gatherer.finish().0.choices.is_empty());
    }
}
