//! How the body of an HTTP/1.1 answer ends, and what of its bytes is content. Pure: bytes in,
//! content out, the same at every split of the bytes. What the content means is not known here.

use bytes::BytesMut;

use super::Unreadable;

/// Bytes of chunk extensions and trailers of one body that are passed over.
const IGNORED_BYTES_MAX: u32 = 16 * 1024;
/// Hexadecimal digits of a chunk's size.
const SIZE_DIGITS_MAX: u8 = 15;

/// Where a body stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes are still to come.
    Length(u64),
    Chunked(Chunks),
    /// All that comes until the other side closes.
    UntilClose,
}

impl Framing {
    /// Takes content out of `input` and appends it to `content`; gives how many bytes of `input`
    /// belonged to the body. Less than all means that it is over.
    ///
    /// # Errors
    /// If the bytes do not follow the framing. Nothing can be read after that.
    pub(super) fn feed(
        &mut self,
        input: &[u8],
        content: &mut BytesMut,
    ) -> Result<usize, Unreadable> {
        match self {
            Self::Length(left) => {
                let (mine, _) = split(input, *left);
                content.extend_from_slice(mine);
                *left -= mine.len() as u64;
                Ok(mine.len())
            }
            Self::Chunked(chunks) => chunks.feed(input, content),
            Self::UntilClose => {
                content.extend_from_slice(input);
                Ok(input.len())
            }
        }
    }

    /// True once nothing more belongs to the body.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.place == Place::Over,
            Self::UntilClose => false,
        }
    }
}

/// Reads the chunked coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunks {
    place: Place,
    /// Of the chunk that is being read: its size, then what is left of it.
    left: u64,
    size_digits: u8,
    ignored_bytes: u32,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Digits of a size, or their end.
    Size,
    /// The rest of a size's line; no digit may follow.
    Extension,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    /// A trailer, or the empty line that ends all.
    TrailerStart,
    Trailer,
    TrailerLineFeed,
    LastLineFeed,
    Over,
}

impl Chunks {
    pub(super) fn new() -> Self {
        Self { place: Place::Size, left: 0, size_digits: 0, ignored_bytes: 0 }
    }

    fn feed(&mut self, input: &[u8], content: &mut BytesMut) -> Result<usize, Unreadable> {
        let mut rest = input;
        while self.place != Place::Over {
            if self.place == Place::Data {
                let (data, after) = split(rest, self.left);
                content.extend_from_slice(data);
                self.left -= data.len() as u64;
                rest = after;
                if self.left > 0 {
                    break;
                }
                self.place = Place::DataReturn;
            }
            let Some((byte, after)) = rest.split_first() else { break };
            self.take(*byte)?;
            rest = after;
        }
        Ok(input.len() - rest.len())
    }

