//! A provider's stream that is one JSON array, as Google sends it without `alt=sse`. Its elements
//! are cut out as they come and read like the events of an event stream.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use domain::{Fault, FaultClass, Piece, Sight};

use super::stream_reader::Chunks;
use crate::form::{Reading, StreamReader};
use crate::sse::EVENT_BYTES_MAX;
use crate::stream::EventStream;

/// Reads either form of stream: the first byte that is no blank tells which it is.
#[derive(Debug)]
pub(super) enum AnyStream {
    /// Nothing but blanks came so far.
    Unknown(Reading, BytesMut),
    Events(Box<EventStream<Chunks>>),
    Array(Box<ArrayStream>),
}

/// Blanks before a stream that are borne.
const BLANK_BYTES_MAX: usize = 4096;

impl AnyStream {
    pub(super) fn new(reading: Reading) -> Self {
        Self::Unknown(reading, BytesMut::new())
    }

    fn events(reading: Reading) -> EventStream<Chunks> {
        EventStream::new(Chunks::default(), reading)
    }
}

impl StreamReader for AnyStream {
    fn push(&mut self, bytes: Bytes) {
        match self {
            Self::Events(stream) => stream.push(bytes),
            Self::Array(stream) => stream.push(&bytes),
            Self::Unknown(reading, held) => {
                let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
                if first.is_none() && held.len() + bytes.len() <= BLANK_BYTES_MAX {
                    held.extend_from_slice(&bytes);
                    return;
                }
                let (reading, is_array) = (*reading, first == Some(&b'['));
                let bytes = if held.is_empty() {
                    bytes
                } else {
                    held.extend_from_slice(&bytes);
                    held.split().freeze()
                };
                *self = if is_array {
                    Self::Array(Box::new(ArrayStream::new(reading)))
                } else {
                    Self::Events(Box::new(Self::events(reading)))
                };
                self.push(bytes);
            }
        }
    }

    fn next_run(&mut self) -> Option<Result<Piece, Fault>> {
        match self {
            Self::Unknown(..) => None,
            Self::Events(stream) => stream.next_run(),
            Self::Array(stream) => stream.next_run(),
        }
    }

    fn end(&mut self) -> Option<Result<Piece, Fault>> {
        match self {
            Self::Unknown(reading, _) => {
                *self = Self::Events(Box::new(Self::events(*reading)));
                self.end()
            }
            Self::Events(stream) => stream.end(),
            Self::Array(stream) => stream.end(),
        }
    }
}

/// The stream of one array.
#[derive(Debug)]
pub(super) struct ArrayStream {
    translate: bool,
    splitter: ElementSplitter,
    /// Reads each element as the event that it would be.
    events: EventStream<Chunks>,
    fault: Option<Fault>,
    over: bool,
}

