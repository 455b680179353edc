//! Writes an answer as a response's stream. The official clients' helpers rely on its order:
//! `response.created` before all else, each item announced, then each part, then its deltas, then
//! all of them closed in reverse, and the whole response in the last event.

use bytes::Bytes;
use domain::{Citation, Delta, Event, Finish, LogProb, Losses, Media, SearchResult, Usage};

use super::held::held_bytes;
use super::output::{self, CallText, Head, Status};
use super::refusal;
use super::resume::Found;
use crate::Refusal;
use crate::arguments::Arguments;
use crate::form::{Envelope, StreamWriter};
use crate::object::{ObjectText, array};

/// Items of one answer; what comes after them is lost.
const ITEMS_MAX: usize = 1024;
/// Bytes of one answer that are held for its whole items; what comes after them is lost.
const HELD_BYTES_MAX: usize = 32 * 1024 * 1024;

/// One stream on its way to the caller.
#[derive(Debug)]
pub(super) struct Writer {
    head: Head,
    sequence_number: u64,
    /// Events of the running step.
    out: String,
    /// The message or the thinking that is open.
    open: Option<Open>,
    /// Calls whose arguments may still come.
    calls: Vec<OpenCall>,
    /// Closed items by their place; those still open have an empty text.
    items: Vec<String>,
    /// Bytes that were taken into items, whether these are open or closed.
    held_bytes: usize,
    usage: Option<Usage>,
    finish: Option<Finish>,
    declined: bool,
    losses: Losses,
}

/// The item that is open and is no call.
#[derive(Debug)]
pub(super) enum Open {
    Message { at: usize, id: String, parts: Vec<String>, part: Option<Part> },
    Thinking { at: usize, id: String, text: String },
}

/// The part of a message that is open.
#[derive(Debug)]
pub(super) enum Part {
    Text { text: String, chars: u64, annotations: Vec<String>, logprobs: Vec<String> },
    Refusal(String),
}

#[derive(Debug)]
struct OpenCall {
    /// As the events count it.
    index: u32,
    at: usize,
    id: String,
    call_id: String,
    name: Box<str>,
    free_text: bool,
    arguments: String,
    so_far: Arguments,
}

impl Writer {
    pub(super) fn new(envelope: &Envelope) -> Self {
        Self {
            head: Head::new(envelope),
            sequence_number: 0,
            out: String::new(),
            open: None,
            calls: Vec::new(),
            items: Vec::new(),
            held_bytes: 0,
            usage: None,
            finish: None,
            declined: false,
            losses: Losses::default(),
        }
    }

    /// Goes on with a relayed stream.
    pub(super) fn resumed(envelope: &Envelope, found: Found) -> Self {
        let mut writer = Self::new(envelope);
        let Found { next_number, items, open } = found;
        (writer.sequence_number, writer.items, writer.open) = (next_number, items, open);
        writer.held_bytes = writer.items.iter().map(String::len).sum();
        writer
    }

    /// Writes one event; `members` are those behind its type and number.
    fn emit(&mut self, kind: &str, members: impl FnOnce(&mut ObjectText) -> &mut ObjectText) {
        let mut data = ObjectText::of(kind);
        data.whole("sequence_number", self.sequence_number);
        self.sequence_number += 1;
        self.out.push_str("event: ");
        self.out.push_str(kind);
        self.out.push_str("\ndata: ");
        self.out.push_str(&members(&mut data).end());
        self.out.push_str("\n\n");
    }

    fn emit_item(&mut self, kind: &str, at: usize, item: &str) {
        self.emit(kind, |event| event.whole("output_index", place(at)).raw("item", item));
    }

    /// A place for one more item; `None` if there are too many.
    fn next_place(&mut self) -> Option<usize> {
        if self.items.len() >= ITEMS_MAX {
            self.losses.dropped("output");
            return None;
        }
        self.items.push(String::new());
        Some(self.items.len() - 1)
    }

    fn settle(&mut self, at: usize, item: String) {
        self.emit_item("response.output_item.done", at, &item);
        if let Some(place) = self.items.get_mut(at) {
            *place = item;
        }
    }

