//! Reads a provider's event stream, in any dialect: either its bytes go through and are looked at,
//! or they become events of the internal form. What an event means is told by a [`Protocol`];
//! borders, bounds, unreadable events and errors that somebody wrote into a success are alike
//! everywhere and are dealt with here.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use domain::{Delta, Event, Fault, FaultClass, Piece, Sight};

use crate::form::{Reading, StreamReader};
use crate::mould::Mould;
use crate::provider_error;
use crate::sse::{self, Fields, Splitter};

/// So many unreadable events in a row are borne.
const MALFORMED_IN_A_ROW_MAX: u32 = 16;
/// A stream whose wrapping changes gets so many moulds; making one takes three readings.
const CASTS_MAX: u8 = 16;

/// What one event of a stream is.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// A good event, or one that says nothing.
    Good,
    /// The dialect's own end mark.
    EndMark,
    /// A good event that the caller is not to see.
    Hidden,
    /// It cannot be read and is left out.
    Malformed,
    /// The provider says that it failed.
    Fault(Box<Fault>),
}

/// What a dialect's events mean, one after the other. Comments never come here.
pub(crate) trait Protocol: Send + fmt::Debug {
    /// The longest line of its streams.
    const LINE_BYTES_MAX: usize = sse::LINE_BYTES_MAX;
    /// What has no data, such as a comment, may go through to the dialect's callers.
    const BEARS_COMMENTS: bool = true;

    /// Reads one event into the internal form.
    fn read(&mut self, fields: &Fields<'_>, events: &mut Vec<Event>) -> Verdict;

    /// Looks at one event that goes through. The usual way is to read it; a dialect that must be
    /// quick has its own.
    fn see(&mut self, fields: &Fields<'_>, sight: &mut Sight) -> Verdict {
        let mut events = Vec::new();
        let verdict = self.read(fields, &mut events);
        events.iter().for_each(|event| add_sight(sight, event.sight()));
        verdict
    }

    /// True if the answer may end here.
    fn is_complete(&self, progress: &Progress) -> bool {
        progress.finished
    }

    /// The member, in quotes, that has the text in events that are nothing but a piece of text.
    /// `None` where such events differ in more than the text or leave a trace in this state, so that
    /// there can be no [`Mould`] of them.
    fn text_member(_translate: bool) -> Option<&'static [u8]> {
        None
    }

    /// True if the event is this piece of text in choice 0, nothing else, and leaves no trace here.
    /// For dialects with a [`Self::text_member`], which ask [`is_plain_text`].
    fn is_plain_text(&self, _event: &Fields<'_>, _text: &str, _translate: bool) -> bool {
        false
    }
}

/// Reads an event on trial, see [`Protocol::is_plain_text`].
pub(crate) fn is_plain_text<P: Protocol + Clone + PartialEq>(
    protocol: &P,
    event: &Fields<'_>,
    text: &str,
    translate: bool,
) -> bool {
    let mut copy = protocol.clone();
    let as_told = if translate {
        let mut events = Vec::new();
        let verdict = copy.read(event, &mut events);
        matches!(verdict, Verdict::Good) && events == [text_event(text.to_owned())]
    } else {
        let mut sight = Sight::default();
        let verdict = copy.see(event, &mut sight);
        let wanted = Sight { content_deltas: 1, text_chars: chars(text), ..Sight::default() };
        matches!(verdict, Verdict::Good) && sight == wanted
    };
    as_told && copy == *protocol
}

fn text_event(text: String) -> Event {
    Event::Delta { choice: 0, delta: Delta::Text(text) }
}

fn chars(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

/// What the stream has shown so far.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) content_deltas: u32,
    pub(crate) text_chars: u32,
    pub(crate) finished: bool,
    pub(crate) end_mark: bool,
    any_good: bool,
    malformed: u32,
    malformed_in_a_row: u32,
}

