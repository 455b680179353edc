//! What the pieces of an answer mean in the internal form: blocks, usage and the reason of the
//! stop. Streams and whole answers are read by the same rules.

use domain::{Citation, Delta, Event, Finish, Loss, ProofKind, Usage};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::block::{ATTACHED_MAX, Block, citation, search_results};
use super::ours;
use super::parts::proof_of;
use crate::json::{Members, Object, Shape, skip};
use crate::raw;

/// A word of a provider is kept up to this length.
const WORD_CHARS_MAX: usize = 64;
/// Blocks that are open at a time; Anthropic opens one.
const OPEN_MAX: usize = 64;

/// A `usage` object as written; later ones of a stream override what they tell.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct WireUsage {
    input: Option<u64>,
    output: Option<u64>,
    cache_write: Option<u64>,
    cache_write_hour: Option<u64>,
    cache_read: Option<u64>,
    thinking: Option<u64>,
    /// Requests of the provider's own tools, which are billed apart.
    server_tools: bool,
}

impl<'de> Members<'de> for WireUsage {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let place = match name {
            "input_tokens" => &mut self.input,
            "output_tokens" => &mut self.output,
            "cache_creation_input_tokens" => &mut self.cache_write,
            "cache_read_input_tokens" => &mut self.cache_read,
            "output_tokens_details" => {
                self.thinking = map.next_value::<Object<Details>>()?.0.and_then(|d| d.thinking);
                return Ok(());
            }
            "cache_creation" => {
                let kept = map.next_value::<Object<Kept>>()?.0;
                self.cache_write_hour = kept.and_then(|kept| kept.hour).or(self.cache_write_hour);
                return Ok(());
            }
            "server_tool_use" => {
                let counts = map.next_value::<Object<Counts>>()?.0;
                self.server_tools = counts.is_some_and(|counts| counts.any);
                return Ok(());
            }
            _ => return skip(map),
        };
        *place = map.next_value::<Shape<'de>>()?.as_u64();
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Details {
    thinking: Option<u64>,
}

impl<'de> Members<'de> for Details {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "thinking_tokens" => self.thinking = map.next_value::<Shape<'de>>()?.as_u64(),
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// How long what was written into the cache is kept.
#[derive(Debug, Default)]
struct Kept {
    hour: Option<u64>,
}

impl<'de> Members<'de> for Kept {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "ephemeral_1h_input_tokens" => self.hour = map.next_value::<Shape<'de>>()?.as_u64(),
            _ => skip(map)?,
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Counts {
    any: bool,
}

impl<'de> Members<'de> for Counts {
    fn member<A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
        self.any |= map.next_value::<Shape<'de>>()?.as_u64().is_some_and(|count| count > 0);
        Ok(())
    }
}

impl WireUsage {
    /// Takes over what a later object tells.
    pub(super) fn merge(&mut self, later: Self) {
        self.input = later.input.or(self.input);
        self.output = later.output.or(self.output);
        self.cache_write = later.cache_write.or(self.cache_write);
        self.cache_write_hour = later.cache_write_hour.or(self.cache_write_hour);
        self.cache_read = later.cache_read.or(self.cache_read);
        self.thinking = later.thinking.or(self.thinking);
        self.server_tools |= later.server_tools;
    }

    /// The counts; `None` if the object tells neither input nor output. The cached tokens stand
    /// beside `input_tokens`, not in it.
    pub(super) fn normalised(&self) -> Option<Usage> {
        if self.input.is_none() && self.output.is_none() {
            return None;
        }
        let output = self.output.unwrap_or(0);
        Some(Usage {
            input_uncached: self.input.unwrap_or(0),
            cache_read: self.cache_read.unwrap_or(0),
            cache_write: self.cache_write.unwrap_or(0),
            cache_write_hour: self.cache_write_hour.unwrap_or(0),
            output,
            reasoning: self.thinking.unwrap_or(0).min(output),
            estimated: false,
        })
    }

    /// What the counts do not hold.
    pub(super) fn loss(&self) -> Option<Loss> {
        self.server_tools.then_some(Loss::dropped("usage.server_tool_use"))
    }
}

/// Why it stopped: the members of a message or of a `message_delta`.
#[derive(Debug, Default)]
pub(super) struct Stop<'de> {
    pub(super) reason: Shape<'de>,
    pub(super) sequence: Shape<'de>,
    pub(super) details: Option<&'de RawValue>,
}

#[derive(Debug, Default)]
struct StopDetails<'de> {
    category: Shape<'de>,
    explanation: Shape<'de>,
}

