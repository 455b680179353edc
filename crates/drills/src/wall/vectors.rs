//! Embeddings that mean nothing but are always the same: one unit vector for a text, and how
//! vectors are wished for and written.

use serde_json::{Value, json};

/// More texts in one request are refused.
const INPUTS_MAX: usize = 2_048;
const DIMENSIONS_MAX: usize = 4_096;
/// And more numbers in one answer.
const NUMBERS_MAX: usize = 1 << 20;

/// The vectors that a request wants.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Each text, or the JSON of its tokens.
    pub(crate) inputs: Vec<String>,
    pub(crate) dimensions: usize,
    pub(crate) base64: bool,
}

impl Wanted {
    /// Bounds what is wished for; `dimensions` is what the request says of them.
    pub(crate) fn new(
        inputs: Vec<String>,
        dimensions: Option<&Value>,
        default: usize,
    ) -> Result<Self, String> {
        let dimensions = match dimensions.filter(|value| !value.is_null()) {
            None => default,
            Some(value) => value
                .as_u64()
                .and_then(|value| usize::try_from(value).ok())
                .filter(|value| (1..=DIMENSIONS_MAX).contains(value))
                .ok_or("dimensions must be a whole number from 1 to 4096")?,
        };
        if inputs.is_empty() || inputs.len() > INPUTS_MAX {
            return Err("from 1 to 2048 inputs are taken".to_owned());
        }
        if inputs.len() * dimensions > NUMBERS_MAX {
            return Err("inputs times dimensions may be 1048576 at most".to_owned());
        }
        Ok(Self { inputs, dimensions, base64: false })
    }

    /// Words in all inputs.
    pub(crate) fn words(&self) -> usize {
        self.inputs.iter().map(|input| input.split_whitespace().count()).sum()
    }

    pub(crate) fn vectors(&self) -> impl Iterator<Item = Vec<f32>> {
        self.inputs.iter().map(|input| embedding(input, self.dimensions))
    }

    /// Each vector as a list of numbers, or as base64 of little-endian floats where that is asked
    /// for.
    pub(crate) fn written(&self) -> Vec<Value> {
        let base64 = |vector: Vec<f32>| {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            json!(base64(&bytes))
        };
        self.vectors().map(|v| if self.base64 { base64(v) } else { json!(v) }).collect()
    }
}

/// The wall's vector for a text: of length one, and different for nearly every text.
pub fn embedding(text: &str, dimensions: usize) -> Vec<f32> {
    let mut state = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let raw: Vec<f64> = std::iter::repeat_with(|| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // The upper 32 bits, as a number from -1 to 1.
        let upper = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(u32::MAX);
        f64::from(upper) / f64::from(u32::MAX) * 2.0 - 1.0
    })
    .take(dimensions)
    .collect();
    let length = raw.iter().map(|number| number * number).sum::<f64>().sqrt();
    let length = if length > 0.0 { length } else { 1.0 };
    raw.into_iter().map(|number| narrow(number / length)).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "embeddings are single-precision on the wire")]
fn narrow(number: f64) -> f32 {
    number as f32
}

/// Base64 with the standard alphabet and padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let at = |index: usize| three.get(index).map_or(0, |byte| u32::from(*byte));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for (sign, shift) in [18_u32, 12, 6, 0].into_iter().enumerate() {
            let index = usize::try_from(bits >> shift & 63).unwrap_or_default();
            let letter = ALPHABET.get(index).map_or('=', |letter| char::from(*letter));
            text.push(if sign <= three.len() { letter } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_of_length_one_and_always_the_same() {
        for (text, dimensions) in [("harbour", 1536), ("", 3), ("wall", 1)] {
            let vector = embedding(text, dimensions);
            assert_eq!(vector.len(), dimensions);
            let length: f32 = vector.iter().map(|number| number * number).sum();
            assert!((length - 1.0).abs() < 1e-5, "{length}");
            assert_eq!(vector, embedding(text, dimensions));
        }
        assert_ne!(embedding("a", 8), embedding("b", 8));
    }

    #[test]
    fn base64_is_padded() {
        for (plain, written) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(plain.as_bytes()), written);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn wishes_are_bounded() {
        let inputs = |count: usize| vec!["x".to_owned(); count];
        assert!(Wanted::new(inputs(0), None, 8).is_err());
        assert!(Wanted::new(inputs(2_049), None, 8).is_err());
        assert!(Wanted::new(inputs(2_048), None, 1_536).is_err());
        for bad in [json!(0), json!(4_097), json!("8"), json!(-1)] {
            assert!(Wanted::new(inputs(1), Some(&bad), 8).is_err(), "{bad}");
        }
        assert_eq!(Wanted::new(inputs(1), Some(&Value::Null), 8).unwrap().dimensions, 8);
    }
}