/// Joins what was seen in two events of one run.
pub(crate) fn add_sight(sum: &mut Sight, more: Sight) {
    sum.content_deltas = sum.content_deltas.saturating_add(more.content_deltas);
    sum.text_chars = sum.text_chars.saturating_add(more.text_chars);
    sum.finish = more.finish.or(sum.finish.take());
    sum.usage = more.usage.or(sum.usage);
    sum.model = sum.model.take().or(more.model);
    sum.end_mark |= more.end_mark;
    sum.malformed = sum.malformed.saturating_add(more.malformed);
}

/// A provider's stream on its way through.
///
/// In relay a run is as many whole events as came together, as one slice of the pushed bytes. Left
/// out of the bytes are events that cannot be read, that are to be hidden, or that come behind the
/// end mark; a run of which nothing is
/// left has empty bytes and still its [`Sight`]. In translation a run is one event.
#[derive(Debug)]
pub(crate) struct EventStream<P> {
    protocol: P,
    splitter: Splitter,
    translate: bool,
    progress: Progress,
    /// Events of the internal form that were not yet taken.
    events: VecDeque<Event>,
    /// The last event ended with a carriage return, and whether it was left out. A line feed that
    /// comes next is the second half of its border and shares its lot.
    open_border: Option<bool>,
    /// That of the last event, if it was a plain piece of text. An event that does not fit may change
    /// what the next ones mean, so that it takes the mould away.
    mould: Option<Box<Mould>>,
    casts: u8,
    /// Found behind good events, told after them.
    fault: Option<Fault>,
    over: bool,
}

/// What becomes of one event's bytes.
enum Lot {
    Relay,
    LeaveOut,
    Fault(Box<Fault>),
}

impl<P: Protocol> EventStream<P> {
    pub(crate) fn new(protocol: P, reading: Reading) -> Self {
        Self {
            protocol,
            splitter: Splitter::new(P::LINE_BYTES_MAX),
            translate: reading == Reading::Translate,
            progress: Progress::default(),
            events: VecDeque::new(),
            open_border: None,
            mould: None,
            casts: 0,
            fault: None,
            over: false,
        }
    }

    /// One that reads each event in full, to compare with.
    #[cfg(test)]
    pub(crate) fn without_moulds(protocol: P, reading: Reading) -> Self {
        Self { casts: CASTS_MAX, ..Self::new(protocol, reading) }
    }

    /// How many moulds were made so far.
    #[cfg(test)]
    pub(crate) fn casts(&self) -> u8 {
        self.casts
    }

    fn give_up(&mut self, fault: Fault) -> Result<Piece, Fault> {
        self.over = true;
        self.splitter = Splitter::default();
        Err(fault)
    }

