//! Writes a stream of chunks. Google has no event for the end: the last chunk tells the finish and
//! the usage, so that both are held until the answer is complete. Calls go out whole.

use bytes::Bytes;
use domain::{Delta, Event, Finish, Losses, Media, Proof, ToolCall, Usage};

use super::array_framing::separator;
use super::refusal::{BROKEN_TAIL, refusal_object};
use super::sources::Sources;
use super::write_parts::{call_part, media_part, own_signature, text_part};
use super::write_whole::{
    add_finish, answer_object, content_object, told_finish, told_usage, write_logprobs,
};
use crate::Refusal;
use crate::arguments::Arguments;
use crate::form::{Envelope, StreamWriter};
use crate::object::ObjectText;

/// Calls of all candidates that are held at a time.
const CALLS_MAX: usize = 1024;
/// Bytes of arguments that are held at a time.
const ARGUMENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Candidates of one answer.
const CANDIDATES_MAX: usize = 128;

/// One answer as a stream.
#[derive(Debug)]
pub(super) struct Writer {
    envelope: Envelope,
    /// The elements of an array are written, and the first one was.
    array: Option<bool>,
    calls: Vec<HeldCall>,
    argument_bytes: usize,
    candidates: Vec<Held>,
    usage: Option<Usage>,
    losses: Losses,
}

#[derive(Debug)]
struct HeldCall {
    choice: u16,
    index: u32,
    call: ToolCall,
    so_far: Arguments,
}

/// What is told of a candidate when it is over.
#[derive(Debug, Default)]
struct Held {
    sources: Sources,
    /// The signature of the last text. Google tells it where it tells the text's sources.
    signature: Option<String>,
    finish: Option<Finish>,
    refused: bool,
}

impl Writer {
    pub(super) fn new(envelope: &Envelope) -> Self {
        let array = (envelope.framing == domain::Framing::JsonArray).then_some(false);
        Self {
            envelope: envelope.clone(),
            array,
            calls: Vec::new(),
            argument_bytes: 0,
            candidates: Vec::new(),
            usage: None,
            losses: Losses::default(),
        }
    }

    /// The array was opened by what was relayed before.
    pub(super) fn array_is_open(&mut self) {
        self.array = Some(true);
    }

    /// An object as an event or as the next element.
    fn frame(&mut self, object: &str, written: &mut String) {
        match &mut self.array {
            Some(open) => {
                let separator = separator(open);
                written.push_str(std::str::from_utf8(separator).unwrap_or_default());
                written.push_str(object);
            }
            None => {
                written.push_str("data: ");
                written.push_str(object);
                written.push_str("\r\n\r\n");
            }
        }
    }

    fn held(&mut self, choice: u16) -> Option<&mut Held> {
        let at = usize::from(choice);
        if at >= CANDIDATES_MAX {
            self.losses.dropped("choices");
            return None;
        }
        if self.candidates.len() <= at {
            self.candidates.resize_with(at + 1, Held::default);
        }
        self.candidates.get_mut(at)
    }

    /// A chunk with these parts of a candidate.
    fn chunk(&mut self, choice: u16, parts: &[String], written: &mut String) {
        let mut candidate = ObjectText::new();
        candidate.raw("content", &content_object(parts));
        candidate.raw("index", &choice.to_string());
        let chunk = answer_object(&[candidate.end()], None, None, &self.envelope);
        self.frame(&chunk, written);
    }

    fn delta(&mut self, choice: u16, delta: &Delta, written: &mut String) {
        if self.held(choice).is_none() {
            return;
        }
        if !matches!(delta, Delta::Citation(_) | Delta::SearchResults(_) | Delta::LogProbs(_)) {
            self.flush_signature(choice, written);
        }
        match delta {
            Delta::ToolCall { index, id, name, free_text, signature } => {
                self.end_run(choice);
                self.hold_call(
                    choice,
                    *index,
                    ToolCall {
                        id: id.clone(),
                        name: name.clone(),
                        arguments: String::new(),
                        free_text: *free_text,
                        signature: signature.clone(),
                    },
                );
            }
            Delta::Arguments { index, text } => self.hold_arguments(choice, *index, text),
            Delta::Citation(citation) => {
                let mut losses = std::mem::take(&mut self.losses);
                if let Some(held) = self.held(choice) {
                    held.sources.cite(citation, &mut losses);
                }
                self.losses = losses;
            }
            Delta::SearchResults(results) => {
                let mut losses = std::mem::take(&mut self.losses);
                if let Some(held) = self.held(choice) {
                    held.sources.end_run();
                    held.sources.found(results, &mut losses);
                }
                self.losses = losses;
            }
            Delta::LogProbs(logprobs) => {
                let mut candidate = ObjectText::new();
                candidate.raw("index", &choice.to_string());
                candidate.raw("logprobsResult", &write_logprobs(logprobs));
                let chunk = answer_object(&[candidate.end()], None, None, &self.envelope);
                self.frame(&chunk, written);
            }
            Delta::Text(text) => self.text(choice, text, written),
            Delta::Refusal(text) => {
                self.losses.approximated("refusal");
                if let Some(held) = self.held(choice) {
                    held.refused = true;
                }
                self.text(choice, text, written);
            }
            Delta::Thinking(text) => {
                self.flush_calls(choice, written);
                self.end_run(choice);
                self.chunk(choice, &[text_part(text, true, None)], written);
            }
            Delta::Proof(proof) => self.proof(choice, proof, written),
            Delta::Media(media) => self.media(choice, media, written),
        }
    }