    fn write_delta(&mut self, delta: &Delta) {
        // Neither told nor held, for the closing events must say what the deltas said. Once over
        // the bound it stays over it, so that no hole is in the middle of a text.
        self.held_bytes = self.held_bytes.saturating_add(held_bytes(delta));
        if self.held_bytes > HELD_BYTES_MAX {
            self.losses.dropped("output");
            return;
        }
        match delta {
            Delta::Text(text) => self.text(text),
            Delta::Refusal(text) => self.refusal(text),
            Delta::Thinking(text) => self.thinking(text),
            Delta::Proof(proof) => {
                let sealed = output::sealed(proof, &mut self.losses).map(str::to_owned);
                self.proof(sealed.as_deref());
            }
            Delta::ToolCall { index, id, name, free_text, signature } => {
                if signature.is_some() {
                    self.losses.dropped("thought_signature");
                }
                self.call(*index, id, name, *free_text);
            }
            Delta::Arguments { index, text } => self.arguments(*index, text),
            Delta::Citation(citation) => self.citation(citation),
            Delta::SearchResults(results) => self.search(results),
            Delta::LogProbs(logprobs) => self.logprobs(logprobs),
            Delta::Media(media) => self.media(media),
        }
    }

    fn text(&mut self, more: &str) {
        if !matches!(&self.open, Some(Open::Message { part: Some(Part::Text { .. }), .. })) {
            let empty = output::text_part("", &[], &[]);
            let (annotations, logprobs) = (Vec::new(), Vec::new());
            let part = Part::Text { text: String::new(), chars: 0, annotations, logprobs };
            self.open_part(part, &empty);
        }
        self.part_event("response.output_text.delta", |event| {
            event.text("delta", more).raw("logprobs", "[]")
        });
        if let Some(Open::Message { part: Some(Part::Text { text, chars, .. }), .. }) =
            &mut self.open
        {
            text.push_str(more);
            *chars += u64::try_from(more.chars().count()).unwrap_or(0);
        }
    }

    fn refusal(&mut self, more: &str) {
        self.declined = true;
        if !matches!(&self.open, Some(Open::Message { part: Some(Part::Refusal(_)), .. })) {
            self.open_part(Part::Refusal(String::new()), &output::refusal_part(""));
        }
        self.part_event("response.refusal.delta", |event| event.text("delta", more));
        if let Some(Open::Message { part: Some(Part::Refusal(text)), .. }) = &mut self.open {
            text.push_str(more);
        }
    }

    /// An event of the open part.
    fn part_event(&mut self, kind: &str, members: impl FnOnce(&mut ObjectText) -> &mut ObjectText) {
        let Some(Open::Message { at, id, parts, .. }) = &self.open else {
            return;
        };
        let (at, id, content_index) = (*at, id.clone(), parts.len());
        self.emit(kind, |event| {
            members(
                event
                    .text("item_id", &id)
                    .whole("output_index", place(at))
                    .whole("content_index", place(content_index)),
            )
        });
    }

    /// Opens a part in the open message, or in a new one.
    fn open_part(&mut self, new: Part, empty: &str) {
        if matches!(&self.open, Some(Open::Message { .. })) {
            self.close_part();
        } else {
            self.close_all("completed");
            let Some(at) = self.next_place() else {
                return;
            };
            let id = self.head.item_id("msg", at);
            let item = output::message(&id, "in_progress", &[]);
            self.emit_item("response.output_item.added", at, &item);
            self.open = Some(Open::Message { at, id, parts: Vec::new(), part: None });
        }
        self.part_event("response.content_part.added", |event| event.raw("part", empty));
        if let Some(Open::Message { part, .. }) = &mut self.open {
            *part = Some(new);
        }
    }

