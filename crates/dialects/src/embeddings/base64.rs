//! Base64 with padding, in OpenAI's use of it: numbers in 32 bits, least byte first.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NUMBER_BYTES: usize = 4;

/// The numbers as base64.
pub(super) fn write_numbers(numbers: &[f32]) -> String {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
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

/// The numbers that a base64 text holds; `None` if it is none or does not hold whole numbers.
pub(super) fn read_numbers(text: &str) -> Option<Vec<f32>> {
    let letters = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(letters.len() * 3 / 4 + 2);
    for group in letters.chunks(4) {
        if group.len() == 1 {
            return None;
        }
        let mut bits = 0_u32;
        for place in 0..4 {
            bits = bits << 6 | group.get(place).map_or(Some(0), |letter| value_of(*letter))?;
        }
        let [_, three @ ..] = bits.to_be_bytes();
        bytes.extend(three.iter().take(group.len() - 1));
    }
    if bytes.len() % NUMBER_BYTES != 0 {
        return None;
    }
    let number = |four: &[u8]| Some(f32::from_le_bytes(four.try_into().ok()?));
    bytes.chunks(NUMBER_BYTES).map(number).collect()
}

fn value_of(letter: u8) -> Option<u32> {
    Some(u32::from(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for count in 0..8_u8 {
            let numbers: Vec<f32> = (0..count).map(|n| (f32::from(n) - 2.5) / 7.0).collect();
            assert_eq!(read_numbers(&write_numbers(&numbers)), Some(numbers));
        }
        assert_eq!(write_numbers(&[1.0]), "AACAPw==");
        assert_eq!(read_numbers("AACAPw"), Some(vec![1.0]));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["A", "AAAA", "AACAP", "AACAPé==", "AA-_Pw=="] {
            assert_eq!(read_numbers(text), None, "{text}");
        }
        assert_eq!(read_numbers(""), Some(Vec::new()));
    }
}
