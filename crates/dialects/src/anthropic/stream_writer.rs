//! Writes an answer as a stream of Anthropic's: one block after the other, each opened, filled and
//! closed before the next, whatever the order in which the upstream tells its pieces. While a call's
//! arguments are not whole, everything else waits in a bounded queue.

use std::collections::VecDeque;

use bytes::Bytes;
use domain::{
    Citation, Delta, Dialect, Event, Finish, Losses, Proof, ProofKind, SearchResult, Usage,
};

use super::ours;
use super::refusal::error_event;
use super::write::{Ending, ended, search_blocks, web_citation, write_stop, write_usage};
use crate::Refusal;
use crate::arguments::Arguments;
use crate::form::{Envelope, StreamWriter};
use crate::json::quoted;
use crate::object::{ObjectText, push_number, push_quoted};

/// Bytes of pieces that wait for the end of a call.
const WAITING_BYTES_MAX: usize = 1024 * 1024;
/// Pieces that wait for the end of a call.
const WAITING_COUNT_MAX: usize = 4096;
/// Bytes of a refusal's words that are held until the finish is known.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// About the bytes that an event of a delta has around its value.
const DELTA_BYTES: usize = 160;

/// A stream of one message.
#[derive(Debug)]
pub(super) struct Writer {
    id: String,
    model: String,
    next_block: u64,
    open: Option<Open>,
    waiting: VecDeque<Delta>,
    waiting_bytes: usize,
    /// The model's or the filter's words about its refusal.
    refusal: String,
    refused: bool,
    called: bool,
    searches: u32,
    finish: Option<Finish>,
    usage: Option<Usage>,
    losses: Losses,
    out: String,
}

/// Where a relayed stream stands, by the numbers of its blocks.
#[derive(Debug)]
pub(super) enum Standing {
    /// No block is open; the next one has this number.
    Between(u64),
    InText(u64),
    /// True if the signature was told.
    InThinking(u64, bool),
}

/// The block that is open.
#[derive(Debug)]
enum Open {
    Text,
    Thinking {
        signed: bool,
    },
    Call {
        index: u32,
        arguments: Arguments,
    },
    /// A call whose arguments are free text, which goes under a name; `begun` once that is written.
    FreeCall {
        index: u32,
        begun: bool,
    },
}

impl Writer {
    pub(super) fn new(envelope: &Envelope) -> Self {
        Self {
            id: envelope.id.clone(),
            model: envelope.model.clone(),
            next_block: 0,
            open: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            refusal: String::new(),
            refused: false,
            called: false,
            searches: 0,
            finish: None,
            usage: None,
            losses: Losses::default(),
            out: String::new(),
        }
    }

    /// Goes on where a relayed stream stands.
    pub(super) fn stand(&mut self, standing: &Standing) {
        (self.next_block, self.open) = match standing {
            Standing::Between(next) => (*next, None),
            Standing::InText(index) => (*index, Some(Open::Text)),
            Standing::InThinking(index, signed) => {
                (*index, Some(Open::Thinking { signed: *signed }))
            }
        };
    }

    fn put(&mut self, name: &str, object: &mut ObjectText) {
        self.out.push_str("event: ");
        self.out.push_str(name);
        self.out.push_str("\ndata: ");
        self.out.push_str(&object.end());
        self.out.push_str("\n\n");
    }

