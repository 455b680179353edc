//! What the events of a response's stream mean. Strict servers and lenient ones are read alike: a
//! part need not be announced, an item may come whole at its end, and an announced call is a call
//! only when its item turns out to be one.

use domain::{Content, Delta, Event, Fault, FaultClass, Loss, Losses, Sight};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::item::{Output, read_call, read_item};
use super::parts::{names_a_file, read_citation, read_logprobs};
use super::whole::{Response, events_of};
use crate::json::{Members, Name, Object, Shape};
use crate::provider_error;
use crate::raw::{elements, kind_of, object, word};
use crate::sse::Fields;
use crate::stream::{Protocol, Verdict, add_sight};

/// Items that are followed at once; of further ones only the end is read.
const ITEMS_MAX: usize = 1024;

/// One event as written.
#[derive(Debug, Default)]
struct Wire<'de> {
    kind: Option<Name<'de>>,
    delta: Shape<'de>,
    output_index: u64,
    content_index: u64,
    item: Option<&'de RawValue>,
    response: Option<&'de RawValue>,
    annotation: Option<&'de RawValue>,
    logprobs: Option<&'de RawValue>,
    /// The whole text, refusal, arguments or input, which an event at an end has.
    whole: Option<&'de RawValue>,
    error: bool,
}

impl<'de> Members<'de> for Wire<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => {
                let kind = map.next_value::<Shape<'de>>()?;
                self.kind = match kind {
                    Shape::Text(kind) => Some(Name(kind)),
                    _ => None,
                };
            }
            "delta" => self.delta = map.next_value()?,
            "output_index" => self.output_index = number(&map.next_value()?),
            "content_index" | "summary_index" => self.content_index = number(&map.next_value()?),
            "item" => self.item = said(map.next_value()?),
            "response" => self.response = said(map.next_value()?),
            "annotation" => self.annotation = said(map.next_value()?),
            "logprobs" => self.logprobs = said(map.next_value()?),
            "text" | "refusal" | "arguments" | "input" => self.whole = said(map.next_value()?),
            "error" => self.error = said(map.next_value()?).is_some(),
            _ => crate::json::skip(map)?,
        }
        Ok(())
    }
}

fn number(shape: &Shape<'_>) -> u64 {
    shape.as_u64().unwrap_or(0)
}

fn said(raw: &RawValue) -> Option<&RawValue> {
    (!matches!(raw.get(), "null" | "[]")).then_some(raw)
}

/// What was told of one item so far.
#[derive(Debug, Default)]
struct Item {
    output_index: u64,
    /// Its parts of which something was told, one bit each; those from 63 on share the last.
    told: u64,
    citations: usize,
    logprobs: bool,
    call: Option<Call>,
}

/// A call that was announced.
#[derive(Debug)]
struct Call {
    id: Box<str>,
    name: Box<str>,
    free_text: bool,
    /// Its index among the calls, once it was told.
    index: Option<u32>,
}

/// The events of one stream.
#[derive(Debug, Default)]
pub(super) struct Responses {
    started: bool,
    calls: u32,
    any_refusal: bool,
    any_content: bool,
    /// The thinking is told by its summary, or as it is; the first that comes decides.
    summarised: Option<bool>,
    items: Vec<Item>,
}

/// The event that these fields carry, if they carry one; with its type.
fn read_wire<'a>(fields: &'a Fields<'_>) -> Option<Wire<'a>> {
    // Checking the text as a whole is cheaper than string by string.
    let text = std::str::from_utf8(fields.data.as_deref()?).ok()?;
    let mut wire = serde_json::from_str::<Object<Wire<'_>>>(text).ok()?.0?;
    if wire.kind.is_none() {
        let name = std::str::from_utf8(fields.name?).ok()?;
        wire.kind = Some(Name(name.into()));
    }
    Some(wire)
}

