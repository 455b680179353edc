//! Base64 both ways. Written is the usual alphabet with padding; read is what clients and providers
//! send: either alphabet, padded or not, broken into lines or not.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The bytes in the usual alphabet, padded.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut written = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let six = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or(0);
            let letter = ALPHABET.get(six).copied().unwrap_or(b'=');
            written.push(char::from(if place > group.len() { b'=' } else { letter }));
        }
    }
    written
}

/// The bytes that a text holds; `None` if it is no base64.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    let letters = text.trim_ascii_end().trim_end_matches('=').bytes();
    for letter in letters.filter(|letter| !letter.is_ascii_whitespace()) {
        bits = bits << 6 | u32::from(value_of(letter)?);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    // Six bits alone are a letter too many: no byte ends with them.
    (count < 6).then_some(bytes)
}

/// The same base64 in the usual alphabet with its padding, in one line.
pub(crate) fn usual(data: &str) -> String {
    let mut usual: String = data
        .chars()
        .filter(|character| !character.is_whitespace())
        .map(|character| match character {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    while !usual.len().is_multiple_of(4) {
        usual.push('=');
    }
    usual
}

fn value_of(letter: u8) -> Option<u8> {
    Some(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_texts_are_written_and_read() {
        for (plain, coded) in [("", ""), ("M", "TQ=="), ("Ma", "TWE="), ("Man", "TWFu")] {
            assert_eq!(encode(plain.as_bytes()), coded);
            assert_eq!(decode(coded).unwrap(), plain.as_bytes());
        }
        for spelled in ["aGk/Pz4+", "aGk_Pz4-", "aGk_\nPz4-\n", " aGk/ Pz4+"] {
            assert_eq!(decode(spelled).unwrap(), b"hi??>>", "{spelled}");
        }
        assert_eq!(usual("-_8"), "+/8=");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["A", "AACAP", "a*", "AACAPé==", "TQ==TQ=="] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(bytes: Vec<u8>) {
            let written = encode(&bytes);
            prop_assert_eq!(usual(&written), written.clone());
            prop_assert_eq!(decode(written.trim_end_matches('=')), Some(bytes.clone()));
            prop_assert_eq!(decode(&written), Some(bytes));
        }
    }
}
