//! Numbers of 32 bits as base64, least byte first: the way in which OpenAI's clients want vectors.

use crate::base64;

const NUMBER_BYTES: usize = 4;

/// The numbers as base64.
pub(super) fn write_numbers(numbers: &[f32]) -> String {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    base64::encode(&bytes)
}

/// The numbers that a base64 text holds; `None` if it is none or does not hold whole numbers.
pub(super) fn read_numbers(text: &str) -> Option<Vec<f32>> {
    let bytes = base64::decode(text)?;
    if bytes.len() % NUMBER_BYTES != 0 {
        return None;
    }
    let number = |four: &[u8]| Some(f32::from_le_bytes(four.try_into().ok()?));
    bytes.chunks(NUMBER_BYTES).map(number).collect()
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
        for text in ["A", "AAAA", "AACAP", "AACAPé=="] {
            assert_eq!(read_numbers(text), None, "{text}");
        }
        assert_eq!(read_numbers(""), Some(Vec::new()));
    }
}