    fn close_part(&mut self) {
        let Some(Open::Message { part, .. }) = &mut self.open else {
            return;
        };
        let Some(part) = part.take() else {
            return;
        };
        let written = match part {
            Part::Text { text, annotations, logprobs, .. } => {
                let told = array(&logprobs);
                self.part_event("response.output_text.done", |event| {
                    event.text("text", &text).raw("logprobs", &told)
                });
                output::text_part(&text, &annotations, &logprobs)
            }
            Part::Refusal(text) => {
                self.part_event("response.refusal.done", |event| event.text("refusal", &text));
                output::refusal_part(&text)
            }
        };
        self.part_event("response.content_part.done", |event| event.raw("part", &written));
        if let Some(Open::Message { parts, .. }) = &mut self.open {
            parts.push(written);
        }
    }

    fn thinking(&mut self, more: &str) {
        if !matches!(&self.open, Some(Open::Thinking { .. })) {
            self.close_all("completed");
            let Some(at) = self.next_place() else {
                return;
            };
            let id = self.head.item_id("rs", at);
            let item = output::reasoning(&id, "[]", None);
            self.emit_item("response.output_item.added", at, &item);
            self.open = Some(Open::Thinking { at, id, text: String::new() });
            let part = output::summary_part("");
            self.summary_event("response.reasoning_summary_part.added", |event| {
                event.raw("part", &part)
            });
        }
        self.summary_event("response.reasoning_summary_text.delta", |e| e.text("delta", more));
        if let Some(Open::Thinking { text, .. }) = &mut self.open {
            text.push_str(more);
        }
    }

    fn summary_event(
        &mut self,
        kind: &str,
        members: impl FnOnce(&mut ObjectText) -> &mut ObjectText,
    ) {
        let Some(Open::Thinking { at, id, .. }) = &self.open else {
            return;
        };
        let (at, id) = (*at, id.clone());
        self.emit(kind, |event| {
            let event = event.text("item_id", &id).whole("output_index", place(at));
            members(event.whole("summary_index", 0))
        });
    }

    fn close_thinking(&mut self, sealed: Option<&str>) {
        let Some(Open::Thinking { text, .. }) = &self.open else {
            return;
        };
        let text = text.clone();
        let part = output::summary_part(&text);
        self.summary_event("response.reasoning_summary_text.done", |e| e.text("text", &text));
        self.summary_event("response.reasoning_summary_part.done", |e| e.raw("part", &part));
        if let Some(Open::Thinking { at, id, text }) = self.open.take() {
            self.settle(at, output::reasoning(&id, &output::summary(&text), sealed));
        }
    }

    /// What seals the thinking ends it; alone it stands for thinking that is not shown.
    fn proof(&mut self, sealed: Option<&str>) {
        if matches!(&self.open, Some(Open::Thinking { .. })) {
            self.close_thinking(sealed);
        } else if let Some(sealed) = sealed {
            self.close_all("completed");
            let Some(at) = self.next_place() else {
                return;
            };
            let id = self.head.item_id("rs", at);
            let announced = output::reasoning(&id, "[]", None);
            self.emit_item("response.output_item.added", at, &announced);
            self.settle(at, output::reasoning(&id, "[]", Some(sealed)));
        }
    }

    fn call(&mut self, index: u32, id: &str, name: &str, free_text: bool) {
        self.close_open("completed");
        let Some(at) = self.next_place() else {
            return;
        };
        let call_id = if id.is_empty() { self.head.item_id("call", at) } else { id.to_owned() };
        let (id, arguments) = (self.head.item_id("fc", at), String::new());
        let (name, so_far) = (name.into(), Arguments::default());
        let call = OpenCall { index, at, id, call_id, name, free_text, arguments, so_far };
        self.emit_item(
            "response.output_item.added",
            at,
            &output::call(&call.text(), "in_progress"),
        );
        self.calls.push(call);
    }

    fn arguments(&mut self, index: u32, more: &str) {
        let Some(call) = self.calls.iter_mut().rev().find(|call| call.index == index) else {
            self.losses.dropped("tool_calls.arguments");
            return;
        };
        call.arguments.push_str(more);
        call.so_far.take(more);
        let (at, id, kind) = (call.at, call.id.clone(), call.delta_kind());
        self.emit(kind, |event| {
            event.text("item_id", &id).whole("output_index", place(at)).text("delta", more)
        });
    }