impl<'de> Members<'de> for StopDetails<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "category" => self.category = map.next_value()?,
            "explanation" => self.explanation = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Stop<'_> {
    /// The finish, and the provider's words about it if there are any. A refusal with a category
    /// is the verdict of a filter, one without is the model's own.
    pub(super) fn finish(&self) -> Option<(Finish, Option<String>)> {
        let reason = self.reason.as_text().filter(|reason| !reason.is_empty())?;
        let finish = match reason {
            "end_turn" => Finish::Stop,
            "max_tokens" | "model_context_window_exceeded" => Finish::Length,
            "stop_sequence" => {
                Finish::StopSequence(self.sequence.as_text().unwrap_or_default().into())
            }
            "tool_use" => Finish::ToolCalls,
            "pause_turn" => Finish::Paused,
            "refusal" => return Some(self.refusal()),
            other => Finish::Other(short(other)),
        };
        Some((finish, None))
    }

    fn refusal(&self) -> (Finish, Option<String>) {
        let details: StopDetails<'_> = self.details.and_then(raw::object).unwrap_or_default();
        let explanation = details.explanation.as_text().filter(|text| !text.is_empty());
        let finish = match details.category.as_text() {
            Some(category) => Finish::ContentFilter(short(category)),
            None => Finish::Refusal,
        };
        (finish, explanation.map(str::to_owned))
    }

    /// Adds the events of the end. Behind text that was said already an explanation is no refusal
    /// of its own: clients would glue it to the text, or show it in the text's place.
    pub(super) fn read(&self, said_text: bool, events: &mut Vec<Event>) {
        let Some((finish, explanation)) = self.finish() else { return };
        match explanation {
            Some(_) if said_text => {
                events.push(Event::Lost(Loss::dropped("stop_details.explanation")));
            }
            Some(words) => events.push(delta(Delta::Refusal(words))),
            None => {}
        }
        if self.reason.as_text() == Some("model_context_window_exceeded") {
            events.push(Event::Lost(Loss::approximated("stop_reason")));
        }
        events.push(Event::finish(finish));
    }
}

fn short(word: &str) -> Box<str> {
    word.chars().take(WORD_CHARS_MAX).collect::<String>().into_boxed_str()
}

/// One more piece of choice 0.
pub(super) fn delta(delta: Delta) -> Event {
    Event::Delta { choice: 0, delta }
}

/// Content blocks on their way into events.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Blocks {
    open: Vec<(u64, Open)>,
    calls: u32,
    /// Characters of the text that was not interrupted by anything else.
    run_chars: u64,
    said_text: bool,
}

/// What is known of an open block.
#[derive(Debug, Clone, PartialEq)]
enum Open {
    Text {
        start: u64,
        citations: Vec<Citation>,
    },
    Thinking,
    Call {
        index: u32,
        any_arguments: bool,
    },
    /// It has no place in the internal form.
    Lost,
}

impl Blocks {
    /// Whether any text came.
    pub(super) fn said_text(&self) -> bool {
        self.said_text
    }

    /// A block begins, with whatever stands in it already.
    pub(super) fn start(&mut self, index: u64, block: &Block<'_>, events: &mut Vec<Event>) {
        self.stop(index, events);
        let open = match block.kind.as_text().unwrap_or_default() {
            "text" => {
                let (start, citations) = (self.run_chars, block.citations());
                self.text(block.text.as_text().unwrap_or_default(), events);
                Open::Text { start, citations }
            }
            "thinking" => {
                self.thinking(block.thinking.as_text().unwrap_or_default(), events);
                self.proof(block.proof.as_text(), ProofKind::Signature, events);
                Open::Thinking
            }
            "redacted_thinking" => {
                self.proof(block.proof.as_text(), ProofKind::Sealed, events);
                Open::Thinking
            }
            "tool_use" => self.call(block, events),
            "server_tool_use" if ours::made(block) => Open::Lost,
            "server_tool_use" => {
                events.push(Event::Lost(Loss::dropped("server_tool_use")));
                Open::Lost
            }
            "web_search_tool_result" => {
                self.search(block, events);
                Open::Lost
            }
            kind => {
                events.push(Event::Lost(Loss::unmapped(kind)));
                Open::Lost
            }
        };
        if self.open.len() < OPEN_MAX {
            self.open.push((index, open));
        }
    }

    fn search(&mut self, block: &Block<'_>, events: &mut Vec<Event>) {
        let found = search_results(block.content);
        if !ours::made(block) {
            events.push(Event::Lost(match found {
                Some(_) => Loss::approximated("web_search_tool_result"),
                None => Loss::dropped("web_search_tool_result"),
            }));
        }
        if let Some(found) = found.filter(|found| !found.is_empty()) {
            self.run_chars = 0;
            events.push(delta(Delta::SearchResults(found)));
        }
    }

    fn call(&mut self, block: &Block<'_>, events: &mut Vec<Event>) -> Open {
        let index = self.calls;
        self.calls = self.calls.saturating_add(1);
        self.run_chars = 0;
        let text = |shape: &Shape<'_>| shape.as_text().unwrap_or_default().into();
        let (id, name) = (text(&block.id), text(&block.name));
        events.push(delta(Delta::ToolCall { index, id, name, free_text: false, signature: None }));
        // A stream opens with an empty object, which stands for arguments that are still to come.
        let input = block.input.map_or("{}", RawValue::get);
        let told = !matches!(input, "{}" | "null" | "\"\"");
        if told {
            events.push(delta(Delta::Arguments { index, text: input.to_owned() }));
        }
        Open::Call { index, any_arguments: told }
    }