    fn text(&mut self, choice: u16, text: &str, written: &mut String) {
        self.flush_calls(choice, written);
        if let Some(held) = self.held(choice) {
            held.sources.said(text);
        }
        self.chunk(choice, &[text_part(text, false, None)], written);
    }

    fn proof(&mut self, choice: u16, proof: &Proof, written: &mut String) {
        self.flush_calls(choice, written);
        self.end_run(choice);
        let signature = own_signature(Some(proof), &mut self.losses).map(str::to_owned);
        if let Some(held) = self.held(choice) {
            held.signature = signature;
        }
    }

    fn flush_signature(&mut self, choice: u16, written: &mut String) {
        let signature = self.held(choice).and_then(|held| held.signature.take());
        if let Some(signature) = signature {
            self.chunk(choice, &[text_part("", false, Some(&signature))], written);
        }
    }

    fn media(&mut self, choice: u16, media: &Media, written: &mut String) {
        self.flush_calls(choice, written);
        self.end_run(choice);
        if let Some(part) = media_part(media, None, &mut self.losses) {
            self.chunk(choice, &[part], written);
        }
    }

    fn end_run(&mut self, choice: u16) {
        if let Some(held) = self.held(choice) {
            held.sources.end_run();
        }
    }

    fn hold_call(&mut self, choice: u16, index: u32, call: ToolCall) {
        if self.calls.len() >= CALLS_MAX {
            self.losses.dropped("tool_calls");
            return;
        }
        self.calls.push(HeldCall { choice, index, call, so_far: Arguments::default() });
    }

    fn hold_arguments(&mut self, choice: u16, index: u32, more: &str) {
        let is_it = |held: &&mut HeldCall| held.choice == choice && held.index == index;
        let Some(held) = self.calls.iter_mut().rev().find(is_it) else {
            self.losses.dropped("tool_calls.arguments");
            return;
        };
        if self.argument_bytes + more.len() > ARGUMENT_BYTES_MAX {
            self.losses.dropped("tool_calls.arguments");
            return;
        }
        self.argument_bytes += more.len();
        held.call.arguments.push_str(more);
        held.so_far.take(more);
    }

    /// Writes the held calls of a candidate before something else, but for those whose arguments
    /// have begun and must go on. What comes for a written call is lost: free text does not show
    /// its end, and a call without arguments may have none.
    fn flush_calls(&mut self, choice: u16, written: &mut String) {
        self.write_calls(choice, |held| held.call.free_text || !held.so_far.are_half(), written);
    }

    /// Writes those held calls of a candidate that are `ready`.
    fn write_calls(
        &mut self,
        choice: u16,
        ready: impl Fn(&HeldCall) -> bool,
        written: &mut String,
    ) {
        let mut parts = Vec::new();
        let mut kept = Vec::new();
        for held in std::mem::take(&mut self.calls) {
            if held.choice != choice || !ready(&held) {
                kept.push(held);
                continue;
            }
            self.argument_bytes -= held.call.arguments.len();
            let signature = held.call.signature.as_deref();
            parts.push(call_part(&held.call, signature, &mut self.losses));
        }
        self.calls = kept;
        if !parts.is_empty() {
            self.chunk(choice, &parts, written);
        }
    }

    /// The last chunk: why each candidate is over, its sources, and the usage.
    fn last_chunk(&mut self) -> String {
        let mut candidates = Vec::new();
        let mut blocked = None;
        if self.candidates.is_empty() {
            self.candidates.push(Held::default());
        }
        for (index, held) in std::mem::take(&mut self.candidates).into_iter().enumerate() {
            let mut candidate = ObjectText::new();
            let part = text_part("", false, held.signature.as_deref());
            candidate.raw("content", &content_object(&[part]));
            let finish = told_finish(held.finish.as_ref(), held.refused);
            let block = add_finish(&mut candidate, finish, &mut self.losses);
            blocked = blocked.or(block);
            candidate.raw("index", &index.to_string());
            candidate.raw_if("groundingMetadata", held.sources.metadata());
            candidates.push(candidate.end());
        }
        let usage = self.usage.map(|usage| told_usage(&usage, &mut self.losses));
        answer_object(&candidates, blocked.as_deref(), usage, &self.envelope)
    }
}

impl StreamWriter for Writer {
    /// Google begins with content.
    fn start(&mut self) -> Bytes {
        Bytes::new()
    }

    fn event(&mut self, event: &Event) -> Bytes {
        let mut written = String::new();
        match event {
            Event::Delta { choice, delta } => self.delta(*choice, delta, &mut written),
            Event::Finish { choice, finish } => {
                self.write_calls(*choice, |_| true, &mut written);
                if let Some(held) = self.held(*choice) {
                    held.finish = Some(finish.clone());
                }
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Lost(loss) => self.losses.add(loss.clone()),
            // The envelope tells who answers; and Google's clients bear no comments.
            Event::Start { .. } | Event::Ping => {}
        }
        Bytes::from(written)
    }

    fn end(&mut self) -> Bytes {
        let mut written = String::new();
        let choices: Vec<u16> = self.calls.iter().map(|held| held.choice).collect();
        choices.into_iter().for_each(|choice| self.write_calls(choice, |_| true, &mut written));
        let last = self.last_chunk();
        self.frame(&last, &mut written);
        if self.array.is_some() {
            written.push(']');
        }
        Bytes::from(written)
    }

    /// Calls that are held may lack arguments, and are not sent.
    fn break_off(&mut self, refusal: &Refusal) -> Bytes {
        let mut written = String::new();
        let object = refusal_object(refusal, "");
        self.frame(&object, &mut written);
        written.push_str(match self.array {
            Some(_) => "]",
            None => BROKEN_TAIL,
        });
        Bytes::from(written)
    }

    fn take_losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }
}