impl Protocol for Responses {
    /// An image comes as one line, which may fill a whole event.
    const LINE_BYTES_MAX: usize = crate::sse::EVENT_BYTES_MAX;

    fn read(&mut self, fields: &Fields<'_>, events: &mut Vec<Event>) -> Verdict {
        match read_wire(fields) {
            Some(wire) => self.take(&wire, fields.data.as_deref().unwrap_or_default(), events),
            None => Verdict::Malformed,
        }
    }

    fn see(&mut self, fields: &Fields<'_>, sight: &mut Sight) -> Verdict {
        let Some(wire) = read_wire(fields) else {
            return Verdict::Malformed;
        };
        // Most events are these, and nothing of them needs to be kept.
        if let ("response.output_text.delta", Shape::Text(text)) = (wire.name(), &wire.delta) {
            sight.content_deltas = u32::from(!text.is_empty());
            sight.text_chars = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
            if !text.is_empty() {
                self.tell(&wire);
            }
            return Verdict::Good;
        }
        let mut events = Vec::new();
        let verdict = self.take(&wire, fields.data.as_deref().unwrap_or_default(), &mut events);
        events.iter().for_each(|event| add_sight(sight, event.sight()));
        verdict
    }
}

fn tell(events: &mut Vec<Event>, delta: Delta) {
    events.push(Event::Delta { choice: 0, delta });
}

fn bit(content_index: u64) -> u64 {
    1 << content_index.min(63)
}

impl Wire<'_> {
    fn name(&self) -> &str {
        self.kind.as_ref().map_or("", |kind| kind.0.as_ref())
    }
}

