//! Reads a provider's event stream for what it says while its bytes go through unchanged.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use domain::{Fault, FaultClass, Piece, Sight};

use super::chunk::Chunk;
use super::error;
use super::whole::model_of;
use crate::json::Object;
use crate::sse::{Fields, Splitter};

/// So many unreadable events in a row are borne.
const MALFORMED_IN_A_ROW_MAX: u32 = 16;

/// A provider's stream on its way through. [`push`](Self::push) bytes as they come, take
/// [`next_run`](Self::next_run) until it gives none, and at the upstream's clean end take
/// [`end`](Self::end) until it gives none.
///
/// A run is as many whole events as came together, as one slice of the pushed bytes. Left out of
/// the bytes are events that cannot be read, and the usage-only chunk if it is to be hidden; a run
/// of which nothing is left has empty bytes and still its [`Sight`]. After a fault nothing
/// follows.
#[derive(Debug, Default)]
pub struct StreamReader {
    splitter: Splitter,
    hide_usage: bool,
    progress: Progress,
    /// The last event ended with a carriage return, and whether it was left out. A line feed that
    /// comes next is the second half of its border and shares its lot.
    open_border: Option<bool>,
    /// Found behind good events, told after them.
    fault: Option<Fault>,
    over: bool,
}

/// What the stream has shown so far.
#[derive(Debug, Default)]
struct Progress {
    content_deltas: u32,
    text_chars: u32,
    choices_seen: u64,
    choices_finished: u64,
    model_told: bool,
    end_mark: bool,
    any_good: bool,
    malformed: u32,
    malformed_in_a_row: u32,
}

/// What becomes of one event.
enum Verdict {
    Relay,
    LeaveOut,
    Fault(Box<Fault>),
}

impl StreamReader {
    /// A reader at the start of a stream. `hide_usage` leaves out the chunk that has nothing but
    /// usage, for a caller who did not ask for it.
    pub fn new(hide_usage: bool) -> Self {
        Self { hide_usage, ..Self::default() }
    }

    /// Takes the next bytes from upstream.
    pub fn push(&mut self, bytes: Bytes) {
        if !self.over {
            self.splitter.push(bytes);
        }
    }

    /// The next run that is whole; `None` until more bytes come.
    ///
    /// # Errors
    /// The fault that the provider wrote into its stream, or `Malformed` if a line or an event is
    /// over its bound or too many events in a row cannot be read.
    pub fn next_run(&mut self) -> Option<Result<Piece, Fault>> {
        if let Some(fault) = self.fault.take() {
            return Some(self.give_up(fault));
        }
        if self.over {
            return None;
        }
        let mut sight = Sight::default();
        let mut whole = 0;
        loop {
            let event = match self.splitter.next_event() {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(too_long) => {
                    self.fault = Some(Fault::new(FaultClass::Malformed, too_long.to_string()));
                    break;
                }
            };
            match self.read_event(event.clone(), &mut sight) {
                Verdict::Relay => whole = event.end,
                Verdict::LeaveOut => {
                    let run = self.splitter.take(whole);
                    let _left_out = self.splitter.take(event.len());
                    whole = 0;
                    if !run.is_empty() {
                        return Some(Ok(Piece::Relayed { bytes: run, sight }));
                    }
                }
                Verdict::Fault(fault) => {
                    self.fault = Some(*fault);
                    break;
                }
            }
        }
        let bytes = self.splitter.take(whole);
        self.splitter.hold_piece();
        if !bytes.is_empty() || sight != Sight::default() {
            return Some(Ok(Piece::Relayed { bytes, sight }));
        }
        let fault = self.fault.take()?;
        Some(self.give_up(fault))
    }

    /// The upstream has ended its body: what is left, then the fault if the answer is not
    /// complete, then `None`. A last event without its blank line is taken if it can be read, and
    /// gets its blank line.
    ///
    /// # Errors
    /// `Cut` if content came and no finish, `Empty` if neither came, `Malformed` if nothing could
    /// be read.
    pub fn end(&mut self) -> Option<Result<Piece, Fault>> {
        if let Some(run) = self.next_run() {
            return Some(run);
        }
        if self.over {
            return None;
        }
        let mut sight = Sight::default();
        let rest = self.splitter.take_rest();
        if !rest.is_empty() {
            match self.read_rest(&rest, &mut sight) {
                Verdict::Relay => {
                    let mut closed = BytesMut::from(rest);
                    let ended = closed.ends_with(b"\n") || closed.ends_with(b"\r");
                    closed.extend_from_slice(if ended { b"\n" } else { b"\n\n" });
                    return Some(Ok(Piece::Relayed { bytes: closed.freeze(), sight }));
                }
                Verdict::Fault(fault) => return Some(self.give_up(*fault)),
                Verdict::LeaveOut if sight != Sight::default() => {
                    return Some(Ok(Piece::Relayed { bytes: Bytes::new(), sight }));
                }
                Verdict::LeaveOut => {}
            }
        }
        self.over = true;
        self.incomplete().map(Err)
    }

    /// A finish reason was seen.
    pub fn finished(&self) -> bool {
        self.progress.choices_finished != 0
    }

    /// Deltas with content so far, in all choices.
    pub fn content_deltas(&self) -> u32 {
        self.progress.content_deltas
    }

    /// Characters of text so far in choice 0.
    pub fn text_chars(&self) -> u32 {
        self.progress.text_chars
    }