    fn text(&mut self, text: &str, events: &mut Vec<Event>) {
        if !text.is_empty() {
            let chars = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
            self.run_chars = self.run_chars.saturating_add(chars);
            self.said_text = true;
            events.push(Event::text(text));
        }
    }

    fn thinking(&mut self, text: &str, events: &mut Vec<Event>) {
        if !text.is_empty() {
            self.run_chars = 0;
            events.push(delta(Delta::Thinking(text.to_owned())));
        }
    }

    fn proof(&mut self, data: Option<&str>, kind: ProofKind, events: &mut Vec<Event>) {
        if let Some(proof) = data.and_then(|data| proof_of(data, kind)) {
            self.run_chars = 0;
            events.push(delta(Delta::Proof(proof)));
        }
    }

    /// More of a block.
    pub(super) fn more(&mut self, index: u64, more: &More<'_>, events: &mut Vec<Event>) {
        let text = more.text.as_text().unwrap_or_default();
        match more.what {
            What::Text => self.text(text, events),
            What::Thinking => self.thinking(text, events),
            What::Signature => self.proof(Some(text), ProofKind::Signature, events),
            What::Json => match self.find(index) {
                Some(Open::Call { index, any_arguments }) if !text.is_empty() => {
                    *any_arguments = true;
                    let (index, text) = (*index, text.to_owned());
                    events.push(delta(Delta::Arguments { index, text }));
                }
                _ => {}
            },
            What::Unknown => match (more.citation, more.kind.as_text()) {
                (Some(raw), _) => self.cite(index, raw, events),
                (None, Some(kind)) => events.push(Event::Lost(Loss::unmapped(kind))),
                (None, None) => {}
            },
        }
    }

    fn cite(&mut self, index: u64, raw: &RawValue, events: &mut Vec<Event>) {
        match self.find(index) {
            Some(Open::Text { citations, .. }) if citations.len() < ATTACHED_MAX => {
                citations.extend(citation(raw));
            }
            _ => events.push(Event::Lost(Loss::dropped("citations"))),
        }
    }

    fn find(&mut self, index: u64) -> Option<&mut Open> {
        self.open.iter_mut().find(|(open, _)| *open == index).map(|(_, open)| open)
    }

    /// A block ends. Its citations are told now, for they may come before its text.
    pub(super) fn stop(&mut self, index: u64, events: &mut Vec<Event>) {
        let Some(at) = self.open.iter().position(|(open, _)| *open == index) else { return };
        match self.open.swap_remove(at).1 {
            Open::Text { start, citations } => {
                // Another block may have begun a new run since.
                let span = (start < self.run_chars).then_some((start, self.run_chars));
                for citation in citations {
                    events.push(delta(Delta::Citation(Citation { span, ..citation })));
                }
            }
            Open::Call { index, any_arguments: false } => {
                events.push(delta(Delta::Arguments { index, text: "{}".to_owned() }));
            }
            Open::Call { .. } | Open::Thinking | Open::Lost => {}
        }
    }

    /// Everything ends.
    pub(super) fn stop_all(&mut self, events: &mut Vec<Event>) {
        while let Some(index) = self.open.first().map(|(index, _)| *index) {
            self.stop(index, events);
        }
    }
}

/// What the text of a delta is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Text,
    Thinking,
    Signature,
    /// A piece of a call's arguments.
    Json,
    #[default]
    Unknown,
}

/// The `delta` of a content block or of the message. It is made for every event of a stream, so
/// what only the last one has is kept apart.
#[derive(Debug, Default)]
pub(super) struct More<'de> {
    kind: Shape<'de>,
    pub(super) text: Shape<'de>,
    pub(super) what: What,
    citation: Option<&'de RawValue>,
    pub(super) stop: Option<Box<Stop<'de>>>,
    pub(super) container: bool,
}

impl<'de> Members<'de> for More<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let what = match name {
            "text" => What::Text,
            "thinking" => What::Thinking,
            "signature" => What::Signature,
            "partial_json" => What::Json,
            "type" => {
                self.kind = map.next_value()?;
                return Ok(());
            }
            "stop_reason" => {
                self.stop.get_or_insert_default().reason = map.next_value()?;
                return Ok(());
            }
            "stop_sequence" => {
                self.stop.get_or_insert_default().sequence = map.next_value()?;
                return Ok(());
            }
            "stop_details" => {
                self.stop.get_or_insert_default().details = Some(map.next_value()?);
                return Ok(());
            }
            "citation" => {
                self.citation = Some(map.next_value()?);
                return Ok(());
            }
            "container" => {
                self.container = map.next_value::<Shape<'de>>()? != Shape::Null;
                return Ok(());
            }
            _ => return skip(map),
        };
        let text = map.next_value::<Shape<'de>>()?;
        if text.as_text().is_some() {
            (self.what, self.text) = (what, text);
        }
        Ok(())
    }
}