impl Responses {
    fn take(&mut self, wire: &Wire<'_>, data: &[u8], events: &mut Vec<Event>) -> Verdict {
        match wire.name() {
            "response.output_text.delta" => self.text_delta(wire, events),
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.arguments_delta(wire, events);
            }
            "response.reasoning_summary_text.delta"
            | "response.reasoning_text.delta"
            | "response.refusal.delta" => self.other_delta(wire, events),
            "response.output_text.done" | "response.refusal.done" => self.text_done(wire, events),
            "response.output_text.annotation.added" => self.annotation(wire, events),
            "response.output_item.added" => self.item_added(wire),
            "response.output_item.done" => self.item_done(wire, events),
            "response.created" | "response.queued" | "response.in_progress" => {
                return self.lifecycle(wire, events);
            }
            "response.completed" | "response.incomplete" | "response.done" => {
                return self.end(wire, events);
            }
            "response.failed" | "response.cancelled" => return failed(wire, data),
            "error" => return Verdict::Fault(Box::new(provider_error::read_error_event(data))),
            // A proxy's own error has a type of its own, or none that we know.
            _ if wire.error && wire.response.is_none() => return Verdict::Malformed,
            // Progress of the provider's own tools, parts that are told by their deltas, and what
            // comes after our time.
            _ => {}
        }
        Verdict::Good
    }

    /// What was told of the event's item; `None` if there are too many of them.
    fn item(&mut self, output_index: u64) -> Option<&mut Item> {
        let known = self.items.iter().rposition(|item| item.output_index == output_index);
        let at = match known {
            Some(at) => at,
            None if self.items.len() < ITEMS_MAX => {
                self.items.push(Item { output_index, ..Item::default() });
                self.items.len() - 1
            }
            None => return None,
        };
        self.items.get_mut(at)
    }

    /// Notes that something of the event's part was told.
    fn tell(&mut self, wire: &Wire<'_>) {
        self.any_content = true;
        if let Some(item) = self.item(wire.output_index) {
            item.told |= bit(wire.content_index);
        }
    }

    fn text_delta(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) {
        if let Some(text) = wire.delta.as_text().filter(|text| !text.is_empty()) {
            tell(events, Delta::Text(text.to_owned()));
            self.tell(wire);
        }
        self.logprobs(wire, events);
    }

    fn logprobs(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) {
        let logprobs = wire.logprobs.map(read_logprobs).unwrap_or_default();
        if !logprobs.is_empty() {
            tell(events, Delta::LogProbs(logprobs));
            if let Some(item) = self.item(wire.output_index) {
                item.logprobs = true;
            }
        }
    }

    fn other_delta(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) {
        let Some(text) = wire.delta.as_text().filter(|text| !text.is_empty()) else {
            return;
        };
        if wire.name() == "response.refusal.delta" {
            tell(events, Delta::Refusal(text.to_owned()));
            self.any_refusal = true;
            self.tell(wire);
            return;
        }
        let summary = wire.name() == "response.reasoning_summary_text.delta";
        if *self.summarised.get_or_insert(summary) != summary {
            return;
        }
        let told = self.item(wire.output_index).map_or(0, |item| item.told);
        // A blank line parts a summary from the one before it, as it does in a whole answer.
        let parts = told != 0 && told & bit(wire.content_index) == 0;
        let text = if parts { format!("\n\n{text}") } else { text.to_owned() };
        tell(events, Delta::Thinking(text));
        self.tell(wire);
    }

    fn text_done(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) {
        let told = self.item(wire.output_index).map_or(0, |item| item.told);
        if told & bit(wire.content_index) != 0 {
            return;
        }
        let Some(whole) = word(wire.whole) else {
            return;
        };
        if wire.name() == "response.refusal.done" {
            tell(events, Delta::Refusal(whole.into_owned()));
            self.any_refusal = true;
        } else {
            tell(events, Delta::Text(whole.into_owned()));
        }
        self.tell(wire);
        self.logprobs(wire, events);
    }

    fn annotation(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) {
        let Some(annotation) = wire.annotation else {
            return;
        };
        if let Some(item) = self.item(wire.output_index) {
            item.citations += 1;
        }
        let citation = read_citation(annotation);
        if citation.is_none() || names_a_file(annotation) {
            events.push(Event::Lost(Loss::approximated("annotations")));
        }
        citation.into_iter().for_each(|citation| tell(events, Delta::Citation(citation)));
    }

    /// Keeps an announced call. It is not told yet: Perplexity announces its own searches as
    /// calls, and ends them as something else.
    fn item_added(&mut self, wire: &Wire<'_>) {
        let Some(raw) = wire.item else {
            return;
        };
        let call = object::<Output<'_>>(raw).as_ref().and_then(read_call);
        if let (Some(call), Some(item)) = (call, self.item(wire.output_index)) {
            let (id, name, free_text) = (call.id, call.name, call.free_text);
            item.call = Some(Call { id, name, free_text, index: None });
        }
    }

    fn arguments_delta(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) {
        let Some(text) = wire.delta.as_text().filter(|text| !text.is_empty()) else {
            return;
        };
        let next = self.calls;
        let Some(call) = self.item(wire.output_index).and_then(|item| item.call.as_mut()) else {
            return;
        };
        let index = *call.index.get_or_insert(next);
        if index == next {
            let (id, name, free_text) = (call.id.clone(), call.name.clone(), call.free_text);
            tell(events, Delta::ToolCall { index, id, name, free_text, signature: None });
            self.calls = next.saturating_add(1);
        }
        tell(events, Delta::Arguments { index, text: text.to_owned() });
        self.tell(wire);
    }

    /// Tells of an item what its events have not told.
    fn item_done(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) {
        let Some(raw) = wire.item else {
            return;
        };
        let mut losses = Losses::default();
        let said = read_item(raw, &mut losses);
        let (mut told, mut citations, mut logprobs, mut called) = (0, 0, false, false);
        if let Some(item) = self.item(wire.output_index) {
            (told, citations, logprobs) = (item.told, item.citations, item.logprobs);
            called = item.call.take().is_some_and(|call| call.index.is_some());
        }
        for (at, mut content) in said.content.into_iter().enumerate() {
            let part_told = told & bit(u64::try_from(at).unwrap_or(u64::MAX)) != 0;
            match &mut content {
                Content::Text(text) => {
                    if part_told {
                        text.text.clear();
                    }
                    let known = citations.min(text.citations.len());
                    text.citations.drain(..known);
                    citations -= known;
                }
                Content::Refusal(_) if part_told => continue,
                Content::Refusal(_) => self.any_refusal = true,
                Content::Thinking(thinking) if told != 0 => thinking.text.clear(),
                Content::ToolCall(_) if called => continue,
                _ => {}
            }
            events_of(content, &mut self.calls, events);
            self.any_content = true;
        }
        if !logprobs && !said.logprobs.is_empty() {
            tell(events, Delta::LogProbs(said.logprobs));
        }
        losses.iter().for_each(|loss| events.push(Event::Lost(loss.clone())));
    }

    fn lifecycle(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) -> Verdict {
        let response = wire.response.and_then(object::<Response<'_>>).unwrap_or_default();
        if let Some(fault) = wire.response.and_then(|raw| response.fault(raw.get().as_bytes())) {
            return Verdict::Fault(Box::new(fault));
        }
        if !std::mem::replace(&mut self.started, true) {
            let boxed = |raw| word(raw).map(Box::from);
            events.push(Event::Start { id: boxed(response.id), model: boxed(response.model) });
        }
        Verdict::Good
    }

    fn end(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) -> Verdict {
        let Some((raw, response)) =
            wire.response.and_then(|raw| Some((raw, object::<Response<'_>>(raw)?)))
        else {
            return Verdict::Malformed;
        };
        if let Some(fault) = response.fault(raw.get().as_bytes()) {
            return Verdict::Fault(Box::new(fault));
        }
        if !self.any_content {
            // Everything comes at once, or nothing was said.
            for (at, item) in response.output.and_then(elements).into_iter().flatten().enumerate() {
                let output_index = u64::try_from(at).unwrap_or(u64::MAX);
                self.item_done(&Wire { item: Some(item), output_index, ..Wire::default() }, events);
            }
        } else if self.items.iter().any(|item| item.call.as_ref().is_some_and(Call::is_open)) {
            self.settle_open_calls(&response, events);
        }
        let finish = response.finish(self.calls > 0, self.any_refusal);
        response.usage().into_iter().for_each(|usage| events.push(Event::Usage(usage)));
        events.push(Event::finish(finish));
        Verdict::EndMark
    }

    /// A call that was announced and never ended is a call if the whole response has it.
    fn settle_open_calls(&mut self, response: &Response<'_>, events: &mut Vec<Event>) {
        let output = response.output.and_then(elements).unwrap_or_default();
        let open: Vec<u64> = self
            .items
            .iter()
            .filter(|item| item.call.as_ref().is_some_and(Call::is_open))
            .map(|item| item.output_index)
            .collect();
        for output_index in open {
            let at = usize::try_from(output_index).unwrap_or(usize::MAX);
            let item = output.get(at).copied();
            if item.and_then(kind_of).is_some_and(|kind| kind.ends_with("_call")) {
                self.item_done(&Wire { item, output_index, ..Wire::default() }, events);
            }
        }
    }
}

impl Call {
    /// It was announced, and nothing of it was told.
    fn is_open(&self) -> bool {
        self.index.is_none()
    }
}

/// The fault that the last event of a failed stream tells: in its response, or beside it.
fn failed(wire: &Wire<'_>, data: &[u8]) -> Verdict {
    let inner = wire.response.and_then(|raw| provider_error::read_in_band(raw.get().as_bytes()));
    let fault = inner.or_else(|| provider_error::read_in_band(data)).unwrap_or_else(|| {
        Fault::new(FaultClass::ServerError, "the response failed without a reason")
    });
    Verdict::Fault(Box::new(fault))
}