    fn close_call(&mut self, mut call: OpenCall, status: &str) {
        // Clients parse the arguments of a function, and nothing at all is no JSON.
        if call.arguments.is_empty() && !call.free_text && status == "completed" {
            call.arguments.push_str("{}");
            let (at, id) = (call.at, call.id.clone());
            self.emit(call.delta_kind(), |event| {
                event.text("item_id", &id).whole("output_index", place(at)).text("delta", "{}")
            });
        }
        let (kind, member) = if call.free_text {
            ("response.custom_tool_call_input.done", "input")
        } else {
            ("response.function_call_arguments.done", "arguments")
        };
        self.emit(kind, |event| {
            event
                .text("item_id", &call.id)
                .whole("output_index", place(call.at))
                .text("name", &call.name)
                .text(member, &call.arguments)
        });
        self.settle(call.at, output::call(&call.text(), status));
    }

    fn citation(&mut self, citation: &Citation) {
        let Some(Open::Message { part: Some(Part::Text { chars, annotations, .. }), .. }) =
            &self.open
        else {
            self.losses.dropped("citations");
            return;
        };
        let (chars, index) = (*chars, annotations.len());
        let Some(annotation) = output::citation(citation, chars, &mut self.losses) else {
            return;
        };
        self.part_event("response.output_text.annotation.added", |event| {
            event.whole("annotation_index", place(index)).raw("annotation", &annotation)
        });
        if let Some(Open::Message { part: Some(Part::Text { annotations, .. }), .. }) =
            &mut self.open
        {
            annotations.push(annotation);
        }
    }

    /// Probabilities ride on a delta of text; these come behind it, so theirs is empty.
    fn logprobs(&mut self, more: &[LogProb]) {
        let written: Vec<String> = more.iter().map(output::logprob).collect();
        let Some(Open::Message { part: Some(Part::Text { .. }), .. }) = &self.open else {
            self.losses.dropped("logprobs");
            return;
        };
        let told = array(&written);
        self.part_event("response.output_text.delta", |event| {
            event.text("delta", "").raw("logprobs", &told)
        });
        if let Some(Open::Message { part: Some(Part::Text { logprobs, .. }), .. }) = &mut self.open
        {
            logprobs.extend(written);
        }
    }

    fn search(&mut self, results: &[SearchResult]) {
        if !self.head.tells_searches() {
            self.losses.dropped("search_results");
            return;
        }
        self.close_all("completed");
        if let Some(at) = self.next_place() {
            let id = self.head.item_id("ws", at);
            let mut announced = ObjectText::of("web_search_call");
            announced.text("id", &id).text("status", "in_progress");
            self.emit_item("response.output_item.added", at, &announced.end());
            let item = output::search(&id, results, &mut self.losses);
            self.settle(at, item);
        }
    }

    fn media(&mut self, media: &Media) {
        let at = self.items.len();
        let id = self.head.item_id("ig", at);
        let Some(image) = output::image(&id, media, &mut self.losses) else {
            return;
        };
        self.close_all("completed");
        if let Some(at) = self.next_place() {
            let mut announced = ObjectText::of("image_generation_call");
            announced.text("id", &id).text("status", "in_progress").raw("result", "null");
            self.emit_item("response.output_item.added", at, &announced.end());
            self.settle(at, image);
        }
    }

    /// Closes the open message or thinking.
    fn close_open(&mut self, status: &str) {
        self.close_thinking(None);
        self.close_part();
        if let Some(Open::Message { at, id, parts, .. }) = self.open.take() {
            self.settle(at, output::message(&id, status, &parts));
        }
    }

    /// Closes everything that is open, but for calls of which more must come: a new item may
    /// begin before they are whole. Free text does not show its end; what comes of it behind a new
    /// item is lost.
    fn close_all(&mut self, status: &str) {
        self.close_open(status);
        let whole = |call: &mut OpenCall| call.free_text || call.so_far.are_whole();
        let closed: Vec<OpenCall> = self.calls.extract_if(.., whole).collect();
        closed.into_iter().for_each(|call| self.close_call(call, status));
    }

