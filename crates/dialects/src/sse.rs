//! Server-sent events as bytes: where one ends, and what its fields say. What the data means is a
//! dialect's business.

use std::borrow::Cow;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

/// The longest line that is taken from an upstream, but for dialects that put whole images into one.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;
/// The longest event that is taken from an upstream, all its lines together.
pub const EVENT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A line or an event is longer than its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLong {
    #[error("a line of the stream is longer than {0} bytes")]
    Line(usize),
    #[error("an event of the stream is longer than {EVENT_BYTES_MAX} bytes")]
    Event,
}

/// Cuts a stream of bytes at event borders, in whatever pieces it comes. Whole events of one
/// pushed piece are handed out as slices of it; only what a border between pieces splits is
/// copied.
#[derive(Debug)]
pub struct Splitter {
    /// The pushed piece, from the first byte not handed out. Empty while `joined` holds bytes.
    piece: Bytes,
    /// An event in several pieces, and what came with its last one.
    joined: BytesMut,
    /// All positions below count from the first byte not handed out.
    event_at: usize,
    line_at: usize,
    /// Nothing before this position is a line end of the open line.
    seek_at: usize,
    line_bytes_max: usize,
}

impl Default for Splitter {
    fn default() -> Self {
        Self::new(LINE_BYTES_MAX)
    }
}

impl Splitter {
    /// At the start of a stream whose lines may have so many bytes.
    pub fn new(line_bytes_max: usize) -> Self {
        Self {
            piece: Bytes::new(),
            joined: BytesMut::new(),
            event_at: 0,
            line_at: 0,
            seek_at: 0,
            line_bytes_max,
        }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: Bytes) {
        if self.joined.is_empty() && self.piece.is_empty() {
            self.piece = bytes;
        } else {
            self.hold_piece();
            self.joined.extend_from_slice(&bytes);
        }
    }

    /// All bytes that were not handed out; ranges of events are places in here.
    pub fn bytes(&self) -> &[u8] {
        if self.joined.is_empty() { &self.piece } else { &self.joined }
    }

    /// The next whole event after those already found, its blank line included. A lone blank line
    /// is an event too. `None` if the rest is not whole yet.
    ///
    /// # Errors
    /// [`TooLong`] if a line or the event is over its bound; nothing can be read after that.
    pub fn next_event(&mut self) -> Result<Option<Range<usize>>, TooLong> {
        loop {
            let bytes = if self.joined.is_empty() { &self.piece[..] } else { &self.joined[..] };
            let found = bytes.get(self.seek_at..).and_then(|rest| memchr2(b'\n', b'\r', rest));
            let end = found.map_or(bytes.len(), |distance| self.seek_at + distance);
            if end - self.line_at > self.line_bytes_max {
                return Err(TooLong::Line(self.line_bytes_max));
            }
            if end - self.event_at > EVENT_BYTES_MAX {
                return Err(TooLong::Event);
            }
            if found.is_none() {
                self.seek_at = end;
                return Ok(None);
            }
            let line_feed = bytes.get(end) == Some(&b'\n');
            let pair = !line_feed && bytes.get(end + 1) == Some(&b'\n');
            let next = if pair { end + 2 } else { end + 1 };
            let blank = end == self.line_at;
            // A carriage return that was the last byte has already ended its line; the line feed
            // that comes after it is no blank line.
            let second_half = blank
                && line_feed
                && self.line_at > self.event_at
                && bytes.get(self.line_at - 1) == Some(&b'\r');
            self.line_at = next;
            self.seek_at = next;
            if blank && !second_half {
                let event = self.event_at..next;
                self.event_at = next;
                return Ok(Some(event));
            }
        }
    }

    /// Hands out the first `count` bytes; ranges found before are void after that. The bytes must
    /// be found events.
    pub fn take(&mut self, count: usize) -> Bytes {
        let count = count.min(self.event_at);
        self.event_at -= count;
        self.line_at -= count;
        self.seek_at -= count;
        if self.joined.is_empty() {
            return self.piece.split_to(count);
        }
        let taken = self.joined.split_to(count).freeze();
        if self.joined.is_empty() {
            self.joined = BytesMut::new();
        }
        taken
    }

    /// Hands out all that is left, whole or not.
    pub fn take_rest(&mut self) -> Bytes {
        (self.event_at, self.line_at, self.seek_at) = (0, 0, 0);
        if self.joined.is_empty() {
            std::mem::take(&mut self.piece)
        } else {
            std::mem::take(&mut self.joined).freeze()
        }
    }

    /// Copies what is left of the piece, so that a small rest does not keep a large piece alive.
    pub fn hold_piece(&mut self) {
        if !self.piece.is_empty() {
            self.joined.extend_from_slice(&self.piece);
            self.piece = Bytes::new();
        }
    }
}