    /// What is wrong with a stream that ends here.
    fn incomplete(&self) -> Option<Fault> {
        let progress = &self.progress;
        if self.protocol.is_complete(progress) {
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

    fn read_event(&mut self, event: Range<usize>, sight: &mut Sight) -> Lot {
        let bytes = self.splitter.bytes().get(event).unwrap_or_default();
        if let (b"\n", Some(left_out)) = (bytes, self.open_border) {
            self.open_border = None;
            return if left_out { Lot::LeaveOut } else { Lot::Relay };
        }
        if self.progress.end_mark {
            // Clients stop at the mark; what comes behind it is no part of the answer.
            self.open_border = None;
            return Lot::LeaveOut;
        }
        if let Some(text) = self.mould.as_ref().and_then(|mould| mould.text_of(bytes)) {
            self.progress.take_text(&text, sight);
            if self.translate {
                self.events.push_back(text_event(text.into_owned()));
            }
            self.open_border = bytes.ends_with(b"\r").then_some(false);
            return Lot::Relay;
        }
        let fields = Fields::read(bytes);
        let mut seen = Sight::default();
        let events = self.translate.then_some(&mut self.events);
        let verdict = take(&mut self.protocol, &fields, events, &mut seen);
        if fields.data.is_some() || fields.bare.is_some() {
            let is_text = matches!(verdict, Verdict::Good) && seen.text_chars > 0;
            let cast = is_text && self.casts < CASTS_MAX;
            self.casts += u8::from(cast);
            self.mould = cast.then(|| cast_of(&self.protocol, bytes, self.translate)).flatten();
        }
        let lot = self.progress.weigh(verdict, seen, sight);
        let left_out = matches!(lot, Lot::LeaveOut);
        self.open_border = bytes.ends_with(b"\r").then_some(left_out);
        lot
    }

    /// Reads what stands after the last border. A half event is a cut, not a malformed one.
    fn read_rest(&mut self, rest: &[u8], sight: &mut Sight) -> Lot {
        if self.progress.end_mark {
            return Lot::LeaveOut;
        }
        let fields = Fields::read(rest);
        let ends_with_line = rest.ends_with(b"\n") || rest.ends_with(b"\r");
        if fields.data.is_none() && fields.bare.is_none() && !ends_with_line {
            return Lot::LeaveOut;
        }
        let events = self.translate.then_some(&mut self.events);
        let mut seen = Sight::default();
        match take(&mut self.protocol, &fields, events, &mut seen) {
            Verdict::Malformed => Lot::LeaveOut,
            verdict => self.progress.weigh(verdict, seen, sight),
        }
    }

    fn next_native(&mut self) -> Option<Result<Piece, Fault>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(Ok(Piece::Native(event)));
            }
            if let Some(fault) = self.fault.take() {
                return Some(self.give_up(fault));
            }
            if self.over {
                return None;
            }
            let event = match self.splitter.next_event() {
                Ok(Some(event)) => event,
                Ok(None) => {
                    self.splitter.hold_piece();
                    return None;
                }
                Err(too_long) => {
                    self.fault = Some(Fault::new(FaultClass::Malformed, too_long.to_string()));
                    continue;
                }
            };
            let end = event.end;
            let mut sight = Sight::default();
            if let Lot::Fault(fault) = self.read_event(event, &mut sight) {
                self.fault = Some(*fault);
            }
            let _read = self.splitter.take(end);
        }
    }

    fn next_relayed(&mut self) -> Option<Result<Piece, Fault>> {
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
                Lot::Relay => whole = event.end,
                Lot::LeaveOut => {
                    let run = self.splitter.take(whole);
                    let _left_out = self.splitter.take(event.len());
                    whole = 0;
                    if !run.is_empty() {
                        return Some(Ok(Piece::Relayed { bytes: run, sight }));
                    }
                }
                Lot::Fault(fault) => {
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
}

impl<P: Protocol> StreamReader for EventStream<P> {
    fn push(&mut self, bytes: Bytes) {
        if !self.over {
            self.splitter.push(bytes);
        }
    }

    fn next_run(&mut self) -> Option<Result<Piece, Fault>> {
        if self.translate { self.next_native() } else { self.next_relayed() }
    }

    /// A last event without its blank line is taken if it can be read, and gets its blank line.
    fn end(&mut self) -> Option<Result<Piece, Fault>> {
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
                Lot::Fault(fault) => return Some(self.give_up(*fault)),
                _ if self.translate => {
                    if let Some(event) = self.events.pop_front() {
                        return Some(Ok(Piece::Native(event)));
                    }
                }
                Lot::Relay => {
                    let mut closed = BytesMut::from(rest);
                    let ended = closed.ends_with(b"\n") || closed.ends_with(b"\r");
                    closed.extend_from_slice(if ended { b"\n" } else { b"\n\n" });
                    return Some(Ok(Piece::Relayed { bytes: closed.freeze(), sight }));
                }
                Lot::LeaveOut if sight != Sight::default() => {
                    return Some(Ok(Piece::Relayed { bytes: Bytes::new(), sight }));
                }
                Lot::LeaveOut => {}
            }
        }
        self.over = true;
        self.incomplete().map(Err)
    }
}