    /// Takes a byte that is no content. Only CR LF ends a line: where readers differ about
    /// lone ones, answers can be made to mean two things.
    fn take(&mut self, byte: u8) -> Result<(), Unreadable> {
        self.place = match (self.place, byte) {
            (Place::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => self.take_digit(byte)?,
            (Place::Size, _) if self.size_digits == 0 => return Err(Unreadable::Chunk),
            (Place::Size | Place::Extension, b'\r') => Place::SizeLineFeed,
            (Place::Size, b';' | b' ' | b'\t') => self.pass_over(Place::Extension)?,
            (Place::Extension, byte) if byte != b'\n' => self.pass_over(Place::Extension)?,
            (Place::SizeLineFeed, b'\n') => {
                self.size_digits = 0;
                if self.left == 0 { Place::TrailerStart } else { Place::Data }
            }
            (Place::DataReturn, b'\r') => Place::DataLineFeed,
            (Place::DataLineFeed, b'\n') => Place::Size,
            (Place::TrailerStart, b'\r') => Place::LastLineFeed,
            (Place::Trailer, b'\r') => Place::TrailerLineFeed,
            (Place::TrailerStart | Place::Trailer, byte) if byte != b'\n' => {
                self.pass_over(Place::Trailer)?
            }
            (Place::TrailerLineFeed, b'\n') => Place::TrailerStart,
            (Place::LastLineFeed, b'\n') => Place::Over,
            _ => return Err(Unreadable::Chunk),
        };
        Ok(())
    }

    fn take_digit(&mut self, digit: u8) -> Result<Place, Unreadable> {
        if self.size_digits == SIZE_DIGITS_MAX {
            return Err(Unreadable::Chunk);
        }
        let value = char::from(digit).to_digit(16).ok_or(Unreadable::Chunk)?;
        self.size_digits += 1;
        self.left = self.left * 16 + u64::from(value);
        Ok(Place::Size)
    }

    fn pass_over(&mut self, place: Place) -> Result<Place, Unreadable> {
        self.ignored_bytes += 1;
        if self.ignored_bytes > IGNORED_BYTES_MAX { Err(Unreadable::Chunk) } else { Ok(place) }
    }
}

/// The first `count` bytes, or all, and the rest.
fn split(bytes: &[u8], count: u64) -> (&[u8], &[u8]) {
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(bytes.len());
    bytes.split_at_checked(count).unwrap_or((bytes, &[]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `bytes` in pieces of the lengths that `cuts` say, again and again.
    fn read(mut framing: Framing, bytes: &[u8], cuts: &[usize]) -> (Vec<u8>, usize, String) {
        let mut content = BytesMut::new();
        let mut used = 0;
        for cut in cuts.iter().cycle() {
            let piece = &bytes[used..(used + cut).min(bytes.len())];
            match framing.feed(piece, &mut content) {
                Ok(taken) => {
                    used += taken;
                    assert!(taken == piece.len() || framing.is_over());
                }
                Err(error) => return (content.to_vec(), used, error.to_string()),
            }
            if framing.is_over() || used == bytes.len() {
                break;
            }
        }
        (content.to_vec(), used, if framing.is_over() { "over" } else { "open" }.to_owned())
    }

    fn chunked(bytes: &[u8]) -> (Vec<u8>, usize, String) {
        read(Framing::Chunked(Chunks::new()), bytes, &[usize::MAX / 2])
    }

    #[test]
    fn chunks_with_extensions_and_trailers_are_read() {
        let bytes =
            b"5;a=\"b\"\r\nhello\r\n00A \t\r\n, harbours\r\n0\r\nx-a: 1\r\nx-b: 2\r\n\r\nHTTP";
        let (content, used, end) = chunked(bytes);
        assert_eq!(content, b"hello, harbours");
        assert_eq!((used, end.as_str()), (bytes.len() - 4, "over"));
    }

    #[test]
    fn what_readers_could_differ_about_is_refused() {
        for bad in [
            &b"\r\n"[..],
            b"g\r\n",
            b"-1\r\n",
            b"0x5\r\nhello",
            b"5\nhello",
            b"5\r\rhello",
            b"5 5\nhello",
            b"5;a\nb\r\nhello\r\n",
            b"5\r\nhelloX\r\n",
            b"5\r\nhello\n5\r\n",
            b"0\r\n\n",
            b"0\r\nx: y\n\r\n",
            b"0000000000000000\r\n",
            b"ffffffffffffffff\r\n",
        ] {
            let (_, _, end) = chunked(bad);
            assert_eq!(end, Unreadable::Chunk.to_string(), "{:?}", bad.escape_ascii().to_string());
        }
    }

    #[test]
    fn what_is_passed_over_is_bounded() {
        let bound = usize::try_from(IGNORED_BYTES_MAX).unwrap();
        let with = |bytes: usize| [b"1;", "x".repeat(bytes - 1).as_bytes(), b"\r\na"].concat();
        assert_eq!(chunked(&with(bound)).2, "open");
        assert_eq!(chunked(&with(bound + 1)).2, Unreadable::Chunk.to_string());
        let trailers = [b"0\r\n".to_vec(), b"a: b\r\n".repeat(bound)].concat();
        assert_eq!(chunked(&trailers).2, Unreadable::Chunk.to_string());
    }

    #[test]
    fn a_length_ends_and_a_close_does_not() {
        let whole = read(Framing::Length(3), b"abcdef", &[2]);
        assert_eq!(whole, (b"abc".to_vec(), 3, "over".to_owned()));
        assert!(Framing::Length(0).is_over());
        let open = read(Framing::UntilClose, b"abcdef", &[2]);
        assert_eq!(open, (b"abcdef".to_vec(), 6, "open".to_owned()));
    }

    fn cuts() -> impl Strategy<Value = Vec<usize>> {
        proptest::collection::vec(1_usize..40, 1..20)
    }

    proptest! {
        /// What is written in chunks is read again, at every split.
        #[test]
        fn every_split_reads_the_same(
            chunks in proptest::collection::vec(
                (proptest::collection::vec(any::<u8>(), 1..100), "(;[ -~]{0,10})?"),
                0..10,
            ),
            trailers in proptest::collection::vec("[a-z]{1,8}: [ -~]{0,20}", 0..3),
            after in proptest::collection::vec(any::<u8>(), 0..20),
            cuts in cuts(),
        ) {
            let mut bytes = Vec::new();
            let mut wanted = Vec::new();
            for (data, extension) in &chunks {
                bytes.extend_from_slice(format!("{:X}{extension}\r\n", data.len()).as_bytes());
                bytes.extend_from_slice(data);
                bytes.extend_from_slice(b"\r\n");
                wanted.extend_from_slice(data);
            }
            bytes.extend_from_slice(b"0\r\n");
            for trailer in &trailers {
                bytes.extend_from_slice(format!("{trailer}\r\n").as_bytes());
            }
            bytes.extend_from_slice(b"\r\n");
            let length = bytes.len();
            bytes.extend_from_slice(&after);
            let got = read(Framing::Chunked(Chunks::new()), &bytes, &cuts);
            prop_assert_eq!(got, (wanted, length, "over".to_owned()));
        }

        /// Strangers' bytes are judged the same at every split, and nothing panics.
        #[test]
        fn any_bytes_are_judged_the_same(
            bytes in "([0-9a-fA-F;\r\n ]|\r\n|[a-z]){0,60}",
            cuts in cuts(),
        ) {
            let whole = chunked(bytes.as_bytes());
            let (content, _, end) = read(Framing::Chunked(Chunks::new()), bytes.as_bytes(), &cuts);
            prop_assert_eq!((&content, &end), (&whole.0, &whole.2));
        }
    }
}