/// What the lines of one event say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    /// The value of the last `event` line.
    pub name: Option<&'a [u8]>,
    /// The values of all `data` lines, joined by a line feed; `None` if there is no such line.
    pub data: Option<Cow<'a, [u8]>>,
    /// From the first line that begins with a brace or bracket to the event's end: no event, but
    /// a body that somebody wrote into the stream.
    pub bare: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    /// Reads the lines of one event; comments and unknown fields are passed over.
    pub fn read(event: &'a [u8]) -> Self {
        let mut fields = Self::default();
        let mut rest = event.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(event);
        while !rest.is_empty() {
            let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            let (line, after) = rest.split_at(end);
            match line.first() {
                Some(b'{' | b'[') if fields.bare.is_none() => fields.bare = Some(rest),
                Some(_) => fields.take_line(line),
                None => {}
            }
            rest = after.get(1..).unwrap_or_default();
        }
        fields
    }

    fn take_line(&mut self, line: &'a [u8]) {
        if let Some(value) = value_of(line, b"data") {
            self.data = Some(match self.data.take() {
                None => Cow::Borrowed(value),
                Some(before) => {
                    let mut joined = before.into_owned();
                    joined.push(b'\n');
                    joined.extend_from_slice(value);
                    Cow::Owned(joined)
                }
            });
        } else if let Some(value) = value_of(line, b"event") {
            self.name = Some(value);
        }
    }
}

/// The value of a line if its field has this name; one blank after the colon is no part of it.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(name)?;
    if rest.is_empty() {
        return Some(rest);
    }
    let value = rest.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&'static [u8]]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut splitter = Splitter::default();
        let mut found = Vec::new();
        for piece in pieces {
            splitter.push(Bytes::from_static(piece));
            while let Some(event) = splitter.next_event().unwrap() {
                found.push(splitter.take(event.len()).to_vec());
            }
            splitter.hold_piece();
        }
        (found, splitter.take_rest().to_vec())
    }

    #[test]
    fn cuts_at_blank_lines_of_every_kind() {
        let (found, rest) = events(&[b"data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\n"]);
        assert_eq!(found, [&b"data: a\n\n"[..], b"data: b\r\n\r\n", b"data: c\r\r"]);
        assert_eq!(rest, b"data: d\n");
    }

    #[test]
    fn a_line_feed_after_a_cut_is_no_blank_line() {
        let (found, rest) = events(&[b"data: a\r", b"\ndata: b\r", b"\n\r\n"]);
        assert_eq!(found, [b"data: a\r\ndata: b\r\n\r\n"]);
        assert!(rest.is_empty());
    }

    #[test]
    fn whole_events_are_slices_of_the_pushed_piece() {
        let piece = Bytes::from_static(b"data: a\n\ndata: b\n\n");
        let mut splitter = Splitter::default();
        splitter.push(piece.clone());
        assert_eq!(splitter.next_event(), Ok(Some(0..9)));
        assert_eq!(splitter.next_event(), Ok(Some(9..18)));
        let taken = splitter.take(18);
        assert_eq!(taken.as_ptr(), piece.as_ptr());
    }

    #[test]
    fn bounds_lines_and_events() {
        let mut splitter = Splitter::default();
        splitter.push(Bytes::from(vec![b'x'; LINE_BYTES_MAX]));
        assert_eq!(splitter.next_event(), Ok(None));
        splitter.push(Bytes::from_static(b"x"));
        assert_eq!(splitter.next_event(), Err(TooLong::Line(LINE_BYTES_MAX)));

        let mut splitter = Splitter::default();
        let line = Bytes::from([vec![b'x'; LINE_BYTES_MAX - 1], vec![b'\n']].concat());
        for _ in 0..8 {
            splitter.push(line.clone());
            assert_eq!(splitter.next_event(), Ok(None));
        }
        splitter.push(Bytes::from_static(b"xx"));
        assert_eq!(splitter.next_event(), Err(TooLong::Event));
    }

    #[test]
    fn reads_the_fields_of_an_event() {
        let fields =
            Fields::read(b"\xEF\xBB\xBF: note\nevent: ping\ndata:a\ndata:  b\nid: 7\ndata\n\n");
        assert_eq!(fields.name, Some(&b"ping"[..]));
        assert_eq!(fields.data.as_deref(), Some(&b"a\n b\n"[..]));
        assert_eq!(fields.bare, None);
        assert_eq!(Fields::read(b": only a comment\n\n"), Fields::default());
        assert_eq!(Fields::read(b"database: x\n\n"), Fields::default());
        assert_eq!(
            Fields::read(b"{\n \"error\": 1\n}\n").bare,
            Some(&b"{\n \"error\": 1\n}\n"[..])
        );
    }
}