    /// Closes what is left at the end.
    fn close_rest(&mut self, status: &str) {
        self.close_open(status);
        std::mem::take(&mut self.calls).into_iter().for_each(|call| self.close_call(call, status));
    }

    fn write_end(&mut self) {
        let finish = self.finish.take().unwrap_or(Finish::Stop);
        let status = output::status_of(&finish, self.declined, &mut self.losses);
        self.close_rest(status.of_last_item());
        let response = self.head.response(status, &self.items, self.usage.as_ref());
        let kind = match status {
            Status::Incomplete(..) => "response.incomplete",
            Status::Completed | Status::InProgress | Status::Failed(..) => "response.completed",
        };
        self.emit(kind, |event| event.raw("response", &response));
    }

    fn take_out(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.out))
    }
}

impl OpenCall {
    fn text(&self) -> CallText<'_> {
        CallText {
            id: &self.id,
            call_id: &self.call_id,
            name: &self.name,
            free_text: self.free_text,
            arguments: &self.arguments,
        }
    }

    fn delta_kind(&self) -> &'static str {
        if self.free_text {
            "response.custom_tool_call_input.delta"
        } else {
            "response.function_call_arguments.delta"
        }
    }
}

fn place(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(u64::MAX)
}

impl StreamWriter for Writer {
    fn start(&mut self) -> Bytes {
        let response = self.head.response(Status::InProgress, &[], None);
        self.emit("response.created", |event| event.raw("response", &response));
        self.emit("response.in_progress", |event| event.raw("response", &response));
        self.take_out()
    }

    fn event(&mut self, event: &Event) -> Bytes {
        match event {
            Event::Delta { choice: 0, delta } => self.write_delta(delta),
            // An answer of this dialect is one answer.
            Event::Delta { .. } => self.losses.dropped("n"),
            Event::Finish { choice: 0, finish } => self.finish = Some(finish.clone()),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Lost(loss) => self.losses.add(loss.clone()),
            // The envelope has the id and the model, and clients die of a foreign ping.
            Event::Finish { .. } | Event::Start { .. } | Event::Ping => {}
        }
        self.take_out()
    }

    fn end(&mut self) -> Bytes {
        self.write_end();
        self.take_out()
    }

    /// Both the error and the failed response, as OpenAI's own servers do: the official clients
    /// raise the first and read no further, and those that know only the second find it too. Items
    /// that were open are left out of it, for what they say is not all.
    fn break_off(&mut self, refusal: &Refusal) -> Bytes {
        let error = refusal::error_event(refusal, self.sequence_number);
        self.out.push_str(&error);
        self.sequence_number += 1;
        let whole: Vec<String> =
            self.items.iter().filter(|item| !item.is_empty()).cloned().collect();
        let status = Status::Failed(refusal::failed_code(refusal.kind), &refusal.message);
        let response = self.head.response(status, &whole, self.usage.as_ref());
        self.emit("response.failed", |event| event.raw("response", &response));
        self.take_out()
    }

    fn take_losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }
}

#[cfg(test)]
mod tests {
    use domain::Framing;

    use super::*;

    #[test]
    fn what_is_held_is_bounded_and_has_no_hole() {
        let envelope = Envelope {
            id: "a".to_owned(),
            model: "m".to_owned(),
            created_unix: 1,
            include_usage: true,
            framing: Framing::Events,
            base64: false,
            batch: false,
            hosted_tools: false,
        };
        let mut writer = Writer::new(&envelope);
        writer.held_bytes = HELD_BYTES_MAX - 3;
        let mut stream = Vec::new();
        for text in ["ab", "cd", "e"] {
            stream.extend_from_slice(&writer.event(&Event::text(text)));
        }
        assert_eq!(writer.take_losses().header(), "output");
        stream.extend_from_slice(&writer.end());
        let stream = String::from_utf8(stream).unwrap();
        // One delta, and the three events that repeat the text, and the whole response.
        assert_eq!(stream.matches("\"ab\"").count(), 5, "{stream}");
        assert!(!stream.contains("cd") && !stream.contains("\"e\""), "{stream}");
    }
}