    fn written(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.out))
    }

    fn open_block(&mut self, block: &str, open: Open) {
        let mut object = ObjectText::of("content_block_start");
        object.whole("index", self.next_block).raw("content_block", block);
        self.put("content_block_start", &mut object);
        self.open = Some(open);
    }

    /// One delta, whose `value` is JSON text.
    fn more(&mut self, kind: &str, member: &str, value: &str) {
        self.begin_more(kind, member, value.len());
        self.out.push_str(value);
        self.out.push_str("}}\n\n");
    }

    /// A delta up to its value, of about so many bytes. Most events of a stream come through here,
    /// so nothing is formatted and the room is taken once.
    fn begin_more(&mut self, kind: &str, member: &str, value_bytes: usize) {
        self.out.reserve(value_bytes + DELTA_BYTES);
        self.out.push_str(
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":",
        );
        push_number(&mut self.out, self.next_block);
        self.out.push_str(",\"delta\":{\"type\":\"");
        self.out.push_str(kind);
        self.out.push_str("\",\"");
        self.out.push_str(member);
        self.out.push_str("\":");
    }

    fn close_block(&mut self) {
        match &self.open {
            None => return,
            Some(Open::Thinking { signed: false }) => {
                self.more("signature_delta", "signature", &quoted(ours::MARK));
            }
            Some(Open::FreeCall { begun, .. }) => {
                let end = if *begun { r#""}"# } else { r#"{"input":""}"# };
                self.more("input_json_delta", "partial_json", &quoted(end));
            }
            Some(Open::Call { .. } | Open::Text | Open::Thinking { .. }) => {}
        }
        self.open = None;
        let mut object = ObjectText::of("content_block_stop");
        object.whole("index", self.next_block);
        self.put("content_block_stop", &mut object);
        self.next_block += 1;
    }

    /// A block that is complete at once.
    fn whole_block(&mut self, block: &str) {
        self.close_block();
        self.open_block(block, Open::Thinking { signed: true });
        self.close_block();
    }

    /// True if this piece must not be written yet: it does not belong to the open call, and that
    /// is not whole or others wait already.
    fn must_wait(&self, delta: &Delta) -> bool {
        let (open, whole) = match &self.open {
            Some(Open::Call { index, arguments }) => (Some(*index), arguments.are_whole()),
            Some(Open::FreeCall { index, .. }) => (Some(*index), false),
            Some(Open::Text | Open::Thinking { .. }) | None => (None, true),
        };
        let own = matches!(delta, Delta::Arguments { index, .. } if Some(*index) == open);
        !own && (!whole || !self.waiting.is_empty())
    }

    fn take_delta(&mut self, delta: &Delta) {
        if !self.must_wait(delta) {
            self.write_delta(delta);
            if !self.waiting.is_empty() {
                self.write_waiting(false);
            }
            return;
        }
        self.waiting_bytes += size(delta);
        self.waiting.push_back(delta.clone());
        if self.waiting_bytes > WAITING_BYTES_MAX || self.waiting.len() > WAITING_COUNT_MAX {
            // What still comes for the open call will find it closed.
            self.close_block();
            self.write_waiting(false);
        }
    }

    /// Writes what waited, as far as it need not wait on; at the end nothing waits.
    fn write_waiting(&mut self, at_the_end: bool) {
        loop {
            let waiting = std::mem::take(&mut self.waiting);
            self.waiting_bytes = 0;
            for delta in waiting {
                if self.must_wait(&delta) {
                    self.waiting_bytes += size(&delta);
                    self.waiting.push_back(delta);
                } else {
                    self.write_delta(&delta);
                }
            }
            if self.waiting.is_empty() {
                return;
            }
            let open_is_whole =
                matches!(&self.open, Some(Open::Call { arguments, .. }) if arguments.are_whole());
            if at_the_end {
                self.close_block();
            } else if !open_is_whole {
                return;
            }
        }
    }

    fn write_delta(&mut self, delta: &Delta) {
        match delta {
            Delta::Text(text) => self.write_text(text),
            Delta::Refusal(text) => self.write_refusal_words(text),
            Delta::Thinking(text) => self.write_thinking(text),
            Delta::Proof(proof) => self.write_proof(proof),
            Delta::ToolCall { index, id, name, free_text, signature } => {
                if signature.is_some() {
                    self.losses.dropped("thought_signature");
                }
                self.close_block();
                self.called = true;
                let made_up = format!("toolu_{}_{index}", self.id);
                let id = if id.is_empty() { made_up.as_str() } else { id };
                let mut block = ObjectText::of("tool_use");
                block.text("id", id).text("name", name).raw("input", "{}");
                let open = if *free_text {
                    self.losses.approximated("tools.custom");
                    Open::FreeCall { index: *index, begun: false }
                } else {
                    Open::Call { index: *index, arguments: Arguments::default() }
                };
                self.open_block(&block.end(), open);
            }
            Delta::Arguments { index, text } => self.write_arguments(*index, text),
            Delta::Citation(citation) => self.write_citation(citation),
            Delta::SearchResults(results) => self.write_search(results),
            Delta::LogProbs(_) => self.losses.dropped("logprobs"),
            Delta::Media(_) => self.losses.dropped("content.media"),
        }
    }

    fn write_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.open_text();
        self.begin_more("text_delta", "text", text.len());
        push_quoted(&mut self.out, text);
        self.out.push_str("}}\n\n");
    }

    fn open_text(&mut self) {
        if !matches!(self.open, Some(Open::Text)) {
            self.close_block();
            self.open_block(r#"{"type":"text","text":""}"#, Open::Text);
        }
    }

    /// Held back, for only the finish tells whether they are the model's own words.
    fn write_refusal_words(&mut self, text: &str) {
        self.refused = true;
        if self.refusal.len() + text.len() <= REFUSAL_BYTES_MAX {
            self.refusal.push_str(text);
        } else {
            self.losses.dropped("refusal");
        }
    }

    fn write_thinking(&mut self, text: &str) {
        if !matches!(self.open, Some(Open::Thinking { signed: false })) {
            self.close_block();
            let block = r#"{"type":"thinking","thinking":"","signature":""}"#;
            self.open_block(block, Open::Thinking { signed: false });
        }
        self.more("thinking_delta", "thinking", &quoted(text));
    }

    fn write_proof(&mut self, proof: &Proof) {
        if proof.dialect != Dialect::Anthropic {
            self.losses.dropped("thinking.signature");
            return;
        }
        match proof.kind {
            ProofKind::Sealed => {
                let block = ObjectText::of("redacted_thinking").text("data", &proof.data).end();
                self.whole_block(&block);
            }
            ProofKind::Signature => {
                if !matches!(self.open, Some(Open::Thinking { signed: false })) {
                    self.close_block();
                    let block = r#"{"type":"thinking","thinking":"","signature":""}"#;
                    self.open_block(block, Open::Thinking { signed: false });
                }
                self.more("signature_delta", "signature", &quoted(&proof.data));
                self.open = Some(Open::Thinking { signed: true });
            }
        }
    }

    fn write_arguments(&mut self, for_call: u32, text: &str) {
        if text.is_empty() {
            return;
        }
        let piece = match &mut self.open {
            Some(Open::Call { index, arguments }) if *index == for_call => {
                arguments.take(text);
                text.to_owned()
            }
            Some(Open::FreeCall { index, begun }) if *index == for_call => {
                // A string that is written piece by piece.
                let spelled = quoted(text);
                let inner = spelled.get(1..spelled.len() - 1).unwrap_or_default();
                let head = if *begun { "" } else { r#"{"input":""# };
                *begun = true;
                format!("{head}{inner}")
            }
            _ => {
                if !text.trim().is_empty() {
                    self.losses.dropped("tool_calls.arguments");
                }
                return;
            }
        };
        self.more("input_json_delta", "partial_json", &quoted(&piece));
    }

    fn write_citation(&mut self, citation: &Citation) {
        if let Some(written) = web_citation(citation, &mut self.losses) {
            self.open_text();
            self.more("citations_delta", "citation", &written);
        }
    }

    fn write_search(&mut self, results: &[SearchResult]) {
        let number = self.searches;
        self.searches += 1;
        for block in search_blocks(&self.id, number, results, &mut self.losses) {
            self.whole_block(&block);
        }
    }

    fn close_all(&mut self) {
        self.write_waiting(true);
        let filtered = matches!(self.finish, Some(Finish::ContentFilter(_) | Finish::Refusal));
        if !filtered && !self.refusal.is_empty() {
            let words = std::mem::take(&mut self.refusal);
            self.write_text(&words);
        }
        self.close_block();
    }
}

/// Bytes of what waits.
fn size(delta: &Delta) -> usize {
    let text = match delta {
        Delta::Text(text) | Delta::Refusal(text) | Delta::Thinking(text) => text.len(),
        Delta::Arguments { text, .. } => text.len(),
        Delta::Proof(proof) => proof.data.len(),
        Delta::ToolCall { .. } | Delta::Citation(_) | Delta::LogProbs(_) => 256,
        Delta::SearchResults(results) => results.len() * 256,
        // It is dropped when its turn comes.
        Delta::Media(_) => 256,
    };
    text + size_of::<Delta>()
}

impl StreamWriter for Writer {
    /// What is known of the usage at this point is nothing: the whole is told at the end.
    fn start(&mut self) -> Bytes {
        let message = ObjectText::new()
            .text("id", &format!("msg_{}", self.id))
            .text("type", "message")
            .text("role", "assistant")
            .text("model", &self.model)
            .raw("content", "[]")
            .raw("stop_reason", "null")
            .raw("stop_sequence", "null")
            .raw("usage", &write_usage(&Usage::default()))
            .end();
        self.put("message_start", ObjectText::of("message_start").raw("message", &message));
        self.written()
    }

    fn event(&mut self, event: &Event) -> Bytes {
        match event {
            Event::Start { .. } => {}
            Event::Delta { choice: 0, delta } => self.take_delta(delta),
            Event::Finish { choice: 0, finish } => {
                self.finish = Some(finish.clone());
                self.close_all();
            }
            Event::Delta { .. } | Event::Finish { .. } => self.losses.dropped("n"),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Ping => self.put("ping", &mut ObjectText::of("ping")),
            Event::Lost(loss) => self.losses.add(loss.clone()),
        }
        self.written()
    }

    fn end(&mut self) -> Bytes {
        self.close_all();
        let ending = Ending {
            finish: self.finish.as_ref(),
            called: self.called,
            refused: self.refused,
            words: &self.refusal,
        };
        let stop = ended(&ending, &mut self.losses);
        let usage = match &self.usage {
            Some(usage) => write_usage(usage),
            None => r#"{"output_tokens":0}"#.to_owned(),
        };
        let mut delta = ObjectText::new();
        write_stop(&mut delta, &stop);
        let mut object = ObjectText::of("message_delta");
        object.raw("delta", &delta.end()).raw("usage", &usage);
        self.put("message_delta", &mut object);
        self.put("message_stop", &mut ObjectText::of("message_stop"));
        self.written()
    }

    fn break_off(&mut self, refusal: &Refusal) -> Bytes {
        self.open = None;
        self.waiting.clear();
        error_event(refusal)
    }

    fn take_losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }
}