/// A mould of an event that was just read, if it is a plain piece of text. That its free place is
/// where the text stands is proved by the event with one more letter there.
fn cast_of<P: Protocol>(protocol: &P, event: &[u8], translate: bool) -> Option<Box<Mould>> {
    let (mould, probe) = Mould::cast(event, P::text_member(translate)?)?;
    let text = mould.text_of(event)?;
    let (event, probe) = (Fields::read(event), Fields::read(&probe));
    let proved = event.bare.is_none()
        && !event.data.as_ref().is_none_or(|data| matches!(data, Cow::Owned(_)))
        && protocol.is_plain_text(&event, &text, translate)
        && protocol.is_plain_text(&probe, &format!("{text}x"), translate);
    proved.then(|| Box::new(mould))
}

/// Has one event read or looked at; `events` is given where it is to be translated. What was seen
/// of it goes into `sight`.
fn take<P: Protocol>(
    protocol: &mut P,
    fields: &Fields<'_>,
    events: Option<&mut VecDeque<Event>>,
    sight: &mut Sight,
) -> Verdict {
    if let Some(fault) = fields.bare.and_then(provider_error::read_in_band) {
        return Verdict::Fault(Box::new(fault));
    }
    let Some(data) = fields.data.as_deref() else {
        return match fields.bare {
            Some(_) => Verdict::Malformed,
            None if P::BEARS_COMMENTS => Verdict::Good,
            None => Verdict::Hidden,
        };
    };
    if data.trim_ascii() == b"[DONE]" {
        return Verdict::EndMark;
    }
    if fields.name == Some(b"error") {
        return Verdict::Fault(Box::new(provider_error::read_error_event(data)));
    }
    let verdict = match events {
        None => protocol.see(fields, sight),
        Some(events) => {
            let mut read = Vec::new();
            let verdict = protocol.read(fields, &mut read);
            read.iter().for_each(|event| add_sight(sight, event.sight()));
            events.extend(read);
            verdict
        }
    };
    match verdict {
        // An object that means nothing to the dialect may still be an error of a proxy's.
        Verdict::Malformed => match provider_error::read_in_band(data) {
            Some(fault) => Verdict::Fault(Box::new(fault)),
            None => Verdict::Malformed,
        },
        verdict => verdict,
    }
}

impl Progress {
    /// Books one event, of which `seen` is known, and adds that to what its run has shown.
    fn weigh(&mut self, verdict: Verdict, mut seen: Sight, run: &mut Sight) -> Lot {
        let lot = match verdict {
            Verdict::Malformed => return self.skip_malformed(run),
            Verdict::Fault(fault) => return Lot::Fault(fault),
            Verdict::EndMark => {
                seen.end_mark = true;
                self.end_mark = true;
                Lot::Relay
            }
            Verdict::Good => Lot::Relay,
            Verdict::Hidden => Lot::LeaveOut,
        };
        self.malformed_in_a_row = 0;
        self.any_good |= seen != Sight::default();
        self.content_deltas = self.content_deltas.saturating_add(seen.content_deltas);
        self.text_chars = self.text_chars.saturating_add(seen.text_chars);
        self.finished |= seen.finish.is_some();
        add_sight(run, seen);
        lot
    }

    /// An event of a known mould: as [`Self::weigh`] where nothing is new but the text.
    fn take_text(&mut self, text: &str, run: &mut Sight) {
        let chars = chars(text);
        self.any_good = true;
        self.malformed_in_a_row = 0;
        self.content_deltas = self.content_deltas.saturating_add(1);
        self.text_chars = self.text_chars.saturating_add(chars);
        run.content_deltas = run.content_deltas.saturating_add(1);
        run.text_chars = run.text_chars.saturating_add(chars);
    }

    fn skip_malformed(&mut self, run: &mut Sight) -> Lot {
        self.malformed = self.malformed.saturating_add(1);
        self.malformed_in_a_row += 1;
        run.malformed = run.malformed.saturating_add(1);
        if self.malformed_in_a_row > MALFORMED_IN_A_ROW_MAX {
            let detail = format!("more than {MALFORMED_IN_A_ROW_MAX} unreadable events in a row");
            return Lot::Fault(Box::new(Fault::new(FaultClass::Malformed, detail)));
        }
        Lot::LeaveOut
    }
}
