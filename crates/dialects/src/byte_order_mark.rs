//! The byte order mark that some servers put before a text. It is no part of it: neither JSON nor
//! an event stream may begin with one where it is read by others, so it never goes on. Marks of
//! other encodings are not known here; the wire speaks UTF-8.

use bytes::Bytes;

const MARK: &[u8] = b"\xEF\xBB\xBF";

/// A body without the mark that may stand before it.
pub fn without_byte_order_mark(mut body: Bytes) -> Bytes {
    if body.starts_with(MARK) {
        drop(body.split_to(MARK.len()));
    }
    body
}

/// Takes the mark off a body that comes in pieces, however they are cut.
#[derive(Debug, Default)]
pub struct ByteOrderMark {
    /// Bytes of the mark that came and are held back.
    held: usize,
    /// The body's first byte is known.
    passed: bool,
}

impl ByteOrderMark {
    /// What is left of the next piece.
    pub fn pass(&mut self, piece: Bytes) -> Bytes {
        if self.passed {
            return piece;
        }
        let (came, missing) = MARK.split_at(self.held.min(MARK.len()));
        if piece.len() < missing.len() && missing.starts_with(&piece) {
            self.held += piece.len();
            return Bytes::new();
        }
        self.passed = true;
        if piece.starts_with(missing) {
            return piece.slice(missing.len()..);
        }
        if came.is_empty() { piece } else { [came, &piece].concat().into() }
    }

    /// What was held back of a body that ended within its mark.
    pub fn end(&mut self) -> Bytes {
        let held = if self.passed { 0 } else { std::mem::take(&mut self.held) };
        Bytes::from_static(MARK.get(..held).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(body: &[u8], cut: usize, second: usize) -> Vec<u8> {
        let (a, rest) = body.split_at(cut);
        let (b, c) = rest.split_at(second.min(rest.len()));
        let mut mark = ByteOrderMark::default();
        let mut read = Vec::new();
        for piece in [a, b, c] {
            read.extend_from_slice(&mark.pass(Bytes::copy_from_slice(piece)));
        }
        read.extend_from_slice(&mark.end());
        read
    }

    #[test]
    fn only_the_first_mark_is_taken_however_it_comes() {
        for (body, left) in [
            (&b"\xEF\xBB\xBF{}"[..], &b"{}"[..]),
            (b"\xEF\xBB\xBF\xEF\xBB\xBF{}", b"\xEF\xBB\xBF{}"),
            (b"{}\xEF\xBB\xBF", b"{}\xEF\xBB\xBF"),
            (b"\xEF\xBBx", b"\xEF\xBBx"),
            (b"\xEF\xBB", b"\xEF\xBB"),
            (b"\xEF\xEF\xBB\xBF", b"\xEF\xEF\xBB\xBF"),
            (b"\xEF\xBB\xBF", b""),
            (b"", b""),
        ] {
            for cut in 0..=body.len() {
                for second in 0..=body.len() - cut {
                    assert_eq!(passed(body, cut, second), left, "{body:?} at {cut}, {second}");
                }
            }
            assert_eq!(without_byte_order_mark(Bytes::copy_from_slice(body)), left);
        }
    }
}