    fn give_up(&mut self, fault: Fault) -> Result<Piece, Fault> {
        self.over = true;
        self.splitter = Splitter::default();
        Err(fault)
    }

    /// What is wrong with a stream that ends here.
    fn incomplete(&self) -> Option<Fault> {
        let progress = &self.progress;
        let all_finished = progress.choices_seen & !progress.choices_finished == 0;
        // A choice that never finished is a cut one, unless the provider itself said that all is
        // told.
        if self.finished() && (all_finished || progress.end_mark) {
            return None;
        }
        let chars = progress.text_chars;
        Some(if progress.content_deltas > 0 {
            let detail =
                format!("the stream ended without a finish reason after {chars} characters");
            Fault::new(FaultClass::Cut, detail)
        } else if progress.malformed > 0 && !progress.any_good {
            Fault::new(FaultClass::Malformed, "no event of the stream could be read")
        } else {
            Fault::new(FaultClass::Empty, "the stream ended without content and finish reason")
        })
    }

    fn read_event(&mut self, event: Range<usize>, sight: &mut Sight) -> Verdict {
        let bytes = self.splitter.bytes().get(event).unwrap_or_default();
        if let (b"\n", Some(left_out)) = (bytes, self.open_border) {
            self.open_border = None;
            return if left_out { Verdict::LeaveOut } else { Verdict::Relay };
        }
        let fields = Fields::read(bytes);
        let verdict = self.progress.take(&fields, self.hide_usage, sight);
        let left_out = matches!(verdict, Verdict::LeaveOut);
        self.open_border = bytes.ends_with(b"\r").then_some(left_out);
        verdict
    }

    /// Reads what stands after the last border. A half event is a cut, not a malformed one.
    fn read_rest(&mut self, rest: &[u8], sight: &mut Sight) -> Verdict {
        let fields = Fields::read(rest);
        let ends_with_line = rest.ends_with(b"\n") || rest.ends_with(b"\r");
        if fields.data.is_none() && fields.bare.is_none() && !ends_with_line {
            return Verdict::LeaveOut;
        }
        let before = self.progress.malformed;
        let verdict = self.progress.take(&fields, self.hide_usage, sight);
        if self.progress.malformed > before {
            self.progress.malformed = before;
            *sight = Sight::default();
            return Verdict::LeaveOut;
        }
        verdict
    }
}

/// The chunk that the data of an event is, if it is one.
fn read_chunk(data: &[u8]) -> Option<Chunk<'_>> {
    // Checking the text as a whole is cheaper than string by string.
    let text = std::str::from_utf8(data).ok()?;
    serde_json::from_str::<Object<Chunk<'_>>>(text).ok()?.0
}

impl Progress {
    fn take(&mut self, fields: &Fields<'_>, hide_usage: bool, sight: &mut Sight) -> Verdict {
        if let Some(fault) = fields.bare.and_then(error::read_in_band) {
            return Verdict::Fault(Box::new(fault));
        }
        let Some(data) = fields.data.as_deref() else {
            return if fields.bare.is_some() { self.skip_malformed(sight) } else { Verdict::Relay };
        };
        if data.trim_ascii() == b"[DONE]" {
            sight.end_mark = true;
            self.end_mark = true;
            return Verdict::Relay;
        }
        if fields.name == Some(b"error") {
            return Verdict::Fault(Box::new(error::read_error_event(data)));
        }
        match read_chunk(data) {
            Some(chunk) if chunk.error.is_none() => self.take_chunk(chunk, hide_usage, sight),
            _ => match error::read_in_band(data) {
                Some(fault) => Verdict::Fault(Box::new(fault)),
                None => self.skip_malformed(sight),
            },
        }
    }

    fn take_chunk(&mut self, chunk: Chunk<'_>, hide_usage: bool, sight: &mut Sight) -> Verdict {
        self.any_good = true;
        self.malformed_in_a_row = 0;
        let usage_only = chunk.is_usage_only();
        if !self.model_told {
            sight.model = model_of(&chunk.model);
            self.model_told = sight.model.is_some();
        }
        sight.usage = chunk.usage.or(sight.usage);
        if let Some(choices) = chunk.choices {
            self.choices_seen |= choices.seen;
            self.choices_finished |= choices.finished;
            self.content_deltas = self.content_deltas.saturating_add(choices.deltas);
            self.text_chars = self.text_chars.saturating_add(choices.delta_chars);
            sight.content_deltas = sight.content_deltas.saturating_add(choices.deltas);
            sight.text_chars = sight.text_chars.saturating_add(choices.delta_chars);
            sight.finish = choices.finish.or(sight.finish.take());
        }
        if usage_only && hide_usage { Verdict::LeaveOut } else { Verdict::Relay }
    }

    fn skip_malformed(&mut self, sight: &mut Sight) -> Verdict {
        self.malformed = self.malformed.saturating_add(1);
        self.malformed_in_a_row += 1;
        sight.malformed = sight.malformed.saturating_add(1);
        if self.malformed_in_a_row > MALFORMED_IN_A_ROW_MAX {
            let detail = format!("more than {MALFORMED_IN_A_ROW_MAX} unreadable events in a row");
            return Verdict::Fault(Box::new(Fault::new(FaultClass::Malformed, detail)));
        }
        Verdict::LeaveOut
    }
}
