//! Events that differ from an earlier one in nothing but their text. A provider writes the same
//! wrapping around every piece of text, and reading it a thousand times finds nothing new: once
//! an event was read, its mould tells the next ones by comparing bytes. Whether the wrapping is that
//! of a plain piece of text at all is for the reader that casts the mould to prove, see `stream`;
//! whatever does not fit is read as ever.

use std::borrow::Cow;

/// Events up to this size are worth a mould.
const EVENT_BYTES_MAX: usize = 2_048;

/// The wrapping around the text of one event, byte for byte.
#[derive(Debug)]
pub(crate) struct Mould {
    /// From the event's start to the quote that opens the text.
    before: Box<[u8]>,
    /// From the quote that closes the text to the one that opens the padding, where there is
    /// some: random letters that hide the text's length from those who count bytes.
    between: Option<Box<[u8]>>,
    /// From the last of the closing quotes to the event's end.
    after: Box<[u8]>,
}

impl Mould {
    /// A mould of an event whose text is the value of `member` (a name in quotes), and the event
    /// with one more letter in each of its free places: only if that one reads the same but for the
    /// letter is the mould of any use. `None` if no place for text is found, or it is empty.
    pub(crate) fn cast(event: &[u8], member: &[u8]) -> Option<(Self, Vec<u8>)> {
        if event.len() > EVENT_BYTES_MAX {
            return None;
        }
        let (before, text, rest) = free_place(event, member)?;
        if text.is_empty() {
            return None;
        }
        let (between, padding, after) = match free_place(rest, b"\"obfuscation\"") {
            Some((between, padding, after)) => (Some(between), padding, after),
            None => (None, &[][..], rest),
        };
        let mut probe = [before, text, b"x"].concat();
        if let Some(between) = between {
            probe.extend_from_slice(&[between, padding, b"x"].concat());
        }
        probe.extend_from_slice(after);
        let mould =
            Self { before: before.into(), between: between.map(Into::into), after: after.into() };
        Some((mould, probe))
    }

    /// The text of an event of this mould, its escapes read; never empty.
    pub(crate) fn text_of<'e>(&self, event: &'e [u8]) -> Option<Cow<'e, str>> {
        let (text, mut rest) = quoted(event.strip_prefix(&*self.before)?)?;
        if let Some(between) = &self.between {
            let (padding, after) = quoted(rest.strip_prefix(&**between)?)?;
            if !padding.is_ascii() || padding.contains(&b'\\') {
                return None;
            }
            rest = after;
        }
        if *rest != *self.after || text.is_empty() {
            return None;
        }
        if !text.contains(&b'\\') {
            return std::str::from_utf8(text).ok().map(Cow::Borrowed);
        }
        // With the quotes around it, which the wrapping has.
        let from = self.before.len().checked_sub(1)?;
        let written = event.get(from..from + text.len() + 2)?;
        serde_json::from_slice::<String>(written).ok().map(Cow::Owned)
    }
}

/// The first string that is the value of the member `name`: what stands before it, itself, and
/// what stands behind it, both with its quotes.
fn free_place<'e>(event: &'e [u8], name: &[u8]) -> Option<(&'e [u8], &'e [u8], &'e [u8])> {
    let mut at = memchr::memmem::find(event, name)? + name.len();
    let blank = |at: &usize| event.get(*at) == Some(&b' ');
    at += usize::from(blank(&at));
    at += usize::from(event.get(at) == Some(&b':'));
    at += usize::from(blank(&at));
    let (before, rest) = event.split_at_checked(at + 1)?;
    if !before.ends_with(b"\"") {
        return None;
    }
    let (text, after) = quoted(rest)?;
    Some((before, text, after))
}

/// The bytes of a JSON string behind its opening quote, and the rest from its closing quote on.
/// `None` if it has no end, or a byte that no string may have.
fn quoted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    loop {
        match *bytes.get(at)? {
            b'"' => return bytes.split_at_checked(at),
            b'\\' => at += 2,
            byte if byte < b' ' => return None,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}],\"n\":1}\n\n";

    fn cast(event: &str) -> Option<(Mould, String)> {
        let (mould, probe) = Mould::cast(event.as_bytes(), b"\"content\"")?;
        Some((mould, String::from_utf8(probe).unwrap()))
    }

    #[test]
    fn a_mould_takes_other_texts_and_nothing_else() {
        let (mould, probe) = cast(EVENT).unwrap();
        assert_eq!(probe, EVENT.replace("one", "onex"));
        let text_of = |event: &str| mould.text_of(event.as_bytes()).map(Cow::into_owned);
        assert_eq!(text_of(EVENT).as_deref(), Some("one"));
        assert_eq!(text_of(&EVENT.replace("one", " 東京 two")).as_deref(), Some(" 東京 two"));
        let escaped = EVENT.replace("one", r#"a\n\"b\"\\ \u00e9"#);
        assert_eq!(text_of(&escaped).as_deref(), Some("a\n\"b\"\\ é"));
        for other in [
            EVENT.replace("one", ""),
            EVENT.replace("one", "a\nb"),
            EVENT.replace("one", "a\",\"b\":\""),
            EVENT.replace("one", "\\"),
            EVENT.replace("one", "\\x"),
            EVENT.replace("one", "\\ud800"),
            EVENT.replace(":1", ":2"),
            EVENT.replace("data", "date"),
            EVENT.replace("\n\n", "\r\n\r\n"),
            format!("{EVENT}\n"),
        ] {
            assert_eq!(text_of(&other), None, "{other}");
        }
        let mut broken = EVENT.as_bytes().to_vec();
        let place = EVENT.find("one").unwrap();
        broken[place] = 0xff;
        assert_eq!(mould.text_of(&broken), None);
    }

    #[test]
    fn padding_may_differ_too() {
        let event = "data: {\"delta\": {\"content\": \"one\"}, \"obfuscation\" : \"aZ3\"}\n\n";
        let (mould, probe) = cast(event).unwrap();
        assert_eq!(probe, event.replace("one", "onex").replace("aZ3", "aZ3x"));
        let other = event.replace("one", "two, three").replace("aZ3", "");
        assert_eq!(mould.text_of(other.as_bytes()).as_deref(), Some("two, three"));
        assert_eq!(mould.text_of(event.replace("aZ3", "\\u0041").as_bytes()), None);
        assert_eq!(mould.text_of(event.replace("aZ3", "é").as_bytes()), None);
    }

    #[test]
    fn not_every_event_gives_a_mould() {
        for event in [
            "data: [DONE]\n\n".to_owned(),
            EVENT.replace("one", ""),
            EVENT.replace("\"one\"", "null"),
            EVENT.replace("\"one\"", "[\"one\"]"),
            EVENT.replace("one", &"x".repeat(EVENT_BYTES_MAX)),
            "\"content\"".to_owned(),
            "\"content\":\"one".to_owned(),
        ] {
            assert!(cast(&event).is_none(), "{event}");
        }
    }
}