impl ArrayStream {
    fn new(reading: Reading) -> Self {
        Self {
            translate: reading == Reading::Translate,
            splitter: ElementSplitter::default(),
            events: AnyStream::events(reading),
            fault: None,
            over: false,
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        if !self.over {
            self.splitter.push(bytes);
        }
    }

    fn give_up(&mut self, fault: Fault) -> Result<Piece, Fault> {
        self.over = true;
        self.splitter = ElementSplitter::default();
        Err(fault)
    }

    fn next_run(&mut self) -> Option<Result<Piece, Fault>> {
        if self.over {
            return None;
        }
        if self.translate { self.next_native() } else { self.next_relayed() }
    }

    fn next_native(&mut self) -> Option<Result<Piece, Fault>> {
        loop {
            if let Some(run) = self.events.next_run() {
                self.over |= run.is_err();
                return Some(run);
            }
            match self.splitter.next_element() {
                Ok(Some(element)) => {
                    let event = as_event(self.splitter.bytes().get(element.clone())?);
                    self.splitter.take(element.end);
                    self.events.push(event);
                }
                Ok(None) => return None,
                Err(fault) => return Some(self.give_up(fault)),
            }
        }
    }

    /// Whole elements go through with all that stands around them; one that cannot be read is
    /// replaced by an empty object, for its place in the array must be kept.
    fn next_relayed(&mut self) -> Option<Result<Piece, Fault>> {
        if let Some(fault) = self.fault.take() {
            return Some(self.give_up(fault));
        }
        let mut sight = Sight::default();
        let mut whole = 0;
        let mut replaced = None;
        while self.fault.is_none() && replaced.is_none() {
            let element = match self.splitter.next_element() {
                Ok(Some(element)) => element,
                Ok(None) => break,
                Err(fault) => {
                    self.fault = Some(fault);
                    break;
                }
            };
            let event = as_event(self.splitter.bytes().get(element.clone())?);
            self.events.push(event);
            let before = sight.malformed;
            self.see(&mut sight);
            if self.fault.is_none() {
                whole = element.end;
                replaced = (sight.malformed > before).then_some(element);
            }
        }
        if self.splitter.is_closed() && self.fault.is_none() {
            whole = self.splitter.bytes().len();
        }
        let mut bytes = self.splitter.take(whole);
        if let Some(element) = replaced {
            let mut kept = BytesMut::from(bytes.get(..element.start).unwrap_or_default());
            kept.extend_from_slice(b"{}");
            kept.extend_from_slice(bytes.get(element.end..).unwrap_or_default());
            bytes = kept.freeze();
        }
        if !bytes.is_empty() || sight != Sight::default() {
            return Some(Ok(Piece::Relayed { bytes, sight }));
        }
        let fault = self.fault.take()?;
        Some(self.give_up(fault))
    }

    /// Adds what the pushed element shows; it is a run of its own.
    fn see(&mut self, sum: &mut Sight) {
        while let Some(run) = self.events.next_run() {
            match run {
                Ok(Piece::Relayed { sight, .. }) => crate::stream::add_sight(sum, sight),
                Ok(Piece::Native(_)) => {}
                Err(fault) => {
                    self.fault = Some(fault);
                    return;
                }
            }
        }
    }

    fn end(&mut self) -> Option<Result<Piece, Fault>> {
        if let Some(run) = self.next_run() {
            return Some(run);
        }
        if self.over {
            return None;
        }
        match self.events.end() {
            Some(Ok(run)) => Some(Ok(run)),
            Some(Err(fault)) => Some(self.give_up(fault)),
            None => {
                self.over = true;
                None
            }
        }
    }
}

/// The element as an event; each of its lines is a line of data.
fn as_event(element: &[u8]) -> Bytes {
    let mut event = BytesMut::with_capacity(element.len() + 16);
    for line in element.split(|byte| matches!(byte, b'\n' | b'\r')) {
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(line);
        event.extend_from_slice(b"\n");
    }
    event.extend_from_slice(b"\n");
    event.freeze()
}

/// Cuts an array at the borders of its elements, in whatever pieces it comes.
#[derive(Debug, Default)]
struct ElementSplitter {
    held: BytesMut,
    /// Bytes that were looked at.
    at: usize,
    /// Where the open element began.
    start: usize,
    depth: u32,
    in_string: bool,
    escaped: bool,
    tail: Tail,
}

/// What follows the array.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Tail {
    /// The closing bracket has not come.
    #[default]
    NotYet,
    /// Nothing but blanks so far.
    Blank,
    /// Something else, which is left out with all behind it.
    LeftOut,
}

impl ElementSplitter {
    fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        if self.is_closed() {
            self.leave_out_tail();
        }
    }

    /// Nothing but blanks may follow the closing bracket; from the first byte that is no blank all
    /// is left out, for whoever reads the array would choke on it.
    fn leave_out_tail(&mut self) {
        if self.tail == Tail::LeftOut {
            self.held.truncate(self.at);
            return;
        }
        let tail = self.held.get(self.at..).unwrap_or_default();
        let blanks = tail.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.tail = if blanks < tail.len() { Tail::LeftOut } else { Tail::Blank };
        self.at += blanks;
        self.held.truncate(self.at);
    }

    fn bytes(&self) -> &[u8] {
        &self.held
    }

    /// The array's closing bracket has come, and everything before it was found.
    fn is_closed(&self) -> bool {
        self.tail != Tail::NotYet
    }

    /// The next whole element; ranges are void after `take`.
    fn next_element(&mut self) -> Result<Option<Range<usize>>, Fault> {
        if self.is_closed() {
            return Ok(None);
        }
        while let Some(byte) = self.held.get(self.at) {
            self.at += 1;
            if self.depth > 1 && self.at - self.start > EVENT_BYTES_MAX {
                let detail = format!("an element of the stream is over {EVENT_BYTES_MAX} bytes");
                return Err(Fault::new(FaultClass::Malformed, detail));
            }
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    if self.depth == 2 {
                        self.start = self.at - 1;
                    }
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        self.leave_out_tail();
                        return Ok(None);
                    }
                    if self.depth == 1 {
                        return Ok(Some(self.start..self.at));
                    }
                }
                _ => {}
            }
        }
        if self.held.len() > EVENT_BYTES_MAX + BLANK_BYTES_MAX {
            return Err(Fault::new(
                FaultClass::Malformed,
                "the array of the stream has no elements",
            ));
        }
        Ok(None)
    }

    fn take(&mut self, count: usize) -> Bytes {
        let count = count.min(self.at);
        self.at -= count;
        self.start = self.start.saturating_sub(count);
        self.held.split_to(count).freeze()
    }
}
