//! From bytes to text: UTF-8 with or without its mark, UTF-16 in both orders, Latin-1 where an XML
//! declaration says so. Every other encoding is refused by name, never guessed.

use std::borrow::Cow;

use super::FeedError;
use super::bounds::BYTES_MAX;

/// The text of a document.
///
/// # Errors
/// If it is too large, empty, or not in an encoding that is read.
pub(super) fn text_of(bytes: &[u8]) -> Result<Cow<'_, str>, FeedError> {
    if bytes.len() > BYTES_MAX {
        return Err(FeedError::TooLarge { bytes: bytes.len(), bytes_max: BYTES_MAX });
    }
    let text = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest)?,
        [0, 0, 0xFE, 0xFF, ..] | [0xFF, 0xFE, 0, 0, ..] => {
            return Err(FeedError::Encoding { name: "UTF-32".into() });
        }
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        // Markup and JSON begin with an ASCII character, which shows the order without a mark.
        [0, first, ..] if *first != 0 => utf16(bytes, u16::from_be_bytes)?,
        [first, 0, ..] if *first != 0 => utf16(bytes, u16::from_le_bytes)?,
        _ => match declared(bytes).as_deref() {
            None | Some("utf-8" | "utf8" | "us-ascii" | "ascii") => utf8(bytes)?,
            Some("iso-8859-1" | "latin1") => {
                Cow::Owned(bytes.iter().copied().map(char::from).collect())
            }
            Some(name) => return Err(FeedError::Encoding { name: name.into() }),
        },
    };
    if text.trim().is_empty() {
        return Err(FeedError::Empty);
    }
    Ok(text)
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, FeedError> {
    let text = std::str::from_utf8(bytes).map_err(|_| FeedError::NotText { name: "UTF-8" })?;
    Ok(Cow::Borrowed(text))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'static, str>, FeedError> {
    let refuse = || FeedError::NotText { name: "UTF-16" };
    let (pairs, odd) = bytes.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(refuse());
    }
    let units = pairs.iter().map(|pair| unit(*pair));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.map(Cow::Owned).map_err(|_| refuse())
}

/// The encoding that an XML declaration names, in lower case.
fn declared(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..bytes.len().min(256))?;
    let head: String = head.iter().copied().map(char::from).collect();
    let declaration = head.trim_start().strip_prefix("<?xml")?.split("?>").next()?.to_owned();
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|mark| matches!(mark, '"' | '\''))?;
    Some(value.get(1..)?.split(quote).next()?.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn both_orders_of_utf16_are_read_with_and_without_a_mark() {
        let text = "<a>é</a>";
        for (mark, unit) in [
            ([0xFE, 0xFF], u16::to_be_bytes as fn(u16) -> [u8; 2]),
            ([0xFF, 0xFE], u16::to_le_bytes),
        ] {
            let plain = wide(text, unit);
            assert_eq!(text_of(&plain).unwrap(), text);
            assert_eq!(text_of(&[&mark[..], &plain].concat()).unwrap(), text);
            assert!(matches!(
                text_of(&plain[..plain.len() - 1]),
                Err(FeedError::NotText { name: "UTF-16" })
            ));
        }
    }

    #[test]
    fn an_encoding_is_refused_by_its_name() {
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9</a>";
        assert!(text_of(latin).unwrap().ends_with("<a>é</a>"));
        for (bytes, name) in [
            (&b"<?xml version=\"1.0\" encoding=\"Shift_JIS\"?><a/>"[..], "shift_jis"),
            (b"\xFF\xFE\0\0<\0\0\0", "UTF-32"),
        ] {
            match text_of(bytes) {
                Err(FeedError::Encoding { name: found }) => assert_eq!(&*found, name),
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(text_of(b"\xC3\x28"), Err(FeedError::NotText { .. })));
        assert!(matches!(text_of(b"\xEF\xBB\xBF  "), Err(FeedError::Empty)));
        assert!(matches!(text_of(&vec![b' '; BYTES_MAX + 1]), Err(FeedError::TooLarge { .. })));
    }
}
